//! Readers of a site, while everything befalls the way to it that can, and the site changes: never a
//! wrong document, never one of another state than its manifest, never an earlier state again, never
//! a late answer, never a panic. Afterwards all of them have the newest state by themselves.
//!
//! `CHAOS_SECONDS=600` takes longer than half a minute; `tests/long` does so with a release build.
//! `CHAOS_SEED` is the seed of the faults, the changes and the questions.

#![expect(clippy::print_stdout, reason = "what was met is told with --nocapture")]

mod lateness;
mod proxy;
mod published;
mod reading;
mod subject;
mod weather;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_client::site::{Snapshot, VerifiedManifest};
use muster_journal::SeededRandom;
use muster_seal::note::Verifier;
use muster_wire::manifest::MANIFEST_PATH;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::RwLock;

use self::{
    lateness::Lateness,
    proxy::Proxy,
    published::Published,
    reading::{Found, Reading},
    subject::{MANNERS, World},
    weather::{BAD_GREETINGS, FAULTS, Weather},
};
use crate::{
    client::{Ask, Client},
    harness::{Server, run},
    publishing::wait_for,
};

/// How long it takes, where nothing else is said.
const SECONDS: u64 = 30;

/// The threads of the readers, and how many ask at a time in each.
const THREADS: usize = 8;
const ASKING: u64 = 4;

/// The longest time until a reader asks the site again that has failed often.
const REST: Duration = Duration::from_secs(75);

/// Panics within the client, also where nobody waits for what panics.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// The documents of the site; each may be away for a while.
fn paths() -> Vec<String> {
    let names = ["one", "two_parts", "three-parts", "four", "large"];
    let groups = ["providers/cms", "providers/hosting", "stacks/templates", "stacks/cms-tiers"];
    // A stack's name is in one category.
    let every =
        |group: &'static str| names.map(|name| format!("{group}/{}_{name}.json", &group[7..9]));
    groups.into_iter().flat_map(every).chain(["providers/cms/never.json".to_owned()]).collect()
}

/// Changes, removes and creates a document of the registry.
fn change(client: &mut Client, dice: &mut SeededRandom, number: u64) {
    let paths = paths();
    let path = &paths[usize::try_from(dice.below(paths.len() as u64 - 1)).unwrap()];
    let (group, name) = path.trim_end_matches(".json").rsplit_once('/').unwrap();
    let place = format!("/api/{group}/entries/{name}");
    if dice.one_in(6) {
        client.ask(&Ask::new("DELETE", place));
        return;
    }
    let length = if name.ends_with("large") { 60_000 } else { dice.below(2_000) };
    let filler: String = (0..length).map(|_| char::from(b'a' + (dice.below(26) as u8))).collect();
    // The same bytes under two names, sometimes.
    let shown = if dice.one_in(10) { "same" } else { path };
    let document = json!({"path": shown, "number": number / 2, "filler": filler}).to_string();
    let answer = client.ask(&Ask::json("PUT", place, document));
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
}

/// A registry that publishes each change to a folder, once it has published all documents.
fn publishing(folder: &Path) -> Server {
    let destinations = format!("web={}", folder.join("site").display());
    let data = folder.join("data");
    let flags = ["--data", data.to_str().unwrap()];
    let server = Server::with(&flags, &[("MUSTER_SITE_DESTINATIONS", &destinations)]);
    let mut client = Client::connect(server.address);
    let mut dice = SeededRandom::new(1);
    (0..100).for_each(|number| change(&mut client, &mut dice, number));
    let publication = json!({"destination": "web", "base_url": "https://cdn.example"});
    server.put("/api/publications/site/entries/web", publication.to_string()).expect(201);
    wait_for("the first manifest", || folder.join("site").join(MANIFEST_PATH).exists());
    server
}

/// What programs bring: the site as it is now.
fn snapshot(site: &Path) -> Arc<Snapshot> {
    let bytes = fs::read(site.join(MANIFEST_PATH)).unwrap();
    let manifest = VerifiedManifest::read(bytes.into(), None, None).unwrap();
    let object = |digest: &str| {
        fs::read(site.join(muster_wire::manifest::object_path(digest))).ok().map(Into::into)
    };
    Arc::new(Snapshot::read(&Snapshot::write(&manifest, object).unwrap()).unwrap())
}

fn world(folder: &Path, key: Verifier, weather: &Arc<Weather>, seed: u64) -> World {
    // Nobody connects from such an address, so nobody is given a port of it by chance.
    let host = format!("127.77.{}.{}", std::process::id() % 250, 1 + seed % 250);
    let (within_tls, trusted) = Proxy::start_within_tls(&host, weather);
    fs::write(folder.join("trusted.pem"), trusted).unwrap();
    World {
        clear: Proxy::start(&host, weather),
        within_tls,
        trusted: folder.join("trusted.pem"),
        site: folder.join("site"),
        disks: folder.join("disks"),
        key,
        snapshot: snapshot(&folder.join("site")),
    }
}

/// Counts what panics within the client, wherever that is.
fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_own = |place: &std::panic::Location<'_>| place.file().contains("crates/client/");
        if panic.location().is_some_and(is_own) {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(panic);
    }));
}

/// Changes documents until the time is over.
fn change_for(address: SocketAddr, time: Duration, seed: u64, is_over: &AtomicBool) {
    let mut client = Client::connect(address);
    let mut dice = SeededRandom::new(seed);
    let end = Instant::now() + time;
    let mut number = 1_000;
    while Instant::now() < end && !is_over.load(Ordering::SeqCst) {
        for _ in 0..=dice.below(4) {
            change(&mut client, &mut dice, number);
            number += 1;
        }
        // sleeps: the chaos sets how often the site changes.
        std::thread::sleep(Duration::from_millis(50 + dice.below(500)));
    }
    // The last state differs from all before it.
    change_all(&mut client, number);
}

fn change_all(client: &mut Client, number: u64) {
    for path in paths().iter().filter(|path| !path.contains("never")) {
        let (group, name) = path.trim_end_matches(".json").rsplit_once('/').unwrap();
        let document = json!({"path": path, "number": number}).to_string();
        client.ask(&Ask::json("PUT", format!("/api/{group}/entries/{name}"), document));
    }
}

/// All readers have the newest state, without anybody's help.
async fn recover(reading: &Reading) {
    let newest = reading.published.newest();
    let end = Instant::now() + REST;
    for (number, reader) in reading.readers.iter().enumerate() {
        let subject = reader.read().await;
        while !subject.is_at(&newest).await {
            let who = subject.described();
            assert!(Instant::now() < end, "reader {number} isn't at {}: {who}", newest.version);
            // sleeps: a reader leaves a site that failed alone for a while.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for path in newest.files.keys() {
            let answer = subject.reader.get(path).await;
            let answer = answer.unwrap_or_else(|error| panic!("{number}: {path}: {error}"));
            let one = std::slice::from_ref(&newest);
            let found = (&*answer.value, answer.version.as_str());
            let belongs = reading.published.belongs(one, path, found);
            let (tier, who) = (answer.tier, subject.described());
            assert!(belongs, "{number}: {path}: {tier:?}, version {}, {who}", answer.version);
        }
    }
}

/// Lets the readers read while the weather changes, and then recover.
fn read_in(weather: &Arc<Weather>, reading: &Arc<Reading>, server: &Server, plan: (Duration, u64)) {
    let (time, seed) = plan;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .unwrap();
    let asking = (0..ASKING * THREADS as u64)
        .map(|one| runtime.spawn(reading.clone().read(seed.wrapping_add(one.wrapping_mul(7_919)))));
    let asking: Vec<_> = asking.collect();
    std::thread::scope(|scope| {
        scope.spawn(|| change_for(server.address, time, seed, &reading.is_over));
        scope.spawn(|| weather.change_for(time, &reading.is_over));
        let end = Instant::now() + time;
        wait_while(|| Instant::now() < end && !reading.is_over.load(Ordering::SeqCst));
        reading.is_over.store(true, Ordering::SeqCst);
    });
    weather.set(0, false);
    runtime.block_on(async {
        for one in asking {
            one.await.unwrap();
        }
        let violations = reading.found.lock().unwrap().violations.join("\n");
        assert!(violations.is_empty(), "CHAOS_SEED={seed}: {violations}");
        let is_published = || reading.published.newest().position >= server.position();
        tokio::task::block_in_place(|| wait_for("the last state", is_published));
        recover(reading).await;
    });
}

fn wait_while(mut is_so: impl FnMut() -> bool) {
    while is_so() {
        // sleeps: between two looks at whether the chaos is over.
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn whatever_befalls_the_way_to_a_site_no_reader_gets_a_wrong_answer_or_a_late_one() {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let time = Duration::from_secs(variable("CHAOS_SECONDS").unwrap_or(SECONDS));
    let seed: u64 = variable("CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("CHAOS_SEED={seed}");
    count_panics();
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = publishing(folder);
    let key = run(folder, &["keys", "site", "--server", &server.url("127.0.0.1")]).expect(0).out;
    let key: Verifier = key.trim().parse().unwrap();
    let weather = Arc::new(Weather::new(folder.join("site"), seed));
    let world = world(folder, key.clone(), &weather, seed);
    let readers = (0..MANNERS.len() * 2).map(|number| RwLock::new(world.subject(number)));
    let reading = Arc::new(Reading {
        readers: readers.collect(),
        published: Published::new(folder.join("site"), key),
        lateness: Lateness::start(),
        paths: paths(),
        is_over: AtomicBool::new(false),
        found: Mutex::default(),
        world,
    });
    read_in(&weather, &reading, &server, (time, seed));
    weather.end();
    reading.lateness.end();
    tell(&weather, &reading, time);
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "CHAOS_SEED={seed}: the client panicked");
    let met = weather.report();
    // In half a minute some may be missed by chance; in ten, none.
    let all = FAULTS.len() + BAD_GREETINGS.len() + 1;
    let least = if time >= Duration::from_secs(300) { all } else { all / 2 };
    let count = met.len();
    let is_rough = count >= least || time < Duration::from_secs(SECONDS);
    assert!(is_rough, "CHAOS_SEED={seed}: only {count} of {all} kinds of faults: {met:?}");
}

/// What was met and what was answered.
fn tell(weather: &Weather, reading: &Reading, time: Duration) {
    let Found { answers, longest, .. } = &*reading.found.lock().unwrap();
    let versions = reading.published.span(0, reading.published.newest().version).len();
    println!("{} s, {versions} manifests published; faults met:", time.as_secs());
    weather.report().iter().for_each(|(name, count)| println!("  {name}: {count}"));
    println!("answers:");
    answers.iter().for_each(|(tier, count)| println!("  {tier}: {count}"));
    println!("the longest took {longest} thousandths of timeout × tries");
}
