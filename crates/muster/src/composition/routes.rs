use std::sync::Arc;

use axum::Router;
use muster_guard::{ANONYMOUS_ACTOR, ApiKey, GivenKey, Principal};
use muster_http::{
    Gatekeeper,
    native::{Access, Gate, Native, SchemaAnswers, Sessions},
};
use muster_registry::Registry;

use super::assembly::{AFTER_DAMAGE, Around, OpenOptions};
use crate::{Failure, OwnCode};

/// The endpoints beside `/api`, and the check of keys.
#[derive(Clone)]
pub(super) struct ServerRoutes {
    gate: Arc<Gate>,
    native: Native,
}

impl ServerRoutes {
    /// Reads the registry's keys.
    pub async fn open(
        registry: &Registry,
        open_options: &OpenOptions,
        around: Around,
    ) -> Result<Self, Failure> {
        let given = open_options.key.as_deref().map(GivenKey::new).transpose().map_err(|error| {
            Failure::new(OwnCode::BadKey, format!("MUSTER_API_KEY doesn't hold an API key: {error}"))
                .help("muster keys create prints a key; any text of 16 to 200 visible characters works here")
        })?;
        let anonymous = open_options.anonymous.map(|role| Principal::new(ANONYMOUS_ACTOR, role));
        let access = Access { given, anonymous };
        let gate = Gate::open(registry.clone(), access).await.map_err(|error| {
            Failure::new(OwnCode::KeysUnreadable, error.to_string()).help(AFTER_DAMAGE)
        })?;
        gate.set_reachable(open_options.beyond_loopback);
        let (site, publisher) = around.site;
        let mut native = Native::new(registry.clone(), gate.clone())
            .with_followers(around.followers)
            .with_file(around.file)
            .with_site(site, open_options.publishing.is_public)
            .with_publisher(publisher)
            .with_texts(around.texts)
            .with_engine(around.engine)
            .with_events(around.events)
            .with_providers(around.providers);
        if open_options.connections_max > 0 {
            native = native.with_connections_max(open_options.connections_max);
        }
        if let Some(clock) = open_options.clock.clone() {
            native = native.with_clock_jump(Arc::new(move || clock.jump_s()));
        }
        Ok(Self { gate, native })
    }

    /// Whether requests need a key.
    pub fn needs_key(&self) -> bool {
        self.gate.needs_key()
    }

    /// Makes this key the first one of a registry that has none. Returns whether it did.
    pub async fn make_first_key(&self, key: &ApiKey) -> Result<bool, Failure> {
        self.native.make_first_key(key, "MUSTER_ADMIN_KEY").await.map_err(|error| {
            let what = format!("the key in MUSTER_ADMIN_KEY can't be recorded: {error}");
            Failure::new(OwnCode::LedgerUnusable, what).help(AFTER_DAMAGE)
        })
    }

    /// The routes.
    pub fn router(&self) -> Router {
        self.native.clone().router()
    }

    /// Answers for schemas by their ids, which are kept in memory.
    pub fn schema_answers(&self) -> &Arc<SchemaAnswers> {
        self.native.schema_answers()
    }

    /// Confluent's API, for a port of its own.
    pub fn confluent_router(&self) -> Router {
        self.native.clone().confluent_router()
    }

    /// The sessions of people who sign in with a key.
    pub fn sessions(&self) -> Arc<Sessions> {
        Sessions::new(self.gate.clone())
    }

    /// The check of keys, for other rooms with streams.
    pub fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// Checks who may make a request.
    pub fn gatekeeper(&self) -> Arc<dyn Gatekeeper> {
        self.gate.clone()
    }

    /// The number of open change streams.
    pub fn watchers(&self) -> usize {
        self.native.watchers()
    }

    /// The number of events that streams were sent since the start.
    pub fn streamed(&self) -> u64 {
        self.native.streamed()
    }
}
