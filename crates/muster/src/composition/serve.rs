use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_guard::ApiKey;
use muster_http::{
    AllowedOrigins, Phase, PublicAddress, ReservedAddress, Server, ServerLimits,
    health::StartupCondition,
};
use muster_registry::{Registry, WriterEnd};
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle},
};

use super::{
    Example, ServeOptions, StartupMessage,
    assembly::{Assembly, OpenOptions, Storage, registry_id},
    backups::ScheduledBackups,
    certificate::ServedCertificate,
    demo,
    directory::{Directory, IfMissing},
    listen_address::{listen_address, reachable},
    live_providers,
    log_file::LogFile,
    logging,
    notices::Notices,
    open_files,
    outbound::Outbound,
    refusals::{KeylessRegistry, Reach, key_required},
    signals,
    site::Publishing,
    stop_report::StopReport,
    trusted_clock::TrustedClock,
    vital_signs::VitalSigns,
};
use crate::{Context, Failure, OwnCode};

/// Serves until it is stopped; calls `greet` once when it is ready.
///
/// # Errors
/// The directory or the address can't be used, or the registry can't be opened.
pub fn serve(
    context: &Context,
    options: &ServeOptions,
    greet: &dyn Fn(&StartupMessage),
) -> Result<(), Failure> {
    let log = options.log_file.clone().map(LogFile::at);
    logging::begin(&options.log, log.as_ref());
    let served = context.wait(async { run(context, options, log.as_ref(), greet).await });
    if let Some(log) = log {
        log.give_up();
    }
    served
}

async fn run(
    context: &Context,
    options: &ServeOptions,
    log: Option<&Arc<LogFile>>,
    greet: &dyn Fn(&StartupMessage),
) -> Result<(), Failure> {
    let started = Instant::now();
    let options = &within_open_files(options);
    let notices = Notices::of(&context.environment);
    signals::survive_hang_up().map_err(|error| system("signals", &error))?;
    // Everything is checked before anything is created.
    let addresses = Addresses::parse(options)?;
    let open_options = open_options(context, options, addresses)?;
    let admin_key = options.admin_key.as_deref().map(admin_key).transpose()?;
    let certificate = options.tls.as_ref().map(ServedCertificate::open).transpose()?;
    let reserved = ReservedAddresses::take(addresses);
    if !has_registry(options) {
        // A start that is refused must leave nothing behind, least of all a first key.
        reserved.check()?;
        if admin_key.is_none() && open_options.key.is_none() && open_options.beyond_loopback {
            let place = flags_for(options).map_or(KeylessRegistry::Memory, KeylessRegistry::New);
            return Err(key_required(addresses.reach(), &place));
        }
    }
    log_start(options);
    let storage = storage(context, options)?;
    let starting = notices.starting();
    begin_log(log, &notices)?;
    let open_options = OpenOptions { bare: is_bare(&storage, options), ..open_options };
    let assembly = Assembly::open(storage, &open_options).await?;
    let place = flags_for(options).map_or(KeylessRegistry::Memory, KeylessRegistry::Kept);
    let refusal = || key_required(addresses.reach(), &place);
    let refusal = open_options.beyond_loopback.then_some(refusal);
    let phase = match reserved.check() {
        Ok(()) => begin(&assembly, admin_key.as_ref(), refusal).await,
        Err(failure) => Err(failure),
    };
    let phase = close_if_failed(&assembly, phase).await?;
    warn_of(options, open_options.beyond_loopback);
    let listening = bind(options, reserved, certificate, &assembly);
    let listening = close_if_failed(&assembly, listening).await?;
    let ListeningUrls { base, metrics, confluent } = listening.urls(options)?;
    assembly.announce(&base).map_err(|error| system("lock", &error))?;
    assembly.readiness.reached(StartupCondition::PortsBound);
    if let Some(clock) = open_options.clock {
        clock.follow(assembly.readiness.clone()).map_err(|error| system("signals", &error))?;
    }
    let running = listening.serve(&assembly, &phase);
    live_providers::begin(&assembly, open_options.outbound.refresh).await;
    assembly.start().await;
    let assembly = Arc::new(assembly);
    let example = fill(options, &assembly, phase.clone()).await;
    let example = close_if_failed(&assembly, example).await?;
    let message = StartupMessage {
        metrics,
        confluent,
        ..startup_message(context, &assembly, example, (started.elapsed(), base))
    };
    message.log();
    drop(starting);
    notices.ready(&message.base);
    greet(&message.at(options.public_url.as_deref()));
    VitalSigns::begin(&assembly, (log, options.metrics_file.clone()), &notices);
    let stop = (phase, Duration::from_secs(u64::from(options.timeouts.stop_s)));
    let served = serve_to_the_end(context, &assembly, running, stop, &notices).await;
    let fault = served.is_err().then_some("the server stopped because of a fault");
    assembly.readiness.fault().or(fault).map_or(Ok(()), |why| Err(stopped_by(why)))
}

/// Waits until the server has ended, closes the registry, and says what was in flight.
async fn serve_to_the_end(
    context: &Context,
    assembly: &Assembly,
    running: JoinHandle<()>,
    stop: (watch::Receiver<Phase>, Duration),
    notices: &Notices,
) -> Result<(), JoinError> {
    let served = tokio::select! {
        // The supervisor is told of the end first, also where nothing is left to wait for.
        biased;
        served = stop_with_server(assembly, stop, notices) => served,
        served = running => served,
    };
    let repeated = assembly.close().await;
    let report = assembly.at_stop.get().copied().unwrap_or_default();
    say_stopped(context, assembly, StopReport { repeated, ..report });
    served
}

/// The outcome of a step of the start; if it failed, the registry is closed first.
async fn close_if_failed<T>(
    assembly: &Assembly,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    if outcome.is_err() {
        assembly.close().await;
    }
    outcome
}

/// Checks the keys of an open registry, and begins to follow the signals that stop a server.
async fn begin(
    assembly: &Assembly,
    admin_key: Option<&ApiKey>,
    refusal: Option<impl FnOnce() -> Failure>,
) -> Result<watch::Receiver<Phase>, Failure> {
    check_keys(assembly, admin_key, refusal).await?;
    let note = StopReport::noting(assembly);
    signals::follow(fault(&assembly.registry), note).map_err(|error| system("signals", &error))
}

/// Makes the first key, if one is given. If there is still none, everybody may do everything, which
/// is refused where there is a refusal.
async fn check_keys(
    assembly: &Assembly,
    admin_key: Option<&ApiKey>,
    refusal: Option<impl FnOnce() -> Failure>,
) -> Result<(), Failure> {
    if let Some(key) = admin_key {
        assembly.make_first_key(key).await?;
    }
    match refusal {
        Some(refusal) if !assembly.needs_key() => Err(refusal()),
        _ => Ok(()),
    }
}

/// Opens the log's file, now that the data directory is held, and follows the signal that opens it
/// again.
fn begin_log(log: Option<&Arc<LogFile>>, notices: &Notices) -> Result<(), Failure> {
    if let Some(log) = log {
        log.begin()?;
    }
    logging::follow(log.cloned(), notices.clone()).map_err(|error| system("signals", &error))
}

/// Says in the log what is started. The version alone tells later whose log it is.
fn log_start(options: &ServeOptions) {
    let directory = options.data.as_deref().map(|path| tracing::field::display(path.display()));
    let (version, listen) = (env!("CARGO_PKG_VERSION"), &options.listen);
    tracing::info!(version, directory, listen, "muster starts");
}

/// What a server that is ready says of itself.
fn startup_message(
    context: &Context,
    assembly: &Assembly,
    example: Option<Example>,
    (took, base): (Duration, String),
) -> StartupMessage {
    let status = assembly.registry.status();
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    StartupMessage {
        place: assembly.place().map(|path| context.shown(&path)),
        is_new: assembly.is_new,
        example,
        documents: count(status.documents),
        schemas: count(status.schemas),
        rules: count(status.rules),
        position: status.position,
        took,
        base,
        metrics: None,
        confluent: None,
        is_open: !assembly.needs_key(),
        program: std::env::args().next().unwrap_or_else(|| "muster".to_owned()),
    }
}

/// The failure of a server that a fault has stopped.
fn stopped_by(why: &str) -> Failure {
    Failure::new(OwnCode::Fault, why).help(
        "start it again, and please report what its log says; all acknowledged writes are in the ledger",
    )
}

/// What a server listens on.
struct Listening {
    server: Server,
    metrics: Option<Server>,
    confluent: Option<Server>,
}

/// Where a server is reached.
struct ListeningUrls {
    base: String,
    metrics: Option<String>,
    confluent: Option<String>,
}

impl Listening {
    fn urls(&self, options: &ServeOptions) -> Result<ListeningUrls, Failure> {
        let local =
            |server: &Server| server.local_address().map_err(|error| system("socket", &error));
        let metrics = self.metrics.as_ref().map(local).transpose()?;
        let confluent = self.confluent.as_ref().map(local).transpose()?;
        Ok(ListeningUrls {
            base: base_of(options, local(&self.server)?),
            metrics: metrics.map(|address| format!("http://{address}/metrics")),
            confluent: confluent.map(|address| base_of(options, address)),
        })
    }

    /// Serves everything; the task is that of the server itself.
    fn serve(self, assembly: &Assembly, phase: &watch::Receiver<Phase>) -> JoinHandle<()> {
        if let Some(metrics) = self.metrics {
            tokio::spawn(metrics.serve(Arc::new(assembly.front.metrics_alone()), phase.clone()));
        }
        if let Some(confluent) = self.confluent {
            tokio::spawn(confluent.serve(Arc::new(assembly.confluent_alone()), phase.clone()));
        }
        tokio::spawn(self.server.serve(assembly.front.clone(), phase.clone()))
    }
}

/// Listens on the address of the server, and on those of the metrics and of Confluent's API if they
/// are set. If there is a
/// certificate, all but the metrics speak TLS and the files are watched. The metrics are scraped from inside
/// a network, by addresses that no certificate names.
fn bind(
    options: &ServeOptions,
    reserved: ReservedAddresses,
    certificate: Option<ServedCertificate>,
    assembly: &Assembly,
) -> Result<Listening, Failure> {
    let listen = |one: Reserved| one.listen(limits(options));
    let server = listen(reserved.server)?;
    let metrics = reserved.metrics.map(listen).transpose()?;
    let confluent = reserved.confluent.map(listen).transpose()?;
    let Some(certificate) = certificate else {
        return Ok(Listening { server, metrics, confluent });
    };
    let tls = certificate.tls();
    certificate.measure(assembly.front.metrics());
    let readiness = assembly.readiness.clone();
    certificate.follow(readiness).map_err(|error| system("signals", &error))?;
    let confluent = confluent.map(|confluent| confluent.with_tls(tls.clone()));
    Ok(Listening { server: server.with_tls(tls), metrics, confluent })
}

/// The addresses to listen on, taken before anything else happens.
struct ReservedAddresses {
    server: Reserved,
    metrics: Option<Reserved>,
    confluent: Option<Reserved>,
}

/// An address, or why it can't be had.
struct Reserved {
    address: SocketAddr,
    /// What to choose instead.
    flag: &'static str,
    taken: io::Result<ReservedAddress>,
}

impl ReservedAddresses {
    fn take(addresses: Addresses) -> Self {
        let reserve =
            |address, flag| Reserved { address, flag, taken: ReservedAddress::take(address) };
        let flag = "--listen, such as 127.0.0.1:0 for any free port";
        let mut reserved = Self {
            server: reserve(addresses.server, flag),
            metrics: addresses.metrics.map(|address| reserve(address, "--metrics-listen")),
            confluent: addresses.confluent.map(|address| reserve(address, "--confluent-listen")),
        };
        // The system finds out only when the second one listens.
        let mut known = vec![addresses.server];
        for one in [&mut reserved.metrics, &mut reserved.confluent].into_iter().flatten() {
            if known.iter().any(|other| collides(*other, one.address)) {
                one.taken = Err(io::ErrorKind::AddrInUse.into());
            }
            known.push(one.address);
        }
        reserved
    }

    fn check(&self) -> Result<(), Failure> {
        let all = [Some(&self.server), self.metrics.as_ref(), self.confluent.as_ref()];
        all.into_iter().flatten().try_for_each(|one| match &one.taken {
            Ok(_) => Ok(()),
            Err(error) => Err(one.failure(error)),
        })
    }
}

/// Whether nobody can listen on both addresses.
fn collides(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_any || one.ip() == other.ip())
}

impl Reserved {
    fn failure(&self, error: &io::Error) -> Failure {
        not_listening(self.address, self.flag, error)
    }

    fn listen(self, limits: ServerLimits) -> Result<Server, Failure> {
        let Self { address, flag, taken } = self;
        let listening = taken.and_then(|taken| taken.listen(limits));
        listening.map_err(|error| not_listening(address, flag, &error))
    }
}

fn not_listening(address: SocketAddr, flag: &str, error: &io::Error) -> Failure {
    Failure::new(OwnCode::AddressInUse, format!("can't listen on {address}: {error}"))
        .help(format!("choose another with {flag}"))
}

/// The base of a server's addresses.
fn base_of(options: &ServeOptions, local: SocketAddr) -> String {
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", reachable(local))
}

/// Says in the log, and to people at a terminal, what was in flight when the server was stopped.
fn say_stopped(context: &Context, assembly: &Assembly, report: StopReport) {
    let position = assembly.registry.status().position;
    report.log(position);
    if context.screen.is_terminal {
        context.screen.note(&report.sentence(position));
    }
}

/// Stops the followers and the AI providers while the server drains.
async fn stop_with_server<T>(
    assembly: &Assembly,
    (mut phase, grace): (watch::Receiver<Phase>, Duration),
    notices: &Notices,
) -> T {
    let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
    notices.stopping();
    let live = assembly.providers.live();
    let ((), report) = tokio::join!(assembly.followers.stop(grace), live.graceful_shutdown(grace));
    if !report.hanging.is_empty() || !report.cut_off.is_empty() {
        let (cut_off, hanging) = (report.cut_off.join(", "), report.hanging.join(", "));
        tracing::warn!(cut_off, hanging, "AI providers didn't let go in time");
    }
    std::future::pending().await
}

/// Waits for a fault that stops all writes.
fn fault(registry: &Registry) -> impl Future<Output = ()> + Send + use<> {
    let registry = registry.clone();
    async move {
        if registry.ended().await == WriterEnd::Closed {
            std::future::pending::<()>().await;
        }
    }
}

/// The flags with which other commands find the data directory. Without them, they might reach
/// another registry that is served on this computer.
fn flags_for(options: &ServeOptions) -> Option<String> {
    let data = options.data.as_ref()?.display().to_string();
    let is_plain = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let quoted = if is_plain { data } else { format!("'{}'", data.replace('\'', r"'\''")) };
    Some(format!(" --data {quoted}"))
}

/// Loads the example if it was requested. Readiness waits only for this.
async fn fill(
    options: &ServeOptions,
    assembly: &Arc<Assembly>,
    phase: watch::Receiver<Phase>,
) -> Result<Option<Example>, Failure> {
    let example = if options.demo && *phase.borrow() == Phase::Running {
        demo::fill(assembly).await?
    } else {
        None
    };
    assembly.readiness.reached(StartupCondition::ExampleLoaded);
    Ok(example)
}

fn system(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(OwnCode::System, format!("{what}: {error}"))
}

/// The addresses to listen on.
#[derive(Clone, Copy)]
struct Addresses {
    server: SocketAddr,
    metrics: Option<SocketAddr>,
    confluent: Option<SocketAddr>,
}

impl Addresses {
    /// What makes the server reachable from elsewhere, if it is.
    const fn reach(self) -> Reach {
        match self.is_loopback() {
            false => Reach::ListenAddress,
            true => Reach::PublicUrl,
        }
    }

    /// Whether only this computer reaches what keys protect.
    const fn is_loopback(self) -> bool {
        let beside = match self.confluent {
            Some(address) => address.ip().is_loopback(),
            None => true,
        };
        self.server.ip().is_loopback() && beside
    }

    fn parse(options: &ServeOptions) -> Result<Self, Failure> {
        let metrics = options.metrics_listen.as_deref();
        let metrics = metrics.map(listen_address);
        let server = listen_address(&options.listen)?;
        let confluent = options.confluent_listen.as_deref().map(listen_address).transpose()?;
        Ok(Self { server, metrics: metrics.transpose()?, confluent })
    }
}

/// Whether the directory holds a registry already.
fn has_registry(options: &ServeOptions) -> bool {
    options.data.as_deref().is_some_and(Directory::is_one)
}

fn storage(context: &Context, options: &ServeOptions) -> Result<Storage, Failure> {
    let Some(path) = &options.data else { return Ok(Storage::Memory) };
    let directory = Directory::open(path, IfMissing::Make, options.bare)
        .map_err(|error| error.failure(&context.shown(path)))?;
    if options.bare && !directory.is_bare() {
        let what = format!("{} holds a registry with the built-in model", context.shown(path));
        return Err(Failure::new(OwnCode::NotBare, what)
            .help("serve it without --bare, or use another directory: --data DIR"));
    }
    Ok(Storage::Data(directory))
}

/// Reads the key that becomes the first one of a registry.
fn admin_key(text: &str) -> Result<ApiKey, Failure> {
    text.parse().map_err(|error| {
        Failure::new(OwnCode::BadKey, format!("MUSTER_ADMIN_KEY doesn't hold an API key: {error}"))
            .help("make one with: echo \"muster_admin_$(openssl rand -hex 32)\"")
    })
}

fn open_options(
    context: &Context,
    options: &ServeOptions,
    addresses: Addresses,
) -> Result<OpenOptions, Failure> {
    let public = options
        .public_url
        .as_deref()
        .map(|text| {
            PublicAddress::parse(text).map_err(|error| {
                Failure::usage(format!("{text:?} can't be the base of URLs: {error}"))
                    .help("--public-url https://registry.example.com")
            })
        })
        .transpose()?;
    let origins = options.allowed_origins.iter().map(String::as_str);
    let origins = AllowedOrigins::parse(origins).map_err(|error| {
        Failure::usage(format!("http.allowed_origins: {error}"))
            .help("muster config default explains the setting")
    })?;
    // A public URL names what stands before the server, such as a proxy.
    let is_public = public.as_ref().is_some_and(|public| !public.is_loopback());
    Ok(OpenOptions {
        id: options.registry_id.as_deref().map(registry_id).transpose()?,
        public,
        key: options.key.clone().filter(|_| options.data.is_none()),
        anonymous: options.anonymous,
        publishing: Publishing::read(&options.site, &context.environment)?,
        backups: ScheduledBackups::read(&options.backup, &context.environment)?,
        beyond_loopback: !addresses.is_loopback() || is_public,
        cache_bytes: options.limits.cache_bytes,
        request_log: logging::request_log(&options.log),
        origins,
        connections_max: options.limits.connections as usize,
        clock: Some(TrustedClock::start()),
        outbound: Outbound::read(&context.settings, &context.environment)?,
        ..OpenOptions::default()
    })
}

/// Whether an existing registry is bare is recorded in its directory.
fn is_bare(storage: &Storage, options: &ServeOptions) -> bool {
    match storage {
        Storage::Memory => options.bare,
        Storage::Data(directory) => directory.is_bare(),
    }
}

/// Warns of what works and is seldom meant.
fn warn_of(options: &ServeOptions, beyond_loopback: bool) {
    if options.key.is_some() && options.data.is_some() {
        tracing::warn!(
            "MUSTER_API_KEY isn't used by a server with a data directory; MUSTER_ADMIN_KEY gives a registry its first key"
        );
    }
    let is_https =
        |url: &String| url.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case("https:"));
    let is_public_https = options.public_url.as_ref().is_some_and(is_https);
    if beyond_loopback && options.tls.is_none() && !is_public_https {
        tracing::warn!(
            "keys and documents are sent in clear text; use --tls-cert and --tls-key, or a proxy and --public-url https://…"
        );
    }
    if let Some(role) = options.anonymous.filter(|_| beyond_loopback) {
        let role = role.name();
        tracing::warn!(role, "callers without a key have a role");
    }
}

/// The options with as many connections as the system allows.
fn within_open_files(options: &ServeOptions) -> ServeOptions {
    let mut options = options.clone();
    options.limits.connections = open_files::connections_max(options.limits.connections);
    options
}

fn limits(options: &ServeOptions) -> ServerLimits {
    let seconds = |value: u32| Duration::from_secs(u64::from(value));
    ServerLimits {
        connections_max: options.limits.connections as usize,
        head_time: seconds(options.timeouts.head_s),
        idle_time: seconds(options.timeouts.idle_s),
        stall_time: seconds(options.timeouts.stall_s),
        drain_grace: seconds(options.timeouts.stop_s),
        ..ServerLimits::default()
    }
}
