//! The live AI providers of a server, and what makes them: the documents of `/aiproviders`, followed
//! in the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use async_trait::async_trait;
use muster_catalog::View;
use muster_guard::{
    Principal,
    addresses::{AddressFilter, Destination},
    secret_references::SecretList,
};
use muster_history::CommittedCommand;
use muster_providers::{
    AddressPolicy, Declaration, DeclarationOutcome, Discovery, DiscoveryOptions, LiveProvider,
    ProviderConfig, ProviderEvent, ProviderName, ProviderRegistry, ProviderSecret,
    ProviderSecretError, ProviderSource, ProviderTls, RegistryOptions, ReportLine, SecretSource,
    configuration_violations,
};
use muster_registry::{DocumentCheck, DocumentRefused, Follower, FollowerError, Registry};
use muster_schema::Violation;
use muster_words::{Id, Xid, json::Value, yaml};
use parking_lot::Mutex;
use tokio::sync::{OnceCell, broadcast};

use crate::known_models::KnownModels;

/// The name of the follower that makes documents live.
pub const PROVIDERS_FOLLOWER: &str = "providers";

/// The type of the groups whose documents declare providers.
const GROUPS: &str = "aiproviders";

/// The type of their documents.
const RESOURCES: &str = "entries";

/// The most events that a slow listener may be behind; it is told how many it missed.
const EVENTS_KEPT: usize = 1_024;

/// The live providers, with the documents that declare them.
#[derive(Clone)]
pub struct LiveProviders {
    documents: Registry,
    live: ProviderRegistry,
    discovery: Discovery,
    /// Which document has each name. Names are checked when a document is put, but two puts at the
    /// same time may both pass: then the first one has the name.
    owners: Arc<Mutex<BTreeMap<ProviderName, Xid>>>,
    /// One document is taken at a time, so that nothing older follows what is newer.
    taking: Arc<tokio::sync::Mutex<()>>,
    models: KnownModels,
    events: broadcast::Sender<Arc<ProviderEvent>>,
    watchers: Arc<AtomicUsize>,
    loaded: Arc<OnceCell<()>>,
}

/// What live providers may use.
#[derive(Clone)]
pub struct ProviderSurroundings {
    /// The secrets that documents may name.
    pub secrets: Arc<SecretList>,
    /// The addresses that may be called.
    pub addresses: AddressFilter,
    /// Where else providers are declared.
    pub discovery: DiscoveryOptions,
    /// Whether they are probed.
    pub monitors: bool,
    /// How connections within TLS are made; none: to whom this system trusts.
    pub tls: Option<ProviderTls>,
}

impl LiveProviders {
    /// The providers of a registry. None is live before [`Self::load`].
    #[must_use]
    pub fn new(documents: Registry, surroundings: ProviderSurroundings) -> Self {
        let ProviderSurroundings { secrets, addresses, discovery, monitors, tls } = surroundings;
        let models = KnownModels::default();
        let options = RegistryOptions {
            models: Some(Arc::new(models.clone())),
            addresses: Arc::new(ServerAddresses(addresses)),
            monitors,
            tls,
            ..RegistryOptions::new(Arc::new(ServerSecrets(secrets)))
        };
        let live = ProviderRegistry::new(options);
        let discovery = Discovery::new(live.clone(), discovery);
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let told = events.clone();
        live.on(None, move |event| {
            // Nobody may be listening.
            let _ = told.send(Arc::new(event.clone()));
        });
        Self {
            documents,
            live,
            discovery,
            owners: Arc::default(),
            taking: Arc::default(),
            models,
            events,
            watchers: Arc::default(),
            loaded: Arc::default(),
        }
    }

    /// Makes live what is declared, once. A command without a server does it when it first asks.
    pub async fn load(&self) {
        self.loaded
            .get_or_init(|| async {
                let view = self.documents.view();
                self.take(declared(&view)).await;
                // Thousands of models may take a while, and nobody waits for them.
                let (models, documents) = (self.models.clone(), self.documents.clone());
                tokio::spawn(async move {
                    models.take(&documents, KnownModels::declared(&view)).await;
                });
                self.discovery.discover_all(false).await.log();
            })
            .await;
    }

    /// The live providers.
    #[must_use]
    pub const fn live(&self) -> &ProviderRegistry {
        &self.live
    }

    /// What happens from now on, and how many listen.
    pub(crate) fn events(&self) -> (broadcast::Receiver<Arc<ProviderEvent>>, Arc<AtomicUsize>) {
        (self.events.subscribe(), self.watchers.clone())
    }

    /// Where else providers are declared.
    #[must_use]
    pub const fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The document that declares a provider.
    #[must_use]
    pub fn owner(&self, name: &str) -> Option<Xid> {
        self.owners.lock().get(name).cloned()
    }

    /// Whether a caller may know of a provider. A key with a scope sees only what documents in its
    /// scope declare.
    #[must_use]
    pub fn may_see(&self, principal: &Principal, live: &LiveProvider) -> bool {
        let Some(scope) = &principal.scope else { return true };
        live.source() == ProviderSource::Document
            && self.owner(live.name().as_str()).is_some_and(|xid| scope.holds(&xid))
    }

    /// Whether a caller may know of a declaration.
    pub(crate) fn may_see_line(&self, principal: &Principal, line: &ReportLine) -> bool {
        let Some(scope) = &principal.scope else { return true };
        line.source == ProviderSource::Document
            && line.origin.parse::<Xid>().is_ok_and(|xid| scope.holds(&xid))
    }

    /// Makes live what these documents say now.
    async fn take(&self, xids: BTreeSet<Xid>) {
        for xid in xids {
            self.take_one(&xid).await;
        }
    }

    /// Makes live what a document says now, and tells what became of it; none if it can't declare
    /// any provider.
    pub(crate) async fn take_one(&self, xid: &Xid) -> Option<ReportLine> {
        let name = name_of(xid)?;
        let _turn = self.taking.lock().await;
        let declaration = self.declaration(xid).await;
        let is_there = declaration.is_some();
        let owner = self.owners.lock().get(&name).cloned().filter(|owner| owner != xid);
        let line = match owner {
            Some(owner) => self.hidden(&name, xid, &owner, is_there),
            None => {
                match is_there {
                    true => self.owners.lock().insert(name.clone(), xid.clone()),
                    false => self.owners.lock().remove(&name),
                };
                self.live.declare(&name, ProviderSource::Document, declaration).await
            }
        };
        let (outcome, reason) = (line.outcome.name(), line.reason.as_deref().unwrap_or_default());
        tracing::info!(provider = %name, outcome, reason, "a declared provider");
        Some(line)
    }

    /// What became of a document whose name another one has.
    fn hidden(&self, name: &ProviderName, xid: &Xid, owner: &Xid, is_there: bool) -> ReportLine {
        let outcome = match is_there {
            true => DeclarationOutcome::Refused,
            false => DeclarationOutcome::Removed,
        };
        let line = ReportLine {
            name: name.to_string(),
            source: ProviderSource::Document,
            origin: xid.to_string(),
            outcome,
            reason: is_there.then(|| format!("{owner} declares a provider of this name")),
        };
        self.live.note_line(&line);
        line
    }

    /// What a document declares; none if it isn't there. One that can't be read is there.
    async fn declaration(&self, xid: &Xid) -> Option<Declaration> {
        let view = self.documents.view();
        let content = view.version_at(xid)?.document?;
        let origin = xid.to_string();
        let read = self.documents.contents(&[content]).await;
        let bytes = match read.map(|all| all.into_iter().next().flatten()) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return None,
            Err(error) => return Some(Declaration { config: Err(error.to_string()), origin }),
        };
        let config = parsed(&bytes).and_then(|value| {
            ProviderConfig::parse(&value).map(Arc::new).map_err(|error| error.to_string())
        });
        Some(Declaration { config, origin })
    }
}

/// Every document that declares a provider.
fn declared(view: &View) -> BTreeSet<Xid> {
    let mut found = BTreeSet::new();
    for group in view.groups(GROUPS, None) {
        found.extend(members(view, &format!("/{GROUPS}/{}", group.id())));
    }
    found
}

/// The documents of a group.
fn members(view: &View, group: &str) -> BTreeSet<Xid> {
    let Ok(xid) = group.parse::<Xid>() else { return BTreeSet::new() };
    let Some(entity) = muster_catalog::entity::Entity::find(view, &xid) else {
        return BTreeSet::new();
    };
    let names = entity.members(view, RESOURCES);
    let names = names.map(|member| format!("{group}/{RESOURCES}/{}", member.id()));
    names.filter_map(|name| name.parse().ok()).collect()
}

/// The name of the provider that a document declares.
fn name_of(xid: &Xid) -> Option<ProviderName> {
    let text = xid.to_string();
    let mut steps = text.split('/').skip(1);
    let is_ours = steps.next() == Some(GROUPS) && steps.nth(1) == Some(RESOURCES);
    let name = steps.next().filter(|_| is_ours)?;
    steps.next().is_none().then(|| name.parse().ok())?
}

fn parsed(bytes: &[u8]) -> Result<Value, String> {
    // JSON is YAML, too, but its own reader says better what is wrong.
    muster_words::json::parse(bytes).or_else(|error| match bytes.first() {
        Some(b'{' | b'[') => Err(error.to_string()),
        _ => yaml::parse(bytes).map_err(|error| error.to_string()),
    })
}

/// Makes live what documents say, as they change.
pub struct ProviderFollower(pub LiveProviders);

#[async_trait]
impl Follower for ProviderFollower {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        // What is already in the newest view is loaded once, whole.
        if !self.0.loaded.initialized() {
            return Ok(());
        }
        let (mut xids, mut models) = (BTreeSet::new(), BTreeSet::new());
        for xid in command.touched() {
            match &xid {
                Xid::Group { .. } if KnownModels::is_below(&xid) => {
                    self.0.models.forget(&xid);
                    let view = self.0.documents.view();
                    models.extend(KnownModels::members(&view, &xid.to_string()));
                }
                _ if KnownModels::is_below(&xid) => {
                    models.insert(xid.resource().unwrap_or(xid));
                }
                Xid::Registry => {}
                Xid::Group { .. } if is_below(&xid) => {
                    // A group that is gone, or is there again, with everything in it.
                    let prefix = format!("{xid}/");
                    let owners = self.0.owners.lock();
                    let gone = owners.values().filter(|one| one.to_string().starts_with(&prefix));
                    xids.extend(gone.cloned());
                    drop(owners);
                    xids.extend(members(&self.0.documents.view(), &xid.to_string()));
                }
                _ if is_below(&xid) => {
                    xids.insert(xid.resource().unwrap_or(xid));
                }
                _ => {}
            }
        }
        self.0.take(xids).await;
        self.0.models.take(&self.0.documents, models).await;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        // What is live is in memory, and is made again at the next start.
        Ok(())
    }
}

fn is_below(xid: &Xid) -> bool {
    xid.to_string().split('/').nth(1) == Some(GROUPS)
}

/// Refuses documents that declare no provider, and names that another group has.
pub struct ProviderCheck;

impl DocumentCheck for ProviderCheck {
    fn check(&self, view: &View, resource: &Xid, document: &[u8]) -> Result<(), DocumentRefused> {
        if !is_below(resource) {
            return Ok(());
        }
        let text = resource.to_string();
        let name = text.split('/').nth(4).unwrap_or_default();
        if let Err(error) = name.parse::<ProviderName>() {
            let violation = Violation::keyword("", "name", error.to_string());
            return Err(DocumentRefused::Wrong(vec![violation]));
        }
        let value = parsed(document)
            .map_err(|error| DocumentRefused::Wrong(vec![Violation::keyword("", "type", error)]))?;
        let violations = configuration_violations(&value);
        if !violations.is_empty() {
            return Err(DocumentRefused::Wrong(violations));
        }
        let id: Option<Id> = GROUPS.parse().ok();
        let others = view.groups(GROUPS, None).filter_map(|group| {
            let other = format!("/{GROUPS}/{}/{RESOURCES}/{name}", group.id());
            other.parse::<Xid>().ok().filter(|other| other != resource)
        });
        let taken = id.and_then(|_| others.into_iter().find(|other| view.has(other)));
        taken.map_or(Ok(()), |other| Err(DocumentRefused::NameTaken(other)))
    }
}

/// The secrets that the settings list, and those that admins name.
struct ServerSecrets(Arc<SecretList>);

impl SecretSource for ServerSecrets {
    fn resolve(&self, reference: &str, host: &str) -> Result<ProviderSecret, ProviderSecretError> {
        let refused = |error: &dyn ToString| ProviderSecretError::Refused(error.to_string());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let destination =
            Destination::parse(&format!("https://{host}/")).map_err(|error| refused(&error))?;
        let found =
            self.0.resolve(reference, &destination.host).map_err(|error| refused(&error))?;
        Ok(ProviderSecret::new(found.expose().trim().to_owned()))
    }
}

/// This computer, and what the settings allow: models are often served on the same machine.
struct ServerAddresses(AddressFilter);

impl AddressPolicy for ServerAddresses {
    fn check_url(&self, url: &str) -> Result<(), String> {
        let uri: http::Uri = url.parse().map_err(|_| "it isn't an address".to_owned())?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if is_here {
            return Ok(());
        }
        self.0.check_url(url).map(drop).map_err(|error| error.to_string())
    }

    fn permits(&self, address: IpAddr, is_encrypted: bool) -> bool {
        address.is_loopback() || self.0.check_address(address, is_encrypted).is_ok()
    }
}
