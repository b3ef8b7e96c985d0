//! What documents of catalogues of AI models say, for choosing among live providers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use muster_catalog::{View, entity::Entity};
use muster_providers::{KnownType, ModelFacts, ModelKnowledge};
use muster_registry::Registry;
use muster_words::{
    Xid,
    json::{self, Value},
};
use parking_lot::RwLock;

/// The type of the groups, which `muster import` makes: one for each provider.
const GROUPS: &str = "modelproviders";

/// The type of their documents.
const RESOURCES: &str = "models";

/// How many documents are read together.
const READ_AT_ONCE: usize = 500;

/// The facts about the models of the catalogues in the registry: thousands of models in a few
/// megabytes.
#[derive(Clone, Default)]
pub(crate) struct KnownModels {
    /// By the id of the provider's group.
    providers: Arc<RwLock<HashMap<String, ModelsById>>>,
}

/// The models of one provider, each with the document that says so.
type ModelsById = HashMap<String, (Xid, ModelFacts)>;

impl KnownModels {
    /// Every document of a catalogue.
    pub(crate) fn declared(view: &View) -> BTreeSet<Xid> {
        let groups: Vec<String> =
            view.groups(GROUPS, None).map(|group| format!("/{GROUPS}/{}", group.id())).collect();
        groups.iter().flat_map(|group| Self::members(view, group)).collect()
    }

    /// The documents of a group.
    pub(crate) fn members(view: &View, group: &str) -> BTreeSet<Xid> {
        let xid: Option<Xid> = group.parse().ok();
        let entity = xid.as_ref().and_then(|xid| Entity::find(view, xid));
        let Some(entity) = entity else { return BTreeSet::new() };
        let names = entity.members(view, RESOURCES);
        let names = names.map(|member| format!("{group}/{RESOURCES}/{}", member.id()));
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// Whether an xid is of a catalogue.
    pub(crate) fn is_below(xid: &Xid) -> bool {
        xid.to_string().split('/').nth(1) == Some(GROUPS)
    }

    /// Forgets everything of a group.
    pub(crate) fn forget(&self, group: &Xid) {
        if let Some(provider) = group.to_string().split('/').nth(2) {
            self.providers.write().remove(provider);
        }
    }

    /// Reads what these documents say now. One that is gone, or can't be read, says nothing.
    pub(crate) async fn take(&self, documents: &Registry, xids: BTreeSet<Xid>) {
        let xids: Vec<Xid> = xids.into_iter().collect();
        for some in xids.chunks(READ_AT_ONCE) {
            let view = documents.view();
            self.drop_models(some);
            let there =
                some.iter().filter_map(|xid| Some((xid.clone(), view.version_at(xid)?.document?)));
            let (xids, contents): (Vec<Xid>, Vec<_>) = there.unzip();
            let Ok(read) = documents.contents(&contents).await else { continue };
            let mut providers = self.providers.write();
            for (xid, bytes) in xids.into_iter().zip(read) {
                let Some(facts) = bytes.and_then(|bytes| facts_in(&json::parse(&bytes).ok()?))
                else {
                    continue;
                };
                let text = xid.to_string();
                let provider = text.split('/').nth(2).unwrap_or_default().to_owned();
                providers.entry(provider).or_default().insert(facts.id.clone(), (xid, facts));
            }
        }
    }

    fn drop_models(&self, xids: &[Xid]) {
        let mut providers = self.providers.write();
        for xid in xids {
            let text = xid.to_string();
            if let Some(models) = providers.get_mut(text.split('/').nth(2).unwrap_or_default()) {
                models.retain(|_, (known, _)| known != xid);
            }
        }
    }
}

impl ModelKnowledge for KnownModels {
    fn facts(&self, provider_type: &str, model: &str) -> Option<ModelFacts> {
        let providers = self.providers.read();
        // Catalogues call some types by other names.
        let names = KnownType::find(provider_type).into_iter().flat_map(|known| {
            std::iter::once(known.id.as_str()).chain(known.aliases.iter().map(String::as_str))
        });
        let mut found = names.filter_map(|name| providers.get(name)?.get(model));
        found.next().map(|(_, facts)| facts.clone())
    }
}

fn facts_in(value: &Value) -> Option<ModelFacts> {
    // A cost may be written as a number or as a decimal in a text.
    let number = |name: &str| {
        let value = value.get(name)?;
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    let texts = |name: &str| -> Vec<String> {
        let all = value.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut capabilities = texts("abilities");
    for (theirs, short) in [("function_calling", "tools"), ("structured_output", "json")] {
        if capabilities.iter().any(|one| one == theirs) {
            capabilities.push(short.to_owned());
        }
    }
    Some(ModelFacts {
        id: value.get("modelid")?.as_str()?.to_owned(),
        context_tokens: value.get("context_tokens").and_then(Value::as_u64),
        input_cost: number("input_cost"),
        output_cost: number("output_cost"),
        capabilities,
        input: texts("input"),
        output: texts("output"),
    })
}
