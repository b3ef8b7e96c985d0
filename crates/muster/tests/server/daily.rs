//! The command line in daily use, against real servers and directories.

use std::net::TcpListener;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, program, run},
};

const KEY: &str = "muster_first_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Runs a command with variables of its own.
fn run_with(
    folder: &std::path::Path,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> CommandOutput {
    let mut command = program(folder);
    let output = command.envs(variables.iter().copied()).args(arguments).output().unwrap();
    CommandOutput::of(&output)
}

/// An address at which nothing answers.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_named_server_that_does_not_answer_is_an_error_however_it_was_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path();
    run(path, &["init", "--registry-id", "local"]).expect(0);
    let dead = dead();
    for command in [&["ledger", "verify"][..], &["keys", "list"], &["keys", "create"]] {
        let named = [command, &["--server", &dead]].concat();
        let by_flag = run(path, &named).expect(1);
        assert!(by_flag.err.contains("[no_server]"), "{by_flag:?}");
        for variable in ["MUSTER_SERVER", "MUSTER_CLIENT_SERVER"] {
            let output = run_with(path, &[(variable, &dead)], command).expect(1);
            assert!(output.err.contains("[no_server]"), "{command:?} {variable}: {output:?}");
            assert_eq!(output.out, "");
        }
        std::fs::write(path.join("muster.toml"), format!("[client]\nserver = \"{dead}\"\n"))
            .unwrap();
        let by_file = run(path, command).expect(1);
        assert!(by_file.err.contains("[no_server]"), "{command:?}: {by_file:?}");
        std::fs::remove_file(path.join("muster.toml")).unwrap();
    }
    // Without a name, the directory of this computer is what is meant, and the result says so.
    let verified = run(path, &["ledger", "verify"]).expect(0);
    assert!(verified.out.contains("verified ~/.local/share/muster in "), "{verified:?}");
    let verified = run(path, &["ledger", "verify", "--output", "json"]).expect(0);
    assert!(verified.out.contains(r#""ledger":"~/.local/share/muster""#), "{verified:?}");
}

#[test]
fn says_which_server_was_verified() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let verified = run(folder.path(), &["ledger", "verify", "--server", &url]).expect(0);
    assert!(verified.out.contains(&format!("verified {url} in ")), "{verified:?}");
}

#[test]
fn shows_entries_in_the_order_of_the_server_and_members_in_the_order_of_the_answer() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    for id in ["b", "c", "a"] {
        server.put(&format!("/api/configs/{id}/entries/x"), "1").expect(201);
    }
    let list = |more: &[&str]| {
        let all = [&["list", "configs", "--server", &url], more].concat();
        run(folder.path(), &all).expect(0).out
    };
    let ids = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("  \""));
        lines.filter_map(|line| Some(line.split_once('"')?.0.to_owned())).collect()
    };
    let names = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|line| line[..1].to_owned()).collect()
    };
    assert_eq!(names(&list(&["--sort", "configid=desc"])), ["c", "b", "a"]);
    assert_eq!(names(&list(&["--sort", "configid"])), ["a", "b", "c"]);
    let json = list(&["--sort", "configid=desc", "--output", "json"]);
    assert_eq!(ids(&json), ["c", "b", "a"]);
    assert_eq!(names(&list(&["--sort", "configid=desc", "--limit", "2"])), ["c", "b"]);
    // The command prints what the API answers, in its order.
    let path = "/api/configs/a/entries/x$details";
    let answer = server.get(path).expect(200);
    let details = ["get", "configs/a/entries/x", "--details", "--server", &url];
    let printed = run(folder.path(), &details).expect(0).out;
    assert_eq!(ids(&printed), ids(answer.text()));
    assert_eq!(ids(&printed)[..2], ["entryid", "versionid"]);
}

#[test]
fn a_limit_above_a_page_gives_that_many() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let entries: Vec<String> =
        (0..1_203).map(|id| format!("\"e{id:04}\":{{\"entry\":1}}")).collect();
    let body = format!("{{{}}}", entries.join(","));
    server.ask(&Ask::json("POST", "/api/configs/a/entries", body)).expect(200);
    let url = server.url("127.0.0.1");
    for (limit, rows, note) in [
        ("1200", 1_200, "1,200 documents, and there are more"),
        ("1203", 1_203, "1,203 documents\n"),
        ("5000", 1_203, "1,203 documents\n"),
    ] {
        let list = ["list", "configs/a", "--limit", limit, "--server", &url];
        let listed = run(folder.path(), &list).expect(0);
        assert_eq!(listed.out.lines().count(), rows + 1, "{limit}");
        assert!(listed.err.contains(note), "{limit}: {}", listed.err);
    }
}

#[test]
fn understands_the_address_of_the_api() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    for tail in ["", "/", "/api", "/api/"] {
        let url = server.url("127.0.0.1") + tail;
        run(folder.path(), &["list", "--server", &url]).expect(0);
    }
}

#[test]
fn what_serve_prints_can_be_pasted() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut server = Server::in_memory(&["--demo"]);
    let lines = server.greeting.clone() + &server.rest_of_greeting("watch");
    let pasted: Vec<&str> = lines.lines().filter(|line| line.contains("/muster ")).collect();
    assert_eq!(pasted.len(), 3, "{lines}");
    for line in &pasted[..2] {
        let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
        run(folder.path(), &arguments).expect(0);
    }
}

#[test]
fn the_first_key_comes_from_the_environment() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[("MUSTER_ADMIN_KEY", KEY)]);
    server.get("/keys").refused(401, "key_required");
    let with_key = |key: &str| Ask::get("/keys").header("Authorization", format!("Bearer {key}"));
    let keys = server.ask(&with_key(KEY)).expect(200).json();
    assert_eq!(
        (&keys["keys"][0]["id"], &keys["keys"][0]["role"]),
        (&"first".into(), &"admin".into())
    );
    let (status, log) = server.stop();
    assert!(status.success() && !log.contains("00112233"), "{log}");
    // A registry with keys keeps them.
    let other = KEY.replace("first", "second");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[("MUSTER_ADMIN_KEY", &other)]);
    server.ask(&with_key(KEY)).expect(200);
    server.ask(&with_key(&other)).refused(401, "key_unknown");
    let (mut child, scratch) = crate::harness::spawn(&["--memory"], &[("MUSTER_ADMIN_KEY", "x")]);
    assert_eq!(crate::harness::ended(&mut child).code(), Some(1));
    let said = std::fs::read_to_string(scratch.path().join("log")).unwrap();
    assert!(said.contains("[bad_key]") && said.contains("openssl rand -hex 32"), "{said}");
}

/// The command that creates the first key has none itself, so it can't ask for anything afterwards.
#[test]
fn a_running_server_gives_its_first_key_and_the_next() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let first = run(folder.path(), &["keys", "create", "--server", &url]).expect(0);
    assert!(first.err.contains("it is the first"), "{first:#?}");
    std::fs::write(folder.path().join("key"), &first.out).unwrap();
    let flags = ["--server", &url, "--key-file", "key"];
    let next = ["keys", "create", "--role", "publisher"];
    let next = run(folder.path(), &[&next[..], &flags].concat()).expect(0);
    assert!(!next.err.contains("it is the first"), "{next:#?}");
    for key in [first.out.trim(), next.out.trim()] {
        let ask = Ask::get("/api").header("Authorization", format!("Bearer {key}"));
        server.ask(&ask).expect(200);
    }
}

#[test]
fn tells_whoever_is_locked_out_what_works() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[("MUSTER_ADMIN_KEY", KEY)]);
    let url = server.url("127.0.0.1");
    let refused = run(folder.path(), &["list", "--server", &url]).expect(1);
    assert!(
        refused.err.contains("stop the server, and muster keys create --data DIR"),
        "{refused:?}"
    );
    drop(server);
    let made = run(folder.path(), &["keys", "create", "--data", data.to_str().unwrap()]).expect(0);
    let server = Server::on(&data, &[]);
    let key = made.out.trim();
    server.ask(&Ask::get("/api").header("Authorization", format!("Bearer {key}"))).expect(200);
}

#[test]
fn watch_says_what_it_watches_and_refuses_what_cannot_exist() {
    let folder = tempfile::TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let unknown = run(folder.path(), &["watch", "confgs/a", "--server", &url]).expect(1);
    assert!(unknown.err.contains("did you mean configs/a?"), "{unknown:?}");
    server.put("/api/configs/a/entries/x", r#"{"level": 1}"#).expect(201);
    server.post("/api/configs/a/entries/x", r#"{"level": 2}"#).expect(201);
    let watch = ["watch", "configs/a", "--after", "0", "--limit", "2", "--server", &url];
    let watched = run(folder.path(), &watch).expect(0);
    let greeting = format!("watching changes to configs/a at {url}; Ctrl-C ends it");
    assert!(watched.err.contains(&greeting), "{watched:?}");
    let lines: Vec<&str> = watched.out.lines().collect();
    assert_eq!(lines.len(), 2, "{watched:?}");
    let first = "+ configs/a made, configs/a/entries/x version 1  by admin";
    assert!(lines[0].ends_with(first), "{watched:?}");
    let second = "+ configs/a/entries/x version 2: level 1 → 2  by admin";
    assert!(lines[1].ends_with(second), "{watched:?}");
}

#[test]
fn reads_no_file_that_never_ends_and_no_folder_that_fills_the_memory() {
    let scratch = tempfile::TempDir::new().unwrap();
    let refused = run(scratch.path(), &["--config", "/dev/zero", "status"]).expect(2);
    assert!(refused.err.contains("it isn't a file"), "{refused:#?}");
    let group = scratch.path().join("catalog/configs/app");
    std::fs::create_dir_all(&group).unwrap();
    std::fs::write(scratch.path().join("catalog/model.json"), "{}").unwrap();
    for number in 0..70 {
        // Sparse: they take no room on the disk, but would in memory.
        let file = std::fs::File::create(group.join(format!("{number}.json"))).unwrap();
        file.set_len(4 * 1024 * 1024).unwrap();
    }
    let refused = run(scratch.path(), &["validate", "catalog"]).expect(1);
    assert!(refused.err.contains("bytes up to this one"), "{refused:#?}");
    assert!(refused.err.contains(".musterignore"), "{refused:#?}");
}
