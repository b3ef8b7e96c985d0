//! What a small read and the server's health cost others while somebody attacks: latencies of both,
//! without an attack and during each, measured from this process.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Outcome, order::Order, process::Running, ratio::Report, servers::muster, talk};

/// The rest between two probes.
const PROBE_REST: Duration = Duration::from_millis(5);

/// How long an attacker waits for a part of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An attack: what is prepared, and what its clients do again and again.
struct Attack {
    name: &'static str,
    clients: usize,
    prepare: fn(SocketAddr) -> Outcome,
    strike: fn(SocketAddr, usize, &AtomicBool) -> Outcome,
}

const ATTACKS: [Attack; 10] = [
    Attack { name: "nothing", clients: 0, prepare: |_| Ok(()), strike: |_, _, _| Ok(()) },
    Attack {
        name: "numbers: minimum",
        clients: 4,
        prepare: numbers,
        strike: |address, _, _| {
            ask(address, &put("/api/configs/numbers/entries/a", &list("1.5e-9000", 6_000)))
        },
    },
    Attack {
        name: "numbers: enum of lists",
        clients: 4,
        prepare: enumerated,
        strike: |address, _, _| {
            let row = list("1e-900", 100);
            ask(address, &put("/api/configs/enumerated/entries/a", &list(&row, 100)))
        },
    },
    Attack {
        name: "?inline of 31 documents",
        clients: 2,
        prepare: large,
        strike: |address, _, _| get(address, "/api/configs/large/entries?inline=entry", ""),
    },
    Attack {
        name: "?inline of 15 documents",
        clients: 4,
        prepare: plain,
        strike: |address, _, _| get(address, "/api/configs/plain/entries?inline=entry", ""),
    },
    Attack {
        name: "gzip of a 7 MiB listing",
        clients: 100,
        prepare: wide,
        strike: |address, _, _| {
            get(address, "/api/configs/wide/entries?inline=entry", "accept-encoding: gzip\r\n")
        },
    },
    Attack {
        name: "$details?inline of 4 MiB",
        clients: 4,
        prepare: large,
        strike: |address, _, _| {
            get(address, "/api/configs/large/entries/d1$details?inline=entry", "")
        },
    },
    Attack {
        name: "/log?limit=1000",
        clients: 8,
        prepare: |_| Ok(()),
        strike: |address, _, _| get(address, "/log?limit=1000", ""),
    },
    Attack {
        name: "100 watchers of one large command",
        clients: 100,
        prepare: command,
        strike: watch,
    },
    Attack {
        name: "160,000 violations",
        clients: 4,
        prepare: references,
        strike: |address, _, _| {
            ask(
                address,
                &put(
                    "/api/things/one/files/a",
                    &format!("{{\"see\":{}}}", list("\"nobody here\"", 160_000)),
                ),
            )
        },
    },
];

/// Measures all of them.
pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    report.say("\nstarve: milliseconds of a GET while an attack runs (median, p99, longest)\n");
    let folder = order.scratch.join("starve");
    let server = muster::start(order, &folder, None)?;
    talk::put(server.address, "/api/configs/small/entries/small", b"{\"small\":true}")?;
    let mut table =
        "| attack | strikes | /health/live | a small document | memory |\n|---|---|---|---|---|\n"
            .to_owned();
    for attack in &ATTACKS {
        let row = match measure(attack, &server, order.round) {
            Ok(row) => row,
            Err(error) => format!("| {} | failed: {error} | | | |", attack.name),
        };
        let _ = writeln!(table, "{row}");
        report.say(&row);
    }
    report.say(&restores(&server)?);
    report.say(&format!("\n{table}"));
    server.stop()
}

fn measure(attack: &Attack, server: &Running, time: Duration) -> Outcome<String> {
    let address = server.address;
    (attack.prepare)(address)?;
    let stop = Arc::new(AtomicBool::new(false));
    let strikes = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..attack.clients)
        .map(|number| {
            let (stop, strikes, strike) = (Arc::clone(&stop), Arc::clone(&strikes), attack.strike);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // A refusal is an answer; a connection that breaks is tried again.
                    let _ = strike(address, number, &stop);
                    strikes.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let until = Instant::now() + time;
    let probe = move |path: &'static str| {
        thread::spawn(move || {
            let mut took = Vec::new();
            while Instant::now() < until {
                let began = Instant::now();
                if talk::get(address, path).is_ok_and(|answer| answer.status == 200) {
                    took.push(began.elapsed());
                } else {
                    took.push(Duration::from_secs(10));
                }
                thread::sleep(PROBE_REST);
            }
            took
        })
    };
    let (health, document) = (probe("/health/live"), probe("/api/configs/small/entries/small"));
    let mut memory = 0;
    while Instant::now() < until {
        memory = memory.max(server.memory()?);
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    let joined = |probe: thread::JoinHandle<Vec<Duration>>| probe.join().unwrap_or_default();
    let (health, document) = (shown(joined(health)), shown(joined(document)));
    for client in clients {
        let _ = client.join();
    }
    let (name, strikes) = (attack.name, strikes.load(Ordering::Relaxed));
    Ok(format!("| {name} | {strikes} | {health} | {document} | {} MiB |", memory >> 20))
}

/// The median, the 99th percentile and the longest, in milliseconds.
fn shown(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).or(took.last());
    let shown = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (median, most, longest) = (shown(at(50)), shown(at(99)), shown(took.last()));
    format!("{median:.1} {most:.1} {longest:.1}")
}

/// How long a watcher takes for a ledger of puts, deletions and restores: half of it, and all.
fn restores(server: &Running) -> Outcome<String> {
    let address = server.address;
    let first = position(address)?;
    let mut line = "restores:".to_owned();
    for _ in 0..2 {
        for _ in 0..2_000 {
            ask(address, &put("/api/configs/small/entries/back", "{\"back\":1}"))?;
            ask(address, &talk::request("DELETE", "/api/configs/small/entries/back", "", b""))?;
            ask(address, &talk::request("POST", "/restore/configs/small/entries/back", "", b""))?;
        }
        let last = position(address)?;
        let took = caught_up(address, first, last)?;
        let _ = write!(line, " {} entries caught up with in {took:.1?};", last - first);
    }
    Ok(line)
}

fn position(address: SocketAddr) -> Outcome<u64> {
    let answer = talk::get(address, "/api/configs/small/entries/small")?;
    Ok(answer.header("muster-position").ok_or("no position")?.parse()?)
}

/// The time until a watcher that starts at one position has got another.
fn caught_up(address: SocketAddr, first: u64, last: u64) -> Outcome<Duration> {
    let began = Instant::now();
    let mut stream = open(address, &format!("/changes?after={first}"), "")?;
    let wanted = format!("\nid: {last}");
    let (mut kept, mut part) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Err("the stream has ended".into());
        }
        kept.extend_from_slice(&part[..length]);
        if memchr::memmem::find(&kept, wanted.as_bytes()).is_some() {
            return Ok(began.elapsed());
        }
        let begin = kept.len().saturating_sub(wanted.len());
        kept.drain(..begin);
    }
}

fn list(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

fn put(path: &str, body: &str) -> Vec<u8> {
    talk::request("PUT", path, "content-type: application/json\r\n", body.as_bytes())
}

fn open(address: SocketAddr, path: &str, headers: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{headers}connection: close\r\n\r\n")
            .as_bytes(),
    )?;
    Ok(stream)
}

/// Reads an answer to its end and forgets it.
fn get(address: SocketAddr, path: &str, headers: &str) -> Outcome {
    let mut stream = open(address, path, headers)?;
    let mut part = vec![0; 256 * 1024];
    while stream.read(&mut part)? > 0 {}
    Ok(())
}

fn ask(address: SocketAddr, request: &[u8]) -> Outcome {
    match talk::ask(address, request)?.status {
        500.. => Err("a fault of the server".into()),
        _ => Ok(()),
    }
}

/// Makes a group whose documents are bound to a schema.
fn bound(address: SocketAddr, group: &str, schema: &str) -> Outcome {
    talk::put(address, &format!("/api/schemagroups/own/schemas/{group}"), schema.as_bytes())?;
    let binding = format!("{{\"muster\":{{\"schema\":\"/schemagroups/own/schemas/{group}\"}}}}");
    talk::put(address, &format!("/api/configs/{group}"), binding.as_bytes())
}

fn numbers(address: SocketAddr) -> Outcome {
    bound(address, "numbers", "{\"items\":{\"minimum\":0.5}}")
}

fn enumerated(address: SocketAddr) -> Outcome {
    let row = list("1e-900", 100);
    bound(address, "enumerated", &format!("{{\"items\":{{\"enum\":[{row},[0]]}}}}"))
}

/// 31 documents of nearly 4 MiB, every letter of which is written with six.
fn large(address: SocketAddr) -> Outcome {
    let text = vec![1_u8; (4 << 20) - 64];
    for number in 0..31 {
        let path = format!("/api/configs/large/entries/d{number}");
        let request = talk::request("PUT", &path, "content-type: text/plain\r\n", &text);
        ask(address, &request)?;
    }
    Ok(())
}

/// 15 documents of nearly 4 MiB: a listing that is just answered.
fn plain(address: SocketAddr) -> Outcome {
    let text = vec![b'a'; (4 << 20) - 64];
    for number in 0..15 {
        let path = format!("/api/configs/plain/entries/d{number}");
        ask(address, &talk::request("PUT", &path, "content-type: text/plain\r\n", &text))?;
    }
    Ok(())
}

/// A listing of 7 MiB.
fn wide(address: SocketAddr) -> Outcome {
    for number in 0..112 {
        let mut text = String::new();
        while text.len() < 64 * 1024 {
            let _ = writeln!(text, "line {} of document {number}", text.len() * 7_919 % 104_729);
        }
        let path = format!("/api/configs/wide/entries/d{number}");
        ask(
            address,
            &talk::request("PUT", &path, "content-type: text/plain\r\n", text.as_bytes()),
        )?;
    }
    Ok(())
}

/// One command that makes ten thousand entities.
fn command(address: SocketAddr) -> Outcome {
    let entries: Vec<String> = (0..5_000)
        .map(|number| format!("\"e{number}\":{{\"name\":\"a name {number}\"}}"))
        .collect();
    let body = format!("{{\"entries\":{{{}}}}}", entries.join(","));
    ask(
        address,
        &talk::request(
            "POST",
            "/api/configs/many",
            "content-type: application/json\r\n",
            body.as_bytes(),
        ),
    )
}

/// Watches from the first change on until there is nothing newer.
fn watch(address: SocketAddr, _: usize, stop: &AtomicBool) -> Outcome {
    let mut stream = open(address, "/changes?after=2", "")?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut part = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) && stream.read(&mut part).is_ok_and(|length| length > 0) {}
    Ok(())
}

/// A type whose documents refer to others.
fn references(address: SocketAddr) -> Outcome {
    let model = "{\"groups\":{\"things\":{\"singular\":\"thing\",\"resources\":{\"files\":{\"singular\":\"file\",\
        \"muster\":{\"references\":[{\"field\":\"/see/*\",\"collection\":\"/things/files\"}]}}}}}}";
    talk::put(address, "/api/modelsource", model.as_bytes())?;
    talk::put(address, "/api/things/one", b"{}")
}
