use muster_catalog::command::RegistryPart;
use muster_history::Scope;
use muster_wire::{ErrorKind, Problem};
use muster_words::Xid;

/// Parses the path of a document, a group, a collection of either, or `/`.
///
/// # Errors
/// `malformed_xid`: it is none of them.
pub(super) fn parse(path: &str, subject: &str) -> Result<RegistryPart, Problem> {
    let malformed = |error_detail: String| {
        let shown: String = path.chars().take(400).collect();
        Problem::new(ErrorKind::MalformedXid { xid: shown, error_detail }).subject(subject)
    };
    let scope = Scope::parse(path).map_err(|error| malformed(error.to_string()))?;
    match scope.xid {
        Some(Xid::Registry) => Ok(RegistryPart::All),
        Some(xid @ (Xid::Group { .. } | Xid::Resource { .. })) => Ok(RegistryPart::Entity(xid)),
        Some(_) => Err(malformed("it must be a document, a group or a collection".to_owned())),
        None => collection(&scope.prefix)
            .ok_or_else(|| malformed("it must be a document, a group or a collection".to_owned())),
    }
}

fn collection(path: &str) -> Option<RegistryPart> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).take(4).collect();
    match *parts.as_slice() {
        [] => Some(RegistryPart::All),
        [groups] => Some(RegistryPart::Groups(groups.parse().ok()?)),
        [groups, group, resources] => Some(RegistryPart::Resources {
            group: Xid::Group { groups: groups.parse().ok()?, group: group.parse().ok()? },
            resources: resources.parse().ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_kind_of_place_and_refuses_the_rest() {
        for (text, expect) in [
            ("/", Some("/")),
            ("", Some("/")),
            ("/providers", Some("/providers")),
            ("providers/cms/", Some("/providers/cms")),
            ("/providers/cms/entries", Some("/providers/cms/entries")),
            ("/providers/cms/entries/sanity", Some("/providers/cms/entries/sanity")),
            ("/providers/cms/entries/sanity/versions", None),
            ("/providers/cms/entries/sanity/versions/1", None),
            ("/providers/cms/entries/sanity/meta", None),
            ("/providers//entries", None),
            ("/a/b/c/d/e/f/g/h", None),
        ] {
            let read = parse(text, "/rollback").map(|place| place.to_string()).ok();
            assert_eq!(read.as_deref(), expect, "{text:?}");
        }
    }
}
