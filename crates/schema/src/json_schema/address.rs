//! Addresses of schemas: absolute URIs without a fragment (RFC 3986), and which schemas a `$ref`
//! means.

use jsonschema::{Uri, uri};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::Dialect;

/// An absolute URI without a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Uri<String>);

/// The scheme of the addresses of stored schemas. A schema without a `$id` has its own name as its
/// address, so that a relative reference in it leads to a schema beside it.
const SCHEME: &str = "muster:";

/// The groups whose documents can be named in a `$ref`. Nothing else can, because the violations of
/// documents show parts of the schema.
const GROUPS: &str = "schemagroups";

impl Address {
    /// The address of a document without a `$id`; `home` is its resource.
    pub(crate) fn of(home: Option<&Xid>) -> Self {
        let named = home.and_then(|xid| uri::from_str(&format!("{SCHEME}{xid}")).ok());
        Self(named.unwrap_or_else(Self::nowhere))
    }

    fn nowhere() -> Uri<String> {
        #[expect(clippy::unwrap_used, reason = "a literal that is a URI")]
        uri::from_str("json-schema:///").unwrap()
    }

    /// The address that a text means at a place with this address; none if it isn't a URI
    /// reference. A fragment is dropped.
    pub(crate) fn resolve(&self, text: &str) -> Option<Self> {
        let text = text.split_once('#').map_or(text, |(name, _)| name);
        let resolved = uri::resolve_against(&self.0.borrow(), text).ok()?;
        Some(Self(resolved))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The stored schema whose name this is.
    pub(crate) fn xid(&self) -> Option<Xid> {
        schema_named(self.as_str().strip_prefix(SCHEME)?)
    }
}

/// The schema whose xid this text is, without a fragment.
pub(crate) fn schema_named(reference: &str) -> Option<Xid> {
    let name = reference.split_once('#').map_or(reference, |(name, _)| name);
    if !name.starts_with('/') {
        return None;
    }
    match name.parse() {
        Ok(xid @ (Xid::Resource { .. } | Xid::Version { .. })) => {
            xid.group_ids().is_some_and(|(groups, _)| groups.as_str() == GROUPS).then_some(xid)
        }
        _ => None,
    }
}

/// The text that gives a schema an address of its own. In the drafts up to 7, a `$ref` hides
/// everything beside it, and an id that is only a fragment is an anchor.
pub(crate) fn own_id(schema: &Map<String, Value>, dialect: Dialect) -> Option<&str> {
    let keyword = id_keyword(dialect);
    let id = schema.get(keyword).and_then(Value::as_str)?;
    let is_hidden =
        dialect.hides_beside_reference() && schema.get("$ref").is_some_and(Value::is_string);
    (!is_hidden && !id.starts_with('#')).then_some(id)
}

/// The keyword for a schema's id.
pub(crate) const fn id_keyword(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Draft4 => "id",
        _ => "$id",
    }
}
