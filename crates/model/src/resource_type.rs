use serde_json::{Map, Value};

use super::{Aspect, Attribute, Attributes, DocumentForm, TypeMap};

/// A type of resources (model, `groups.<STRING>.resources.<STRING>`).
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// The plural name, which is the name of the collection (`entries`).
    pub plural: String,
    /// The singular name (`entry`).
    pub singular: String,
    /// The given members for people: `description`, `documentation`, `icon`, `labels`,
    /// `modelversion`, `modelcompatiblewith`.
    pub notes: Map<String, Value>,
    /// The number of versions to keep; 0 means all.
    pub maxversions: u64,
    /// Whether clients may choose a version's id.
    pub setversionid: bool,
    /// Whether versions have a document.
    pub hasdocument: bool,
    /// How the newest version, the oldest version and ancestors are determined.
    pub versionmode: VersionMode,
    /// Whether only one version may be a root.
    pub singleversionroot: bool,
    /// Whether documents are checked against their `format`.
    pub validateformat: bool,
    /// Whether versions are checked for compatibility; implies `validateformat`.
    pub validatecompatibility: bool,
    /// Whether an unknown format or compatibility is an error.
    pub strictvalidation: bool,
    /// How documents are embedded in JSON, by content type.
    pub typemap: TypeMap,
    /// The attributes of a version.
    pub attributes: Attributes,
    /// The attributes of a resource, without those of its default version.
    pub resource_attributes: Attributes,
    /// The attributes of a Meta.
    pub meta_attributes: Attributes,
    /// Muster's extension.
    pub aspect: Aspect,
    /// Whether the type is built in.
    pub built_in: bool,
}

/// How the newest version, the oldest version and ancestors are determined (model, `versionmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionMode {
    /// By the ancestors that clients name.
    Manual,
    /// By `createdat`.
    CreatedAt,
    /// Muster's own mode: like `createdat`, but the default version is the newest one in the state
    /// `stable` or `deprecated`, or the newest of all if there is none.
    Lifecycle,
}

impl VersionMode {
    /// The mode's name in the model language.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::CreatedAt => "createdat",
            Self::Lifecycle => "lifecycle",
        }
    }
}

impl ResourceType {
    /// The attribute with the id of a resource (`entryid`).
    #[must_use]
    pub fn id_name(&self) -> String {
        format!("{}id", self.singular)
    }

    /// How a document with this content type is embedded in JSON.
    #[must_use]
    pub fn document_form(&self, contenttype: &str) -> DocumentForm {
        self.typemap.document_form(contenttype)
    }

    /// The paths of the attributes that must have the same value in all versions of a resource,
    /// outermost first (model, `matchversions`).
    #[must_use]
    pub fn matched_across_versions(&self) -> Vec<Vec<&str>> {
        let mut matched = Vec::new();
        collect_matched(&self.attributes, &mut Vec::new(), &mut matched);
        matched
    }

    /// The members that resources have and versions don't: `meta`, `metaurl`, `versions`,
    /// `versionscount`, `versionsurl`.
    pub fn resource_only(&self) -> impl Iterator<Item = &str> {
        self.resource_attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .filter(|name| self.attributes.get(name).is_none())
    }
}

fn collect_matched<'a>(
    attributes: &'a Attributes,
    path: &mut Vec<&'a str>,
    matched: &mut Vec<Vec<&'a str>>,
) {
    for Attribute { name, matchversions, attributes, .. } in attributes.iter() {
        path.push(name);
        if *matchversions {
            matched.push(path.clone());
        }
        if let Some(within) = attributes {
            collect_matched(within, path, matched);
        }
        path.pop();
    }
}
