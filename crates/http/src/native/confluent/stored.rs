//! The registered schemas that a caller sees, and their texts.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use muster_catalog::{
    Content,
    registration::{GroupRegistrations, Registration, version_number},
    state::Version,
};
use muster_registry::{FetchError, Registry, stoppable_read};
use muster_schema::{
    FormattedSchema, IdentityParts, NoSources, ReferencedVersion, SchemaContext, SchemaFormat,
    SchemaGuid, Violation, json_schema_text,
};
use muster_wire::confluent::{ConfluentReference, ConfluentSchema};
use muster_words::{Coverage, Id, Permission, Xid};
use serde_json::{Map, Value};

use super::{
    Door,
    names::{Context, Subject, qualified},
    problem::DoorError,
};
use crate::{submit::check, xregistry::problem_of_fetch};

/// The bytes up to which a schema is read at once: it takes less than a millisecond.
pub(super) const SHORT_SCHEMA_BYTES: usize = 8 * 1024;

/// The most schemas that one refers to, directly or not.
const REFERENCED_MAX: usize = 1_000;

/// Which versions are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Live,
    All,
    Deleted,
}

/// A registered version of a schema, deleted or not.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub xid: Xid,
    pub context: Context,
    /// The subject's name in its context.
    pub subject: Arc<str>,
    pub number: u32,
    pub registration: Arc<Registration>,
    pub version: Arc<Version>,
    pub is_deleted: bool,
}

/// The same with what it says beside its document.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub entry: Entry,
    pub format: Option<SchemaFormat>,
    pub references: Vec<ConfluentReference>,
    pub metadata: Option<Value>,
    pub rule_set: Option<Value>,
}

/// The same with its document.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub entry: Entry,
    pub format: SchemaFormat,
    pub references: Vec<ConfluentReference>,
    pub metadata: Option<Value>,
    pub rule_set: Option<Value>,
    bytes: Bytes,
}

impl Entry {
    pub(super) fn qualified(&self) -> String {
        qualified(&self.context, &self.subject)
    }
}

impl Door {
    /// The same with what is there now.
    pub(super) fn renewed(&self) -> Self {
        let scope = self.caller.principal.scope.clone();
        Self { view: self.native.registry.view().seen_within(scope), ..self.clone() }
    }

    /// Asks the guard for a permission at a place.
    pub(super) fn check(&self, permission: Permission, place: &str) -> Result<(), DoorError> {
        check(&self.caller.principal, permission, place).map(|_| ()).map_err(DoorError::from)
    }

    /// Whether the caller may see an entity.
    pub(super) fn sees(&self, xid: &Xid) -> bool {
        let within = self.view.within();
        within.is_none_or(|within| within.coverage(&xid.to_string()) == Coverage::Within)
    }

    /// The registrations of a context.
    pub(super) fn registrations(&self, context: &Context) -> Option<&GroupRegistrations> {
        self.view.catalog().registrations.group(&context.0)
    }

    /// A registered version that the caller may see; none if there is none of this kind.
    pub(super) fn entry(
        &self,
        context: &Context,
        resource: &Id,
        number: u32,
        shown: Shown,
    ) -> Option<Entry> {
        let catalog = self.view.catalog();
        let registration = self.registrations(context)?.version(resource, number)?.clone();
        let resource_xid = schema(context, resource)?;
        if !self.sees(&resource_xid) {
            return None;
        }
        let xid = resource_xid.version(number.to_string().parse().ok()?)?;
        let live = catalog.version_at(&xid).cloned();
        let is_deleted = live.is_none();
        let is_meant = match shown {
            Shown::Live => !is_deleted,
            Shown::All => true,
            Shown::Deleted => is_deleted,
        };
        let version = live.or_else(|| catalog.deleted_version(&xid)).filter(|_| is_meant)?;
        if !version.state.is_published() {
            return None;
        }
        let subject = registration.subject.clone().unwrap_or_else(|| resource.as_str().into());
        let context = context.clone();
        Some(Entry { xid, context, subject, number, registration, version, is_deleted })
    }

    /// The versions of a subject, oldest first.
    pub(super) fn versions(&self, subject: &Subject, shown: Shown) -> Vec<Entry> {
        let mut all = self.newest(subject, shown, usize::MAX);
        all.reverse();
        all
    }

    /// So many of a subject's versions, newest first.
    pub(super) fn newest(&self, subject: &Subject, shown: Shown, at_most: usize) -> Vec<Entry> {
        let Some(xid) = subject.xid(self.view.catalog()) else { return Vec::new() };
        let Some(resource) = xid.id() else { return Vec::new() };
        let Some(registrations) = self.registrations(&subject.context) else { return Vec::new() };
        let numbers = registrations.versions(resource).rev().map(|(number, _)| number);
        let entries =
            numbers.filter_map(|number| self.entry(&subject.context, resource, number, shown));
        entries.take(at_most).collect()
    }

    /// The newest version of a subject with this schema.
    pub(super) fn with_guid(
        &self,
        subject: &Subject,
        guid: &SchemaGuid,
        shown: Shown,
    ) -> Option<Entry> {
        let registrations = self.registrations(&subject.context)?;
        // A schema that is new to the context is in none of the subject's versions.
        registrations.id_of(guid)?;
        let xid = subject.xid(self.view.catalog())?;
        let resource = xid.id()?;
        let same = registrations.versions(resource).rev().filter(|(_, own)| own.guid == *guid);
        let mut same = same.map(|(number, _)| number);
        same.find_map(|number| self.entry(&subject.context, resource, number, shown))
    }

    /// The version with this name: a number, `latest` or −1.
    pub(super) fn version(
        &self,
        subject: &Subject,
        name: &str,
        shown: Shown,
    ) -> Result<Entry, DoorError> {
        let asked = VersionName::of(name)?;
        let shown = if shown == Shown::Deleted { Shown::All } else { shown };
        let no_subject = || DoorError::no_subject(&subject.qualified());
        let xid = subject.xid(self.view.catalog()).ok_or_else(no_subject)?;
        let resource = xid.id().ok_or_else(no_subject)?;
        let registrations = self.registrations(&subject.context).ok_or_else(no_subject)?;
        let entry = |number| self.entry(&subject.context, resource, number, shown);
        let mut numbers = registrations.versions(resource).map(|(number, _)| number);
        let found = match asked {
            VersionName::Latest => numbers.rev().find_map(entry),
            VersionName::Number(number) => match entry(number) {
                Some(found) => Some(found),
                // Another version is there, but not this one.
                None if numbers.any(|number| entry(number).is_some()) => {
                    return Err(DoorError::no_version(name));
                }
                None => None,
            },
        };
        found.ok_or_else(no_subject)
    }

    /// The versions with an id in a context.
    pub(super) fn with_id(&self, context: &Context, id: u32, shown: Shown) -> Vec<Entry> {
        let Some(registrations) = self.registrations(context) else { return Vec::new() };
        let users = registrations.users(id);
        users
            .filter_map(|(resource, number)| self.entry(context, resource, *number, shown))
            .collect()
    }

    /// Reads versions with their attributes and documents. A purged one is left out.
    pub(super) async fn load(&self, entries: Vec<Entry>) -> Result<Vec<Loaded>, DoorError> {
        let documents: Vec<Content> =
            entries.iter().filter_map(|entry| entry.version.document).collect();
        let bytes = self.native.registry.contents(&documents).await.map_err(failed)?;
        let mut bytes = bytes.into_iter();
        let mut loaded = Vec::new();
        for Described { entry, format, references, metadata, rule_set } in
            self.describe(entries).await?
        {
            let bytes = entry.version.document.and_then(|_| bytes.next()).flatten();
            let (Some(bytes), Some(format)) = (bytes, format) else { continue };
            loaded.push(Loaded { entry, format, references, metadata, rule_set, bytes });
        }
        Ok(loaded)
    }

    /// Reads what versions say beside their documents, which may be large.
    pub(super) async fn describe(&self, entries: Vec<Entry>) -> Result<Vec<Described>, DoorError> {
        let attributes: Vec<Content> =
            entries.iter().filter_map(|entry| entry.version.attributes).collect();
        let maps = self.native.registry.attributes(&attributes).await.map_err(failed)?;
        let mut maps = maps.into_iter();
        let described = entries.into_iter().map(|entry| {
            let map = entry.version.attributes.and_then(|_| maps.next()).unwrap_or_default();
            let named = map.get("format").and_then(Value::as_str);
            let format = SchemaFormat::of_stored(named, entry.version.content_type.as_deref());
            let references = map.get("references").cloned();
            let references = references.and_then(|sent| serde_json::from_value(sent).ok());
            let references = references.unwrap_or_default();
            let value = |name: &str| map.get(name).filter(|sent| !sent.is_null()).cloned();
            let (metadata, rule_set) = (value("metadata"), value("ruleset"));
            Described { entry, format, references, metadata, rule_set }
        });
        Ok(described.collect())
    }

    /// Reads one version.
    pub(super) async fn load_one(&self, entry: Entry) -> Result<Loaded, DoorError> {
        let loaded = self.load(vec![entry]).await?.pop();
        loaded.ok_or_else(DoorError::no_schema)
    }

    /// The text of a schema as this API shows it. What was registered here is stored like that.
    pub(super) async fn text(&self, loaded: &Loaded) -> Result<String, DoorError> {
        let sent = String::from_utf8_lossy(&loaded.bytes);
        if loaded.guid_of(&sent) == loaded.entry.registration.guid {
            return Ok(sent.into_owned());
        }
        if loaded.format == SchemaFormat::JsonSchema {
            return Ok(json_schema_text(&loaded.bytes));
        }
        let schema = self.schema(loaded).await?;
        Ok(schema.confluent_text(&loaded.bytes))
    }

    /// A stored schema, understood.
    pub(super) async fn schema(&self, loaded: &Loaded) -> Result<Arc<FormattedSchema>, DoorError> {
        let texts = self.texts(&loaded.entry.context, &loaded.references).await?;
        let parsed = self.parse(loaded.format, &loaded.bytes, &texts).await?;
        parsed.map_err(DoorError::invalid_schema)
    }

    /// Understands a schema; what is wrong with it in one line.
    pub(super) async fn parse(
        &self,
        format: SchemaFormat,
        bytes: &[u8],
        texts: &[(String, String)],
    ) -> Result<Result<Arc<FormattedSchema>, String>, DoorError> {
        let parsing = async { self.parse_now(format, bytes, texts) };
        match texts.is_empty() && bytes.len() <= SHORT_SCHEMA_BYTES {
            true => parsing.await,
            false => self.long(parsing).await,
        }
    }

    fn parse_now(
        &self,
        format: SchemaFormat,
        bytes: &[u8],
        texts: &[(String, String)],
    ) -> Result<Result<Arc<FormattedSchema>, String>, DoorError> {
        let texts: Vec<(&str, &str)> =
            texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let context =
            SchemaContext { home: None, sources: &NoSources, texts: &texts, notation: None };
        let parse = || self.native.registry.parsed_schema(format, bytes, &context);
        let parsed = stoppable_read(self.until, parse)
            .map_err(|_| DoorError::unprocessable("reading the schema takes too long"))?;
        Ok(parsed.map_err(|violations| one_line(&violations)))
    }

    /// The texts of everything that references lead to, each after what it refers to itself.
    pub(super) async fn texts(
        &self,
        context: &Context,
        references: &[ConfluentReference],
    ) -> Result<Vec<(String, String)>, DoorError> {
        let mut walk = ReferenceWalk::default();
        Box::pin(self.follow(context, references, &mut walk)).await?;
        Ok(walk.texts)
    }

    async fn follow(
        &self,
        context: &Context,
        references: &[ConfluentReference],
        walk: &mut ReferenceWalk,
    ) -> Result<(), DoorError> {
        for reference in references {
            if !walk.seen.insert(reference.name.clone()) {
                continue;
            }
            if walk.seen.len() > REFERENCED_MAX {
                let what = format!("it refers to more than {REFERENCED_MAX} schemas");
                return Err(DoorError::invalid_schema(what));
            }
            let entry = self.referenced(context, reference)?;
            let loaded = self.load_one(entry).await?;
            let own = loaded.references.clone();
            Box::pin(self.follow(&loaded.entry.context.clone(), &own, walk)).await?;
            let text = String::from_utf8_lossy(&loaded.bytes).into_owned();
            walk.texts.push((reference.name.clone(), text));
        }
        Ok(())
    }

    /// The version that a reference names.
    pub(super) fn referenced(
        &self,
        context: &Context,
        reference: &ConfluentReference,
    ) -> Result<Entry, DoorError> {
        let ConfluentReference { subject, version, .. } = reference;
        let missing = || {
            DoorError::invalid_schema(format!(
                "Invalid schema: No schema reference found for subject \"{subject}\" and version \
                 {version}"
            ))
        };
        let subject = Subject::named(subject, context).map_err(|_| missing())?;
        self.version(&subject, &version.to_string(), Shown::All).map_err(|_| missing())
    }
}

fn one_line(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations
        .iter()
        .map(|one| match one.pointer.as_str() {
            "" => one.message.clone(),
            pointer => format!("{pointer}: {}", one.message),
        })
        .collect();
    lines.join("; ")
}

/// What was found on the way along references.
#[derive(Default)]
struct ReferenceWalk {
    seen: BTreeSet<String>,
    texts: Vec<(String, String)>,
}

impl Loaded {
    fn guid_of(&self, text: &str) -> SchemaGuid {
        let references = identity_references(&self.references);
        let (metadata, rule_set) = (self.metadata.as_ref(), self.rule_set.as_ref());
        SchemaGuid::of(text, IdentityParts { references: &references, metadata, rule_set })
    }

    /// The schema as clients read it, without its subject.
    pub(super) fn shown(&self, text: String) -> ConfluentSchema {
        let registration = &self.entry.registration;
        ConfluentSchema {
            id: Some(registration.id),
            guid: Some(registration.guid.to_string()),
            schema_type: shown_type(self.format),
            references: self.references.clone(),
            metadata: self.metadata.clone(),
            rule_set: self.rule_set.clone(),
            schema: Some(text),
            ts: Some(registration.registered),
            deleted: Some(self.entry.is_deleted).filter(|deleted| *deleted),
            ..ConfluentSchema::default()
        }
    }

    /// The same as a version of its subject.
    pub(super) fn shown_as_version(&self, text: String) -> ConfluentSchema {
        ConfluentSchema {
            subject: Some(self.entry.qualified()),
            version: Some(self.entry.number),
            ..self.shown(text)
        }
    }
}

/// The bytes of the documents of versions.
pub(super) fn bytes_of(entries: &[Entry]) -> u64 {
    let sizes = entries.iter().filter_map(|entry| entry.version.document);
    sizes.map(|document| u64::from(document.size)).sum()
}

/// The type of a schema, which is left out for Avro.
pub(super) fn shown_type(format: SchemaFormat) -> Option<String> {
    (format != SchemaFormat::Avro).then(|| format.confluent_name().to_owned())
}

/// References as a schema's identity has them.
pub(super) fn identity_references(references: &[ConfluentReference]) -> Vec<ReferencedVersion> {
    let plain = |reference: &ConfluentReference| ReferencedVersion {
        name: reference.name.clone(),
        subject: reference.subject.clone(),
        version: reference.version,
    };
    references.iter().map(plain).collect()
}

/// The name of a version in a path.
enum VersionName {
    Latest,
    Number(u32),
}

impl VersionName {
    fn of(text: &str) -> Result<Self, DoorError> {
        if text.eq_ignore_ascii_case("latest") || text == "-1" {
            return Ok(Self::Latest);
        }
        let number = text.parse::<Id>().ok().as_ref().and_then(version_number);
        number.map(Self::Number).ok_or_else(|| {
            DoorError::new(
                42202,
                format!(
                    "The specified version '{text}' is not a valid version id. Allowed values are \
                     between [1, 2^31-1] and the string \"latest\" and the string \"-1\""
                ),
            )
        })
    }
}

/// Whether a text names a version.
pub(super) fn check_version_name(text: &str) -> Result<(), DoorError> {
    VersionName::of(text).map(|_| ())
}

fn schema(context: &Context, resource: &Id) -> Option<Xid> {
    let Some(Xid::Group { groups, group }) = context.xid() else { return None };
    let resources = muster_catalog::registration::SCHEMA_TYPES.1.parse().ok()?;
    Some(Xid::Resource { groups, group, resources, resource: resource.clone() })
}

pub(super) fn failed(error: FetchError) -> DoorError {
    problem_of_fetch(error, "/confluent").into()
}

/// The attributes of an entity.
pub(super) async fn attributes_of(
    registry: &Registry,
    content: Option<Content>,
) -> Result<Map<String, Value>, DoorError> {
    let Some(content) = content else { return Ok(Map::new()) };
    let found = registry.attributes(&[content]).await.map_err(failed)?.pop();
    Ok(found.map(|map| (*map).clone()).unwrap_or_default())
}
