use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path from the root, with `/` as separator.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The repository: every text file that is tracked, or untracked but not ignored.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its root folder.
    pub root: PathBuf,
    /// Its text files, in the order of their paths.
    pub pages: Vec<Page>,
}

impl Tree {
    /// Reads the repository that contains this crate.
    ///
    /// # Errors
    /// git fails, or a file can't be read.
    pub fn read() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()?;
        if !listed.status.success() {
            return Err(io::Error::other("git ls-files doesn't list the files"));
        }
        let mut pages = Vec::new();
        for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
            // git still lists a deleted file until the deletion is committed.
            let Ok(bytes) = fs::read(root.join(path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                pages.push(Page { path: path.to_owned(), text });
            }
        }
        pages.sort_by(|one, other| one.path.cmp(&other.path));
        pages.dedup_by(|one, other| one.path == other.path);
        Ok(Self { root, pages })
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.pages.iter().find(|page| page.path == path).map(|page| page.text.as_str())
    }

    /// Whether a file or folder exists at that path from the root.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Files whose name has this ending.
    pub fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a Page> {
        self.pages.iter().filter(move |page| page.path.ends_with(end))
    }
}
