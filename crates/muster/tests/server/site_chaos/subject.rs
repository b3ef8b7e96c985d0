use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_client::{
    TrustedRoots,
    site::{
        FolderSource, SiteOptions, SiteReader, SiteSource, Snapshot, UrlSource, VerifiedManifest,
    },
};
use muster_seal::note::Verifier;
use muster_wire::manifest::{MANIFEST_PATH, Manifest};

/// What all readers have in common.
pub struct World {
    pub clear: SocketAddr,
    pub within_tls: SocketAddr,
    /// The file with the certificate that readers trust.
    pub trusted: PathBuf,
    pub site: PathBuf,
    /// Where readers keep what they read.
    pub disks: PathBuf,
    pub key: Verifier,
    /// A state of the site that programs bring.
    pub snapshot: Arc<Snapshot>,
}

/// One reader, with what is known of it.
pub struct Subject {
    pub reader: SiteReader,
    pub manner: Manner,
    /// The time of one try, times the tries.
    pub limit: Duration,
    pub options: SiteOptions,
    /// No answer may be of an earlier manifest.
    pub floor: AtomicU64,
    /// The documents that it has answered with: it never has nothing for them again.
    pub answered: Mutex<BTreeSet<String>>,
}

/// How a reader is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Memory,
    Patient,
    Eager,
    Uncached,
    Narrow,
    Disk,
    DiskAndSnapshot,
    SharedDisk,
    Snapshot,
    Strict,
    Secure,
    SecureDisk,
    TwoSources,
}

/// Every manner, in the order of the readers. A shared disk is shared by its two.
pub const MANNERS: [Manner; 14] = [
    Manner::Memory,
    Manner::Patient,
    Manner::Eager,
    Manner::Uncached,
    Manner::Narrow,
    Manner::Disk,
    Manner::DiskAndSnapshot,
    Manner::SharedDisk,
    Manner::SharedDisk,
    Manner::Snapshot,
    Manner::Strict,
    Manner::Secure,
    Manner::SecureDisk,
    Manner::TwoSources,
];

impl World {
    /// A new reader in the place of this number. What an earlier one had left on its disk counts.
    pub fn subject(&self, number: usize) -> Subject {
        let manner = MANNERS[number % MANNERS.len()];
        let options = self.options(manner, number);
        let brought = options.snapshot.as_ref().map(|snapshot| snapshot.version());
        let kept = match manner {
            // The other one may still write there.
            Manner::SharedDisk => None,
            _ => options.disk.as_deref().and_then(|disk| self.kept_on(disk)),
        };
        Subject {
            reader: SiteReader::new(self.sources(manner, options.timeout), options.clone()),
            manner,
            limit: options.timeout * options.max_retries,
            options,
            floor: AtomicU64::new(kept.max(brought).unwrap_or(0)),
            answered: Mutex::default(),
        }
    }

    fn options(&self, manner: Manner, number: usize) -> SiteOptions {
        let disk = || match manner {
            Manner::SharedDisk => Some(self.disks.join("shared")),
            _ => Some(self.disks.join(number.to_string())),
        };
        let usual = SiteOptions {
            cache_ttl: Duration::from_millis(300),
            timeout: Duration::from_millis(400),
            max_retries: 2,
            key: Some(self.key.clone()),
            channel: Some("production".to_owned()),
            ..SiteOptions::default()
        };
        let snapshot = || Some(self.snapshot.clone());
        match manner {
            Manner::Memory | Manner::Secure => usual,
            Manner::Patient => {
                SiteOptions { timeout: Duration::from_secs(2), max_retries: 3, ..usual }
            }
            Manner::Eager => {
                let stale_while_revalidate = Duration::from_secs(2);
                SiteOptions { stale_while_revalidate, ..usual }
            }
            Manner::Uncached => {
                SiteOptions { cache_ttl: Duration::ZERO, cache_bytes_max: 1, ..usual }
            }
            Manner::Narrow => SiteOptions { cache_bytes_max: 20_000, ..usual },
            Manner::Disk | Manner::SharedDisk | Manner::SecureDisk => {
                SiteOptions { disk: disk(), ..usual }
            }
            Manner::DiskAndSnapshot => SiteOptions { disk: disk(), snapshot: snapshot(), ..usual },
            Manner::Snapshot => SiteOptions { snapshot: snapshot(), ..usual },
            Manner::Strict => SiteOptions { fallback_enabled: false, ..usual },
            Manner::TwoSources => SiteOptions { max_retries: 1, ..usual },
        }
    }

    fn sources(&self, manner: Manner, timeout: Duration) -> Vec<Arc<dyn SiteSource>> {
        let url = match manner {
            Manner::Secure | Manner::SecureDisk => format!("https://{}", self.within_tls),
            _ => format!("http://{}", self.clear),
        };
        let roots = TrustedRoots::File(self.trusted.clone());
        let mut sources: Vec<Arc<dyn SiteSource>> =
            vec![Arc::new(UrlSource::new(&url, timeout, &roots).unwrap())];
        if manner == Manner::TwoSources {
            sources.push(Arc::new(FolderSource::new(self.site.clone())));
        }
        sources
    }

    /// The number of the manifest that an earlier reader left.
    fn kept_on(&self, disk: &Path) -> Option<u64> {
        let bytes = std::fs::read(disk.join(MANIFEST_PATH)).ok()?;
        let verified = VerifiedManifest::read(bytes.into(), Some(&self.key), None);
        Some(verified.unwrap().manifest.version)
    }
}

impl Subject {
    /// The number of the manifest that it uses.
    pub fn version(&self) -> Option<u64> {
        self.reader.get_health_status().manifest_version
    }

    /// Whether it has the newest state, from the site.
    pub async fn is_at(&self, newest: &Manifest) -> bool {
        let Some(path) = newest.files.keys().next() else { return false };
        let answer = self.reader.get(path).await;
        let is_new = answer.is_ok_and(|answer| answer.tier <= muster_client::site::Tier::Source);
        is_new && self.version() == Some(newest.version)
    }

    /// What it is and how it is doing, for a failure.
    pub fn described(&self) -> String {
        let mut text = format!("{:?}", self.manner);
        let floor = self.floor.load(Ordering::SeqCst);
        let _ = write!(text, ", at least {floor}, {:?}", self.reader.get_health_status());
        text
    }
}
