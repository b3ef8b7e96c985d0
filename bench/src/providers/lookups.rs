//! Finding a provider by its name, and being admitted to call it (its status, its breaker, the
//! count of calls): against a look-up in `DashMap` and in `moka`, which do no more than that.

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::{Arc, Barrier},
    time::Instant,
};

use dashmap::DashMap;
use muster_providers::{EnvironmentSecrets, ProviderRegistry, RegistryOptions};

use super::registrations::Idle;
use crate::{
    Outcome,
    order::Order,
    ratio::{Report, Target, median},
};

/// How many providers there are.
const PROVIDERS: usize = 1_000;

/// How many look-ups are timed together: the clock costs as much as a look-up.
const BLOCK: usize = 100;

/// How many blocks a thread makes in a round.
const BLOCKS: usize = 10_000;

/// Threads at the same time.
const THREADS: usize = 2;

const MODEL: &str = "tiny";

/// Something that is looked up.
type LookUp = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Measures them in turns.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    let names: Arc<Vec<String>> =
        Arc::new((0..PROVIDERS).map(|n| format!("provider-{n}")).collect());
    let ways = ways(&names)?;
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..order.rounds {
        for (way, found) in ways.iter().zip(&mut found) {
            found.push(nanoseconds(&way.1, &names)?);
        }
    }
    let found: Vec<f64> = found.into_iter().map(median).collect();
    for ((name, _), nanoseconds) in ways.iter().zip(&found) {
        let what = format!("providers: {name}, p50 at {THREADS} threads");
        match *name {
            "admission" | "look-up" => {
                report.result(&what, *nanoseconds, " ns", Target::Below(100.0))
            }
            _ => report.fact(&what, &format!("{nanoseconds:.0} ns")),
        }
    }
    let [look_up, admission, dashmap, moka] = found[..] else {
        return Err("a way is missing".into());
    };
    let ratios = format!(
        "{:.2} and {:.2} of DashMap, {:.2} and {:.2} of moka",
        look_up / dashmap,
        admission / dashmap,
        look_up / moka,
        admission / moka
    );
    report.fact("providers: time of a look-up, and of an admission", &ratios);
    Ok(())
}

fn ways(names: &[String]) -> Outcome<Vec<(&'static str, LookUp)>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secrets = Arc::new(EnvironmentSecrets::new(BTreeMap::new()));
    let registry = ProviderRegistry::new(RegistryOptions::new(secrets));
    let (dashmap, moka) = (DashMap::new(), moka::sync::Cache::new(u64::MAX));
    for name in names {
        let live = registry.register_with_instance(name, Arc::new(Idle));
        let live = runtime.block_on(live).map_err(|error| error.to_string())?;
        dashmap.insert(name.clone(), live.clone());
        moka.insert(name.clone(), live);
    }
    moka.run_pending_tasks();
    let admitting = registry.clone();
    Ok(vec![
        ("look-up", Arc::new(move |name| registry.get_provider(name).is_some())),
        // The call is given back at once, which counts as well.
        ("admission", Arc::new(move |name| admitting.admit(name, MODEL).is_ok())),
        (
            "DashMap",
            Arc::new(move |name| dashmap.get(name).map(|found| Arc::clone(&found)).is_some()),
        ),
        ("moka", Arc::new(move |name| moka.get(name).is_some())),
    ])
}

/// The time of one look-up, as the block in the middle has it.
fn nanoseconds(look_up: &LookUp, names: &Arc<Vec<String>>) -> Outcome<f64> {
    let start = Arc::new(Barrier::new(THREADS));
    let threads = (0..THREADS).map(|thread| {
        let (look_up, names, start) = (look_up.clone(), names.clone(), start.clone());
        std::thread::spawn(move || {
            // Each thread has its own order of names.
            let mut place = thread * 7_919;
            let mut times = Vec::with_capacity(BLOCKS);
            start.wait();
            for _ in 0..BLOCKS {
                let began = Instant::now();
                for _ in 0..BLOCK {
                    place = (place * 5 + 7) % names.len();
                    black_box(look_up(black_box(&names[place])));
                }
                #[expect(clippy::cast_precision_loss, reason = "a block is short")]
                times.push(began.elapsed().as_nanos() as f64 / BLOCK as f64);
            }
            times
        })
    });
    let threads: Vec<_> = threads.collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| "a thread ended early")?);
    }
    Ok(median(all))
}
