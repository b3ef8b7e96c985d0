use muster_words::{Xid, yaml};
use serde_json::Value;
use thiserror::Error;

use super::{SecretList, SecretReference};
use crate::{Principal, Role};

/// The types of groups whose documents the server acts on, and which may therefore name secrets.
/// Elsewhere a text such as `file:/etc/hosts` is only a text.
pub const COLLECTIONS_THAT_NAME_SECRETS: [&str; 3] = ["targets", "routes", "aiproviders"];

/// A document names a secret that its author may not name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{subject} names {reference} at {pointer}, which the settings don't list")]
pub struct SecretDenied {
    /// The document's resource.
    pub subject: String,
    /// The reference.
    pub reference: String,
    /// Where in the document it is (RFC 6901).
    pub pointer: String,
}

impl SecretList {
    /// Checks whether somebody may put a document: its author is an admin for everything, or the
    /// settings list each secret that it names.
    ///
    /// # Errors
    /// The document names another secret.
    pub fn check_document(
        &self,
        principal: &Principal,
        resource: &Xid,
        document: &[u8],
    ) -> Result<(), SecretDenied> {
        let is_admin = principal.role == Role::Admin && principal.scope.is_none();
        if is_admin || !names_secrets(resource) {
            return Ok(());
        }
        // What can't be parsed is refused by the schema, and nothing would act on it.
        let Ok(value) = yaml::parse(document) else { return Ok(()) };
        match self.unlisted(&value, &mut String::new()) {
            Some((pointer, reference)) => {
                Err(SecretDenied { subject: resource.to_string(), reference, pointer })
            }
            None => Ok(()),
        }
    }

    /// The first place where a value names a secret that isn't listed, and the name.
    fn unlisted(&self, value: &Value, place: &mut String) -> Option<(String, String)> {
        let length = place.len();
        let mut below = |name: &str, value: &Value| {
            place.push('/');
            place.push_str(&name.replace('~', "~0").replace('/', "~1"));
            let found = self.unlisted(value, place);
            place.truncate(length);
            found
        };
        match value {
            Value::String(text) if SecretReference::is_meant(text) => {
                let is_listed = text.parse().is_ok_and(|reference| self.lists(&reference));
                (!is_listed).then(|| (place.clone(), text.chars().take(200).collect()))
            }
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(index, item)| below(&index.to_string(), item))
            }
            Value::Object(map) => map.iter().find_map(|(name, value)| below(name, value)),
            _ => None,
        }
    }
}

fn names_secrets(resource: &Xid) -> bool {
    let text = resource.to_string();
    let group_type = text.split('/').nth(1).unwrap_or_default();
    COLLECTIONS_THAT_NAME_SECRETS.contains(&group_type)
}
