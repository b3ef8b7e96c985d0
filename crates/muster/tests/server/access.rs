//! Keys, roles and scopes as people use them from the command line.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{CommandOutput, Server, run},
};

const DOCUMENT: &str = "configs/app/entries/first";

/// Runs a command as the holder of a key, which lies in a file.
fn run_as(folder: &Path, server: &Server, key: &str, words: &[&str]) -> CommandOutput {
    let url = format!("http://{}", server.address);
    let file = folder.join(key).display().to_string();
    let reach = ["--server", url.as_str(), "--key-file", file.as_str()];
    run(folder, &[words, &reach].concat())
}

/// Makes a key and puts it into a file.
fn create(folder: &Path, server: &Server, by: Option<&str>, name: &str, words: &[&str]) -> String {
    let words = [&["keys", "create", "--name", name, "--output", "json"], words].concat();
    let url = format!("http://{}", server.address);
    let made = match by {
        Some(by) => run_as(folder, server, by, &words),
        None => run(folder, &[&words[..], &["--server", url.as_str()]].concat()),
    };
    let made: Value = serde_json::from_str(&made.expect(0).out).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, made["key"].as_str().unwrap()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_does_what_its_role_and_its_scope_say_and_the_log_tells_who_it_was() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let folder = scratch.path();
    let document = folder.join("first.json");
    std::fs::write(&document, "{\"a\": 1}").unwrap();
    let file = document.to_str().unwrap();
    create(folder, &server, None, "root", &[]);
    let limits = ["--role", "publisher", "--scope", "/configs/app", "--expires", "90d"];
    let id = create(folder, &server, Some("root"), "ci", &limits);
    let put = ["put", DOCUMENT, file, "--message", "Der Preis fällt"];
    run_as(folder, &server, "ci", &put).expect(0);
    let elsewhere = run_as(folder, &server, "ci", &["put", "configs/b/entries/c", file]);
    assert!(elsewhere.err.contains("out_of_scope"), "{elsewhere:?}");
    let model = run_as(folder, &server, "ci", &["model", "get"]);
    assert_eq!(model.code, Some(0), "{model:?}");
    let keys = run_as(folder, &server, "ci", &["keys", "list"]);
    assert!(keys.err.contains("out_of_scope"), "{keys:?}");
    let list = run_as(folder, &server, "ci", &["list"]).expect(0);
    assert!(list.out.contains("configs"), "{list:?}");
    let log = run_as(folder, &server, "ci", &["log", DOCUMENT]).expect(0);
    assert!(log.out.contains("ci") && log.out.contains("(Der Preis fällt)"), "{log:?}");
    for (flag, value, expect) in [
        ("--who", "ci", 1),
        ("--who", id.as_str(), 1),
        ("--since", "1h", 4),
        ("--since", "2100-01-01T00:00:00Z", 0),
        ("--until", "1h", 0),
        ("--until", "2100-01-01T00:00:00Z", 4),
    ] {
        let words = ["log", flag, value, "--output", "json"];
        let done: Value =
            serde_json::from_str(&run_as(folder, &server, "root", &words).expect(0).out).unwrap();
        assert_eq!(done["entries"].as_array().unwrap().len(), expect, "{flag} {value}: {done}");
    }
    let unknown = run_as(folder, &server, "root", &["log", "--who", "nobody"]).expect(1);
    assert!(unknown.err.contains("choose one of"), "{unknown:?}");
    run_as(folder, &server, "root", &["log", "--since", "soon"]).expect(2);
    let listed = run_as(folder, &server, "root", &["keys", "list"]).expect(0);
    let row = listed.out.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(row.contains("publisher") && row.contains("/configs/app"), "{row}");
    let long = "x".repeat(501);
    let refused = run_as(folder, &server, "ci", &["put", DOCUMENT, file, "--message", &long]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    // A revoked key's name stays with what it did, until somebody has it forgotten.
    let revoke = ["keys", "revoke", &id, "--yes", "--message", "It leaked"];
    let forget = ["keys", "forget", &id, "--yes"];
    let early = run_as(folder, &server, "root", &forget);
    assert!(early.err.contains("key_in_force"), "{early:?}");
    run_as(folder, &server, "root", &revoke).expect(0);
    let gone = run_as(folder, &server, "ci", &["list"]);
    assert!(gone.err.contains("key_unknown"), "{gone:?}");
    for (words, expect) in [(&["keys", "list"][..], false), (&["keys", "list", "--all"], true)] {
        let listed = run_as(folder, &server, "root", words).expect(0);
        assert_eq!(listed.out.contains(&id), expect, "{listed:?}");
    }
    let told = || run_as(folder, &server, "root", &["log", DOCUMENT]).expect(0).out;
    assert!(told().contains(" ci "), "{}", told());
    run_as(folder, &server, "root", &forget).expect(0);
    assert!(!told().contains(" ci ") && told().contains(&id), "{}", told());
}

#[test]
fn people_read_without_a_key_where_that_is_set_and_the_metrics_have_an_address_of_their_own() {
    let settings = [("MUSTER_ACCESS_ANONYMOUS", "consumer")];
    let server = Server::with(&["--memory", "--metrics-listen", "127.0.0.1:0"], &settings);
    server.put("/api/configs/app/entries/first", "1").expect(201);
    let made = server.ask(&Ask::json("POST", "/keys", "{}")).expect(201);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let with = |ask: Ask, key: &str| ask.header("Authorization", format!("Bearer {key}"));
    for path in ["/api", "/api/configs/app/entries/first", "/api/export"] {
        server.get(path).expect(200);
        server.ask(&with(Ask::get(path), "muster_00000000_00")).refused(401, "key_unknown");
    }
    for path in ["/log", "/metrics", "/keys", "/status", "/ledger"] {
        // A key would help.
        let refused = server.get(path).refused(401, "key_required");
        assert!(refused.header("www-authenticate").is_some(), "{refused:?}");
        server.ask(&with(Ask::get(path), &key)).expect(200);
    }
    server.put("/api/configs/app/entries/first", "2").refused(401, "key_required");
    let own = server.get("/keys/self").expect(200).json();
    assert_eq!((&own["by"], &own["role"]), (&json!("anonymous"), &json!("consumer")));
    let ready = server.logged("muster is ready");
    let port = ready["metrics"].as_str().unwrap().split('/').nth(2).unwrap();
    let mut alone = Client::connect(port.parse().unwrap());
    let answer = alone.ask(&Ask::get("/metrics")).expect(200);
    let text = answer.text();
    assert!(text.contains("muster_documents 1"), "{text}");
    for name in [
        "muster_build_info{version=\"",
        "muster_start_time_seconds ",
        "muster_write_duration_seconds_count 2",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}: {text}");
    }
    let described: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let once: BTreeSet<&str> = described.iter().copied().collect();
    assert_eq!(described.len(), once.len(), "a metric is described twice: {described:?}");
    alone.ask(&Ask::get("/api")).expect(404);
    let scratch = TempDir::new().unwrap();
    let serve = ["serve", "--memory", "--listen", "127.0.0.1:0", "--anonymous", "publisher"];
    let refused = run(scratch.path(), &serve).expect(2);
    assert!(refused.err.contains("nobody can be publisher without a key"), "{refused:?}");
}

#[test]
fn keys_list_tells_an_open_registry_from_one_that_was_given_a_key() {
    let scratch = TempDir::new().unwrap();
    let key = "correct-horse-battery-staple";
    let given = Server::with(&["--memory"], &[("MUSTER_API_KEY", key)]);
    let file = scratch.path().join("given");
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let listed = run_as(scratch.path(), &given, "given", &["keys", "list", "--output", "table"]);
    assert!(listed.expect(0).err.contains("no keys but the one that the server was started with"));
    let open = Server::in_memory(&[]);
    let server = open.url("127.0.0.1");
    let words = ["keys", "list", "--output", "table", "--server", &server];
    let listed = run(scratch.path(), &words).expect(0);
    assert!(listed.err.contains("everybody on this computer may do everything"), "{listed:?}");
}

/// The schema and the rules lie outside of the scope, and so may what a document refers to.
#[test]
fn a_scoped_key_applies_its_folder_and_the_registry_judges_what_it_may_not_read() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&["--demo"]));
    let folder = scratch.path();
    create(folder, &server, None, "boss", &["--role", "admin"]);
    let scope = ["--role", "publisher", "--scope", "/providers/cms"];
    create(folder, &server, Some("boss"), "ci", &scope);
    let team = folder.join("team/providers/cms");
    std::fs::create_dir_all(&team).unwrap();
    let document =
        run_as(folder, &server, "ci", &["get", "providers/cms/entries/sanity"]).expect(0);
    let lay = |text: &str| std::fs::write(team.join("sanity.json"), text).unwrap();
    let apply =
        |flags: &[&str]| run_as(folder, &server, "ci", &[&["apply", "team"], flags].concat());
    lay(&document.out.replacen("Sanity", "Sanity CMS", 1));
    let plan = apply(&["--dry-run"]).expect(0);
    assert!(plan.out.contains("~ providers/cms/entries/sanity"), "{plan:#?}");
    apply(&["--yes"]).expect(0);
    let there = run_as(folder, &server, "ci", &["get", "providers/cms/entries/sanity"]).expect(0);
    assert!(there.out.contains("Sanity CMS"), "{there:#?}");
    lay("{}");
    let refused = apply(&["--yes"]).expect(1);
    assert!(refused.out.contains("! providers/cms/entries/sanity"), "{refused:#?}");
}

#[test]
fn a_key_tells_what_it_is_and_a_scope_that_nothing_can_match_is_refused() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let folder = scratch.path();
    let open = server.get("/keys/self").expect(200).json();
    assert_eq!((&open["by"], &open["role"]), (&json!("open"), &json!("admin")));
    create(folder, &server, None, "root", &[]);
    let typo = ["keys", "create", "--role", "publisher", "--scope", "/confgs/app"];
    let refused = run_as(folder, &server, "root", &typo).expect(1);
    assert!(refused.err.contains("did you mean /configs/app?"), "{refused:?}");
    let limits = ["--role", "publisher", "--scope", "/configs/app", "--expires", "90d"];
    let id = create(folder, &server, Some("root"), "ci", &limits);
    let shown = run_as(folder, &server, "ci", &["keys", "show"]).expect(0);
    for part in [&id, "ci", "publisher", "/configs/app"] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    let json = run_as(folder, &server, "ci", &["keys", "whoami", "--output", "json"]).expect(0);
    let own: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&own["by"], &own["id"], &own["name"]), (&json!("key"), &json!(id), &json!("ci")));
    assert!(own["expiresat"].is_string() && own.get("key").is_none(), "{own}");
    // A place of which this key would never see a change.
    let watch = run_as(folder, &server, "ci", &["watch", "providers/cms"]).expect(1);
    assert!(watch.err.contains("out_of_scope") && watch.err.contains("/configs/app"), "{watch:?}");
}

#[test]
fn a_refused_deletion_counts_no_references_that_a_key_may_not_see() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let folder = scratch.path();
    let model = r#"{"groups":{"parts":{"singular":"part","resources":{"entries":{"singular":"entry",
        "muster":{"references":[{"field":"/needs","collection":"/parts/entries"}]}}}}}}"#;
    server.put("/api/modelsource", model).expect(200);
    server.put("/api/parts/a/entries/x", "{}").expect(201);
    server.put("/api/parts/b/entries/y", r#"{"needs":"/parts/a/entries/x"}"#).expect(201);
    create(folder, &server, None, "root", &[]);
    create(folder, &server, Some("root"), "ci", &["--role", "admin", "--scope", "/parts/a"]);
    let delete = ["delete", "parts/a/entries/x", "--yes"];
    let refused = run_as(folder, &server, "ci", &delete).expect(1);
    assert!(refused.err.contains("references that the key may not see"), "{refused:?}");
}

/// The lines of a how-to guide that make a key.
fn lines_that_make_a_key(page: &str) -> Vec<String> {
    let path = format!("{}/../../docs/how-to/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(str::trim)
        .filter(|line| line.contains("keys create"))
        .map(Into::into)
        .collect()
}

/// Runs a line as a shell does that makes new files readable by everyone.
fn shell(folder: &Path, server: &Server, key: Option<&str>, line: &str) -> CommandOutput {
    let programs = Path::new(crate::harness::PROGRAM).parent().unwrap().display().to_string();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask 022; {line}")]).current_dir(folder).env_clear();
    command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", folder);
    command.env("MUSTER_SERVER", server.url("127.0.0.1"));
    command.envs(key.map(|key| ("MUSTER_API_KEY", key)));
    CommandOutput::of(&command.output().unwrap())
}

#[test]
fn the_guides_make_keys_in_files_of_their_owner_and_leave_none_where_they_are_refused() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let folder = scratch.path();
    let [first] = &lines_that_make_a_key("give-keys")[..1] else { unreachable!() };
    let assistants = lines_that_make_a_key("connect-an-assistant");
    let [assistant] = &assistants[..] else { panic!("{assistants:?}") };
    let refused = shell(folder, &server, None, assistant);
    assert!(refused.err.contains("[no_key_manager]"), "{refused:?}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    shell(folder, &server, None, first).expect(0);
    let admin = std::fs::read_to_string(folder.join(".muster.key")).unwrap();
    shell(folder, &server, Some(admin.trim()), assistant).expect(0);
    for (line, file) in [(first, ".muster.key"), (assistant, ".muster-assistant.key")] {
        let path = folder.join(file);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
        let kept = std::fs::read(&path).unwrap();
        let again = shell(folder, &server, Some(admin.trim()), line);
        assert!(again.err.contains("[file_in_use]"), "{again:?}");
        assert_eq!(std::fs::read(&path).unwrap(), kept, "{file}");
    }
}

#[test]
fn a_key_file_of_the_settings_may_lie_at_home() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let folder = scratch.path();
    create(folder, &server, None, "root", &[]);
    let url = format!("http://{}", server.address);
    std::fs::write(folder.join("set.toml"), "[client]\nkey_file = \"~/root\"\n").unwrap();
    let words = ["keys", "show", "--config", "set.toml", "--server", &url];
    let shown = run(folder, &words).expect(0);
    assert!(shown.out.contains("admin"), "{shown:?}");
}

#[test]
fn the_settings_in_force_are_shown_with_their_sources_and_without_secrets() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    std::fs::write(folder.join("muster.toml"), "[server]\nlisten = \"127.0.0.1:9\"\n").unwrap();
    let show = |words: &[&str]| {
        let words = [&["config", "show"], words].concat();
        let mut program = crate::harness::program(folder);
        program.env("LOG_LEVEL", "warn").env("MUSTER_API_KEY", "muster_9f3a11c2_secret");
        CommandOutput::of(&program.args(words).output().unwrap()).expect(0).out
    };
    let table = show(&["--output", "table"]);
    for line in
        ["server.listen", "127.0.0.1:9", "muster.toml", "log.level", "LOG_LEVEL", "(hidden)"]
    {
        assert!(table.contains(line), "{line}: {table}");
    }
    assert!(!table.contains("secret") && !table.contains("timeouts."), "{table}");
    let json: Value = serde_json::from_str(&show(&["--all", "--output", "json"])).unwrap();
    let of = |name: &str| json["settings"][name]["source"].as_str().unwrap().to_owned();
    assert!(of("server.listen").ends_with("muster.toml"), "{json}");
    assert_eq!((of("log.level").as_str(), of("client.server").as_str()), ("LOG_LEVEL", "default"));
    assert_eq!(json["secrets_set"], json!(["MUSTER_API_KEY"]));
}
