use std::{collections::BTreeMap, fmt, fs::File, io::Read as _, str::FromStr as _, sync::Arc};

use thiserror::Error;
use zeroize::Zeroizing;

use super::{SecretReference, SecretReferenceError};
use crate::addresses::Host;

/// The maximum size of a secret, in bytes: a private key with its certificates takes a quarter.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Which secrets the settings list, and which hosts may receive each.
#[derive(Clone, Default)]
pub struct SecretList {
    hosts: BTreeMap<SecretReference, Vec<HostPattern>>,
    sources: SecretSources,
}

/// Where secrets come from. The program passes its environment; a test passes its own.
#[derive(Clone)]
pub struct SecretSources {
    /// Looks up a variable of the environment.
    pub variable: Arc<Variables>,
}

/// Looks up a variable of an environment.
pub type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Default for SecretSources {
    fn default() -> Self {
        Self { variable: Arc::new(|_| None) }
    }
}

impl fmt::Debug for SecretList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretList").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// The hosts that a secret may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// This host.
    Exact(String),
    /// Every host below this domain.
    Below(String),
}

impl HostPattern {
    fn holds(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(domain) => {
                host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
        }
    }
}

/// A secret's value. It isn't shown in logs, and is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why the list in the settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretListError {
    /// An item doesn't begin with a reference.
    #[error("{item:?}: {error}")]
    Reference {
        /// The item.
        item: String,
        /// The fault.
        error: SecretReferenceError,
    },
    /// An item names no host.
    #[error("{item:?} names no host; write the reference and then the hosts, with spaces between")]
    NoHost {
        /// The item.
        item: String,
    },
    /// A host is a URL or has other characters.
    #[error("{item:?}: {host:?} isn't a host such as hooks.example or *.hooks.example")]
    Host {
        /// The item.
        item: String,
        /// The text in a host's place.
        host: String,
    },
}

/// Why a secret can't be had. No variant holds any part of its value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// The text isn't a reference.
    #[error(transparent)]
    Reference(#[from] SecretReferenceError),
    /// The settings list the secret for other hosts.
    #[error("the settings (secrets.list) don't let {reference} be sent to {host}")]
    OtherHost {
        /// The reference.
        reference: SecretReference,
        /// The host.
        host: String,
    },
    /// The variable isn't set, or is empty.
    #[error("the variable of {reference} isn't set in the server's environment")]
    NotSet {
        /// The reference.
        reference: SecretReference,
    },
    /// The file can't be read, is empty, isn't text, or is too large.
    #[error("the file of {reference} can't be read as a text of at most 64 KiB")]
    Unreadable {
        /// The reference.
        reference: SecretReference,
    },
}

impl SecretList {
    /// Reads the list of the settings. Each item is a reference and the hosts that may receive it,
    /// with spaces between, such as `env:HOOK_SECRET hooks.example *.hooks.example`.
    ///
    /// # Errors
    /// See [`SecretListError`].
    pub fn read(items: &[String], sources: SecretSources) -> Result<Self, SecretListError> {
        let mut hosts: BTreeMap<SecretReference, Vec<HostPattern>> = BTreeMap::new();
        for item in items {
            let mut words = item.split_ascii_whitespace();
            let reference = SecretReference::from_str(words.next().unwrap_or_default())
                .map_err(|error| SecretListError::Reference { item: item.clone(), error })?;
            let patterns = words
                .map(|host| {
                    pattern(host).ok_or_else(|| SecretListError::Host {
                        item: item.clone(),
                        host: host.to_owned(),
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            if patterns.is_empty() {
                return Err(SecretListError::NoHost { item: item.clone() });
            }
            hosts.entry(reference).or_default().extend(patterns);
        }
        Ok(Self { hosts, sources })
    }

    /// Whether the settings list a secret.
    #[must_use]
    pub fn lists(&self, reference: &SecretReference) -> bool {
        self.hosts.contains_key(reference)
    }

    /// The value of the secret that a document names, for sending it to a host.
    ///
    /// What the settings list goes only to the listed hosts. What they don't list was put by an
    /// admin, because nobody else can put it, and goes where that document says.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn resolve(&self, text: &str, host: &Host) -> Result<Secret, SecretError> {
        let reference = SecretReference::from_str(text)?;
        let host = host.to_string();
        let host = host.trim_matches(['[', ']']);
        let patterns = self.hosts.get(&reference);
        if patterns.is_some_and(|patterns| !patterns.iter().any(|pattern| pattern.holds(host))) {
            return Err(SecretError::OtherHost { reference, host: host.to_owned() });
        }
        match &reference {
            SecretReference::Environment(name) => {
                let value = (self.sources.variable)(name).filter(|value| !value.is_empty());
                value.map(Secret::from).ok_or(SecretError::NotSet { reference })
            }
            SecretReference::File(path) => {
                let text = read(path).ok_or(SecretError::Unreadable { reference })?;
                Ok(Secret::from(text))
            }
        }
    }
}

fn pattern(text: &str) -> Option<HostPattern> {
    let (is_domain, name) = match text.strip_prefix("*.") {
        Some(domain) => (true, domain),
        None => (false, text),
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_allowed) {
        return None;
    }
    // A colon is only in an address of IPv6: a host is meant with all of its ports.
    if name.contains(':') && name.parse::<std::net::Ipv6Addr>().is_err() {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(if is_domain { HostPattern::Below(name) } else { HostPattern::Exact(name) })
}

/// The text in a file, without the end of its last line.
fn read(path: &str) -> Option<String> {
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).ok()?;
    let value = text.trim_end_matches(['\r', '\n']);
    let fits = u64::try_from(text.len()).is_ok_and(|size| size <= SECRET_BYTES_MAX);
    (fits && !value.is_empty()).then(|| value.to_owned())
}
