use serde_json::{Map, Value};

use super::{Aspect, Attribute, Attributes, DocumentForm, TypeMap};

/// A type of resources (model, `groups.<STRING>.resources.<STRING>`).
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// The name of the collection (`entries`).
    pub plural: String,
    /// The name of one of them (`entry`).
    pub singular: String,
    /// What is for people: `description`, `documentation`, `icon`, `labels`, `modelversion`,
    /// `modelcompatiblewith`, as far as they were given.
    pub notes: Map<String, Value>,
    /// How many versions are kept; 0 means all.
    pub maxversions: u64,
    /// Whether clients may choose a version's id.
    pub setversionid: bool,
    /// Whether a version has a document beside its attributes.
    pub hasdocument: bool,
    /// How newest, oldest and ancestors are found.
    pub versionmode: VersionMode,
    /// Whether only one version may be a root.
    pub singleversionroot: bool,
    /// Whether documents are checked against their `format`.
    pub validateformat: bool,
    /// Whether versions are checked for compatibility; implies `validateformat`.
    pub validatecompatibility: bool,
    /// Whether an unknown format or compatibility is an error.
    pub strictvalidation: bool,
    /// How documents are shown within JSON, by content type.
    pub typemap: TypeMap,
    /// What a version holds.
    pub attributes: Attributes,
    /// What a resource holds beside its default version's attributes.
    pub resource_attributes: Attributes,
    /// What a Meta holds.
    pub meta_attributes: Attributes,
    /// What the model language of xRegistry lacks.
    pub aspect: Aspect,
    /// Whether the type is the built-in model's.
    pub built_in: bool,
}

/// How newest, oldest and ancestors of versions are found (model, `versionmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionMode {
    /// Clients name ancestors.
    Manual,
    /// By `createdat`.
    CreatedAt,
    /// Ours: as `createdat`, but the default is the newest version in `stable` or `deprecated`,
    /// and the newest of all where there is none.
    Lifecycle,
}

impl VersionMode {
    /// The mode's name as a model writes it.
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
    /// The attribute that holds the id of a resource (`entryid`).
    #[must_use]
    pub fn id_name(&self) -> String {
        format!("{}id", self.singular)
    }

    /// How a document of that content type is shown within JSON.
    #[must_use]
    pub fn document_form(&self, contenttype: &str) -> DocumentForm {
        self.typemap.document_form(contenttype)
    }

    /// The paths of the attributes that must be the same in all versions of a resource, from the
    /// outside in (model, `matchversions`).
    #[must_use]
    pub fn matched_across_versions(&self) -> Vec<Vec<&str>> {
        let mut matched = Vec::new();
        collect_matched(&self.attributes, &mut Vec::new(), &mut matched);
        matched
    }

    /// The names that a resource's body has and a version's hasn't: `meta`, `metaurl`,
    /// `versions`, `versionscount`, `versionsurl`.
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
