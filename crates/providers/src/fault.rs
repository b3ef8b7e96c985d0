use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

/// How serious a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultSeverity {
    /// It passes, or is the caller's.
    Low,
    /// It may pass.
    Medium,
    /// Somebody has to mend it.
    High,
}

/// What can go wrong with a provider: one taxonomy for all dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderFaultKind {
    /// Too many requests; it passes.
    RateLimited,
    /// There is no money left, or the plan allows no more.
    QuotaExceeded,
    /// The key is wrong.
    InvalidApiKey,
    /// The key may not do this.
    PermissionDenied,
    /// There is no such model.
    ModelNotFound,
    /// The request is longer than the model takes.
    ContextTooLong,
    /// The provider's rules refuse the content.
    ContentRefused,
    /// The request is wrong.
    InvalidRequest,
    /// The provider has too much to do.
    Overloaded,
    /// This process reads more answers than it has memory for.
    Busy,
    /// No answer in time.
    Timeout,
    /// The provider can't be reached, or the connection broke.
    Network,
    /// The provider is down for maintenance.
    ProviderMaintenance,
    /// Any other error of the provider, and answers that make no sense.
    ProviderError,
    /// A plugin failed.
    PluginError,
    /// The caller left, or the registry stops.
    Cancelled,
}

/// Whose breaker a fault counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Nobody's: it is the caller's fault, or trying again can't mend it.
    Nobody,
    /// The model's at this provider.
    Model,
    /// The provider's.
    Provider,
}

impl ProviderFaultKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::InvalidApiKey,
        Self::PermissionDenied,
        Self::ModelNotFound,
        Self::ContextTooLong,
        Self::ContentRefused,
        Self::InvalidRequest,
        Self::Overloaded,
        Self::Busy,
        Self::Timeout,
        Self::Network,
        Self::ProviderMaintenance,
        Self::ProviderError,
        Self::PluginError,
        Self::Cancelled,
    ];

    const fn row(self) -> (&'static str, FaultSeverity, bool, Blame) {
        use FaultSeverity::{High, Low, Medium};
        match self {
            Self::RateLimited => ("rate_limited", Low, true, Blame::Model),
            Self::QuotaExceeded => ("quota_exceeded", High, false, Blame::Nobody),
            Self::InvalidApiKey => ("invalid_api_key", High, false, Blame::Nobody),
            Self::PermissionDenied => ("permission_denied", High, false, Blame::Nobody),
            Self::ModelNotFound => ("model_not_found", Medium, false, Blame::Nobody),
            Self::ContextTooLong => ("context_too_long", Low, false, Blame::Nobody),
            Self::ContentRefused => ("content_refused", Low, false, Blame::Nobody),
            Self::InvalidRequest => ("invalid_request", Low, false, Blame::Nobody),
            Self::Overloaded => ("overloaded", Medium, true, Blame::Model),
            Self::Busy => ("busy", Medium, true, Blame::Nobody),
            Self::Timeout => ("timeout", Medium, true, Blame::Provider),
            Self::Network => ("network", Medium, true, Blame::Provider),
            Self::ProviderMaintenance => ("provider_maintenance", Medium, true, Blame::Provider),
            Self::ProviderError => ("provider_error", Medium, true, Blame::Provider),
            Self::PluginError => ("plugin_error", High, false, Blame::Provider),
            Self::Cancelled => ("cancelled", Low, false, Blame::Nobody),
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// How serious it is.
    #[must_use]
    pub const fn severity(self) -> FaultSeverity {
        self.row().1
    }

    /// Whether the same request may work later, or elsewhere.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.row().2
    }

    /// Whose breaker it counts for.
    #[must_use]
    pub const fn blame(self) -> Blame {
        self.row().3
    }

    /// Whether another provider may do what this one refused. The caller's own mistakes are the
    /// same everywhere, and so is the memory of this process.
    #[must_use]
    pub const fn may_fail_over(self) -> bool {
        !matches!(
            self,
            Self::InvalidRequest
                | Self::ContextTooLong
                | Self::ContentRefused
                | Self::Busy
                | Self::Cancelled
        )
    }
}

impl fmt::Display for ProviderFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for ProviderFaultKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One fault of a provider. Its texts have passed the redactor before anybody sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind it is.
    pub kind: ProviderFaultKind,
    /// What happened, in our words. It repeats nothing of an answer, so that whoever may know of
    /// the provider may read it: a base URL may lead to something that isn't a provider.
    pub message: String,
    /// What the answer said, for those who may call the provider, and get its answers anyway.
    pub said: Option<String>,
    /// How long the provider asked to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
}

impl Fault {
    /// A fault without an answer.
    pub fn new(kind: ProviderFaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), said: None, retry_after_ms: None, status: None }
    }

    /// The text for those who may call the provider.
    #[must_use]
    pub fn for_callers(&self) -> &str {
        self.said.as_deref().unwrap_or(&self.message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Fault {}

/// Which rule of the registry refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderErrorCode {
    /// The name isn't one.
    InvalidName,
    /// The name is taken.
    AlreadyExists,
    /// There is no provider of this name.
    NotFound,
    /// The configuration is wrong, or the provider can't be made.
    RegistrationFailed,
    /// The provider didn't get ready in time.
    InitializationTimeout,
    /// The provider or the registry is gone.
    Disposed,
    /// The breaker is open, or the provider rests.
    Unavailable,
    /// The provider failed.
    Fault(ProviderFaultKind),
}

impl ProviderErrorCode {
    /// The code as text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidName => "INVALID_NAME",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::NotFound => "NOT_FOUND",
            Self::RegistrationFailed => "REGISTRATION_FAILED",
            Self::InitializationTimeout => "INITIALIZATION_TIMEOUT",
            Self::Disposed => "DISPOSED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Fault(kind) => kind.code(),
        }
    }
}

/// An error of the registry of providers, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// What was refused or failed.
    pub code: ProviderErrorCode,
    /// What happened, and what to do next.
    pub message: String,
    /// The provider, or the name that was asked for.
    pub provider: String,
    /// Facts beside the message.
    pub context: BTreeMap<&'static str, String>,
    /// How serious it is.
    pub severity: FaultSeverity,
    /// Whether it may work later.
    pub retryable: bool,
}

impl ProviderError {
    /// An error of a code that isn't a provider's fault.
    #[must_use]
    pub fn new(code: ProviderErrorCode, provider: &str, message: impl Into<String>) -> Self {
        let (severity, retryable) = match code {
            ProviderErrorCode::Fault(kind) => (kind.severity(), kind.is_retryable()),
            ProviderErrorCode::InitializationTimeout | ProviderErrorCode::Unavailable => {
                (FaultSeverity::Medium, true)
            }
            ProviderErrorCode::RegistrationFailed => (FaultSeverity::High, false),
            _ => (FaultSeverity::Low, false),
        };
        Self {
            code,
            message: message.into(),
            provider: provider.to_owned(),
            context: BTreeMap::new(),
            severity,
            retryable,
        }
    }

    /// A provider's fault, for its caller; its texts have passed the redactor.
    #[must_use]
    pub fn of_fault(provider: &str, fault: &Fault) -> Self {
        let mut error =
            Self::new(ProviderErrorCode::Fault(fault.kind), provider, fault.for_callers());
        error.context.extend(fault.status.map(|status| ("status", status.to_string())));
        let after = fault.retry_after_ms.map(|after| ("retry_after_ms", after.to_string()));
        error.context.extend(after);
        error
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, fact: impl Into<String>) -> Self {
        self.context.insert(name, fact.into());
        self
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.provider, self.code.name(), self.message)
    }
}

impl std::error::Error for ProviderError {}
