//! Checks whether stored entities comply with a model: with a new model before it is accepted, and
//! with the current one before something is restored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_catalog::{
    Content, ModelRefusal, Reason, Refusal, VersionRefusal,
    state::{Resource, Version},
};
use muster_model::{Agreement, AttributeFault, Attributes, Readonly, ResourceType};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::{SubmitError, registry::RegistryInner};

/// Entities that are checked between two reads of the ledger.
pub(super) const CHUNK: usize = 512;

/// The most entities that a refusal names, to bound the size of the answer.
const NAMED_MAX: usize = 100;

/// The entities to check.
#[derive(Default)]
pub(super) struct ComplianceChecks<'a> {
    entities: Vec<EntityCheck<'a>>,
    matching: Vec<MatchingVersions<'a>>,
}

/// An entity whose attributes may violate the model.
struct EntityCheck<'a> {
    xid: Xid,
    content: Option<Content>,
    /// Attributes that the catalog stores separately.
    apart: Vec<(&'static str, Value)>,
    level: &'a Attributes,
    /// Whether any `format` is refused, because this registry supports none.
    refuses_formats: bool,
    /// Names that will be a document's: an attribute may not have one (model, `hasdocument`).
    reserved: Vec<String>,
}

/// Versions of a resource that must agree in the values at these paths.
struct MatchingVersions<'a> {
    xid: Xid,
    agreement: Agreement<'a>,
    versions: Vec<(Option<Content>, Option<Arc<str>>)>,
}

/// The parts of a resource to check.
#[derive(Clone, Copy)]
pub(super) struct ResourceParts {
    pub versions: bool,
    /// Whether its versions get documents, which they had not before.
    pub gets_documents: bool,
    pub meta: bool,
    pub formats: bool,
}

/// An entity that doesn't comply.
pub(super) struct NonCompliantEntity {
    xid: Xid,
    reason: String,
    /// The refusal that a write of this entity would get.
    pub refusal: Refusal,
}

/// The first entities that don't comply, and the number of the others.
#[derive(Default)]
pub(super) struct NonCompliantEntities {
    pub named: Vec<NonCompliantEntity>,
    more: usize,
}

impl<'a> ComplianceChecks<'a> {
    /// Adds an entity with the attributes of its level.
    pub fn ask(&mut self, xid: Xid, content: Option<Content>, level: &'a Attributes) {
        let (apart, refuses_formats, reserved) = (Vec::new(), false, Vec::new());
        self.entities.push(EntityCheck { xid, content, apart, level, refuses_formats, reserved });
    }

    /// Adds a version. If its type gets documents, no attribute may have the name of one.
    pub fn ask_version(
        &mut self,
        xid: Xid,
        kind: &'a ResourceType,
        version: &Version,
        gets_documents: bool,
    ) {
        let singular = &kind.singular;
        let reserved = ["", "url", "base64", "proxyurl"].map(|end| format!("{singular}{end}"));
        let known = kind.attributes.get("contenttype");
        let media = version.content_type.as_deref().filter(|_| known.is_some());
        self.entities.push(EntityCheck {
            xid,
            content: version.attributes,
            apart: media.map(|text| ("contenttype", text.into())).into_iter().collect(),
            level: &kind.attributes,
            refuses_formats: kind.validateformat && kind.strictvalidation,
            reserved: if gets_documents { reserved.into() } else { Vec::new() },
        });
    }

    /// Adds a resource, without the parts that the command writes anyway.
    pub fn ask_resource(
        &mut self,
        xid: &Xid,
        kind: &'a ResourceType,
        resource: &Resource,
        parts: ResourceParts,
        written: &BTreeSet<Xid>,
    ) {
        let stays = |name: &Xid| !written.contains(name);
        if parts.versions || parts.formats {
            for version in resource.versions.iter() {
                let Some(name) = xid.version(version.id.clone()).filter(stays) else { continue };
                self.ask_version(name, kind, version, parts.gets_documents);
            }
        }
        if let Some(name) = xid.meta().filter(stays).filter(|_| parts.meta) {
            let meta = &resource.meta;
            let mut apart = vec![("defaultversionsticky", meta.sticky.into())];
            if meta.sticky {
                apart.push(("defaultversionid", meta.default.as_str().into()));
            }
            let (content, level) = (meta.attributes, &kind.meta_attributes);
            self.entities.push(EntityCheck {
                xid: name,
                content,
                apart,
                level,
                refuses_formats: false,
                reserved: Vec::new(),
            });
        }
    }

    /// Adds the check that a resource's versions agree at these paths.
    pub fn ask_matching(
        &mut self,
        xid: &Xid,
        paths: Vec<Vec<&'a str>>,
        resource: &Resource,
        written: &BTreeSet<Xid>,
    ) {
        if paths.is_empty() {
            return;
        }
        let stays = |version: &&Arc<Version>| {
            xid.version(version.id.clone()).is_some_and(|name| !written.contains(&name))
        };
        let versions: Vec<_> = resource
            .versions
            .iter()
            .filter(stays)
            .map(|version| (version.attributes, version.content_type.clone()))
            .collect();
        if versions.len() > 1 {
            let agreement = Agreement::new(paths);
            self.matching.push(MatchingVersions { xid: xid.clone(), agreement, versions });
        }
    }
}

impl RegistryInner {
    /// Finds the entities that don't comply.
    pub(super) async fn find_non_compliant(
        &self,
        mut checks: ComplianceChecks<'_>,
    ) -> Result<NonCompliantEntities, SubmitError> {
        let mut found = NonCompliantEntities::default();
        for chunk in checks.entities.chunks(CHUNK) {
            let maps = self.maps_of(chunk.iter().map(|held| held.content)).await?;
            for (held, mut attributes) in chunk.iter().zip(maps) {
                if let Some(format) = attributes.get("format").filter(|_| held.refuses_formats) {
                    let format = format.as_str().unwrap_or_default().to_owned();
                    let reason = format!("\"format\" is {format:?}, which can't be validated");
                    let refusal = Refusal::new(&held.xid, VersionRefusal::FormatUnknown { format });
                    found.add(&held.xid, reason, refusal);
                    continue;
                }
                let taken =
                    held.reserved.iter().find(|name| attributes.contains_key(name.as_str()));
                if let Some(name) = taken {
                    let reason = format!("it has an attribute {name:?}, which its document needs");
                    let name = name.clone();
                    let refusal = Refusal::new(&held.xid, Reason::DocumentNameTaken { name });
                    found.add(&held.xid, reason, refusal);
                    continue;
                }
                let apart = held.apart.iter();
                attributes.extend(apart.map(|(name, value)| ((*name).to_owned(), value.clone())));
                if let Err(fault) = held.level.check(&mut attributes, Readonly::Keep) {
                    let reason = described(&fault);
                    found.add(&held.xid, reason, Refusal::attribute(&held.xid, fault));
                }
            }
        }
        for matching in &mut checks.matching {
            if let Some(name) = self.differs(matching).await? {
                let reason = format!("its versions differ in {name:?}");
                let refusal = Refusal::new(&matching.xid, VersionRefusal::VersionsDiffer { name });
                found.add(&matching.xid, reason, refusal);
            }
        }
        Ok(found)
    }

    /// The first attribute in which versions differ although they must agree.
    async fn differs(
        &self,
        matching: &mut MatchingVersions<'_>,
    ) -> Result<Option<String>, SubmitError> {
        for chunk in matching.versions.chunks(CHUNK) {
            let maps = self.maps_of(chunk.iter().map(|(content, _)| *content)).await?;
            for ((_, media), mut attributes) in chunk.iter().zip(maps) {
                attributes.extend(media.as_deref().map(|text| ("contenttype".into(), text.into())));
                if let Some(name) = matching.agreement.broken_by(&attributes) {
                    return Ok(Some(name));
                }
            }
        }
        Ok(None)
    }

    /// The attributes in contents; none for an entity without content.
    async fn maps_of(
        &self,
        contents: impl Iterator<Item = Option<Content>>,
    ) -> Result<Vec<Map<String, Value>>, SubmitError> {
        let contents: Vec<Option<Content>> = contents.collect();
        let there: Vec<Content> = contents.iter().copied().flatten().collect();
        let mut found = self.maps(&there).await?.into_iter();
        let map = |content: Option<Content>| content.and_then(|_| found.next());
        Ok(contents
            .into_iter()
            .map(map)
            .map(|map| map.map_or_else(Map::new, |map| (*map).clone()))
            .collect())
    }
}

impl NonCompliantEntities {
    fn add(&mut self, xid: &Xid, reason: String, refusal: Refusal) {
        if self.named.len() < NAMED_MAX {
            self.named.push(NonCompliantEntity { xid: xid.clone(), reason, refusal });
        } else {
            self.more += 1;
        }
    }

    /// The refusal of a model that these entities violate, if there are any. For a single entity it
    /// is the entity's own refusal, as in the reference server; for several, it names each with its
    /// reason.
    pub fn refused(self) -> Result<(), Refusal> {
        let mut named = self.named.into_iter();
        let Some(first) = named.next() else { return Ok(()) };
        let Some(second) = named.next() else { return Err(first.refusal) };
        let all = [first, second].into_iter().chain(named);
        let entities = all.map(|entity| (entity.xid, entity.reason)).collect();
        Err(Refusal::model(ModelRefusal::Broken { entities, more: self.more }))
    }
}

/// The paths at which versions must agree under the first type, but not under the second.
pub(super) fn matched_anew<'a>(
    kind: &'a ResourceType,
    before: Option<&ResourceType>,
) -> Vec<Vec<&'a str>> {
    let before: BTreeSet<Vec<&str>> = before
        .map(|before| before.matched_across_versions().into_iter().collect())
        .unwrap_or_default();
    let now = kind.matched_across_versions();
    now.into_iter().filter(|path| !before.contains(path)).collect()
}

fn described(fault: &AttributeFault) -> String {
    match fault {
        AttributeFault::Unknown { .. } | AttributeFault::Missing { .. } => fault.to_string(),
        _ => format!("{:?} {fault}", fault.path()),
    }
}

/// Documents of a type that will have none, by the type's plural name.
#[derive(Default)]
pub(super) struct Documents(BTreeMap<String, Vec<Xid>>);

impl Documents {
    pub fn note(&mut self, kind: &ResourceType, xid: &Xid) {
        let noted = self.0.entry(kind.plural.clone()).or_default();
        if noted.len() < NAMED_MAX {
            noted.push(xid.clone());
        }
    }

    /// The refusal of a model that removes their documents (model, `hasdocument`).
    pub fn refused(&self) -> Result<(), Refusal> {
        let Some((plural, first)) =
            self.0.iter().find_map(|(plural, all)| Some((plural, all.first()?)))
        else {
            return Ok(());
        };
        let documents = self.0.values().flatten().take(NAMED_MAX).cloned().collect();
        let plural = plural.clone();
        Err(Refusal::new(first, Reason::HasDocuments { plural, documents }))
    }
}
