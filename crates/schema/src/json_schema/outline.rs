use std::collections::{BTreeMap, BTreeSet};

use muster_words::{
    Xid,
    json::{Value, escape_pointer},
};

use crate::{
    Dialect,
    json_schema::{
        address::{Address, own_id, schema_named},
        analysis::holds_named,
    },
};

/// The names in a schema: its own, and those of the schemas that it refers to. It needn't be a
/// valid schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Its `$id`, as an absolute URI; none if it has none.
    pub id: Option<String>,
    /// The schemas that it names by xid, each with the place of its first `$ref`.
    pub named: BTreeMap<Xid, String>,
    /// The other addresses that it refers to and that aren't in it, each with the place of its
    /// first `$ref`. A `$schema` that isn't a draft is one, too.
    pub addressed: BTreeMap<String, String>,
}

impl Outline {
    /// The outline of a document; `home` is its resource, in whose place relative references are
    /// resolved.
    #[must_use]
    pub fn of(document: &Value, home: Option<&Xid>) -> Self {
        let mut reader = Reader {
            dialect: Dialect::of(document).unwrap_or(Dialect::Draft202012),
            outline: Self::default(),
            own: BTreeSet::new(),
        };
        let address = Address::of(home);
        reader.own.insert(address.as_str().to_owned());
        let id = document.as_object().and_then(|schema| own_id(schema, reader.dialect));
        let id = id.and_then(|id| address.resolve(id));
        reader.outline.id = id.map(|id| id.as_str().to_owned());
        if let (Err(text), Some(Value::String(_))) =
            (Dialect::of(document), document.get("$schema"))
        {
            reader.note(&text, &address, "/$schema");
        }
        reader.look(document, &address, false, &mut String::new());
        let Reader { mut outline, own, .. } = reader;
        outline.addressed.retain(|address, _| !own.contains(address));
        outline
    }

    /// The schema that an address names by its xid, as a relative reference does in a schema without
    /// a `$id`.
    #[must_use]
    pub fn xid_of(address: &str) -> Option<Xid> {
        Address::of(None).resolve(address)?.xid()
    }
}

struct Reader {
    dialect: Dialect,
    outline: Outline,
    /// The addresses in the document.
    own: BTreeSet<String>,
}

impl Reader {
    /// Searches everything except plain values, including places that no keyword makes a schema,
    /// because a `$ref` may point there. Among `named` schemas, such as those of `properties`, a key
    /// is a name and no keyword.
    fn look(&mut self, value: &Value, base: &Address, named: bool, pointer: &mut String) {
        match value {
            Value::Object(map) => {
                let own = own_id(map, self.dialect).filter(|_| !named);
                let own = own.and_then(|id| base.resolve(id));
                self.own.extend(own.iter().map(|own| own.as_str().to_owned()));
                let base = own.as_ref().unwrap_or(base);
                for (key, member) in map {
                    if !named && is_plain(key) {
                        continue;
                    }
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&escape_pointer(key));
                    match (key.as_str(), member) {
                        ("$ref" | "$dynamicRef", Value::String(text)) if !named => {
                            self.note(text, base, pointer);
                        }
                        _ => self.look(member, base, !named && holds_named(key), pointer),
                    }
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    self.look(item, base, false, pointer);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &str, base: &Address, pointer: &str) {
        let place = || pointer.to_owned();
        if let Some(xid) = schema_named(text) {
            self.outline.named.entry(xid).or_insert_with(place);
        } else if !text.starts_with('#')
            && let Some(address) = base.resolve(text)
        {
            self.outline.addressed.entry(address.as_str().to_owned()).or_insert_with(place);
        }
    }
}

/// Whether a keyword's value is a plain value, in which nothing is a schema.
pub(crate) fn is_plain(keyword: &str) -> bool {
    matches!(keyword, "enum" | "const" | "default" | "examples")
}
