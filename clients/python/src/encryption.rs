use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use muster_fernet::{KeyFile, KeyFileError, ROTATION_DAYS, decrypt};
use muster_words::Moment;
use pyo3::{exceptions::PyOSError, prelude::*, types::PyBytes};

use crate::failure;

/// The keys in a data directory, with which payloads are encrypted and read.
#[pyclass(name = "EncryptionKeys", frozen)]
pub struct EncryptionKeys {
    directory: PathBuf,
    file: Mutex<KeyFile>,
}

#[pymethods]
impl EncryptionKeys {
    /// Reads the keys, or makes the first one.
    #[new]
    fn new(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        let file = KeyFile::read_or_make(&directory, random()?, now());
        let file = Mutex::new(file.map_err(|error| failure::of_keys(py, &error))?);
        Ok(Self { directory, file })
    }

    /// Encrypts a message with the current key.
    fn encrypt(&self, py: Python<'_>, message: &[u8]) -> PyResult<String> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let random = random()?;
        self.with(py, |file| {
            Ok(file.current().map(|key| key.encrypt(since.as_secs(), random, message)))
        })?
        .ok_or_else(|| failure::of_keys(py, &"there is no key"))
    }

    /// Decrypts a token with whichever key made it.
    fn decrypt<'py>(&self, py: Python<'py>, token: &str) -> PyResult<Bound<'py, PyBytes>> {
        let read = |file: &mut KeyFile| Ok(decrypt(file.keys(), token));
        let mut message = self.with(py, read)?;
        if message.is_err() {
            // Another process may have made another key.
            self.with(py, |file| {
                *file = KeyFile::read(&self.directory)?;
                Ok(())
            })?;
            message = self.with(py, read)?;
        }
        let message = message.map_err(|error| failure::of_keys(py, &error))?;
        Ok(PyBytes::new(py, &message))
    }

    /// Makes another key the current one; the others go on reading.
    fn rotate(&self, py: Python<'_>) -> PyResult<()> {
        let random = random()?;
        self.with(py, |file| file.rotate(random, now()))
    }

    /// When each key was made (RFC 3339), the current one first.
    fn made(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |file| Ok(file.made().map(|moment| moment.to_string()).collect()))
    }

    /// Whether the current key is older than 90 days.
    fn is_due(&self, py: Python<'_>) -> PyResult<bool> {
        let now = now().microseconds();
        let day = 24 * 3_600 * 1_000_000;
        self.with(py, |file| {
            Ok(file
                .made()
                .next()
                .is_some_and(|made| now - made.microseconds() > ROTATION_DAYS * day))
        })
    }

    /// The path of the file.
    #[getter]
    fn path(&self) -> PathBuf {
        KeyFile::path_in(&self.directory)
    }
}

impl EncryptionKeys {
    fn with<T>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut KeyFile) -> Result<T, KeyFileError>,
    ) -> PyResult<T> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut file).map_err(|error| failure::of_keys(py, &error))
    }
}

fn random<const N: usize>() -> PyResult<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok(bytes)
}

fn now() -> Moment {
    Moment::after_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
