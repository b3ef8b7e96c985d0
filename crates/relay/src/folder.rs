//! Deliveries to a folder: a file for each event, named by its position and its link.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use muster_words::Digest;

use crate::{
    changes::{ChangeId, DocumentChange},
    decision::{TryFailure, TryOutcome},
    store::LinkKey,
};

/// The longest readable name of a link in the name of a file, in bytes: file systems allow 255 for
/// the whole name.
const LINK_BYTES_MAX: usize = 200;

/// Writes an event as `<position>-<number>-<route>+<target>.json`, whole or not at all. Writing it
/// again replaces it.
pub async fn deliver(
    folder: PathBuf,
    link: &LinkKey,
    change: &DocumentChange,
    body: bytes::Bytes,
) -> TryOutcome {
    let name = file_name(link, change.id);
    let written = tokio::task::spawn_blocking(move || write(&folder, &name, &body)).await;
    match written {
        Ok(Ok(())) => TryOutcome::Taken,
        Ok(Err(error)) => TryOutcome::Failed(TryFailure::File(error.kind().to_string())),
        Err(_) => TryOutcome::Failed(TryFailure::File("the write was cut off".to_owned())),
    }
}

/// Two routes, or two targets, may lead to one folder, so the name holds both. Ids have no `+`; names
/// that are too long are replaced by their digest, which has none either.
fn file_name(link: &LinkKey, change: ChangeId) -> String {
    let ids = [&link.route, &link.target].map(|xid| {
        let group = xid.group_ids().map(|(_, id)| id.as_str()).unwrap_or_default();
        let name = xid.resource_ids().map(|(_, id)| id.as_str()).unwrap_or_default();
        format!("{group}+{name}")
    });
    let readable = ids.join("+");
    let link = match readable.len() <= LINK_BYTES_MAX {
        true => readable,
        false => {
            let digest = Digest::of(format!("{} {}", link.route, link.target).as_bytes());
            digest.to_string().replace(':', "-")
        }
    };
    format!("{:020}-{:06}-{link}.json", change.position.0, change.index)
}

fn write(folder: &Path, name: &str, body: &[u8]) -> io::Result<()> {
    make(folder)?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    // The mode above is cut by the umask, and ignored for a file that is left from a crash.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(body)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    // The name is durable when the folder is.
    fs::File::open(folder)?.sync_all()
}

/// Makes a folder that only its owner can look into, and those above it. One that is there keeps its
/// permissions: somebody may have let others read it.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        // The mode above is cut by the umask.
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o700))?,
        // Another delivery was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    above.map_or(Ok(()), |above| fs::File::open(above)?.sync_all())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::Position;

    use super::*;

    fn name(route: &str, target: &str) -> String {
        let link = LinkKey { route: route.parse().unwrap(), target: target.parse().unwrap() };
        file_name(&link, ChangeId { position: Position(7), index: 1 })
    }

    #[test]
    fn each_link_has_a_file_of_its_own_whose_name_fits() {
        let short = name("/routes/ops/entries/a-b", "/targets/t/entries/c");
        assert_eq!(short, "00000000000000000007-000001-ops+a-b+t+c.json");
        assert_ne!(short, name("/routes/ops-a/entries/b", "/targets/t/entries/c"));
        let long = |last: &str| {
            let id = format!("{}{last}", "x".repeat(127));
            name(&format!("/routes/{id}/entries/{id}"), &format!("/targets/{id}/entries/{id}"))
        };
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() + ".".len() + ".part".len() <= 255);
    }

    #[test]
    fn files_and_new_folders_belong_to_their_owner_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a/b");
        let unfinished = folder.join(".name.part");
        make(&folder).unwrap();
        // A file that a crash left may have any permissions.
        fs::write(&unfinished, "left").unwrap();
        fs::set_permissions(&unfinished, Permissions::from_mode(0o666)).unwrap();
        write(&folder, "name", b"whole").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.join("name")), 0o600);
        assert_eq!((mode(&folder), mode(&scratch.path().join("a"))), (0o700, 0o700));
        assert_eq!(fs::read(folder.join("name")).unwrap(), b"whole");
    }
}
