//! Patterns of propagation: `muster propagation fan-out`, `chain` and `mesh`, and `--payload`.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask},
    harness::{CommandOutput, PATIENCE, Server, run},
};

/// A server with a key, which lies in a file.
struct Keyed {
    server: Server,
    key: String,
    file: String,
}

impl Keyed {
    /// Starts one that knows secrets.
    fn start(folder: &Path, name: &str, secrets: &[(&str, &str)]) -> Self {
        let settings = [&[("MUSTER_PROPAGATION_ALLOW", "127.0.0.0/8")], secrets].concat();
        let server = Server::with(&["--memory"], &settings);
        let ask = Ask::json("POST", "/keys", r#"{"name":"boss","role":"admin"}"#);
        let key = server.ask(&ask).expect(201).json()["key"].as_str().unwrap().to_owned();
        let file = folder.join(name);
        std::fs::write(&file, &key).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self { server, key, file: file.to_str().unwrap().to_owned() }
    }

    fn url(&self) -> String {
        self.server.url("127.0.0.1")
    }

    fn ask(&self, ask: Ask) -> Answer {
        self.server.ask(&ask.header("Authorization", format!("Bearer {}", self.key)))
    }

    fn put(&self, place: &str, document: &str) {
        let answer = self.ask(Ask::json("PUT", format!("/api/{place}"), document));
        assert!(answer.status < 300, "{}", answer.text());
    }

    /// Waits until a document is there.
    fn wait(&self, place: &str, document: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(Ask::get(format!("/api/{place}")));
            if answer.status == 200 && answer.text() == document {
                return;
            }
            let links = self.ask(Ask::get("/propagation/sessions")).json();
            assert!(Instant::now() < until, "{place}: {} {links}", answer.text());
            // sleeps: between looks at what arrives.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Three registries: the first knows keys of both others, and the second that of the third.
struct Three {
    folder: TempDir,
    here: Keyed,
    second: Keyed,
    third: Keyed,
}

impl Three {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let third = Keyed::start(folder.path(), "third", &[]);
        let second = Keyed::start(folder.path(), "second", &[("THIRD_KEY", &third.key)]);
        let secrets = [("SECOND_KEY", second.key.as_str()), ("THIRD_KEY", third.key.as_str())];
        let here = Keyed::start(folder.path(), "here", &secrets);
        Self { folder, here, second, third }
    }

    fn all(&self) -> [&Keyed; 3] {
        [&self.here, &self.second, &self.third]
    }

    fn positions(&self) -> Vec<u64> {
        self.all()
            .map(|one| one.ask(Ask::get("/status")).json()["position"].as_u64().unwrap())
            .to_vec()
    }

    fn urls(&self) -> String {
        format!("{},{}", self.second.url(), self.third.url())
    }

    fn propagation(&self, arguments: &[&str]) -> CommandOutput {
        let url = self.here.url();
        let own = ["--server", &url, "--key-file", &self.here.file];
        run(self.folder.path(), &[&["propagation"], arguments, &own].concat())
    }
}

#[test]
fn a_chain_passes_changes_on_and_is_made_once() {
    let three = Three::start();
    let urls = three.urls();
    let chain =
        ["chain", "configs/line", "--through", &urls, "--secrets", "env:SECOND_KEY,env:THIRD_KEY"];
    // Without a key of the second one nothing is done, and the own key isn't sent there.
    let before = three.positions();
    let refused = three.propagation(&[&chain[..], &["--yes"]].concat()).expect(1);
    assert!(refused.err.contains(&three.second.url()), "{}", refused.err);
    let chain = [&chain[..], &["--peer-key-files", &three.second.file]].concat();
    let plan = three.propagation(&[&chain[..], &["--dry-run"]].concat()).expect(0);
    assert!(plan.out.starts_with("here\n+ targets/muster/entries/"), "{}", plan.out);
    assert!(plan.out.contains(&format!("\n{}\n+ targets/", three.second.url())), "{}", plan.out);
    assert!(plan.out.ends_with("4 documents at 2 registries\n"), "{}", plan.out);
    let asks = three.propagation(&chain).expect(1);
    assert!(asks.err.contains("--yes"), "{}", asks.err);
    assert_eq!(three.positions(), before);

    three.propagation(&[&chain[..], &["--yes"]].concat()).expect(0);
    three.here.put("configs/line/entries/one", r#"{"n": 1}"#);
    three.third.wait("configs/line/entries/one", r#"{"n": 1}"#);
    let before = three.positions();
    let again = three.propagation(&[&chain[..], &["--yes", "--output", "json"]].concat()).expect(0);
    let said: Value = again.out.parse().unwrap();
    assert_eq!((&said["changes"], &said["pattern"]), (&json!(0), &json!("chain")));
    assert_eq!(said["registries"][1]["registry"], three.second.url());
    assert_eq!(said["registries"][1]["documents"][0]["action"], "keep");
    assert_eq!(three.positions(), before, "nothing is made twice");
    assert!(!format!("{said}{}{}", plan.out, again.err).contains(&three.second.key));
}

#[test]
fn in_a_mesh_a_change_anywhere_arrives_everywhere_and_a_second_run_adds_what_lacks() {
    let three = Three::start();
    let mesh = |urls: &str, keys: &str, secrets: &str| {
        three.propagation(&[
            "mesh",
            "configs/round",
            "--registries",
            urls,
            "--peer-key-files",
            keys,
            "--secrets",
            secrets,
            "--conflict",
            "last-writer",
            "--yes",
            "--output",
            "json",
        ])
    };
    let first = mesh(&three.second.url(), &three.second.file, "env:SECOND_KEY").expect(0);
    let first: Value = first.out.parse().unwrap();
    assert_eq!(first["changes"], 2, "{first}");
    let keys = format!("{},{}", three.second.file, three.third.file);
    let grown = mesh(&three.urls(), &keys, "env:SECOND_KEY,env:THIRD_KEY").expect(0);
    let grown: Value = grown.out.parse().unwrap();
    assert_eq!(grown["changes"], 4, "{grown}");
    for (number, from) in three.all().into_iter().enumerate() {
        let place = format!("configs/round/entries/from{number}");
        from.put(&place, r#"{"round": true}"#);
        for to in three.all() {
            to.wait(&place, r#"{"round": true}"#);
        }
    }
    let again = mesh(&three.urls(), &keys, "env:SECOND_KEY,env:THIRD_KEY").expect(0);
    assert!(again.out.contains("\"changes\": 0"), "{}", again.out);
}

#[test]
fn a_fan_out_is_made_once_and_wrong_patterns_are_refused() {
    let three = Three::start();
    let second = three.second.url();
    let fan = ["fan-out", "configs/wide", "--targets", &second, "--kind", "registry"];
    let fan = [&fan[..], &["--secret", "env:SECOND_KEY", "--yes"]].concat();
    three.propagation(&fan).expect(0);
    three.here.put("configs/wide/entries/one", "{}");
    three.second.wait("configs/wide/entries/one", "{}");
    let before = three.here.ask(Ask::get("/api/routes/muster/entries")).json();
    three.propagation(&fan).expect(0);
    let after = three.here.ask(Ask::get("/api/routes/muster/entries")).json();
    assert_eq!(after, before);
    let (twice, further) = (format!("{second},{second}/"), format!("{second},http://127.0.0.1:1"));
    let (own, keys) = (three.here.url(), ["--peer-key-files", "a,b"]);
    for (arguments, said) in [
        (&["mesh", "configs", "--registries", &own][..], "is this registry itself"),
        (&["mesh", "configs", "--registries", &twice], "is there twice"),
        (&["mesh", "configs", "--registries", "b"], "isn't the address of a registry"),
        (&["mesh", "configs", "--registries", &second, "--conflict", "none"], "no policy"),
        (&["chain", "configs", "--through", &second, keys[0], keys[1]], "has 2 for 1 registries"),
        (&["chain", "configs", "--through", &further, "--from", "9"], "one ledger's own"),
        (&["chain", "configs", "--through", &second, "--secrets", "hidden"], "env:NAME"),
    ] {
        let refused = three.propagation(arguments).expect(2);
        assert!(refused.err.contains(said), "{arguments:?}: {}", refused.err);
        assert!(!refused.err.contains("hidden"), "{}", refused.err);
    }
}
