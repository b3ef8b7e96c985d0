//! Schemas in one file, with everything that they refer to, so that payloads are checked where no
//! registry is.

use std::{collections::BTreeMap, sync::Arc};

use muster_words::{
    Digest, Notation, Xid,
    json::{self, Value},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::SchemaFormat;

/// What a bundle says of its own form. Another form has another text.
const FORM: &str = "muster-schema-bundle/1";

/// The bytes of a bundle that is read: a thousand schemas of usual size take a few megabytes, and
/// each of them may have four.
pub const BUNDLE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Schemas with everything that they refer to.
///
/// The same schemas always give the same bytes, and reading them checks every digest.
///
/// ```
/// use muster_schema::{BundledSchema, Payload, SchemaBundle, SchemaFormat, Validator};
///
/// let order = "/schemagroups/shop/schemas/order".parse()?;
/// let version = "/schemagroups/shop/schemas/order/versions/1".parse()?;
/// let mut bundle = SchemaBundle::default();
/// bundle.add(version, BundledSchema::new(SchemaFormat::Avro, "\"int\""));
/// bundle.name(order, "/schemagroups/shop/schemas/order/versions/1".parse()?);
///
/// let read = SchemaBundle::read(&bundle.write()?)?;
/// let validator = Validator::new(read);
/// let order = "/schemagroups/shop/schemas/order".parse()?;
/// assert!(validator.check(&order, Payload::Json(&5.into()), None)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaBundle {
    /// The schemas, by the xids of their versions.
    schemas: BTreeMap<Xid, Arc<BundledSchema>>,
    /// What a schema's xid without a version means.
    names: BTreeMap<Xid, Xid>,
}

/// A version of a schema in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledSchema {
    /// What it is written in.
    pub format: SchemaFormat,
    /// How a JSON Schema is written.
    pub notation: Notation,
    /// Its text, byte for byte.
    pub text: String,
    /// What its attribute `references` names: each version in the bundle by the name that the text
    /// uses.
    pub references: Vec<(String, Xid)>,
}

impl BundledSchema {
    /// A schema that names no others beside its text.
    #[must_use]
    pub fn new(format: SchemaFormat, text: impl Into<String>) -> Self {
        Self { format, notation: Notation::Json, text: text.into(), references: Vec::new() }
    }
}

/// Why bytes aren't a bundle, or a bundle can't be written.
#[derive(Debug, Error)]
pub enum SchemaBundleError {
    /// There are too many.
    #[error("it has more than {BUNDLE_BYTES_MAX} bytes")]
    TooLarge,
    /// They aren't JSON: something is missing at the end, or was never there.
    #[error("it is cut off, or isn't a bundle of schemas: {0}")]
    Json(String),
    /// They are JSON of another form.
    #[error("it isn't a bundle of schemas: {0}")]
    Form(String),
    /// It is a bundle of a form that isn't known here.
    #[error("it is a bundle of the form {0:?}, and only {FORM:?} is known here")]
    Version(String),
    /// The text of a schema isn't the one that was written.
    #[error("the text of {0} was changed: it hasn't the digest that stands beside it")]
    Text(Xid),
    /// Something else isn't as it was written.
    #[error("it was changed: it hasn't the digest that stands in it")]
    Changed,
    /// A name in it leads to nothing.
    #[error("it lacks {missing}, which {by} names")]
    Incomplete {
        /// What isn't there.
        missing: Box<Xid>,
        /// What names it.
        by: Box<Xid>,
    },
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BundleFile {
    form: String,
    /// The SHA-256 of the canonical JSON of the other members.
    digest: String,
    names: BTreeMap<String, String>,
    schemas: BTreeMap<String, SchemaInFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaInFile {
    /// The SHA-256 of the text.
    digest: String,
    format: String,
    notation: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<ReferenceInFile>,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceInFile {
    name: String,
    xid: String,
}

impl SchemaBundle {
    /// Adds a version of a schema; what it refers to must be added, too.
    pub fn add(&mut self, version: Xid, schema: BundledSchema) {
        self.schemas.insert(version, Arc::new(schema));
    }

    /// Says which version is meant by a schema's xid.
    pub fn name(&mut self, schema: Xid, version: Xid) {
        self.names.insert(schema, version);
    }

    /// The version that an xid means, with or without a version, and its schema.
    #[must_use]
    pub fn find(&self, xid: &Xid) -> Option<(&Xid, &Arc<BundledSchema>)> {
        let version = self.names.get(xid).unwrap_or(xid);
        self.schemas.get_key_value(version)
    }

    /// All versions in it, in order.
    pub fn versions(&self) -> impl Iterator<Item = (&Xid, &Arc<BundledSchema>)> {
        self.schemas.iter()
    }

    /// The xids without a version, each with the version that it means.
    pub fn names(&self) -> impl Iterator<Item = (&Xid, &Xid)> {
        self.names.iter()
    }

    /// The bytes of the bundle: canonical JSON, so the same schemas give the same bytes.
    ///
    /// # Errors
    /// A name leads to nothing, or there are too many bytes.
    pub fn write(&self) -> Result<Vec<u8>, SchemaBundleError> {
        self.check_complete()?;
        let text = |(key, value): (&Xid, &Xid)| (key.to_string(), value.to_string());
        let mut file = BundleFile {
            form: FORM.to_owned(),
            digest: String::new(),
            names: self.names.iter().map(text).collect(),
            schemas: self.schemas.iter().map(|(xid, own)| (xid.to_string(), own.file())).collect(),
        };
        file.digest = digest_of(&file)?;
        let bytes = json::to_canonical(&value_of(&file)?);
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(SchemaBundleError::TooLarge);
        }
        Ok(bytes)
    }

    /// Reads a bundle, and checks that it is whole and unchanged.
    ///
    /// # Errors
    /// See [`SchemaBundleError`].
    pub fn read(bytes: &[u8]) -> Result<Self, SchemaBundleError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(SchemaBundleError::TooLarge);
        }
        let value =
            json::parse(bytes).map_err(|error| SchemaBundleError::Json(error.to_string()))?;
        match value.get("form").map(|form| form.as_str().unwrap_or_default()) {
            Some(FORM) => {}
            Some(other) => {
                return Err(SchemaBundleError::Version(other.chars().take(100).collect()));
            }
            None => return Err(SchemaBundleError::Form("it has no member \"form\"".to_owned())),
        }
        let form = |error: &dyn std::fmt::Display| SchemaBundleError::Form(error.to_string());
        let file: BundleFile = serde_json::from_value(value).map_err(|error| form(&error))?;
        let xid = |text: &str| text.parse::<Xid>().map_err(|error| form(&error));
        let mut bundle = Self::default();
        for (name, own) in &file.schemas {
            let (version, schema) = (xid(name)?, own.read()?);
            if Digest::of(own.text.as_bytes()).to_string() != own.digest {
                return Err(SchemaBundleError::Text(version));
            }
            bundle.add(version, schema);
        }
        if digest_of(&file)? != file.digest {
            return Err(SchemaBundleError::Changed);
        }
        for (name, version) in &file.names {
            bundle.name(xid(name)?, xid(version)?);
        }
        bundle.check_complete()?;
        Ok(bundle)
    }

    /// Whether all names lead to something.
    fn check_complete(&self) -> Result<(), SchemaBundleError> {
        let of_schemas = self
            .schemas
            .iter()
            .flat_map(|(by, own)| own.references.iter().map(move |(_, version)| (by, version)));
        for (by, version) in self.names.iter().chain(of_schemas) {
            if !self.schemas.contains_key(version) {
                let (missing, by) = (version.clone().into(), by.clone().into());
                return Err(SchemaBundleError::Incomplete { missing, by });
            }
        }
        Ok(())
    }
}

impl BundledSchema {
    fn file(&self) -> SchemaInFile {
        let reference = |(name, xid): &(String, Xid)| ReferenceInFile {
            name: name.clone(),
            xid: xid.to_string(),
        };
        SchemaInFile {
            digest: Digest::of(self.text.as_bytes()).to_string(),
            format: self.format.to_string(),
            notation: self.notation.name().to_owned(),
            references: self.references.iter().map(reference).collect(),
            text: self.text.clone(),
        }
    }
}

impl SchemaInFile {
    fn read(&self) -> Result<BundledSchema, SchemaBundleError> {
        let form = |what: String| SchemaBundleError::Form(what);
        let format = self.format.parse();
        let format = format.map_err(|error: crate::UnknownFormat| form(error.to_string()))?;
        let notation = [Notation::Json, Notation::Yaml];
        let notation = notation.into_iter().find(|one| one.name() == self.notation);
        let notation =
            notation.ok_or_else(|| form(format!("{:.100?} isn't a notation", self.notation)))?;
        let reference = |one: &ReferenceInFile| match one.xid.parse::<Xid>() {
            Ok(xid) => Ok((one.name.clone(), xid)),
            Err(error) => Err(form(error.to_string())),
        };
        let references = self.references.iter().map(reference).collect::<Result<_, _>>()?;
        Ok(BundledSchema { format, notation, text: self.text.clone(), references })
    }
}

fn value_of(file: &BundleFile) -> Result<Value, SchemaBundleError> {
    serde_json::to_value(file).map_err(|error| SchemaBundleError::Form(error.to_string()))
}

/// The digest of everything but the digest.
fn digest_of(file: &BundleFile) -> Result<String, SchemaBundleError> {
    let mut value = value_of(file)?;
    if let Value::Object(members) = &mut value {
        members.remove("digest");
    }
    Ok(Digest::of(&json::to_canonical(&value)).to_string())
}

#[cfg(test)]
mod tests;
