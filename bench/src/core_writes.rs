//! Durable puts without HTTP: the registry over SQLite, against fdatasync in a loop.

use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use muster_catalog::{
    command::{Action, Body, Command, Mode, SentDocument, Target, Write},
    model::Foundation,
};
use muster_journal::Ledger;
use muster_ledger::CommandId;
use muster_registry::{Clock, Genesis, Origin, Registry, Settings};
use muster_stores::sqlite::{Options, SqliteLedger};
use muster_words::{Moment, json};

use crate::floor;

const CLIENTS: u64 = 64;
const ROUND: Duration = Duration::from_secs(5);
const WARMUP: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

type Outcome = Result<(), Box<dyn Error>>;

pub(crate) fn run() -> Outcome {
    let folder = std::env::temp_dir().join(format!("muster-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(measure(folder.clone()));
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn measure(folder: PathBuf) -> Outcome {
    let ledger = SqliteLedger::open(&folder.join("changes.db"), "changes", Options::default())?;
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let mut settings = Settings::new(Foundation::BuiltIn, clock());
    settings.genesis = Some(Genesis { registry: "bench".parse()?, actor: "bench".into() });
    let registry = Registry::open(ledger, settings).await?;
    bind(&registry).await?;
    let next = Arc::new(AtomicU64::new(0));
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    let _ = round(&registry, &next, WARMUP).await?;
    for index in 0..ROUNDS {
        let floor = floor::fdatasync(&folder, ROUND)?;
        let (rate, p99) = round(&registry, &next, ROUND).await?;
        println!(
            "round {}: fdatasync {floor:.0}/s, puts {rate:.0}/s ({:.2}x), p99 {p99:.1} ms",
            index + 1,
            rate / floor
        );
        ratios.push(rate / floor);
        rates.push(rate);
    }
    println!("median: puts {:.0}/s, {:.2} times fdatasync", median(rates), median(ratios));
    registry.close().await;
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
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

fn by() -> Origin {
    Origin { actor: "bench".into(), ..Origin::default() }
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
        body: Body::Tree(body),
    };
    registry.submit(Command::new(Action::Write(write)), &by()).await?;
    Ok(())
}

fn put(xid: &str, document: String) -> Result<Command, Box<dyn Error>> {
    Ok(Command::new(Action::Write(Write {
        mode: Mode::Put,
        target: Target::Entity(xid.parse()?),
        body: Body::Document(SentDocument {
            bytes: Bytes::from(document),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    })))
}

async fn round(
    registry: &Registry,
    next: &Arc<AtomicU64>,
    time: Duration,
) -> Result<(f64, f64), Box<dyn Error>> {
    let started = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (registry, next) = (registry.clone(), next.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while started.elapsed() < time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let text = "x".repeat(2_000);
                    let document = format!("{{\"number\":{number},\"text\":\"{text}\"}}");
                    let Ok(command) = put(&format!("/configs/bench/entries/d{number}"), document)
                    else {
                        continue;
                    };
                    let asked = Instant::now();
                    if registry.submit(command, &by()).await.is_ok() {
                        waits.push(asked.elapsed());
                    }
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await?);
    }
    waits.sort();
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a count of puts is far below 2^52")]
    let rate = waits.len() as f64 / started.elapsed().as_secs_f64();
    Ok((rate, p99.as_secs_f64() * 1_000.0))
}
