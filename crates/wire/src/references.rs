//! `GET /references/<xid>`: what refers to an entity, and to what it refers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// What an entity refers to and what refers to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferencesAnswer {
    /// The entity.
    pub xid: String,
    /// The documents to which it refers: a document in its fields and, as a schema, in any `$ref`; a
    /// group by its schema and its rules.
    pub refers_to: Vec<ReferredEntity>,
    /// The xids of what refers to it or to anything in it: documents through their default version,
    /// groups through their schema and rules, and `/` through the model.
    pub referred_by: Vec<String>,
    /// How many names are left out of the lists, each of which has at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<u64>,
}

/// Something to which an entity refers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferredEntity {
    /// Its xid.
    pub xid: String,
    /// Whether it exists.
    pub exists: bool,
}

impl Sample for ReferencesAnswer {
    fn sample() -> Self {
        let schema = "/schemagroups/webstack/schemas/provider".to_owned();
        Self {
            xid: "/providers/ssg/entries/hugo".to_owned(),
            refers_to: vec![ReferredEntity { xid: schema, exists: true }],
            referred_by: vec!["/stacks/templates/entries/hugo_template".to_owned()],
            left_out: None,
        }
    }
}
