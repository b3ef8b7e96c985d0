use std::{fmt, str::FromStr};

use thiserror::Error;

/// The maximum length of a reference, in bytes: a path of a file with its prefix.
const REFERENCE_BYTES_MAX: usize = 4_096;

/// The name of a secret that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretReference {
    /// A variable in the server's environment: `env:NAME`.
    Environment(String),
    /// A file on the server's computer: `file:/path`.
    File(String),
}

/// Why a text isn't a reference that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretReferenceError {
    /// It has no known prefix.
    #[error("a secret is named as env:NAME or file:/path")]
    Prefix,
    /// The name of a variable has other characters.
    #[error("the name of a variable has letters, digits and underscores, and begins with no digit")]
    Variable,
    /// The path is relative, too long, or leaves its folder.
    #[error("the path of a secret begins with a slash and has no part named ..")]
    Path,
    /// Vaults aren't supported.
    #[error("secrets in a vault aren't available; use env:NAME or file:/path")]
    Vault,
}

impl SecretReference {
    /// Whether a text in a document counts as the name of a secret, valid or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim_start();
        ["env:", "file:", "vault:"].iter().any(|prefix| {
            text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        })
    }
}

impl FromStr for SecretReference {
    type Err = SecretReferenceError;

    fn from_str(text: &str) -> Result<Self, SecretReferenceError> {
        let (prefix, rest) = text.split_once(':').ok_or(SecretReferenceError::Prefix)?;
        match prefix {
            "env" => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let begins = rest.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
                match begins && rest.len() <= REFERENCE_BYTES_MAX && rest.bytes().all(is_name) {
                    true => Ok(Self::Environment(rest.to_owned())),
                    false => Err(SecretReferenceError::Variable),
                }
            }
            "file" => {
                let leaves = rest.split('/').any(|part| part == "..");
                let is_odd = rest.chars().any(char::is_control) || rest.starts_with("//");
                match rest.starts_with('/')
                    && !leaves
                    && !is_odd
                    && rest.len() <= REFERENCE_BYTES_MAX
                {
                    true => Ok(Self::File(rest.to_owned())),
                    false => Err(SecretReferenceError::Path),
                }
            }
            "vault" => Err(SecretReferenceError::Vault),
            _ => Err(SecretReferenceError::Prefix),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}
