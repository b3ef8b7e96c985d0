//! A folder for what a run writes; it is gone when the run ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder of this run's own within another.
    pub(crate) fn make(within: &Path) -> io::Result<Self> {
        let path = within.join(format!("muster-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path.canonicalize()?))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whatever is left lies where the system clears up anyway.
        let _ = fs::remove_dir_all(&self.0);
    }
}
