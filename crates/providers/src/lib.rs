//! Live AI providers: registered, discovered, watched, cut off when they fail, and called. An
//! application can use it in its own process ([`ProviderRegistry`]), without a server.
//!
//! It isn't where providers are declared: documents are, and a server makes live what they say. It
//! keeps no history, stores nothing, and reads no environment of its own: variables, the clock and
//! the addresses that may be called are passed in.

mod adapters;
mod answer_budget;
mod answer_fault;
pub mod breaker;
mod clock;
mod completion;
mod configuration;
mod conversation;
mod declared;
mod discovery;
mod event;
mod event_stream;
mod fault;
mod gateway;
mod http_provider;
mod known_type;
mod link;
mod live;
mod messages_door;
mod name;
pub mod probe;
mod provider;
mod registry;
mod secret;
mod select;
mod server_events;

pub use clock::{ProviderClock, SystemClock};
pub use configuration::{
    ConfigError, HealthSettings, LifecycleSettings, ModelFacts, ProviderConfig,
    ProviderCredentials, configuration_schema, configuration_violations, declares_provider,
    time_in,
};
pub use declared::{Declaration, DeclarationOutcome, ReportLine};
pub use discovery::{
    Discovered, Discovery, DiscoveryOptions, FoundProviders, providers_in_environment,
    providers_in_file,
};
pub use event::{ListenerId, ProviderEvent, ProviderEventKind};
pub use fault::{Blame, Fault, FaultSeverity, ProviderError, ProviderErrorCode, ProviderFaultKind};
pub use gateway::{ChatAnswer, ChatFailure, ChatStreamed, PROVIDERS_TRIED_MAX};
pub use known_type::{KnownProbe, KnownType, KnownVariables, ProviderDialect, known_types};
pub use link::{AddressPolicy, EveryAddress, ProviderTls};
pub use live::{HealthReport, LiveProvider, ProviderReport, ProviderSource, ProviderStatus};
pub use messages_door::{MessageEvents, chat_body_of_messages, message_of_completion};
pub use name::{NAME_LENGTH_MAX, ProviderName, ProviderNameError, RESERVED_NAMES};
pub use provider::{ChatRequest, ChatStream, Provider, ProviderCapabilities};
pub use registry::{
    AdmittedCall, GuardedStream, PROVIDERS_MAX, ProviderRegistry, RegistryOptions, ShutdownReport,
};
pub use secret::{
    EnvironmentSecrets, ProviderSecret, ProviderSecretError, REDACTED, Redactor, SecretSource,
    without_keys,
};
pub use select::{Candidate, ModelKnowledge, Need, Preference, Selection};
