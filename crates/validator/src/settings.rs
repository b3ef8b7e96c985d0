use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use muster_client::{
    AddressError, TrustedRoots,
    site::{FolderSource, SiteOptions, SiteReader, SiteSource, UrlSource},
};
use muster_schema::{SchemaBundleError, SchemaFormat, UnknownFormat};
use muster_words::json::Value;
use serde::Deserialize;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::{
    BundledSchemas, LocalSchema, LocalSchemaError, PayloadValidator, Precompile, PublishedSchemas,
    RegistrySchemas, ValidatorOptions, ValidatorSource, local_bundle, local_folder,
};

/// What an application says of its validator, in the words of the packages for other languages:
/// members are written as `cacheTTL` or as `cache_ttl`.
///
/// ```
/// use muster_validator::ValidatorSettings;
///
/// let settings: ValidatorSettings =
///     serde_json::from_str(r#"{"localSchemas": {"size": {"type": "integer"}}}"#)?;
/// let (_validator, _precompile) = settings.build(None, None)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ValidatorSettings {
    /// Which sources are asked, in which order; all that are given, if nothing is said.
    #[serde(alias = "schema_source")]
    schema_source: Option<ChosenSources>,
    /// A registry or a published site.
    registry: Option<RegistrySettings>,
    /// A folder, or schemas by their names.
    #[serde(alias = "local_schemas")]
    local_schemas: Option<LocalSettings>,
    /// The path of a file of `muster schema bundle`.
    bundle: Option<PathBuf>,
    performance: PerformanceSettings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ChosenSources {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegistrySettings {
    /// The address of a server; of a site also a folder.
    url: String,
    #[serde(alias = "api_key")]
    api_key: Option<String>,
    /// Whether the address is that of a published site.
    #[serde(default)]
    site: bool,
    /// The public key that must have signed the site's manifest.
    key: Option<String>,
    #[serde(alias = "cache_enabled")]
    cache_enabled: Option<bool>,
    /// In seconds.
    #[serde(rename = "cacheTTL", alias = "cache_ttl", alias = "cacheTtl")]
    cache_ttl: Option<f64>,
    /// In seconds.
    #[serde(alias = "stale_while_revalidate")]
    stale_while_revalidate: Option<f64>,
    /// In seconds.
    timeout: Option<f64>,
    /// A file of certificates that may sign the server's.
    #[serde(alias = "ca_cert")]
    ca_cert: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum LocalSettings {
    Folder(PathBuf),
    Schemas(BTreeMap<String, Value>),
}

/// A local schema that isn't only its text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSchema {
    format: String,
    schema: Value,
    /// The local names of other schemas, by the names that the text uses.
    #[serde(default)]
    references: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct PerformanceSettings {
    #[serde(alias = "cache_size")]
    cache_size: Option<usize>,
    #[serde(alias = "cache_bytes")]
    cache_bytes: Option<usize>,
    #[serde(alias = "precompile_schemas")]
    precompile_schemas: Option<ChosenSchemas>,
    #[serde(alias = "lazy_load")]
    lazy_load: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ChosenSchemas {
    All(bool),
    Named(Vec<String>),
}

/// Why settings give no validator.
#[derive(Debug, Error)]
pub enum ValidatorSettingsError {
    /// A value isn't one of those that there are.
    #[error("{0}")]
    Option(String),
    /// The address can't be used.
    #[error("registry.url: {0}")]
    Address(#[from] AddressError),
    /// The local schemas can't be used.
    #[error("the local schemas can't be used: {0}")]
    Local(#[from] LocalSchemaError),
    /// The bundle can't be used.
    #[error("the bundle can't be used: {0}")]
    Bundle(#[from] SchemaBundleError),
    /// A file can't be read.
    #[error("{}: {error}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The format of a local schema isn't known.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
}

impl ValidatorSettingsError {
    /// Whether what was read has another form, and no option is wrong.
    #[must_use]
    pub const fn is_of_data(&self) -> bool {
        matches!(self, Self::Bundle(_) | Self::Local(LocalSchemaError::Bundle(_)))
    }
}

/// A source by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceName {
    Local,
    Remote,
    Embedded,
}

/// A year: more is a mistake.
const SECONDS_MAX: f64 = 365.0 * 24.0 * 3_600.0;

impl ValidatorSettings {
    /// The validator, and what it should compile before it is needed. `bundle` is the bytes of a
    /// bundle that isn't in a file; `runtime` runs refreshes.
    ///
    /// # Errors
    /// See [`ValidatorSettingsError`].
    pub fn build(
        self,
        bundle: Option<&[u8]>,
        runtime: Option<Handle>,
    ) -> Result<(PayloadValidator, Precompile), ValidatorSettingsError> {
        let options = self.options(runtime)?;
        let mut sources = Vec::new();
        for name in self.chosen(bundle.is_some())? {
            sources.push(self.source(name, bundle, &options)?);
        }
        let precompile = match (&self.performance.precompile_schemas, self.performance.lazy_load) {
            (Some(ChosenSchemas::Named(names)), _) => Precompile::Named(names.clone()),
            (Some(ChosenSchemas::All(true)), _) | (_, Some(false)) => Precompile::All,
            _ => Precompile::Nothing,
        };
        Ok((PayloadValidator::new(sources, options), precompile))
    }

    fn options(&self, runtime: Option<Handle>) -> Result<ValidatorOptions, ValidatorSettingsError> {
        let mut options = ValidatorOptions { runtime, ..ValidatorOptions::default() };
        if let Some(registry) = &self.registry {
            for (name, given, option) in [
                ("registry.cacheTTL", registry.cache_ttl, &mut options.cache_ttl),
                (
                    "registry.staleWhileRevalidate",
                    registry.stale_while_revalidate,
                    &mut options.stale_while_revalidate,
                ),
                ("registry.timeout", registry.timeout, &mut options.timeout),
            ] {
                let Some(seconds) = given else { continue };
                if !(0.0..=SECONDS_MAX).contains(&seconds) {
                    return Err(wrong(format!("{name} is no time in seconds: {seconds}")));
                }
                *option = Duration::from_secs_f64(seconds);
            }
            options.cache_enabled = registry.cache_enabled.unwrap_or(true);
        }
        let own = &self.performance;
        options.schemas_max = own.cache_size.unwrap_or(options.schemas_max);
        options.bytes_max = own.cache_bytes.unwrap_or(options.bytes_max);
        if options.schemas_max == 0 {
            return Err(wrong("performance.cacheSize is 1 or more"));
        }
        Ok(options)
    }

    /// The sources that are asked, in their order.
    fn chosen(&self, has_bytes: bool) -> Result<Vec<SourceName>, ValidatorSettingsError> {
        let given = |name: SourceName| match name {
            SourceName::Local => self.local_schemas.is_some(),
            SourceName::Remote => self.registry.is_some(),
            SourceName::Embedded => self.bundle.is_some() || has_bytes,
        };
        let all = [SourceName::Local, SourceName::Remote, SourceName::Embedded];
        let names = match &self.schema_source {
            None => Vec::new(),
            Some(ChosenSources::One(name)) => vec![name.as_str()],
            Some(ChosenSources::Several(names)) => names.iter().map(String::as_str).collect(),
        };
        let mut chosen = Vec::new();
        for name in names {
            let (source, lacks) = match name {
                "hybrid" => {
                    chosen.extend(all.into_iter().filter(|name| given(*name)));
                    continue;
                }
                "local" => (SourceName::Local, "localSchemas"),
                "remote" | "registry" => (SourceName::Remote, "registry"),
                "embedded" | "bundle" => (SourceName::Embedded, "bundle"),
                other => {
                    let what = "they are remote, local, embedded and hybrid";
                    return Err(wrong(format!("schemaSource: {other:?} is no source; {what}")));
                }
            };
            if !given(source) {
                return Err(wrong(format!("schemaSource is {name:?}, and {lacks} isn't given")));
            }
            chosen.push(source);
        }
        if self.schema_source.is_none() {
            chosen = all.into_iter().filter(|name| given(*name)).collect();
        }
        match chosen.is_empty() {
            true => Err(wrong("no schemas are given: name a registry, localSchemas or a bundle")),
            false => Ok(chosen),
        }
    }

    fn source(
        &self,
        name: SourceName,
        bytes: Option<&[u8]>,
        options: &ValidatorOptions,
    ) -> Result<Box<dyn ValidatorSource>, ValidatorSettingsError> {
        match (name, &self.registry, &self.local_schemas) {
            (SourceName::Remote, Some(registry), _) => registry.source(options),
            (SourceName::Local, _, Some(local)) => local.source(),
            _ => Ok(Box::new(match (bytes, &self.bundle) {
                (Some(bytes), _) => BundledSchemas::read(bytes, "the bundle")?,
                (None, Some(file)) => {
                    let read = fs::read(file);
                    let file = || file.clone();
                    let bytes =
                        read.map_err(|error| ValidatorSettingsError::File { file: file(), error })?;
                    BundledSchemas::read(&bytes, file().display().to_string())?
                }
                (None, None) => return Err(wrong("bundle isn't given")),
            })),
        }
    }
}

impl RegistrySettings {
    fn source(
        &self,
        options: &ValidatorOptions,
    ) -> Result<Box<dyn ValidatorSource>, ValidatorSettingsError> {
        let roots = self.ca_cert.clone().map_or(TrustedRoots::System, TrustedRoots::File);
        if !self.site {
            let key = self.api_key.as_deref();
            let source = RegistrySchemas::at(&self.url, key, options.timeout, &roots)?;
            return Ok(Box::new(source));
        }
        let source: Arc<dyn SiteSource> = match self.url.contains("://") {
            true => Arc::new(UrlSource::new(&self.url, options.timeout, &roots)?),
            false => Arc::new(FolderSource::new(Path::new(&self.url).to_owned())),
        };
        let key = self.key.as_deref().map(|key| key.trim().parse());
        let key = key.transpose().map_err(|_| wrong("registry.key isn't a public key"))?;
        // The validator's own life of a schema is the outer one, so the site is asked by it alone.
        let reading = SiteOptions {
            cache_ttl: match options.cache_enabled {
                true => options.cache_ttl / 2,
                false => Duration::ZERO,
            },
            max_retries: 1,
            timeout: options.timeout,
            key,
            ..SiteOptions::default()
        };
        let reader = SiteReader::new(vec![source], reading);
        Ok(Box::new(PublishedSchemas::new(reader, self.url.clone())))
    }
}

impl LocalSettings {
    fn source(&self) -> Result<Box<dyn ValidatorSource>, ValidatorSettingsError> {
        let (bundle, place) = match self {
            Self::Folder(folder) => (local_folder(folder)?, folder.display().to_string()),
            Self::Schemas(schemas) => {
                let read = schemas.iter().map(|(name, own)| Ok((name.clone(), local(name, own)?)));
                let read: Vec<_> = read.collect::<Result<_, ValidatorSettingsError>>()?;
                (local_bundle(read)?, "the local schemas".to_owned())
            }
        };
        Ok(Box::new(BundledSchemas::new(bundle, place)?))
    }
}

/// A local schema: its text, its JSON, or an object with its format.
fn local(name: &str, own: &Value) -> Result<LocalSchema, ValidatorSettingsError> {
    let is_written = own.get("format").is_some() && own.get("schema").is_some();
    if is_written {
        let written = WrittenSchema::deserialize(own);
        let written = written.map_err(|error| wrong(format!("localSchemas.{name}: {error}")))?;
        let format: SchemaFormat = written.format.parse()?;
        let references = written.references.into_iter().collect();
        return Ok(LocalSchema { format, text: text_of(&written.schema), references });
    }
    let format = match own {
        Value::String(_) => SchemaFormat::of_file(name),
        Value::Object(_) | Value::Bool(_) => SchemaFormat::JsonSchema,
        _ => {
            let what = "isn't a schema: give its text, its JSON, or {format, schema}";
            return Err(wrong(format!("localSchemas.{name} {what}")));
        }
    };
    Ok(LocalSchema::new(format, text_of(own)))
}

fn text_of(schema: &Value) -> String {
    match schema {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn wrong(what: impl Into<String>) -> ValidatorSettingsError {
    ValidatorSettingsError::Option(what.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    fn built(settings: Value) -> Result<(PayloadValidator, Precompile), String> {
        let read: Result<ValidatorSettings, _> = serde_json::from_value(settings);
        let read = read.map_err(|error| error.to_string())?;
        read.build(None, None).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_both_spellings_and_refuses_what_it_does_not_know() {
        let local = json!({"size": {"type": "integer"}});
        let registry = json!({"url": "http://127.0.0.1:1", "apiKey": "k"});
        for (settings, expect) in [
            (json!({}), Err("no schemas are given")),
            (json!({"localSchemas": local}), Ok((1, Precompile::Nothing))),
            (
                json!({"local_schemas": local, "schema_source": "local"}),
                Ok((1, Precompile::Nothing)),
            ),
            (
                json!({"localSchemas": local, "registry": registry, "schemaSource": "hybrid",
                    "performance": {"precompileSchemas": true}}),
                Ok((2, Precompile::All)),
            ),
            (
                json!({"localSchemas": local, "registry": registry, "schemaSource": ["remote"],
                    "performance": {"precompile_schemas": ["size"], "cacheSize": 5}}),
                Ok((1, Precompile::Named(vec!["size".to_owned()]))),
            ),
            (
                json!({"localSchemas": local, "performance": {"lazyLoad": false}}),
                Ok((1, Precompile::All)),
            ),
            (json!({"localSchemas": local, "schemaSource": "remote"}), Err("registry isn't given")),
            (json!({"localSchemas": local, "schemaSource": "cloud"}), Err("is no source")),
            (json!({"localSchemas": local, "cacheSize": 1}), Err("unknown field")),
            (json!({"localSchemas": {"size": 5}}), Err("localSchemas.size isn't a schema")),
            (json!({"registry": {"url": "ftp://x"}}), Err("registry.url")),
            (json!({"registry": {"url": "http://x", "cacheTTL": -1}}), Err("registry.cacheTTL")),
            (json!({"localSchemas": local, "performance": {"cacheSize": 0}}), Err("1 or more")),
            (json!({"bundle": "/ghost.bundle"}), Err("/ghost.bundle")),
            (
                json!({"localSchemas": {"a": {"format": "xml", "schema": ""}}}),
                Err("isn't a format of schemas"),
            ),
        ] {
            match (built(settings.clone()), expect) {
                (Ok((validator, precompile)), Ok((sources, expect))) => {
                    assert_eq!(validator.status().sources.len(), sources, "{settings}");
                    assert_eq!(precompile, expect, "{settings}");
                }
                (Err(why), Err(expect)) => assert!(why.contains(expect), "{settings}: {why}"),
                (found, expect) => assert_eq!(found.is_ok(), expect.is_ok(), "{settings}"),
            }
        }
    }

    #[tokio::test]
    async fn local_schemas_are_texts_or_json_or_say_their_format() {
        let settings = json!({"localSchemas": {
            "text": "type: integer",
            "value": {"type": "integer"},
            "word": {"format": "avro", "schema": "\"int\""},
            "money.proto": "syntax = \"proto3\"; message M { int32 cents = 1; }",
            "all": {"format": "avro", "schema": {"type": "array", "items": "Id"},
                "references": {"Id": "ids"}},
            "ids": {"format": "avro", "schema": {"type": "fixed", "name": "Id", "size": 2}},
        }});
        let (validator, _) = built(settings).unwrap();
        for (name, good, bad) in [
            ("text", json!(1), json!("x")),
            ("value", json!(1), json!("x")),
            ("word", json!(1), json!("x")),
            ("money.proto", json!({"cents": 1}), json!({"cents": "x"})),
            ("all", json!(["ab"]), json!(["abc"])),
        ] {
            for (payload, expect) in [(good, true), (bad, false)] {
                let payload = muster_schema::Payload::Json(&payload);
                let checked = validator.check(name, payload, None).await.unwrap();
                assert_eq!(checked.valid, expect, "{name}");
            }
        }
    }
}
