use std::{borrow::Cow, collections::BTreeMap, fmt, path::Path, sync::Arc};

use muster_words::json::Value;
use parking_lot::RwLock;
use thiserror::Error;
use zeroize::Zeroizing;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The shortest value that is looked for in texts. A shorter one would be found in every word.
const SECRET_LENGTH_MIN: usize = 6;

/// The largest file with a key, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A secret value. It is erased when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSecret(Arc<Zeroizing<String>>);

impl ProviderSecret {
    /// Keeps a value secret.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(Arc::new(Zeroizing::new(value)))
    }

    /// The value, for whoever sends it to where it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Why a reference to a secret has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProviderSecretError {
    /// The text isn't a reference.
    #[error("credentials are named, never written: env:NAME or file:/path")]
    Form,
    /// The variable isn't set, or is empty.
    #[error("the variable {0} isn't set; set it where the server is started, and start it again")]
    Unset(String),
    /// The file can't be read.
    #[error("the file {path} can't be read: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// Whoever resolves references refuses this one.
    #[error("{0}")]
    Refused(String),
}

/// Finds the values of references such as `env:NAME`.
pub trait SecretSource: Send + Sync {
    /// The value that a reference names, for requests to a host.
    ///
    /// # Errors
    /// See [`ProviderSecretError`].
    fn resolve(&self, reference: &str, host: &str) -> Result<ProviderSecret, ProviderSecretError>;
}

/// References to the variables of one environment, and to files.
pub struct EnvironmentSecrets {
    environment: BTreeMap<String, String>,
}

impl EnvironmentSecrets {
    /// References to the variables in a copy of an environment.
    #[must_use]
    pub const fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment }
    }
}

impl SecretSource for EnvironmentSecrets {
    fn resolve(&self, reference: &str, _host: &str) -> Result<ProviderSecret, ProviderSecretError> {
        match reference.split_once(':') {
            Some(("env", name)) => {
                // An empty value counts as unset.
                let value = self.environment.get(name).map(|value| value.trim());
                let value = value.filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| ProviderSecretError::Unset(name.to_owned()))?;
                Ok(ProviderSecret::new(value.to_owned()))
            }
            Some(("file", path)) => read_file(path),
            _ => Err(ProviderSecretError::Form),
        }
    }
}

fn read_file(path: &str) -> Result<ProviderSecret, ProviderSecretError> {
    let refused = |cause: String| ProviderSecretError::File { path: path.to_owned(), cause };
    if !Path::new(path).is_absolute() {
        return Err(refused("the path must be absolute".to_owned()));
    }
    let size = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if !size.is_file() || size.len() > FILE_BYTES_MAX {
        return Err(refused(format!("it isn't a file of at most {FILE_BYTES_MAX} bytes")));
    }
    let text =
        Zeroizing::new(std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?);
    match text.trim() {
        "" => Err(refused("it is empty".to_owned())),
        value => Ok(ProviderSecret::new(value.to_owned())),
    }
}

/// Removes secrets from texts: every value that it was told, and whatever looks like a key.
#[derive(Default)]
pub struct Redactor {
    /// Each value with the number of providers that use it.
    known: RwLock<Vec<(ProviderSecret, usize)>>,
}

impl Redactor {
    /// Looks for a value from now on.
    pub fn learn(&self, secret: &ProviderSecret) {
        if secret.reveal().len() < SECRET_LENGTH_MIN {
            return;
        }
        let mut known = self.known.write();
        match known.iter_mut().find(|(known, _)| known == secret) {
            Some((_, users)) => *users += 1,
            None => known.push((secret.clone(), 1)),
        }
    }

    /// Forgets a value that nobody uses any more.
    pub fn forget(&self, secret: &ProviderSecret) {
        let mut known = self.known.write();
        if let Some(found) = known.iter_mut().find(|(known, _)| known == secret) {
            found.1 -= 1;
        }
        known.retain(|(_, users)| *users > 0);
    }

    /// A text without secrets, for messages.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let known = self.known.read();
        without_keys(&without_secrets(text, known.iter().map(|(secret, _)| secret)))
    }

    /// How many values it looks for.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known.read().len()
    }
}

/// How often a text is read as a text of JSON, to find a secret in it. The arguments of a call are
/// JSON within JSON; nobody reads further than that.
const ESCAPED_MAX: usize = 4;

/// Removes these secrets from every text and every name of a value. What a model says may look like
/// a key and be none, so that its words are changed only where they repeat one of ours.
pub(crate) fn remove_secrets(value: &mut Value, secrets: &[ProviderSecret]) {
    if secrets.is_empty() {
        return;
    }
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = without_secrets(text, secrets.iter()) {
                *text = clean;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| remove_secrets(one, secrets)),
        Value::Object(map) => {
            let clean = |name: &str| without_secrets(name, secrets.iter()).into_owned();
            if map.keys().any(|name| clean(name) != *name) {
                let named = std::mem::take(map).into_iter();
                map.extend(named.map(|(name, value)| (clean(&name), value)));
            }
            map.values_mut().for_each(|one| remove_secrets(one, secrets));
        }
        _ => {}
    }
}

/// A text without these secrets. Where one is hidden behind escapes of JSON, as in the arguments of
/// a call, nothing of the text is kept.
fn without_secrets<'a, 'b>(
    text: &'a str,
    secrets: impl Iterator<Item = &'b ProviderSecret> + Clone,
) -> Cow<'a, str> {
    let clean = secrets.clone().fold(Cow::Borrowed(text), without);
    let mut plain = Cow::Borrowed(&*clean);
    for _ in 0..ESCAPED_MAX {
        if !plain.contains('\\') {
            break;
        }
        plain = Cow::Owned(unescaped(&plain));
        if secrets.clone().any(|secret| is_in(&plain, secret)) {
            return Cow::Owned(REDACTED.to_owned());
        }
    }
    clean
}

/// A text with the letters that escapes of JSON stand for.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.strip_prefix('u').and_then(|digits| digits.get(..4));
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let (letter, length) = match (code.and_then(char::from_u32), after.chars().next()) {
            (Some(letter), _) => (Some(letter), 5),
            (None, letter) => (letter, letter.map_or(0, char::len_utf8)),
        };
        plain.extend(letter);
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

fn is_in(text: &str, secret: &ProviderSecret) -> bool {
    let value = secret.reveal();
    value.len() >= SECRET_LENGTH_MIN && text.contains(value)
}

fn without<'a>(text: Cow<'a, str>, secret: &ProviderSecret) -> Cow<'a, str> {
    match is_in(&text, secret) {
        true => Cow::Owned(text.replace(secret.reveal(), REDACTED)),
        false => text,
    }
}

/// How keys begin, and how many letters of a key must follow.
const KEY_BEGINNINGS: &[(&str, usize)] = &[
    ("Bearer ", 8),
    ("bearer ", 8),
    ("sk-", 8),
    ("key-", 12),
    ("AIza", 16),
    ("ghp_", 8),
    ("gho_", 8),
    ("ghs_", 8),
    ("ghu_", 8),
    ("ghr_", 8),
    ("glpat-", 8),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxa-", 8),
    ("xoxs-", 8),
    ("xoxr-", 8),
    ("gsk_", 8),
    ("AKIA", 12),
    ("whsec_", 8),
];

/// A text without what looks like a key.
#[must_use]
pub fn without_keys(text: &str) -> String {
    let is_key_letter =
        |letter: char| letter.is_ascii_alphanumeric() || "-_.+/=~*".contains(letter);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let begins = KEY_BEGINNINGS.iter().find_map(|(begin, least)| {
            let after = rest.strip_prefix(begin)?;
            let length = after.find(|letter| !is_key_letter(letter)).unwrap_or(after.len());
            (length >= *least).then_some(begin.len() + length)
        });
        match begins.filter(|_| !before.is_ascii_alphanumeric()) {
            Some(length) => {
                clean.push_str(REDACTED);
                rest = &rest[length..];
                before = ' ';
            }
            None => {
                clean.push(letter);
                rest = &rest[letter.len_utf8()..];
                before = letter;
            }
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

    use super::*;

    #[test]
    fn removes_what_looks_like_a_key() {
        for (text, expect) in [
            (
                "Incorrect API key provided: sk-proj-abcdef123456.",
                "Incorrect API key provided: [redacted]",
            ),
            ("Authorization: Bearer abcdefgh12", "Authorization: [redacted]"),
            ("?key=AIzaSyA1234567890abcdefg&x", "?key=[redacted]&x"),
            ("task-force, a key-value store, sk-1", "task-force, a key-value store, sk-1"),
            ("risk-assessments-are-fine", "risk-assessments-are-fine"),
            ("ghp_abcdefgh12 é glpat-abcdefgh1", "[redacted] é [redacted]"),
        ] {
            assert_eq!(without_keys(text), expect);
        }
    }

    #[test]
    fn removes_a_secret_however_json_writes_it() {
        let secrets = [ProviderSecret::new("sk-canary/\"1".to_owned())];
        for (written, expect) in [
            (r#""\u0073k-canary\/\"1""#, r#""[redacted]""#),
            (r#"{"a":["x \u0073\u006B-canary/\u00221 y"]}"#, r#"{"a":["x [redacted] y"]}"#),
            (r#"{"\u0073k-canary/\"1":1}"#, r#"{"[redacted]":1}"#),
            // The arguments of a call, whole or a part of them.
            (r#""{\"key\": \"\\u0073k-canary\\/\\\"1\"}""#, r#""[redacted]""#),
            (r#""y\": \"\\u0073k-canary/\\\"1""#, r#""[redacted]""#),
            (r#""\\u0073k-other \\ \\u12""#, r#""\\u0073k-other \\ \\u12""#),
        ] {
            let mut value: Value = serde_json::from_str(written).unwrap();
            remove_secrets(&mut value, &secrets);
            assert_eq!(value.to_string(), expect, "{written}");
        }
    }

    #[test]
    fn removes_exact_values_as_long_as_somebody_uses_them() {
        let redactor = Redactor::default();
        let secret = ProviderSecret::new("p@ss word!".to_owned());
        redactor.learn(&secret);
        redactor.learn(&secret);
        redactor.forget(&secret);
        assert_eq!(redactor.clean("said p@ss word! to me"), "said [redacted] to me");
        // Gateways repeat the errors of others as JSON within a text.
        assert_eq!(redactor.clean(r#"{"error": "no key p\u0040ss word!"}"#), "[redacted]");
        redactor.forget(&secret);
        assert_eq!((redactor.known(), format!("{secret:?}")), (0, REDACTED.to_owned()));
    }

    #[test]
    fn resolves_variables_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "  from-file\n").unwrap();
        let environment = [("A", "value"), ("EMPTY", " ")];
        let source = EnvironmentSecrets::new(
            environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        );
        let file = format!("file:{}", file.display());
        for (reference, expect) in [
            ("env:A", Ok("value")),
            (file.as_str(), Ok("from-file")),
            ("env:EMPTY", Err("the variable EMPTY isn't set")),
            ("env:B", Err("the variable B isn't set")),
            ("file:relative", Err("absolute")),
            ("file:/nowhere/at/all", Err("can't be read")),
            ("sk-abc", Err("never written")),
        ] {
            match (source.resolve(reference, "x"), expect) {
                (Ok(secret), Ok(value)) => assert_eq!(secret.reveal(), value),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{reference}: {found:?}"),
            }
        }
    }
}
