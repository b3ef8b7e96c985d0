use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_http::{Phase, PublicAddress, Server, ServerLimits, health::Condition};
use muster_registry::{Ended, Followers, Registry};
use tokio::sync::watch;

use super::{
    Example, Greeting, Order,
    assembly::{Assembly, How, Kind, registry_id},
    demo,
    directory::{Directory, Missing},
    key_required, logging, signals,
};
use crate::{Context, Failure, OwnCode};

/// Serves until somebody stops it; `greet` is called once, when it is ready.
///
/// # Errors
/// The directory or the address can't be had, or the registry can't be opened.
pub fn serve(context: &Context, order: &Order, greet: &dyn Fn(&Greeting)) -> Result<(), Failure> {
    logging::begin(&order.log);
    context.wait(async { run(context, order, greet).await })
}

async fn run(context: &Context, order: &Order, greet: &dyn Fn(&Greeting)) -> Result<(), Failure> {
    let started = Instant::now();
    let address = address(&order.listen)?;
    // All that was said is understood before anything is made.
    let how = how(order, address)?;
    let kind = kind(context, order)?;
    let how = How { bare: is_bare(&kind, order), ..how };
    let assembly = Assembly::open(kind, &how).await?;
    if !address.ip().is_loopback() && !assembly.needs_key() {
        assembly.close().await;
        return Err(key_required(flags_for(context, order).as_deref()));
    }
    let phase =
        signals::follow(fault(&assembly.registry)).map_err(|error| system("signals", &error))?;
    let server = match Server::bind(address, limits(order)).await {
        Ok(server) => server,
        Err(error) => {
            assembly.close().await;
            let what = format!("{address} can't be listened on: {error}");
            return Err(Failure::new(OwnCode::AddressInUse, what)
                .help("give another one with --listen, such as 127.0.0.1:0 for any free port"));
        }
    };
    let local = server.local_address().map_err(|error| system("socket", &error))?;
    assembly.say(&format!("http://{local}")).map_err(|error| system("lock", &error))?;
    assembly.readiness.reached(Condition::PortsBound);
    let running = tokio::spawn(server.serve(assembly.front.clone(), phase.clone()));
    assembly.followers.start().await;
    let assembly = Arc::new(assembly);
    let example = match fill(order, &assembly, phase.clone()).await {
        Ok(example) => example,
        Err(failure) => {
            assembly.close().await;
            return Err(failure);
        }
    };
    let status = assembly.registry.status();
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    greet(&Greeting {
        place: assembly.place().map(|path| context.shown(&path)),
        is_new: assembly.is_new,
        example,
        documents: count(status.documents),
        schemas: count(status.schemas),
        rules: count(status.rules),
        position: status.position,
        took: started.elapsed(),
        base: order.public_url.clone().unwrap_or_else(|| format!("http://{local}")),
        is_open: !assembly.needs_key(),
        program: std::env::args().next().unwrap_or_else(|| "muster".to_owned()),
    });
    let grace = Duration::from_secs(u64::from(order.timeouts.stop_s));
    let served = tokio::select! {
        served = running => served,
        served = stop_with_server(&assembly.followers, phase, grace) => served,
    };
    assembly.close().await;
    let why = match (assembly.readiness.fault(), served) {
        (Some(why), _) => why,
        (None, Err(_)) => "the server's task has ended by a fault",
        (None, Ok(_)) => return Ok(()),
    };
    Err(Failure::new(OwnCode::Fault, why).help(
        "its log says more; what was acknowledged is in the ledger, so start it again, and please report it",
    ))
}

/// Stops what follows the ledger while the server drains, and leaves it to the server to end.
async fn stop_with_server<T>(
    followers: &Followers,
    mut phase: watch::Receiver<Phase>,
    grace: Duration,
) -> T {
    let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
    followers.stop(grace).await;
    std::future::pending().await
}

/// Waits for a fault after which nothing can be written.
fn fault(registry: &Registry) -> impl Future<Output = ()> + Send + use<> {
    let registry = registry.clone();
    async move {
        if registry.ended().await == Ended::Closed {
            std::future::pending::<()>().await;
        }
    }
}

/// The flags with which other commands find the directory that is served: none where it is the
/// usual one.
fn flags_for(context: &Context, order: &Order) -> Option<String> {
    let data = order.data.as_ref()?;
    let is_usual = *data == context.data_directory();
    Some(if is_usual { String::new() } else { format!(" --data {}", data.display()) })
}

/// Fills the registry with the example where that is asked for; being ready doesn't wait for more.
async fn fill(
    order: &Order,
    assembly: &Arc<Assembly>,
    phase: watch::Receiver<Phase>,
) -> Result<Option<Example>, Failure> {
    let example = if order.demo && *phase.borrow() == Phase::Running {
        demo::fill(assembly).await?
    } else {
        None
    };
    assembly.readiness.reached(Condition::ExampleLoaded);
    Ok(example)
}

fn system(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(OwnCode::System, format!("{what}: {error}"))
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!("{text:?} is no address to listen on"))
            .help("an address and a port, such as --listen 127.0.0.1:8080")
    })
}

fn kind(context: &Context, order: &Order) -> Result<Kind, Failure> {
    let Some(path) = &order.data else { return Ok(Kind::Memory) };
    let directory = Directory::open(path, Missing::Make, order.bare)
        .map_err(|error| error.failure(&context.shown(path)))?;
    if order.bare && !directory.is_bare() {
        let what = format!("{} holds a registry with the built-in model", context.shown(path));
        return Err(Failure::new(OwnCode::NotBare, what)
            .help("serve it without --bare, or give a directory of its own: --data DIR"));
    }
    Ok(Kind::Data(directory))
}

fn how(order: &Order, address: SocketAddr) -> Result<How, Failure> {
    let public = order
        .public_url
        .as_deref()
        .map(|text| {
            PublicAddress::parse(text).map_err(|error| {
                Failure::usage(format!("{text:?} can't be what URLs begin with: {error}"))
                    .help("--public-url https://registry.example.com")
            })
        })
        .transpose()?;
    Ok(How {
        id: order.registry_id.as_deref().map(registry_id).transpose()?,
        public,
        key: order.key.clone(),
        anonymous: order.anonymous,
        beyond_loopback: !address.ip().is_loopback(),
        cache_bytes: order.limits.cache_bytes,
        ..How::default()
    })
}

/// A directory knows itself whether its registry is bare.
fn is_bare(kind: &Kind, order: &Order) -> bool {
    match kind {
        Kind::Memory => order.bare,
        Kind::Data(directory) => directory.is_bare(),
    }
}

fn limits(order: &Order) -> ServerLimits {
    let seconds = |value: u32| Duration::from_secs(u64::from(value));
    ServerLimits {
        connections_max: order.limits.connections as usize,
        head_time: seconds(order.timeouts.head_s),
        idle_time: seconds(order.timeouts.idle_s),
        stall_time: seconds(order.timeouts.stall_s),
        drain_grace: seconds(order.timeouts.stop_s),
        ..ServerLimits::default()
    }
}
