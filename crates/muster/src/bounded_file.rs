use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

/// Reads a file of at most this many bytes. A device or a pipe is refused: it may never end, or
/// never begin. So is a file that grows while it is read.
///
/// # Errors
/// It can't be read, is no file, or is larger.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it isn't a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let larger = format!("it has more than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, larger));
    }
    Ok(bytes)
}

/// Reads a file of at most this many bytes as text.
///
/// # Errors
/// See [`read`]; or it isn't UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it isn't text in UTF-8");
    String::from_utf8(read(path, bytes_max)?).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_files_and_nothing_that_may_never_end() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        fs::write(&file, "12345")?;
        assert_eq!(read_text(&file, 5)?, "12345");
        for (path, bytes_max, expect) in [
            (file.as_path(), 4, "it has more than 4 bytes"),
            (Path::new("/dev/zero"), 4, "it isn't a file"),
            (folder.path(), 4, "it isn't a file"),
        ] {
            let refused = read(path, bytes_max).err().map(|error| error.to_string());
            assert_eq!(refused.as_deref(), Some(expect), "{}", path.display());
        }
        fs::write(&file, [0xff])?;
        assert!(read_text(&file, 5).is_err());
        Ok(())
    }
}
