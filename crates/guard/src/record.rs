use std::sync::Arc;

use bytes::Bytes;
use muster_catalog::command::KeyGrant;
use muster_words::{
    Digest, Moment, XidPattern, XidPatterns,
    json::{self, Map, Value},
};
use thiserror::Error;

use crate::Role;

/// The size of a record's salt in bytes. It keeps equal secrets from having equal hashes.
pub const SALT_BYTES: usize = 16;

/// The maximum length of a key's name, in characters.
pub const NAME_LENGTH_MAX: usize = 128;

/// The stored record of an API key. It is a content that only the endpoint of keys reads; ledger
/// entries name it by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// SHA-256 of salt and secret.
    pub hash: Digest,
    /// A random salt.
    pub salt: [u8; SALT_BYTES],
    /// The role of the key.
    pub role: Role,
    /// A name for people that says what the key is for.
    pub name: Option<String>,
    /// Where it may be used; none means everywhere.
    pub scope: Option<Arc<XidPatterns>>,
    /// When it expires.
    pub expires: Option<Moment>,
}

/// The bytes aren't the record of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the record of a key can't be read: {0}")]
pub struct RecordError(&'static str);

/// The name isn't valid for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key's name has 1 to {NAME_LENGTH_MAX} characters, and no control characters")]
pub struct NameRefused;

impl KeyRecord {
    /// Checks the name of a key, because terminals show it.
    ///
    /// # Errors
    /// See [`NameRefused`].
    pub fn check_name(name: &str) -> Result<(), NameRefused> {
        let length = name.chars().count();
        let fits = (1..=NAME_LENGTH_MAX).contains(&length) && !name.chars().any(char::is_control);
        if fits { Ok(()) } else { Err(NameRefused) }
    }

    /// The record as canonical JSON, for storage.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut map = Map::new();
        map.insert("hash".to_owned(), self.hash.to_string().into());
        map.insert("role".to_owned(), self.role.name().into());
        let salt = u128::from_be_bytes(self.salt);
        map.insert("salt".to_owned(), format!("{salt:032x}").into());
        if let Some(name) = &self.name {
            map.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(scope) = &self.scope {
            let places = scope.iter().map(|place| place.to_string().into()).collect();
            map.insert("scope".to_owned(), Value::Array(places));
        }
        if let Some(expires) = self.expires {
            map.insert("expires".to_owned(), expires.to_string().into());
        }
        json::to_canonical(&Value::Object(map)).into()
    }

    /// Parses a record. Members of later releases are ignored.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let value = json::parse(bytes).map_err(|_| RecordError("it isn't JSON"))?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let hash = text("hash").and_then(|hash| hash.parse().ok());
        let salt = text("salt").filter(|salt| salt.len() == 2 * SALT_BYTES);
        let salt = salt.and_then(|salt| u128::from_str_radix(salt, 16).ok());
        let role = text("role").and_then(|role| role.parse().ok());
        Ok(Self {
            hash: hash.ok_or(RecordError("it has no hash"))?,
            salt: salt.ok_or(RecordError("it has no salt"))?.to_be_bytes(),
            role: role.ok_or(RecordError("its role is unknown"))?,
            name: text("name").map(ToOwned::to_owned),
            scope: value.get("scope").map(scope).transpose()?,
            expires: value.get("expires").map(expires).transpose()?,
        })
    }

    /// The facts about the key that the ledger's entry holds besides the record.
    #[must_use]
    pub fn grant(&self) -> KeyGrant {
        let is_limited = self.role != Role::Admin || self.scope.is_some();
        KeyGrant { is_limited, expires: self.expires }
    }
}

fn scope(value: &Value) -> Result<Arc<XidPatterns>, RecordError> {
    let unknown = RecordError("its scope is unknown");
    let places = value.as_array().ok_or(unknown)?.iter();
    let places = places.map(|place| place.as_str()?.parse::<XidPattern>().ok());
    let places: Option<Vec<_>> = places.collect();
    Ok(Arc::new(XidPatterns::new(places.ok_or(unknown)?)))
}

fn expires(value: &Value) -> Result<Moment, RecordError> {
    let moment = value.as_str().and_then(|text| Moment::parse(text).ok());
    moment.ok_or(RecordError("when it expires is unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> KeyRecord {
        KeyRecord {
            hash: Digest([0xab; 32]),
            salt: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            role: Role::Admin,
            name: Some("deploy".to_owned()),
            scope: None,
            expires: None,
        }
    }

    #[test]
    fn is_stored_as_these_bytes_for_ever() {
        let hash = "ab".repeat(32);
        let golden = format!(
            r#"{{"hash":"{hash}","name":"deploy","role":"admin","salt":"000102030405060708090a0b0c0d0e0f"}}"#
        );
        assert_eq!(record().to_bytes(), golden);
        assert_eq!(KeyRecord::from_bytes(golden.as_bytes()), Ok(record()));
    }

    #[test]
    fn is_stored_with_its_limits_as_these_bytes_for_ever() {
        let places = ["/providers/cms", "/stacks/*"].map(|place| place.parse());
        let places = places.into_iter().collect::<Result<Vec<_>, _>>();
        let record = KeyRecord {
            role: Role::Publisher,
            scope: places.ok().map(|places| Arc::new(XidPatterns::new(places))),
            expires: Moment::parse("2027-02-27T10:12:03Z").ok(),
            ..record()
        };
        let hash = "ab".repeat(32);
        let golden = format!(
            r#"{{"expires":"2027-02-27T10:12:03Z","hash":"{hash}","name":"deploy","role":"publisher","salt":"000102030405060708090a0b0c0d0e0f","scope":["/providers/cms","/stacks/*"]}}"#
        );
        assert_eq!(record.to_bytes(), golden);
        assert!(record.grant().is_limited && record.grant().expires == record.expires);
        assert_eq!(KeyRecord::from_bytes(golden.as_bytes()), Ok(record));
        for (old, new, expect) in [
            (r#"["/providers/cms","/stacks/*"]"#, r#""/providers""#, "its scope is unknown"),
            ("/stacks/*", "/a//b", "its scope is unknown"),
            ("2027-02-27T10:12:03Z", "never", "when it expires is unknown"),
        ] {
            let bytes = golden.replace(old, new);
            assert_eq!(KeyRecord::from_bytes(bytes.as_bytes()), Err(RecordError(expect)), "{new}");
        }
    }

    #[test]
    fn refuses_what_is_no_record() {
        let good = String::from_utf8_lossy(&record().to_bytes()).into_owned();
        for (bytes, expect) in [
            (String::new(), "it isn't JSON"),
            ("[]".to_owned(), "it has no hash"),
            (good.replace("abab", "zz"), "it has no hash"),
            (good.replace("000102", "0001"), "it has no salt"),
            (good.replace("000102", "00010g"), "it has no salt"),
            (good.replace("admin", "reader"), "its role is unknown"),
        ] {
            assert_eq!(
                KeyRecord::from_bytes(bytes.as_bytes()),
                Err(RecordError(expect)),
                "{bytes}"
            );
        }
    }

    #[test]
    fn takes_names_that_can_be_shown() {
        let long = "x".repeat(NAME_LENGTH_MAX + 1);
        for (name, fits) in [
            ("deploy", true),
            ("the build's key, née CI", true),
            (&long[1..], true),
            ("", false),
            (long.as_str(), false),
            ("red\u{1b}[31m", false),
            ("two\nlines", false),
        ] {
            assert_eq!(KeyRecord::check_name(name).is_ok(), fits, "{name:?}");
        }
    }
}
