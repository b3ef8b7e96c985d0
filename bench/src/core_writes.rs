//! Durable puts without HTTP: the registry over SQLite, against fdatasync in a loop.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use muster_catalog::command::{Action, Command, Mode, SentDocument, Target, Write, WriteBody};
use muster_journal::{Ledger, LedgerHandle};
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, CommandOrigin, Genesis, Registry, RegistrySettings};
use muster_stores::sqlite::{Options, SqliteLedger};
use muster_words::{Moment, json};

use crate::{
    Outcome, floor,
    load::percentile,
    order::Order,
    ratio::{self, Report, median},
};

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(order, report))
}

async fn measure(order: &Order, report: &mut Report) -> Outcome {
    let folder = order.scratch.join("core-writes");
    let registry = open(&folder).await?;
    bind(&registry).await?;
    let next = Arc::new(AtomicU64::new(0));
    report.say(&format!("\ncore-writes: {} callers, no HTTP", order.clients));
    let (mut ratios, mut slowest) = (Vec::new(), Vec::new());
    round(&registry, &next, order, order.warmup).await?;
    for index in 1..=order.rounds {
        let floor = floor::fdatasync(&folder, order.round)?;
        let (rate, p99) = round(&registry, &next, order, order.round).await?;
        report.say(&format!(
            "round {index}: fdatasync {floor:.0}/s, puts {rate:.0}/s, p99 {p99:.1} ms"
        ));
        ratios.push(rate / floor);
        slowest.push(p99);
    }
    report.result("core-writes: of fdatasync", median(ratios), "", ratio::Target::AtLeast(2.0));
    report.result("core-writes: p99", median(slowest), " ms", ratio::Target::Below(25.0));
    registry.close().await;
    Ok(())
}

/// A registry over a new ledger in a folder.
pub(crate) async fn open(folder: &Path) -> Outcome<Registry> {
    std::fs::create_dir_all(folder)?;
    let ledger = SqliteLedger::open(&folder.join("changes.db"), "changes", Options::default())?;
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock());
    settings.genesis = Some(Genesis { registry: "bench".parse()?, actor: "bench".into() });
    Ok(Registry::open(Box::new(LedgerHandle(ledger)), settings).await?)
}

fn clock() -> Clock {
    Clock {
        now: Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let microseconds = i64::try_from(since.as_micros()).unwrap_or_default();
            Moment::from_microseconds(microseconds).unwrap_or(Moment::EPOCH)
        }),
        command_id: Arc::new(|| {
            let mut id = [0; 16];
            let _ = getrandom::fill(&mut id);
            CommandId(id)
        }),
    }
}

/// Who writes.
pub(crate) fn by() -> CommandOrigin {
    CommandOrigin::of_owner()
}

async fn bind(registry: &Registry) -> Outcome {
    let schema = r#"{"type":"object","required":["number","text"],
        "properties":{"number":{"type":"integer"},"text":{"type":"string"}}}"#;
    registry.submit(put("/schemagroups/own/schemas/thing", schema.to_owned())?, &by()).await?;
    let json::Value::Object(body) =
        json::parse(br#"{"muster":{"schema":"/schemagroups/own/schemas/thing"}}"#)?
    else {
        return Ok(());
    };
    let write = Write {
        mode: Mode::Put,
        target: Target::Entity("/configs/bench".parse()?),
        body: WriteBody::Tree(body),
    };
    registry.submit(Command::new(Action::Write(write)), &by()).await?;
    Ok(())
}

/// A put of a document.
pub(crate) fn put(xid: &str, document: String) -> Outcome<Command> {
    Ok(Command::new(Action::Write(Write {
        mode: Mode::Put,
        target: Target::Entity(xid.parse()?),
        body: WriteBody::Document(SentDocument {
            bytes: Bytes::from(document),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    })))
}

async fn round(
    registry: &Registry,
    next: &Arc<AtomicU64>,
    order: &Order,
    time: Duration,
) -> Outcome<(f64, f64)> {
    let started = Instant::now();
    let clients: Vec<_> = (0..order.clients)
        .map(|_| tokio::spawn(client(registry.clone(), next.clone(), started + time)))
        .collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of puts is far below 2^52")]
    let rate = waits.len() as f64 / started.elapsed().as_secs_f64();
    Ok((rate, percentile(waits, 99)))
}

/// Puts one document after another, and notes how long each took.
async fn client(registry: Registry, next: Arc<AtomicU64>, end: Instant) -> Outcome<Vec<Duration>> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let text = "x".repeat(2_000);
        let document = format!("{{\"number\":{number},\"text\":\"{text}\"}}");
        let command = put(&format!("/configs/bench/entries/d{number}"), document)?;
        let asked = Instant::now();
        registry.submit(command, &by()).await?;
        waits.push(asked.elapsed());
    }
    Ok(waits)
}
