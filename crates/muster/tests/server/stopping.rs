//! A stop by SIGTERM while something is under way: nothing is lost, and the log says what there was.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{PATIENCE, Server};

const SETTINGS: &[(&str, &str)] = &[
    ("MUSTER_PROPAGATION_ALLOW", "127.0.0.0/8"),
    ("HOOK_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
];

/// A receiver of webhooks that tells of each event, and answers only once it is told to.
struct Hesitant {
    address: SocketAddr,
    answers: Arc<AtomicBool>,
    events: Receiver<Value>,
}

impl Hesitant {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(AtomicBool::new(false));
        let (tell, events) = channel();
        let answering = answers.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answering, tell) = (answering.clone(), tell.clone());
                std::thread::spawn(move || receive(stream, &answering, &tell));
            }
        });
        Self { address, answers, events }
    }
}

/// Takes requests until the connection ends. While it doesn't answer, it keeps the connection.
fn receive(mut stream: TcpStream, answers: &AtomicBool, tell: &Sender<Value>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut length, mut is_question) = (0, false);
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            is_question |= line.starts_with("options ");
            if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).ok()?;
        if is_question {
            stream.write_all(b"HTTP/1.1 405 X\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        }
        tell.send(serde_json::from_slice(&body).ok()?).ok()?;
        if answers.load(Ordering::Acquire) {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
        }
    }
}

fn serve(data: &Path) -> Server {
    Server::with(&["--data", data.to_str().unwrap()], SETTINGS)
}

/// An open stream of changes, whose first line has come.
fn watch(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = server.address;
    write!(stream, "GET /changes HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut first = [0; 512];
    assert!(stream.read(&mut first).unwrap() > 0);
    stream
}

#[test]
fn a_delivery_that_is_under_way_at_a_stop_is_made_after_the_next_start() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let receiver = Hesitant::start();
    let server = serve(&data);
    let url = format!("http://{}/in", receiver.address);
    let target = json!({"kind": "webhook", "url": url, "secret": "env:HOOK_SECRET"});
    server.put("/api/targets/ops/entries/hook", target.to_string()).expect(201);
    let route = json!({
        "mode": "unidirectional",
        "targets": ["/targets/ops/entries/hook"],
        "select": {"collections": ["/configs"]},
    });
    server.put("/api/routes/ops/entries/out", route.to_string()).expect(201);
    server.put("/api/configs/app/entries/first", "41").expect(201);
    let sent = receiver.events.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sent["data"], 41);
    // It was taken and not answered: the server can't know whether it arrived.
    let mut stream = watch(&server);
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    // The stream ended in order: nobody waits for more.
    stream.read_to_end(&mut Vec::new()).unwrap();
    let last: Value = serde_json::from_str(log.trim_end().lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "muster has stopped");
    for (member, expect) in [("streams", 1), ("deliveries", 1), ("repeated", 1)] {
        assert_eq!(last[member], expect, "{member}: {last}");
    }
    receiver.answers.store(true, Ordering::Release);
    let server = serve(&data);
    let again = receiver.events.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&again["data"], &again["id"]), (&json!(41), &sent["id"]));
    let (_, log) = server.stop();
    let last: Value = serde_json::from_str(log.trim_end().lines().last().unwrap()).unwrap();
    assert_eq!(last["repeated"], 0, "{last}");
}

#[test]
fn a_log_that_cant_be_opened_is_no_start_and_leaves_no_registry_in_use() {
    let scratch = TempDir::new().unwrap();
    let (data, file) = (scratch.path().join("registry"), scratch.path().join("file"));
    std::fs::write(&file, "not a folder").unwrap();
    let log = file.join("registry.log");
    let arguments = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let with_log = [&arguments[..], &["--log-file", log.to_str().unwrap()]].concat();
    let refused = crate::harness::run(scratch.path(), &with_log).expect(1);
    assert!(refused.err.contains("--log-file"), "{}", refused.err);
    // What it had to say before is there as well.
    assert!(refused.err.contains("muster starts"), "{}", refused.err);
    let relative = ["serve", "--memory", "--log-file", "registry.log"];
    let refused = crate::harness::run(scratch.path(), &relative).expect(2);
    assert!(refused.err.contains("its whole path"), "{}", refused.err);
    assert!(Server::on(&data, &["--log-file", "logs/registry.log"]).stop().0.success());
    let lines = std::fs::read_to_string(data.join("logs/registry.log")).unwrap();
    let messages: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages.first().unwrap()["message"], "muster starts");
    assert_eq!(messages.last().unwrap()["message"], "muster has stopped");
}
