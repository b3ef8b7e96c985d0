//! Which provider fits a need best, and why.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use muster_schema::nearest;

use crate::{
    LiveProvider, ModelFacts, ProviderRegistry, ProviderStatus, breaker::BreakerReport,
    probe::ProviderHealth,
};

/// How many models are named that may have been meant.
const NEAREST_MAX: usize = 3;

/// What is known about models from elsewhere than their providers.
pub trait ModelKnowledge: Send + Sync {
    /// The facts about a model of a type of provider.
    fn facts(&self, provider_type: &str, model: &str) -> Option<ModelFacts>;
}

/// What decides among those that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The priority, then cost, then latency.
    #[default]
    Priority,
    /// The cost, then priority, then latency.
    Cost,
    /// The latency, then priority, then cost.
    Latency,
}

/// What a provider and its model must be like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Need {
    /// The model: its id, or `provider/model`.
    pub model: Option<String>,
    /// Only these providers; empty: all.
    pub providers: Vec<String>,
    /// What the model must be able to do.
    pub capabilities: Vec<String>,
    /// The tokens that a request may have, at least.
    pub context_tokens: Option<u64>,
    /// The most dollars for a million tokens of requests.
    pub max_input_cost: Option<f64>,
    /// The most dollars for a million tokens of answers.
    pub max_output_cost: Option<f64>,
    /// The most milliseconds until an answer usually begins.
    pub max_latency_ms: Option<u64>,
    /// The region of the provider.
    pub region: Option<String>,
    /// What the model must read.
    pub input: Vec<String>,
    /// What the model must write.
    pub output: Vec<String>,
    /// What decides among those that fit.
    pub prefer: Preference,
}

/// A provider with a model that fits.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The provider.
    pub provider: Arc<LiveProvider>,
    /// The model.
    pub model: String,
    /// Why it is at this place.
    pub why: String,
    /// Whether it is cut off now, and only offered because every other one is, too.
    pub last_resort: bool,
    rank: Rank,
}

/// What was found: the best first, and those that don't fit.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those that fit.
    pub candidates: Vec<Candidate>,
    /// Names of those that don't, and why.
    pub refused: Vec<(String, String)>,
    /// Whether any provider, in whatever state, may have the model that is asked for.
    pub knows_model: bool,
    /// If not, the models that were probably meant, the nearest first.
    pub nearest: Vec<String>,
}

impl Selection {
    /// A question for whoever asked for a model that nobody has; empty if there is none to ask.
    #[must_use]
    pub fn did_you_mean(&self) -> String {
        match self.nearest.as_slice() {
            [] => String::new(),
            names => format!("; did you mean {}?", names.join(", ")),
        }
    }
}

/// What candidates are compared by.
#[derive(Clone, Debug, PartialEq)]
struct Rank {
    /// 0 is well, 1 is less than well.
    condition: u8,
    priority: i64,
    cost: Option<f64>,
    latency_ms: Option<u64>,
}

impl Rank {
    fn compare(&self, other: &Self, prefer: Preference) -> Ordering {
        let by_cost = || {
            let known = |rank: &Self| rank.cost.unwrap_or(f64::INFINITY);
            known(self).total_cmp(&known(other))
        };
        let by_latency = || {
            let known = |rank: &Self| rank.latency_ms.unwrap_or(u64::MAX);
            known(self).cmp(&known(other))
        };
        let by_priority = || self.priority.cmp(&other.priority);
        let condition = self.condition.cmp(&other.condition);
        match prefer {
            Preference::Priority => {
                condition.then_with(by_priority).then_with(by_cost).then_with(by_latency)
            }
            Preference::Cost => {
                condition.then_with(by_cost).then_with(by_priority).then_with(by_latency)
            }
            Preference::Latency => {
                condition.then_with(by_latency).then_with(by_priority).then_with(by_cost)
            }
        }
    }

    fn said(&self) -> String {
        let mut said = vec![format!("priority {}", self.priority)];
        said.extend(
            self.cost.map(|cost| format!("cost {cost:.2} $ for a million tokens each way")),
        );
        said.extend(self.latency_ms.map(|latency| format!("usually begins after {latency} ms")));
        if self.condition > 0 {
            said.push("its last probe failed".to_owned());
        }
        said.join(", ")
    }
}

impl ProviderRegistry {
    /// The providers that fit a need, the best first. `may_use` says which ones the caller may.
    #[must_use]
    pub fn select(&self, need: &Need, may_use: &dyn Fn(&LiveProvider) -> bool) -> Selection {
        let mut found = Selection::default();
        let mut cut_off: Vec<(u64, Candidate)> = Vec::new();
        let now = self.now_ms();
        let of_name = need.model.as_deref().and_then(|model| model.split_once('/'));
        let named = of_name.and_then(|(name, _)| self.get_provider(name));
        for live in self.get_providers().into_iter().filter(|live| may_use(live)) {
            let name = live.name.to_string();
            let is_other = named.as_ref().is_some_and(|named| {
                named.name != live.name && !lists(&live, need.model.as_deref())
            });
            if is_other {
                found.refused.push((name, "another provider was named with the model".to_owned()));
                continue;
            }
            found.knows_model |= may_have(&live, need);
            match fit(&live, need, now, self.inner.models.as_deref()) {
                Err(why) => found.refused.push((name, why)),
                Ok(Fit { candidate, cut_off_for: None }) => found.candidates.push(candidate),
                Ok(Fit { candidate, cut_off_for: Some(wait) }) => {
                    let why = format!("it is cut off for {} s", wait.div_ceil(1_000));
                    found.refused.push((name, why));
                    cut_off.push((wait, candidate));
                }
            }
        }
        found.candidates.sort_by(|left, right| {
            let by_rank = left.rank.compare(&right.rank, need.prefer);
            by_rank.then_with(|| left.provider.name.cmp(&right.provider.name))
        });
        if found.candidates.is_empty() {
            // The one that comes back first is better than nothing.
            let first = cut_off.into_iter().min_by_key(|(wait, _)| *wait);
            if let Some((_, candidate)) = first {
                let name = candidate.provider.name.to_string();
                found.refused.retain(|(refused, _)| *refused != name);
                found.candidates.push(Candidate { last_resort: true, ..candidate });
            }
        }
        if let Some(model) = need.model.as_deref().filter(|_| !found.knows_model) {
            found.nearest = self.nearest_models(model, may_use);
        }
        found
    }

    /// The models of the providers that a caller may use whose names are nearest to a text.
    fn nearest_models(&self, model: &str, may_use: &dyn Fn(&LiveProvider) -> bool) -> Vec<String> {
        let mut known = BTreeSet::new();
        for live in self.get_providers().into_iter().filter(|live| may_use(live)) {
            let state = live.state.lock();
            for one in &state.capabilities.models {
                known.insert(match model.contains('/') && !one.id.contains('/') {
                    true => format!("{}/{}", live.name, one.id),
                    false => one.id.clone(),
                });
            }
        }
        let mut names = Vec::new();
        while names.len() < NEAREST_MAX
            && let Some(name) = nearest(model, known.iter().map(String::as_str)).map(str::to_owned)
        {
            known.remove(&name);
            names.push(name);
        }
        names
    }
}

struct Fit {
    candidate: Candidate,
    /// How long it is cut off, in milliseconds.
    cut_off_for: Option<u64>,
}

/// Whether a provider may have the model that is asked for. One that hasn't said yet what it has may
/// have any, if it can be asked at all.
fn may_have(live: &LiveProvider, need: &Need) -> bool {
    let Some(wanted) = wanted_of(live, need) else { return true };
    let is_meant =
        need.providers.is_empty() || need.providers.iter().any(|one| *one == live.name.as_str());
    let is_unknown = live.state.lock().capabilities.models.is_empty();
    match is_unknown {
        true => is_meant && live.status() == ProviderStatus::Ready,
        false => lists(live, Some(wanted)),
    }
}

/// Whether a provider has said that it has a model with this id.
fn lists(live: &LiveProvider, model: Option<&str>) -> bool {
    let state = live.state.lock();
    state.capabilities.models.iter().any(|one| Some(one.id.as_str()) == model)
}

/// The model that is asked for: `provider/model`, unless the model's own id has a slash.
fn wanted_of<'a>(live: &LiveProvider, need: &'a Need) -> Option<&'a str> {
    let model = need.model.as_deref()?;
    let of_this = model.strip_prefix(live.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
    Some(of_this.unwrap_or(model))
}

/// Whether a provider fits, with its best model.
fn fit(
    live: &Arc<LiveProvider>,
    need: &Need,
    now: u64,
    knowledge: Option<&dyn ModelKnowledge>,
) -> Result<Fit, String> {
    let name = live.name.as_str();
    if !need.providers.is_empty() && !need.providers.iter().any(|one| one == name) {
        return Err("it isn't among the providers that were asked for".to_owned());
    }
    let wanted = wanted_of(live, need);
    if live.status() != ProviderStatus::Ready {
        return Err(format!("its status is {}", live.status()));
    }
    let config = live.config();
    if let Some(region) = &need.region
        && config.and_then(|config| config.region.as_ref()) != Some(region)
    {
        return Err(format!("it isn't in the region {region}"));
    }
    let health = live.health(now);
    if let Some(most) = need.max_latency_ms
        && health.latency_ms.is_none_or(|latency| latency > most)
    {
        return Err(format!("its answers don't begin within {most} ms, as far as is known"));
    }
    let (model, cost) = best_model(live, need, wanted, knowledge)?;
    let of_model = health.models.iter().find(|(one, _)| *one == model).map(|(_, report)| report);
    let waits = [Some(&health.breaker), of_model].into_iter().flatten().filter_map(cut_off_for);
    // One that is half-open keeps its place: without calls it would never come back.
    let condition = match health.health {
        ProviderHealth::Degraded | ProviderHealth::Unhealthy => 1,
        ProviderHealth::Unknown | ProviderHealth::Healthy => 0,
    };
    let priority = config.map_or(100, |config| config.priority);
    let rank = Rank { condition, priority, cost, latency_ms: health.latency_ms };
    let why = rank.said();
    let cut_off_for = waits.max();
    let candidate = Candidate { provider: live.clone(), model, why, last_resort: false, rank };
    Ok(Fit { candidate, cut_off_for })
}

fn cut_off_for(report: &BreakerReport) -> Option<u64> {
    report.reopens_in_ms.max(report.rests_for_ms)
}

/// The model of a provider that fits best, with its cost.
fn best_model(
    live: &LiveProvider,
    need: &Need,
    wanted: Option<&str>,
    knowledge: Option<&dyn ModelKnowledge>,
) -> Result<(String, Option<f64>), String> {
    let named: Vec<ModelFacts> = {
        let state = live.state.lock();
        let models = &state.capabilities.models;
        let fits = |model: &&ModelFacts| wanted.is_none_or(|wanted| model.id == wanted);
        match (models.is_empty(), wanted) {
            (true, None) => return Err("it has no known models".to_owned()),
            // It hasn't said yet what it has.
            (true, Some(wanted)) => {
                vec![ModelFacts { id: wanted.to_owned(), ..ModelFacts::default() }]
            }
            (false, _) => models.iter().filter(fits).cloned().collect(),
        }
    };
    let kind = live.config().map_or("", |config| config.known.id.as_str());
    let mut best: Option<(String, Option<f64>)> = None;
    let mut why_not = None;
    for model in named {
        let known = knowledge.and_then(|knowledge| knowledge.facts(kind, &model.id));
        let model = completed(model, known);
        if let Err(why) = model_fits(&model, need) {
            why_not.get_or_insert(why);
            continue;
        }
        let cost = cost_of(&model);
        let known = |cost: Option<f64>| cost.unwrap_or(f64::INFINITY);
        if best.as_ref().is_none_or(|(_, before)| known(cost) < known(*before)) {
            best = Some((model.id, cost));
        }
    }
    best.ok_or_else(|| {
        let wanted = wanted.unwrap_or_default();
        why_not.unwrap_or_else(|| format!("it has no model {wanted}"))
    })
}

/// What a configuration says of a model, and for the rest what is known from elsewhere.
fn completed(own: ModelFacts, known: Option<ModelFacts>) -> ModelFacts {
    let Some(known) = known else { return own };
    let either = |own: Vec<String>, known: Vec<String>| if own.is_empty() { known } else { own };
    ModelFacts {
        id: own.id,
        context_tokens: own.context_tokens.or(known.context_tokens),
        input_cost: own.input_cost.or(known.input_cost),
        output_cost: own.output_cost.or(known.output_cost),
        capabilities: either(own.capabilities, known.capabilities),
        input: either(own.input, known.input),
        output: either(own.output, known.output),
    }
}

fn cost_of(model: &ModelFacts) -> Option<f64> {
    Some(model.input_cost? + model.output_cost?)
}

fn model_fits(model: &ModelFacts, need: &Need) -> Result<(), String> {
    let id = &model.id;
    let lacks =
        |wanted: &[String], has: &[String]| wanted.iter().find(|one| !has.contains(one)).cloned();
    if let Some(missing) = lacks(&need.capabilities, &model.capabilities) {
        return Err(format!("{id} isn't known to have {missing}"));
    }
    // Every chat model reads and writes text.
    let with_text = |kinds: &[String]| [kinds, &["text".to_owned()]].concat();
    if let Some(missing) = lacks(&need.input, &with_text(&model.input)) {
        return Err(format!("{id} isn't known to read {missing}"));
    }
    if let Some(missing) = lacks(&need.output, &with_text(&model.output)) {
        return Err(format!("{id} isn't known to write {missing}"));
    }
    if let Some(least) = need.context_tokens
        && model.context_tokens.is_none_or(|most| most < least)
    {
        return Err(format!("{id} isn't known to take {least} tokens"));
    }
    for (most, cost, what) in [
        (need.max_input_cost, model.input_cost, "requests"),
        (need.max_output_cost, model.output_cost, "answers"),
    ] {
        if let Some(most) = most
            && cost.is_none_or(|cost| cost > most)
        {
            return Err(format!("{id} isn't known to cost {most} $ or less for {what}"));
        }
    }
    Ok(())
}
