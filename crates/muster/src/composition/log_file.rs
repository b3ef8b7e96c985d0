use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use muster_http::metrics::Metrics;

use crate::{Failure, OwnCode};

/// Lines that are kept until the file is opened, in bytes. A start has a handful of lines; what it
/// does before it holds its data directory is a matter of milliseconds.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// The file that a log goes to. Writing to it never fails: a line that the disk doesn't take is lost
/// and counted, and the request that it is about goes on.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    sink: Mutex<Sink>,
    lost: AtomicU64,
}

#[derive(Debug)]
struct Sink {
    file: Option<File>,
    /// Lines from before the file was opened.
    waiting: Vec<u8>,
    /// Whether the last line couldn't be written.
    is_failing: bool,
    /// Whether the last line was written in part.
    is_torn: bool,
    /// Lost lines that the log doesn't tell of yet.
    untold: u64,
}

/// Writes one line to the file.
#[derive(Clone, Debug)]
pub(super) struct LogLine(pub Arc<LogFile>);

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogFile {
    /// A file that isn't opened yet: what is written until then is kept.
    pub fn at(path: PathBuf) -> Arc<Self> {
        let sink =
            Sink { file: None, waiting: Vec::new(), is_failing: false, is_torn: false, untold: 0 };
        Arc::new(Self { path, sink: Mutex::new(sink), lost: AtomicU64::new(0) })
    }

    /// Opens the file for the first time, and writes what was kept.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn begin(&self) -> Result<(), Failure> {
        let file = self.open().map_err(|error| {
            let what = format!("the log can't be written to {}: {error}", self.path.display());
            Failure::new(OwnCode::System, what)
                .help("name another file with log.file or --log-file, or let this user write there")
        })?;
        let mut sink = self.sink();
        sink.file = Some(file);
        let waiting = std::mem::take(&mut sink.waiting);
        if !waiting.is_empty() {
            self.write(&mut sink, &waiting);
        }
        Ok(())
    }

    /// Opens the file again, because another program has renamed it.
    ///
    /// # Errors
    /// It can't be opened; then the log goes on in the old one.
    pub fn reopen(&self) -> io::Result<()> {
        let file = self.open().inspect_err(|error| {
            let path = self.path.display();
            complain(&format!("the log goes on in its old file: {path} can't be opened: {error}"));
        })?;
        let mut sink = self.sink();
        sink.file = Some(file);
        sink.is_torn = false;
        Ok(())
    }

    /// Gives what was kept to standard error, because the server ended before the file was opened.
    pub fn give_up(&self) {
        let waiting = std::mem::take(&mut self.sink().waiting);
        let _ = io::stderr().write_all(&waiting);
    }

    /// How many lines were lost since this was asked last, once lines can be written again.
    pub fn lost_lately(&self) -> Option<u64> {
        let mut sink = self.sink();
        let untold = (!sink.is_failing).then(|| std::mem::take(&mut sink.untold));
        untold.filter(|lines| *lines > 0)
    }

    /// Registers the count of lost lines.
    pub fn measure(self: &Arc<Self>, metrics: &Metrics) {
        let file = self.clone();
        metrics.gauge("log_lines_lost", "Lines of the log that its disk didn't take.", move || {
            i64::try_from(file.lost.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
        });
    }

    /// The file, made where it isn't there, for its owner alone.
    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    fn append(&self, line: &[u8]) {
        let mut sink = self.sink();
        if sink.file.is_some() {
            return self.write(&mut sink, line);
        }
        match sink.waiting.len() + line.len() <= WAITING_BYTES_MAX {
            true => sink.waiting.extend_from_slice(line),
            false => self.lose(&mut sink),
        }
    }

    fn write(&self, sink: &mut Sink, line: &[u8]) {
        // The rest of a torn line mustn't spoil this one.
        let begun = if sink.is_torn { write_whole(sink.file.as_mut(), b"\n") } else { Ok(()) };
        let written = begun.map_err(|(error, _)| (error, 0)).and_then(|()| {
            sink.is_torn = false;
            write_whole(sink.file.as_mut(), line)
        });
        match written {
            Ok(()) => sink.is_failing = false,
            Err((error, taken)) => {
                sink.is_torn |= taken > 0;
                self.lose(sink);
                if !std::mem::replace(&mut sink.is_failing, true) {
                    let path = self.path.display();
                    complain(&format!(
                        "lines of the log are lost: {path} can't be written: {error}"
                    ));
                }
            }
        }
    }

    fn lose(&self, sink: &mut Sink) {
        sink.untold += 1;
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        // No code panics while it holds the lock.
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all bytes, or tells how many were written before the error.
fn write_whole(file: Option<&mut File>, bytes: &[u8]) -> Result<(), (io::Error, usize)> {
    let Some(file) = file else { return Ok(()) };
    let mut taken = 0;
    while taken < bytes.len() {
        match file.write(&bytes[taken..]) {
            Ok(0) => return Err((io::ErrorKind::WriteZero.into(), taken)),
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((error, taken)),
        }
    }
    Ok(())
}

/// Says on standard error what the log itself can't tell.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "muster: {what}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn line(log: &Arc<LogFile>, text: &str) {
        LogLine(log.clone()).write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn keeps_lines_until_it_is_opened_and_goes_on_in_a_new_file_after_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/registry.log");
        let log = LogFile::at(path.clone());
        line(&log, "early\n");
        assert!(!path.exists(), "nothing is made before the directory is held");
        log.begin().unwrap();
        line(&log, "one\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let old = folder.path().join("logs/registry.log.1");
        fs::rename(&path, &old).unwrap();
        line(&log, "two\n");
        log.reopen().unwrap();
        line(&log, "three\n");
        assert_eq!(fs::read_to_string(&old).unwrap(), "early\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn keeps_the_old_file_where_the_new_one_cant_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.log");
        let log = LogFile::at(path.clone());
        log.begin().unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap();
        fs::create_dir(&path).unwrap();
        log.reopen().unwrap_err();
        line(&log, "still\n");
        assert_eq!(fs::read_to_string(folder.path().join("old")).unwrap(), "still\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_loses_lines_and_counts_them() {
        let log = LogFile::at(PathBuf::from("/dev/full"));
        log.begin().unwrap();
        line(&log, "one\n");
        line(&log, "two\n");
        assert_eq!((log.lost.load(Ordering::Relaxed), log.lost_lately()), (2, None));
        log.sink().file = Some(tempfile::tempfile().unwrap());
        line(&log, "three\n");
        assert_eq!((log.lost_lately(), log.lost_lately()), (Some(2), None));
    }
}
