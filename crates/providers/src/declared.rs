//! What should be live, by source. The registry makes live what is declared, by the digest of each
//! configuration: a provider that didn't change keeps its breaker, its health and its connections.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use crate::{ProviderConfig, ProviderName, ProviderRegistry, ProviderSource, ProviderStatus};

/// The most refused declarations that are kept for whoever asks later.
const REFUSED_MAX: usize = 1_000;

/// The share of a source's providers that a refresh may remove, as a fraction of two.
const HALF: usize = 2;

/// A provider that a source declares.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its configuration, or why it can't be one.
    pub config: Result<Arc<ProviderConfig>, String>,
    /// Where it is declared, for people: a file, a variable, an xid.
    pub origin: String,
}

/// What became of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclarationOutcome {
    /// It is live now.
    Registered,
    /// It was live and stays as it is.
    Unchanged,
    /// It was live with another configuration.
    Updated,
    /// It is live no more.
    Removed,
    /// It can't be.
    Refused,
    /// Another source declares the same name and wins.
    Hidden,
    /// It says `enabled: false`.
    Disabled,
}

impl DeclarationOutcome {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Removed => "removed",
            Self::Refused => "refused",
            Self::Hidden => "hidden",
            Self::Disabled => "disabled",
        }
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// The name, or what should be one.
    pub name: String,
    /// The source.
    pub source: ProviderSource,
    /// Where it is declared.
    pub origin: String,
    /// What became of it.
    pub outcome: DeclarationOutcome,
    /// Why.
    pub reason: Option<String>,
}

type BySource = BTreeMap<ProviderSource, Declaration>;

/// All declarations, by name and by source.
#[derive(Default)]
pub(crate) struct Declarations {
    known: Mutex<BTreeMap<ProviderName, BySource>>,
    /// What can't be used, by its name and its place.
    refused: Mutex<BTreeMap<(String, String), ReportLine>>,
    /// One refresh at a time.
    refreshing: tokio::sync::Mutex<()>,
}

impl ProviderRegistry {
    /// Replaces everything that a source declares, and makes it live.
    ///
    /// A refresh that would remove more than half of what the source declared is refused unless it
    /// is forced: a file that is half written, or a folder that vanished, looks like that.
    ///
    /// # Errors
    /// The names that would be removed.
    pub async fn declare_all(
        &self,
        source: ProviderSource,
        declared: BTreeMap<ProviderName, Declaration>,
        force: bool,
    ) -> Result<Vec<ReportLine>, Vec<ProviderName>> {
        let _alone = self.inner.declared.refreshing.lock().await;
        let (names, gone) = {
            let known = self.inner.declared.known.lock();
            let before: Vec<ProviderName> = known
                .iter()
                .filter(|(_, sources)| sources.contains_key(&source))
                .map(|(name, _)| name.clone())
                .collect();
            let gone: Vec<ProviderName> =
                before.iter().filter(|name| !declared.contains_key(*name)).cloned().collect();
            if !force && gone.len() * HALF > before.len() && gone.len() > 1 {
                return Err(gone);
            }
            let mut names = before;
            names.extend(declared.keys().cloned());
            names.sort();
            names.dedup();
            (names, gone)
        };
        let mut origins = BTreeMap::new();
        {
            let mut known = self.inner.declared.known.lock();
            for name in &gone {
                if let Some(sources) = known.get_mut(name) {
                    let removed = sources.remove(&source);
                    origins.extend(removed.map(|one| (name.clone(), one.origin)));
                }
            }
            for (name, declaration) in declared {
                known.entry(name).or_default().insert(source, declaration);
            }
            known.retain(|_, sources| !sources.is_empty());
        }
        self.inner.declared.refused.lock().retain(|_, line| line.source != source);
        let mut report = Vec::with_capacity(names.len());
        for name in names {
            let origin = origins.remove(&name);
            let line = self.reconcile(&name, source, origin).await;
            self.note_line(&line);
            report.push(line);
        }
        Ok(report)
    }

    /// Sets or removes one declaration, and makes it live.
    pub async fn declare(
        &self,
        name: &ProviderName,
        source: ProviderSource,
        declaration: Option<Declaration>,
    ) -> ReportLine {
        let _alone = self.inner.declared.refreshing.lock().await;
        let mut origin = None;
        {
            let mut known = self.inner.declared.known.lock();
            let sources = known.entry(name.clone()).or_default();
            match declaration {
                Some(declaration) => {
                    sources.insert(source, declaration);
                }
                None => origin = sources.remove(&source).map(|one| one.origin),
            }
            if sources.is_empty() {
                known.remove(name);
            }
        }
        let line = self.reconcile(name, source, origin).await;
        self.note_line(&line);
        line
    }

    /// What is declared and can't be used, by name. What was live before it stays.
    #[must_use]
    pub fn refused(&self) -> Vec<ReportLine> {
        self.inner.declared.refused.lock().values().cloned().collect()
    }

    /// Notes whether a declaration can be used, for whoever asks what is refused.
    pub fn note_line(&self, line: &ReportLine) {
        let mut refused = self.inner.declared.refused.lock();
        let place = (line.name.clone(), line.origin.clone());
        match line.outcome {
            DeclarationOutcome::Refused if refused.len() < REFUSED_MAX => {
                refused.insert(place, line.clone());
            }
            _ => {
                refused.remove(&place);
            }
        }
    }

    /// Every declaration of a name, the one that wins first.
    #[must_use]
    pub fn explain(&self, name: &str) -> Vec<(ProviderSource, Declaration)> {
        let known = self.inner.declared.known.lock();
        let sources = known.get(name).into_iter().flatten();
        sources.map(|(source, declaration)| (*source, declaration.clone())).collect()
    }

    /// Makes live what is declared for a name. The line tells what became of `source`'s part.
    async fn reconcile(
        &self,
        name: &ProviderName,
        source: ProviderSource,
        origin: Option<String>,
    ) -> ReportLine {
        let declared = self.explain(name.as_str());
        let own = declared.iter().find(|(one, _)| *one == source);
        let line = |outcome, reason: Option<String>| ReportLine {
            name: name.to_string(),
            source,
            origin: own
                .map(|(_, declaration)| declaration.origin.clone())
                .or_else(|| origin.clone())
                .unwrap_or_default(),
            outcome,
            reason,
        };
        // A declaration that is refused doesn't hide what another source says.
        let usable = declared.iter().filter_map(|(one, declaration)| {
            declaration.config.as_ref().ok().map(|config| (*one, config.clone()))
        });
        let winner = usable.min_by_key(|(one, _)| *one);
        let live = self.get_provider(name.as_str());
        if live.as_ref().is_some_and(|live| live.source() == ProviderSource::Program) {
            return line(
                DeclarationOutcome::Hidden,
                Some("a program registered this name".to_owned()),
            );
        }
        if let (Some((_, Declaration { config: Err(why), .. })), None, Some(live)) =
            (own, &winner, &live)
            && live.source() == source
        {
            // A mistake in a file must not take away what works.
            let what = format!("{why}; what was live before stays");
            return line(DeclarationOutcome::Refused, Some(what));
        }
        let done = self.make_so(name, winner.clone(), live).await;
        match (own, winner) {
            (None, _) => line(DeclarationOutcome::Removed, None),
            (Some((_, Declaration { config: Err(why), .. })), _) => {
                line(DeclarationOutcome::Refused, Some(why.clone()))
            }
            (Some(_), Some((other, _))) if other != source => {
                let what = format!("the {} declares the same name, and wins", other.name());
                line(DeclarationOutcome::Hidden, Some(what))
            }
            (Some(_), _) => match done {
                Ok(outcome) => line(outcome, None),
                Err(why) => line(DeclarationOutcome::Refused, Some(why)),
            },
        }
    }

    async fn make_so(
        &self,
        name: &ProviderName,
        wanted: Option<(ProviderSource, Arc<ProviderConfig>)>,
        live: Option<Arc<crate::LiveProvider>>,
    ) -> Result<DeclarationOutcome, String> {
        let wanted = wanted.filter(|(_, config)| config.enabled);
        let Some((source, config)) = wanted else {
            if live.is_some() {
                let _ = self.unregister(name.as_str()).await;
            }
            return Ok(DeclarationOutcome::Disabled);
        };
        // Made before the old one goes, so that what can't be made takes nothing away.
        let make = || self.make(name.clone(), config.clone(), source);
        let same = |live: &Arc<crate::LiveProvider>| {
            live.source() == source
                && live.config().is_some_and(|known| known.digest == config.digest)
        };
        let (made, outcome) = match live {
            Some(live) if same(&live) => return Ok(DeclarationOutcome::Unchanged),
            Some(live) => {
                // Somebody stopped it, and another configuration doesn't start it again, unless a
                // document says so.
                let is_stopped = live.status() == ProviderStatus::Disposed;
                if is_stopped && source != ProviderSource::Document {
                    return Ok(DeclarationOutcome::Unchanged);
                }
                let made = make().map_err(|error| error.message)?;
                let _ = self.unregister(name.as_str()).await;
                (made, DeclarationOutcome::Updated)
            }
            None => (make().map_err(|error| error.message)?, DeclarationOutcome::Registered),
        };
        self.begin(made).map_err(|error| error.message)?;
        Ok(outcome)
    }
}
