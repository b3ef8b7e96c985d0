use std::sync::OnceLock;

use muster_validator::{
    CheckedPayload, OwnedPayload, PayloadValidator, Precompile, UncheckedPayload, ValidatorSettings,
};
use napi::{
    Either,
    bindgen_prelude::{Buffer, Error, Result},
};
use napi_derive::napi;
use tokio::runtime::{Builder, Runtime};

/// The threads that fetch schemas. They only wait for the network, so two are enough.
const THREADS: usize = 2;

/// The runtime of this process. It is never dropped: whoever waits for it may be any thread.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

fn runtime() -> Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let began = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("muster-registry")
        .enable_all()
        .build();
    let runtime = began.map_err(|error| Error::from_reason(error.to_string()))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// What a check found. `errors` is JSON; empty if there are none.
#[napi(object)]
pub struct NativeAnswer {
    /// Whether the payload passes.
    pub valid: bool,
    /// All violations as JSON.
    pub errors: String,
    /// The xid of the schema.
    pub schema_id: String,
    /// The id of its version.
    pub version: String,
}

/// Checks payloads against schemas from a registry, a site, a folder or a bundle.
#[napi]
pub struct NativeValidator {
    validator: PayloadValidator,
    precompile: Precompile,
}

#[napi]
impl NativeValidator {
    /// A validator as the options say, which are JSON, with the bytes of a bundle.
    #[napi(constructor)]
    pub fn new(options: String, bundle: Option<Buffer>) -> Result<Self> {
        let settings: std::result::Result<ValidatorSettings, _> = serde_json::from_str(&options);
        let settings = settings.map_err(|error| reason("option_invalid", &error))?;
        let runtime = runtime()?.handle().clone();
        let built = settings.build(bundle.as_deref(), Some(runtime));
        let (validator, precompile) = built.map_err(|error| match error.is_of_data() {
            true => reason("data_invalid", &error),
            false => reason("option_invalid", &error),
        })?;
        Ok(Self { validator, precompile })
    }

    /// Checks a payload with what is in memory; none if the schema must be fetched first.
    #[napi]
    pub fn check_fresh(
        &self,
        schema: String,
        payload: Either<String, Buffer>,
        message: Option<String>,
        is_framed: bool,
    ) -> Result<Option<NativeAnswer>> {
        if !self.validator.is_ready(&schema) {
            return Ok(None);
        }
        let payload = own(payload, is_framed)?;
        let checked =
            self.validator.check_in_memory(&schema, payload.payload(), message.as_deref());
        match checked {
            Err(UncheckedPayload::NotReady { .. }) => Ok(None),
            checked => told(checked).map(Some),
        }
    }

    /// Checks a payload with what is in memory, however old it is.
    #[napi]
    pub fn check_in_memory(
        &self,
        schema: String,
        payload: Either<String, Buffer>,
        message: Option<String>,
        is_framed: bool,
    ) -> Result<NativeAnswer> {
        let payload = own(payload, is_framed)?;
        told(self.validator.check_in_memory(&schema, payload.payload(), message.as_deref()))
    }

    /// Checks a payload, and waits for its schema.
    #[napi]
    pub async fn check(
        &self,
        schema: String,
        payload: Either<String, Buffer>,
        message: Option<String>,
        is_framed: bool,
    ) -> Result<NativeAnswer> {
        let payload = own(payload, is_framed)?;
        let validator = self.validator.clone();
        awaited(
            async move { validator.check(&schema, payload.payload(), message.as_deref()).await },
        )
        .await
        .and_then(told)
    }

    /// Fetches and compiles a schema before it is needed.
    #[napi]
    pub async fn prepare(&self, schema: String) -> Result<()> {
        let validator = self.validator.clone();
        let prepared = awaited(async move { validator.prepare(&schema).await }).await?;
        prepared.map_err(|error| refusal(&error))
    }

    /// Compiles what the options name, and says how many schemas those are.
    #[napi]
    pub async fn precompile(&self) -> Result<u32> {
        let (validator, which) = (self.validator.clone(), self.precompile.clone());
        let count = awaited(async move { validator.precompile(&which).await }).await?;
        count.map(|count| count.try_into().unwrap_or(u32::MAX)).map_err(|error| refusal(&error))
    }

    /// The names of all schemas, without versions.
    #[napi]
    pub async fn names(&self) -> Result<Vec<String>> {
        let validator = self.validator.clone();
        let names = awaited(async move { validator.names().await }).await?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    /// How it is doing, as JSON.
    #[napi]
    pub fn status(&self) -> Result<String> {
        serde_json::to_string(&self.validator.status())
            .map_err(|error| Error::from_reason(error.to_string()))
    }

    /// Forgets what is in memory.
    #[napi]
    pub fn clear(&self) {
        self.validator.clear();
    }
}

/// A payload: JSON as text, or bytes, which Confluent's serializers may have framed.
fn own(payload: Either<String, Buffer>, is_framed: bool) -> Result<OwnedPayload> {
    match payload {
        Either::A(text) => OwnedPayload::json(&text)
            .map_err(|error| reason("data_invalid", &format!("the payload isn't JSON: {error}"))),
        Either::B(bytes) => Ok(OwnedPayload::bytes(&bytes, is_framed)),
    }
}

/// Runs work on the runtime of this package. Node's own thread goes on.
async fn awaited<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let ended = runtime()?.spawn(work).await;
    ended.map_err(|error| Error::from_reason(error.to_string()))
}

fn told(checked: std::result::Result<CheckedPayload, UncheckedPayload>) -> Result<NativeAnswer> {
    let checked = checked.map_err(|error| refusal(&error))?;
    let errors = match checked.violations.is_empty() {
        true => String::new(),
        false => serde_json::to_string(&checked.violations)
            .map_err(|error| Error::from_reason(error.to_string()))?,
    };
    let (valid, version) = (checked.valid, checked.version);
    Ok(NativeAnswer { valid, errors, schema_id: checked.schema.to_string(), version })
}

fn refusal(error: &UncheckedPayload) -> Error {
    reason(error.code(), error)
}

/// An error whose code stands before its message; the part in JavaScript takes it off.
fn reason(code: &str, error: &dyn std::fmt::Display) -> Error {
    Error::from_reason(format!("{code}: {error}"))
}
