use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use muster_http::{
    Certificate, CertificateError, Tls,
    health::{Readiness, WarningSource},
    metrics::Metrics,
};
use muster_words::Moment;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::measuring::seconds_of;
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
    /// The end that was warned of, because it is said once.
    said: Option<CertificateEnd>,
}

/// A certificate's end that is near, or past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CertificateEnd {
    expires: SystemTime,
    is_past: bool,
}

/// What tells that a file is another: when its bytes and when anything of it was changed, its size
/// and its number. Whoever copies a file can set the first time, but not the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    written: (i64, i64),
    changed: (i64, i64),
    size: u64,
    number: u64,
}

impl ServedCertificate {
    /// Reads the files.
    pub fn open(files: &TlsFiles) -> Result<Self, Failure> {
        let certificate = Certificate::read(&files.certificate, &files.key).map_err(|error| {
            Failure::new(OwnCode::BadCertificate, error.to_string()).help(error.help())
        })?;
        let seen = stamps(certificate.files());
        let mut served = Self { certificate, seen, is_doubtful: false, said: None };
        served.warn_of_end(SystemTime::now());
        Ok(served)
    }

    /// Registers when the certificate that is served expires.
    pub fn measure(&self, metrics: &Metrics) {
        let certificate = self.certificate.clone();
        let help = "When the server's certificate expires, in Unix time.";
        metrics.gauge("certificate_expires_seconds", help, move || {
            certificate.expires().map_or(0, seconds_of)
        });
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
                let end = self.warn_of_end(SystemTime::now());
                readiness.warn(WarningSource::CertificateEnd, end);
            }
        });
        Ok(())
    }

    fn look(&mut self, is_told: bool, readiness: &Readiness) {
        let seen = stamps(self.certificate.files());
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
                    let cause = if is_told { "SIGHUP" } else { "changed files" };
                    tracing::info!(expires, cause, "the certificate was read again");
                }
                self.is_doubtful = false;
                readiness.warn(WarningSource::CertificateFiles, None);
            }
            // Of a pair that is being replaced, one file comes before the other.
            Err(_) if is_changed && !is_told => self.is_doubtful = true,
            Err(error) => {
                self.is_doubtful = false;
                refuse(error, readiness);
            }
        }
    }

    /// Says once in the log that the certificate ends soon or has ended. Answers what to show to
    /// operators as long as it is so.
    fn warn_of_end(&mut self, now: SystemTime) -> Option<String> {
        let end = self.certificate.expires().and_then(|expires| CertificateEnd::at(expires, now));
        let is_new = end != self.said;
        self.said = end;
        let end = end?;
        let at = moment(end.expires).map(|at| at.to_string()).unwrap_or_default();
        if is_new {
            let file = self.certificate.files()[0].display();
            match end.is_past {
                true => tracing::warn!(%file, at, "the certificate has expired: clients refuse it"),
                false => tracing::warn!(%file, at, "the certificate expires soon"),
            }
        }
        Some(match end.is_past {
            true => format!("the certificate has expired at {at}"),
            false => format!("the certificate expires at {at}"),
        })
    }
}

impl CertificateEnd {
    /// The end at this moment, if it is near or past now.
    fn at(expires: SystemTime, now: SystemTime) -> Option<Self> {
        let left = expires.duration_since(now).unwrap_or_default();
        (left < WARNING_TIME).then_some(Self { expires, is_past: left.is_zero() })
    }
}

fn refuse(error: CertificateError, readiness: &Readiness) {
    let help = error.help();
    tracing::warn!(%error, help, "the old certificate goes on being served");
    let error = error.without_folders();
    let warning = format!("the old certificate goes on being served: {error}");
    readiness.warn(WarningSource::CertificateFiles, Some(warning));
}

/// The moment of a time of the system's clock.
fn moment(time: SystemTime) -> Option<Moment> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(Moment::after_epoch)
}

fn stamps(files: [&Path; 2]) -> Vec<Option<Stamp>> {
    let stamp = |metadata: fs::Metadata| Stamp {
        written: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        size: metadata.size(),
        number: metadata.ino(),
    };
    // A link is followed: what it leads to is what is read.
    files.into_iter().map(|file| fs::metadata(file).ok().map(stamp)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::time::Instant;

    use super::*;

    #[test]
    fn sees_a_file_that_was_replaced_under_its_old_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, "one").unwrap();
        let before = stamps([&file, &file]);
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        // The clock of a file system may have steps of some milliseconds.
        while stamps([&file, &file]) == before {
            assert!(Instant::now() < until, "the file looks unchanged");
            fs::write(&file, "two").unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        }
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), time);
    }

    #[test]
    fn a_certificate_is_warned_of_for_two_weeks_and_from_its_end_on() {
        let expires = SystemTime::UNIX_EPOCH + 100 * WARNING_TIME;
        let second = Duration::from_secs(1);
        for (now, expect) in [
            (expires - WARNING_TIME, None),
            (expires - WARNING_TIME + second, Some(false)),
            (expires - second, Some(false)),
            (expires, Some(true)),
            (expires + WARNING_TIME, Some(true)),
        ] {
            let end = CertificateEnd::at(expires, now).map(|end| end.is_past);
            assert_eq!(end, expect, "{now:?}");
        }
    }
}
