//! Propagation by the real program: killed at random moments while it delivers to a receiver that
//! records everything, and two programs that send to each other.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{PATIENCE, Server, run},
};

/// How often the server is killed. `RELAY_KILLS` sets another number.
const KILLS: u64 = 8;

/// How many documents are written to.
const DOCUMENTS: u64 = 5;

const SETTINGS: &[(&str, &str)] = &[
    ("MUSTER_PROPAGATION_ALLOW", "127.0.0.0/8"),
    ("HOOK_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
];

/// A request, as far as it matters here.
#[derive(Clone, Debug)]
struct Received {
    id: String,
    signature: Option<String>,
    event: Value,
}

/// A receiver that takes and records everything.
struct Recorder {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let shared = received.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, received }
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, received: &Mutex<Vec<Received>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut id, mut signature, mut length) = (String::new(), None, 0);
        let mut is_question = false;
        loop {
            let mut line = String::new();
            if !matches!(lines.read_line(&mut line), Ok(count) if count > 0) {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            is_question |= line.starts_with("OPTIONS ");
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name.to_lowercase().as_str() {
                "webhook-id" => value.clone_into(&mut id),
                "webhook-signature" => signature = Some(value.to_owned()),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if lines.read_exact(&mut body).is_err() {
            return;
        }
        if is_question {
            if stream.write_all(b"HTTP/1.1 405 X\r\nContent-Length: 0\r\n\r\n").is_err() {
                return;
            }
            continue;
        }
        let event = serde_json::from_slice(&body).unwrap();
        received.lock().unwrap().push(Received { id, signature, event });
        if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Writes until the server is gone; returns the values that were acknowledged, by document.
fn write(address: SocketAddr, round: u64, first: &mpsc::Sender<()>) -> Vec<(String, u64)> {
    let mut acknowledged = Vec::new();
    let Ok(mut client) = Client::try_connect(address) else { return acknowledged };
    for count in 0.. {
        let (name, value) = (format!("d{}", count % DOCUMENTS), round * 1_000_000 + count);
        let path = format!("/api/configs/app/entries/{name}");
        match client.try_ask(&Ask::json("PUT", &path, value.to_string())) {
            Some(answer) => {
                assert!(matches!(answer.status, 200 | 201), "{answer:?}");
                acknowledged.push((name, value));
                let _ = first.send(());
            }
            None => break,
        }
    }
    acknowledged
}

fn live(data: &Path, round: u64) -> Vec<(String, u64)> {
    let server = Server::with(&["--data", data.to_str().unwrap()], SETTINGS);
    let address = server.address;
    let (first, begun) = mpsc::channel();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || write(address, round, &first));
        begun.recv().unwrap();
        // sleeps: the moment of the kill is what the test varies, from 5 to 155 ms.
        std::thread::sleep(Duration::from_micros(5_000 + round * 37_919 % 150_000));
        server.kill();
        writer.join().unwrap()
    })
}

/// The values that a document had, in the order in which they came for the first time.
fn histories(received: &[Received]) -> BTreeMap<String, Vec<(u64, u64)>> {
    let mut seen = std::collections::BTreeSet::new();
    let mut histories: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for one in received.iter().filter(|one| seen.insert(one.id.clone())) {
        let name = one.event["subject"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let position = one.event["sequence"].as_str().unwrap().parse().unwrap();
        let value = one.event["data"].as_u64().unwrap();
        histories.entry(name).or_default().push((position, value));
    }
    histories
}

#[test]
fn killed_while_it_delivers_it_loses_nothing_and_keeps_the_order_of_each_document() {
    let kills = std::env::var("RELAY_KILLS").ok().and_then(|text| text.parse().ok());
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let recorder = Recorder::start();
    {
        let server = Server::with(&["--data", data.to_str().unwrap()], SETTINGS);
        let url = format!("http://{}/in", recorder.address);
        let target = json!({"kind": "webhook", "url": url, "secret": "env:HOOK_SECRET"});
        server.put("/api/targets/ops/entries/hook", target.to_string()).expect(201);
        let route = json!({
            "mode": "unidirectional",
            "targets": ["/targets/ops/entries/hook"],
            "select": {"collections": ["/configs"]},
        });
        server.put("/api/routes/ops/entries/out", route.to_string()).expect(201);
        server.kill();
    }
    let mut acknowledged = Vec::new();
    for round in 1..=kills.unwrap_or(KILLS) {
        acknowledged.extend(live(&data, round));
    }
    let server = Server::with(&["--data", data.to_str().unwrap()], SETTINGS);
    let until = Instant::now() + PATIENCE;
    loop {
        let list = server.get("/propagation/sessions").expect(200).json();
        let link = &list["sessions"][0];
        if link["behind"] == 0 && link["state"] == "running" {
            break;
        }
        assert!(Instant::now() < until, "{list}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
    let received = recorder.all();
    assert!(received.iter().all(|one| one.signature.is_some()));
    let histories = histories(&received);
    for (name, history) in &histories {
        assert!(history.is_sorted(), "{name} came out of order: {history:?}");
        let there = server.get(&format!("/api/configs/app/entries/{name}")).expect(200).json();
        assert_eq!(there.as_u64(), history.last().map(|(_, value)| *value), "{name}");
    }
    assert!(acknowledged.len() > 10, "the kills came too early");
    for (name, value) in &acknowledged {
        let found = histories[name].iter().any(|(_, found)| found == value);
        assert!(found, "{name} {value} was skipped");
    }
    let letters = server.get("/propagation/dead-letters").expect(200).json();
    assert_eq!(letters["letters"], json!([]));
}

#[test]
fn two_registries_send_to_each_other_and_nothing_comes_back() {
    let folder = TempDir::new().unwrap();
    let start = |id: &str| {
        Server::with(
            &["--memory", "--registry-id", id],
            &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")],
        )
    };
    let (a, b) = (start("a"), start("b"));
    let command = |at: &Server, to: &Server, more: &[&str]| {
        let (server, target) = (at.url("127.0.0.1"), to.url("127.0.0.1"));
        let arguments =
            ["propagation", "unidirectional", "--source", "configs", "--target", &target];
        let all = [&arguments[..], &["--kind", "registry", "--yes", "--server", &server], more];
        run(folder.path(), &all.concat()).expect(0)
    };
    a.put("/api/configs/app/entries/before", "0").expect(201);
    command(&a, &b, &[]);
    command(&b, &a, &[]);
    a.put("/api/configs/app/entries/x", r#"{"from": "a"}"#).expect(201);
    let comes = |server: &Server, name: &str, expect: Option<Value>| {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = server.get(&format!("/api/configs/app/entries/{name}"));
            let found = (answer.status == 200).then(|| answer.json());
            if found == expect {
                break;
            }
            assert!(Instant::now() < until, "{found:?} instead of {expect:?}");
            // sleeps: between two looks at a condition.
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    comes(&b, "x", Some(json!({"from": "a"})));
    b.post("/api/configs/app/entries/x", r#"{"from": "b"}"#).expect(201);
    comes(&a, "x", Some(json!({"from": "b"})));
    a.delete("/api/configs/app/entries/x").expect(204);
    comes(&b, "x", None);
    // What was there before comes with a route that runs once.
    command(&a, &b, &["--once"]);
    comes(&b, "before", Some(json!(0)));
    let is_quiet = |server: &Server| {
        let list = server.get("/propagation/sessions").expect(200).json();
        list["sessions"].as_array().unwrap().iter().all(|link| link["behind"] == 0)
    };
    let until = Instant::now() + PATIENCE;
    while !(is_quiet(&a) && is_quiet(&b)) {
        assert!(Instant::now() < until);
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
    // Every change was written once in each: nothing came back.
    let log = |server: &Server| {
        let log = server.get("/log?limit=100").expect(200).json();
        let commands = log["entries"].as_array().unwrap().iter();
        commands
            .filter(|one| one["message"].as_str().is_some_and(|it| it.starts_with("synced by")))
            .count()
    };
    assert_eq!((log(&a), log(&b)), (1, 3));
}

#[test]
fn a_plan_says_what_it_makes_what_it_changes_and_what_stays() {
    let folder = TempDir::new().unwrap();
    let server = Server::with(&["--memory"], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")]);
    let url = server.url("127.0.0.1");
    let asked = |more: &[&str]| {
        let arguments = ["propagation", "unidirectional", "--source", "configs", "--server", &url];
        let target = ["--target", "http://127.0.0.1:1/in"];
        run(folder.path(), &[&arguments[..], &target, more].concat())
    };
    let plan = |more: &[&str]| {
        let done = asked(more).expect(0);
        let signs = done.out.lines().filter(|line| line.contains("/muster/entries/"));
        signs.map(|line| line[..1].to_owned()).collect::<String>()
    };
    assert_eq!(plan(&["--dry-run"]), "++");
    plan(&["--yes"]);
    assert_eq!(plan(&["--dry-run"]), "==");
    // It goes on from its mark, whatever else it says.
    let other = asked(&["--dry-run", "--from", "beginning"]).expect(2).err;
    assert!(other.contains("--from beginning would change nothing"), "{other}");
    let told = asked(&["--dry-run", "--output", "json"]).expect(0).out;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["dry_run"], &told["documents"][1]["action"]), (&json!(true), &json!("keep")));
}

#[test]
fn a_url_is_planned_as_what_it_leads_to_or_refused_with_the_way_there() {
    let folder = TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let plan = |kind: &str, words: &[&str]| {
        let all = ["propagation", kind, "--source", "configs", "--dry-run", "--server", &url];
        run(folder.path(), &[&all[..], words].concat())
    };
    let bucket = "https://s3.eu-central-1.amazonaws.com/b/changes";
    let hosted = "https://b.s3.eu-west-3.amazonaws.com/changes";
    for (words, expect) in [
        (&["--target", "https://a/in"][..], r#"{"kind":"webhook","url":"https://a/in"}"#),
        (
            &["--target", "https://a", "--kind", "registry"],
            r#"{"kind":"registry","url":"https://a"}"#,
        ),
        (&["--target", bucket, "--kind", "bucket"], r#""kind":"bucket","region":"eu-central-1""#),
        (&["--target", hosted, "--kind", "bucket"], r#""kind":"bucket","region":"eu-west-3""#),
        (
            &["--target", "https://minio.example/b", "--kind", "bucket"],
            r#"{"kind":"bucket","url":"#,
        ),
        (&["--target", "wss://a/in"], r#"{"kind":"websocket","url":"wss://a/in"}"#),
        (&["--target", "tls://a"], r#"{"kind":"nats","url":"tls://a"}"#),
        (&["--target", "kafkas://a/t"], r#"{"kind":"kafka","topic":"t","url":"kafkas://a"}"#),
        (
            &["--target", "https://kinesis.eu-west-1.amazonaws.com/s", "--kind", "kinesis"],
            r#"{"kind":"kinesis","stream":"s","url":"https://kinesis.eu-west-1.amazonaws.com"}"#,
        ),
        (
            &[
                "--target",
                "https://pubsub.googleapis.com/projects/p/topics/t",
                "--kind",
                "pubsub",
                "--secret",
                "env:A",
            ],
            r#""kind":"pubsub","project":"p","topic":"t","url":"https://pubsub.googleapis.com"}"#,
        ),
    ] {
        let planned = plan("unidirectional", words).expect(0).out;
        assert!(planned.contains(expect), "{expect}: {planned}");
    }
    for (target, more, help) in [
        ("s3://b/changes", &[][..], "https://s3.REGION.amazonaws.com/b/changes --kind bucket"),
        ("s3://b", &["--kind", "bucket"], "https://s3.REGION.amazonaws.com/b --kind bucket"),
        ("file:///srv/x", &[], r#"{"kind": "folder", "path": "archive"}"#),
        ("gs://b", &[], "lead to a webhook, a registry, a bucket, a stream"),
        ("pubsub://p/t", &[], "https://pubsub.googleapis.com/projects/PROJECT/topics/TOPIC"),
        ("https://a/t", &["--kind", "pubsub"], "/projects/PROJECT/topics/TOPIC"),
        ("kinesis://s", &[], "https://kinesis.REGION.amazonaws.com/s --kind kinesis"),
        ("ftp://a", &[], "no target is reached over ftp://"),
        ("https://me:word@a/in", &[], "env:NAME, a variable of the server"),
        ("https://a/in", &["--secret", "word"], "env:NAME, a variable of the server"),
        ("wss://a", &["--kind", "bucket"], "wss:// is for websocket"),
    ] {
        let words = [&["--target", target], more].concat();
        let refused = plan("unidirectional", &words).expect(2);
        assert!(refused.err.contains(help), "{help}: {}", refused.err);
        assert!(refused.out.is_empty(), "{}", refused.out);
    }
    for target in ["wss://a", "tls://a", "s3://b"] {
        plan("bidirectional", &["--target", target]).expect(2);
    }
    plan("bidirectional", &["--target", "https://a", "--secret", "env:KEY"]).expect(0);
    plan("broadcast", &["--exclude", "https://a"]).expect(2);
}

#[test]
fn each_way_of_sending_takes_only_its_own_flags() {
    let folder = TempDir::new().unwrap();
    for (kind, taken, others) in [
        ("unidirectional", &["--kind", "--secret", "--once", "--payload"][..], &["--conflict"][..]),
        ("multicast", &["--kind", "--secret", "--once", "--payload"], &["--conflict"]),
        ("bidirectional", &["--conflict", "--secret", "--payload"], &["--kind", "--once"]),
        ("broadcast", &["--exclude", "--once", "--payload"], &["--kind", "--secret", "--conflict"]),
    ] {
        let help = run(folder.path(), &["propagation", kind, "--help"]).expect(0).out;
        let has = |flag: &str| help.lines().any(|line| line.trim().starts_with(flag));
        for flag in taken.iter().chain(&["--source", "--from", "--dry-run", "--yes"]) {
            assert!(has(flag) || help.contains(&format!(", {flag}")), "{kind} {flag}: {help}");
        }
        for flag in others {
            assert!(!has(flag), "{kind} {flag}: {help}");
        }
    }
}

#[test]
fn sessions_come_in_pages_and_health_names_no_route() {
    let server = Server::with(&["--memory"], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")]);
    // Nobody listens there, so the breaker opens after the first failure.
    let hook = json!({
        "kind": "webhook",
        "url": "http://127.0.0.1:1/in",
        "retry": {"circuit_breaker_threshold": 1},
    });
    for name in ["a", "b", "c"] {
        server.put(&format!("/api/targets/ops/entries/{name}"), hook.to_string()).expect(201);
    }
    let route = json!({"mode": "broadcast", "select": {"collections": ["/configs"]}});
    server.put("/api/routes/ops/entries/all", route.to_string()).expect(201);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let until = Instant::now() + PATIENCE;
    let health = loop {
        let list = server.get("/propagation/sessions?state=waiting").expect(200).json();
        let health = server.get("/health/ready").json().to_string();
        if list["sessions"].as_array().unwrap().len() == 3 && health.contains("3 routes are behind")
        {
            break health;
        }
        assert!(Instant::now() < until, "{list} {health}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(!health.contains("ops"), "{health}");
    let (mut targets, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/propagation/sessions?limit=2{after}");
        let page = server.get(&path).expect(200).json();
        let found = page["sessions"].as_array().unwrap().iter();
        targets.extend(found.map(|link| link["target"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let expect = ["a", "b", "c"].map(|name| format!("/targets/ops/entries/{name}"));
    assert_eq!(targets, expect);
    server.get("/propagation/sessions?after=a").expect(400);
}

#[test]
fn rows_are_found_by_the_names_of_routes_and_targets() {
    let server = Server::with(&["--memory"], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")]);
    let hook = json!({"kind": "webhook", "url": "http://127.0.0.1:1/in"}).to_string();
    for xid in ["ops/entries/a", "ops/entries/both", "other/entries/both"] {
        server.put(&format!("/api/targets/{xid}"), hook.clone()).expect(201);
    }
    let route = json!({"mode": "broadcast", "select": {"collections": ["/configs"]}});
    server.put("/api/routes/ops/entries/all", route.to_string()).expect(201);
    let (folder, url) = (TempDir::new().unwrap(), server.url("127.0.0.1"));
    let ask = |words: &[&str], code| {
        let all = [&["propagation"], words, &["--server", &url, "--output", "json"]].concat();
        run(folder.path(), &all).expect(code)
    };
    let started = || server.get("/propagation/events").expect(200).json()["events"].clone();
    let until = Instant::now() + PATIENCE;
    while started().as_array().unwrap().len() < 3 {
        assert!(Instant::now() < until, "{}", started());
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
    let events = |words: &[&str]| {
        let found = ask(&[&["events"], words].concat(), 0).out;
        let found: Value = serde_json::from_str(&found).unwrap();
        found["events"].as_array().unwrap().len()
    };
    assert_eq!((events(&["--target", "a"]), events(&["--route", "all"])), (1, 3));
    assert_eq!(
        (events(&["--target", "targets/ops/entries/both"]), events(&["--limit", "2"])),
        (1, 2)
    );
    let unknown = ask(&["events", "--route", "al"], 2).err;
    assert!(unknown.contains("there is no route al in force"), "{unknown}");
    for (words, expect) in [
        (["events", "--route", "routes/ops/entries/al"], "there is no route routes/ops/entries/al"),
        (["events", "--route", "targets/ops/entries/a"], "isn't the name of a route"),
        (["logs", "--target", "targets/ops"], "isn't the name of a target"),
        (["logs", "--limit", "0"], "at least 1"),
    ] {
        let wrong = ask(&words, 2).err;
        assert!(wrong.contains(expect), "{words:?}: {wrong}");
    }
    let several = ask(&["logs", "--target", "both"], 2).err;
    assert!(several.contains("targets/ops/entries/both"), "{several}");
    assert!(several.contains("targets/other/entries/both"), "{several}");
}

#[test]
fn a_replay_says_what_became_of_each_letter() {
    let server = Server::with(&["--memory"], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")]);
    let hook = json!({
        "kind": "webhook",
        "url": "http://127.0.0.1:1/in",
        "retry": {"enabled": false, "circuit_breaker_enabled": false},
    });
    server.put("/api/targets/ops/entries/hook", hook.to_string()).expect(201);
    let route = json!({"mode": "broadcast", "select": {"collections": ["/configs"]}});
    server.put("/api/routes/ops/entries/all", route.to_string()).expect(201);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let until = Instant::now() + PATIENCE;
    while server.get("/propagation/dead-letters").expect(200).json()["letters"] == json!([]) {
        assert!(Instant::now() < until);
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
    let act =
        |action: Value| server.post("/propagation/actions", action.to_string()).expect(200).json();
    let unreachable = json!({"letter": 1, "reason": "no connection can be made"});
    let absent = json!({"letter": 99, "reason": "there is no dead letter 99"});
    let replayed = act(json!({"action": "replay", "letters": [99, 1]}));
    assert_eq!(replayed, json!({"done": 0, "failed": [absent, unreachable]}));
    act(json!({"action": "pause", "target": "/targets/ops/entries/hook"}));
    let reason = "nothing is sent to /targets/ops/entries/hook now (paused): resume it first";
    let replayed = act(json!({"action": "replay", "letters": [1]}));
    assert_eq!(replayed, json!({"done": 0, "failed": [{"letter": 1, "reason": reason}]}));
}

/// Waits until the sessions are as they should be.
fn sessions(server: &Server, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let list = server.get("/propagation/sessions").expect(200).json();
        if is_so(&list) {
            return list;
        }
        assert!(Instant::now() < until, "{list}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn says_why_nothing_is_sent_and_shows_every_route() {
    let server = Server::with(&["--memory"], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")]);
    let mut hook = json!({"kind": "webhook", "url": "http://127.0.0.1:1/in",
                          "retry": {"circuit_breaker_threshold": 1}});
    let put = |xid: &str, document: &Value| {
        server.put(&format!("/api{xid}"), document.to_string()).expect(201);
    };
    put("/targets/ops/entries/hook", &hook);
    put("/targets/ops/entries/dash", &json!({"kind": "sse"}));
    let route = |mode: &str, target: &str| {
        json!({"mode": mode, "targets": [format!("/targets/ops/entries/{target}")],
               "select": {"collections": ["/configs"]}})
    };
    put("/routes/ops/entries/hook", &route("unidirectional", "hook"));
    put("/routes/ops/entries/dash", &route("unidirectional", "dash"));
    let (folder, url) = (TempDir::new().unwrap(), server.url("127.0.0.1"));
    let retry = |code| {
        let words = ["propagation", "retry", "hook", "--server", &url];
        let done = run(folder.path(), &words).expect(code);
        done.out + &done.err
    };
    sessions(&server, |list| list["sessions"].as_array().unwrap().len() == 2);
    assert!(retry(0).contains("no delivery waits"));
    put("/configs/app/entries/x", &json!(1));
    let list = sessions(&server, |list| list.to_string().contains("waiting"));
    let reason = "the circuit breaker is open; the newest try: no connection can be made";
    assert_eq!(list["sessions"][1]["reason"], reason, "{list}");
    assert_eq!(list["sessions"][0]["state"], "streamed", "{list}");
    let open = retry(1);
    assert!(
        open.contains("is open, so nothing is tried") && open.contains("breaker reset"),
        "{open}"
    );
    // In both directions, and no registry.
    put("/routes/ops/entries/wrong", &route("bidirectional", "hook"));
    let list =
        sessions(&server, |list| list["broken"].as_array().is_some_and(|all| !all.is_empty()));
    assert!(list["broken"].to_string().contains("is no registry"), "{list}");
    let named = server.get("/propagation/sessions?route=/routes/ops/entries/hook").expect(200);
    assert_eq!(named.json()["broken"].as_array().map_or(0, Vec::len), 0);
    hook["enabled"] = json!(false);
    server.post("/api/targets/ops/entries/hook", hook.to_string()).expect(201);
    sessions(&server, |_| {
        let targets = server.get("/propagation/targets").expect(200).json()["targets"].clone();
        targets.as_array().unwrap().iter().any(|target| target["enabled"] == false)
    });
    let off = retry(1);
    assert!(off.contains("nothing is sent to") && off.contains("\"enabled\": true"), "{off}");
}
