use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use muster_http::{Certificate, CertificateError, Tls, health::Readiness};
use muster_words::Moment;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use crate::{Failure, OwnCode};

/// How often the files are looked at: a renewal has weeks of time, and a person who replaced one
/// looks at once whether it is served.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// How long before its end a certificate is warned of. Whoever renews by program does so earlier.
const WARNING_TIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The files of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate that is served, and followed in its files.
pub(super) struct ServedCertificate {
    certificate: Arc<Certificate>,
    seen: Vec<Option<Stamp>>,
    /// Whether the files could not be used when they were looked at last.
    is_doubtful: bool,
}

/// What tells that a file is another: when it was changed, its size and its number.
type Stamp = (i64, i64, u64, u64);

impl ServedCertificate {
    /// Reads the files.
    pub fn open(files: &TlsFiles) -> Result<Self, Failure> {
        let certificate = Certificate::read(&files.certificate, &files.key).map_err(|error| {
            Failure::new(OwnCode::BadCertificate, error.to_string()).help(error.help())
        })?;
        let seen = stamps(&certificate);
        warn_of_end(&certificate);
        Ok(Self { certificate, seen, is_doubtful: false })
    }

    /// What the server needs of it.
    pub fn tls(&self) -> Tls {
        Tls::new(self.certificate.clone())
    }

    /// Follows the files for as long as the process lives. Read again is what was changed, and
    /// everything at SIGHUP. What can't be used is said, and the old certificate goes on.
    pub fn follow(mut self, readiness: Arc<Readiness>) -> io::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::spawn(async move {
            loop {
                let is_told = tokio::select! {
                    told = hang_up.recv() => told.is_some(),
                    _ = looks.tick() => false,
                };
                self.look(is_told, &readiness);
            }
        });
        Ok(())
    }

    fn look(&mut self, is_told: bool, readiness: &Readiness) {
        let seen = stamps(&self.certificate);
        let is_changed = seen != self.seen;
        self.seen = seen;
        if !is_changed && !self.is_doubtful && !is_told {
            return;
        }
        match self.certificate.reload() {
            Ok(is_other) => {
                if is_other || is_told {
                    let expires = self.certificate.expires().and_then(moment);
                    let expires = expires.as_ref().map(tracing::field::display);
                    tracing::info!(expires, "the certificate was read again");
                    warn_of_end(&self.certificate);
                }
                self.is_doubtful = false;
                readiness.warn(None);
            }
            // Of a pair that is being replaced, one file comes before the other.
            Err(_) if is_changed && !is_told => self.is_doubtful = true,
            Err(error) => {
                self.is_doubtful = false;
                refuse(&error, readiness);
            }
        }
    }
}

fn refuse(error: &CertificateError, readiness: &Readiness) {
    let help = error.help();
    tracing::warn!(%error, help, "the old certificate goes on being served");
    readiness.warn(Some(format!("the old certificate goes on being served: {error}")));
}

/// The moment of a time of the system's clock.
fn moment(time: SystemTime) -> Option<Moment> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Moment::from_microseconds(i64::try_from(since.as_micros()).ok()?).ok()
}

fn warn_of_end(certificate: &Certificate) {
    let Some(expires) = certificate.expires() else { return };
    let file = certificate.files()[0].display();
    match expires.duration_since(SystemTime::now()) {
        Err(_) => tracing::warn!(%file, "the certificate has expired: clients will refuse it"),
        Ok(left) if left < WARNING_TIME => {
            let hours = left.as_secs() / 3_600;
            tracing::warn!(%file, hours, "the certificate expires soon");
        }
        Ok(_) => {}
    }
}

fn stamps(certificate: &Certificate) -> Vec<Option<Stamp>> {
    let stamp = |metadata: fs::Metadata| {
        (metadata.mtime(), metadata.mtime_nsec(), metadata.size(), metadata.ino())
    };
    // A link is followed: what it leads to is what is read.
    certificate.files().iter().map(|file| fs::metadata(file).ok().map(stamp)).collect()
}
