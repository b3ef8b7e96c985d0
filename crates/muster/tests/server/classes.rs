//! Entities by class: the parameter `classification`, and the commands `muster entities`.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::{
    client::Ask,
    harness::{CommandOutput, PATIENCE, Server, program},
};

/// Entities of known classes, of own ones, and one that names its class itself.
fn filled() -> Server {
    let server = Server::in_memory(&[]);
    for (name, document) in [
        ("services/entries/pay", json!({"text": "takes cards"})),
        ("services/entries/mail", json!({"text": "sends letters"})),
        ("agents/entries/planner", json!({"text": "plans cards"})),
        ("widgets/entries/clock", json!({"text": "shows time"})),
        ("app_services/entries/web", json!({"text": "serves cards"})),
        ("recipes/entries/soup", json!({"text": "boils"})),
        ("recipes/entries/tagged", json!({"classification": "AppService"})),
    ] {
        server.put(&format!("/api/entities/{name}"), document.to_string()).expect(201);
    }
    server.put("/api/configs/services/entries/other", "{}").expect(201);
    server.patch("/api/entities/recipes", r#"{"classification":"Ours"}"#).expect(200);
    server.patch("/api/entities/widgets", r#"{"classification":"AI systems"}"#).expect(200);
    server
}

fn names(answer: &Value) -> Vec<&str> {
    let documents = answer["documents"].as_array().unwrap().iter();
    documents.map(|found| found["xid"].as_str().unwrap().rsplit('/').next().unwrap()).collect()
}

#[test]
fn a_classification_means_a_class_in_any_spelling_or_a_family() {
    let server = filled();
    for (query, expect) in [
        ("classification=services", &["mail", "pay"][..]),
        ("classification=Service", &["mail", "pay"]),
        ("type=entities&classification=services", &["mail", "pay"]),
        ("type=configs&classification=services", &[]),
        ("classification=AppService", &["web", "tagged"]),
        ("type=entities&classification=app-services", &["web", "tagged"]),
        // A family has the classes that name it, known or not.
        ("classification=AI%20systems", &["planner", "mail", "pay", "clock"]),
        ("classification=ai_system", &["planner", "mail", "pay", "clock"]),
        ("classification=User+experience", &[]),
        ("classification=Ours", &["soup", "tagged"]),
        ("classification=nothing", &[]),
        ("classification=", &[]),
        ("classification=%27%22%24%00", &[]),
        ("classification=recipes&classification=AppService", &["tagged"]),
        ("classification=services&group=services", &["mail", "pay"]),
        ("classification=services&state=draft", &[]),
        (r#"classification=services&where=type+%3D%3D+"entities/entries""#, &["mail", "pay"]),
    ] {
        let answer = server.get(&format!("/search?{query}")).expect(200).json();
        assert_eq!(names(&answer), expect, "{query}");
        assert_eq!(answer["count"], expect.len(), "{query}");
    }
    // Page by page.
    let mut path = "/search?classification=AI%20systems&limit=3".to_owned();
    let mut read = Vec::new();
    loop {
        let page = server.get(&path).expect(200).json();
        assert_eq!(page["count"], 4);
        read.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        path = next[next.find("/search").unwrap()..].to_owned();
    }
    assert_eq!(read, ["planner", "mail", "pay", "clock"]);
    // A cursor is of one query.
    let page = server.get("/search?classification=services&limit=1").expect(200).json();
    let other = page["next"].as_str().unwrap().replace("services", "agents");
    server.get(&other[other.find("/search").unwrap()..]).refused(400, "bad_cursor");
}

#[test]
fn words_and_a_classification_narrow_each_other_also_for_a_scoped_key_and_in_the_past() {
    let server = filled();
    let before = server.position();
    server.delete("/api/entities/services/entries/mail").expect(204);
    let boss = server
        .ask(&Ask::json("POST", "/keys", r#"{"name":"boss","role":"admin"}"#))
        .expect(201)
        .json();
    let as_key = |key: &Value, path: String| {
        let key = format!("Bearer {}", key["key"].as_str().unwrap());
        server.ask(&Ask::get(path).header("Authorization", key)).expect(200).json()
    };
    let until = std::time::Instant::now() + PATIENCE;
    while as_key(&boss, "/search?q=cards".to_owned())["text_behind"] != 0 {
        assert!(std::time::Instant::now() < until);
        // sleeps: between looks at an index that follows the ledger.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut keys = vec![(boss, &["pay", "planner"][..])];
    for (scope, expect) in [
        ("/entities/services", &["pay"][..]),
        ("/entities/agents/entries/p*", &["planner"]),
        ("/entities/app_services", &[]),
        ("/configs", &[]),
    ] {
        let body = json!({"name": "ci", "role": "publisher", "scope": [scope]}).to_string();
        let key = format!("Bearer {}", keys[0].0["key"].as_str().unwrap());
        let ask = Ask::json("POST", "/keys", body).header("Authorization", key);
        keys.push((server.ask(&ask).expect(201).json(), expect));
    }
    for (key, expect) in &keys {
        let scope = &key["scope"];
        let found = as_key(key, "/search?classification=AI+systems&q=cards".to_owned());
        let mut found = names(&found);
        found.sort_unstable();
        assert_eq!(found, *expect, "{scope}");
        let family = as_key(key, "/search?classification=ai-system&limit=100".to_owned());
        assert_eq!(family["count"], names(&family).len(), "{scope}");
        assert!(names(&family).len() >= expect.len(), "{scope}");
    }
    let past = as_key(&keys[0].0, format!("/search?classification=service&at={before}"));
    assert_eq!(names(&past), ["mail", "pay"]);
    let now = as_key(&keys[0].0, "/search?classification=service".to_owned());
    assert_eq!(names(&now), ["pay"]);
}

#[test]
fn a_family_of_thousands_of_own_classes_is_found() {
    let server = Server::in_memory(&[]);
    let documents: Vec<Value> = (0..1_500)
        .map(|number| {
            let xid = format!("/entities/own{number:04}/entries/one");
            let attributes = json!({"contenttype": "application/json"});
            json!({"xid": xid, "text": "{}", "attributes": attributes})
        })
        .collect();
    server.post("/apply", json!({"documents": documents}).to_string()).expect(200);
    for number in [3, 700, 1_499] {
        let path = format!("/api/entities/own{number:04}");
        server.patch(&path, r#"{"classification":"Mine"}"#).expect(200);
    }
    let answer = server.get("/search?classification=mine").expect(200).json();
    assert_eq!(answer["count"], 3, "{answer}");
    let groups: Vec<&str> = answer["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["xid"].as_str().unwrap())
        .collect();
    assert_eq!(groups[2], "/entities/own1499/entries/one");
}

/// Runs a command with a text as its standard input.
fn piped(server: &Server, arguments: &[&str], input: &str) -> CommandOutput {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(folder.path())
        .args(arguments)
        .env("MUSTER_SERVER", server.url("127.0.0.1"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    CommandOutput::of(&child.wait_with_output().unwrap())
}

#[test]
fn the_command_registers_finds_and_counts_entities() {
    let server = filled();
    let entities = |arguments: &[&str]| piped(&server, &[&["entities"], arguments].concat(), "");
    // A class in any spelling is the one that is there, or the known one, or a new one.
    for (class, group) in [
        ("services", "services"),
        ("Agent", "agents"),
        ("AppService", "app_services"),
        ("Boat", "Boat"),
        ("boats", "Boat"),
        ("Tall ships", "Tall_ships"),
    ] {
        let document = r#"{"says": "it's \"$5\""}"#;
        let done = entities(&["register", "new", class, document]).expect(0);
        let place = format!("entities/{group}/entries/new  ");
        assert!(done.out.starts_with(&place), "{class}: {}", done.out);
    }
    let stored = server.get("/api/entities/services/entries/new").expect(200);
    assert_eq!(stored.text(), r#"{"says": "it's \"$5\""}"#);
    assert_eq!(stored.header("content-type"), Some("application/json"));
    let again = piped(&server, &["entities", "register", "new", "Boat", "-"], "{\"says\":1}");
    assert!(again.expect(0).out.contains("version 2"));
    for (arguments, code, said) in [
        (&["register", "a b", "services", "{}"][..], 2, "can't be the name of an entity"),
        (&["register", "a", "AI systems", "{}"], 2, "is a family of classes"),
        (&["register", "a", "services", "{"], 1, "isn't JSON"),
        (&["register", "a", "services", "@nowhere.json"], 1, "nowhere.json can't be read"),
        (&["register", "a", "/etc", "{}"], 2, "can't be the class of an entity"),
        (&["classes", "servicse"], 1, "did you mean services?"),
    ] {
        let refused = entities(arguments).expect(code);
        assert!(refused.err.contains(said), "{arguments:?}: {}", refused.err);
        assert_eq!(refused.out, "");
    }
    // Queries, and what they say of a class that isn't there.
    let found = entities(&["query", "--classification", "Boats"]).expect(0);
    assert!(found.out.contains("entities/Boat/entries/new"), "{}", found.out);
    let none = entities(&["query", "--classification", "AI sistems"]).expect(0);
    assert!(none.err.contains("did you mean 'AI systems'?"), "{}", none.err);
    let empty = entities(&["query", "--classification", "glyphs"]).expect(0);
    assert_eq!((empty.out.as_str(), empty.err.trim()), ("", "0 documents"));
    let all = ["query", "-c", "AI systems", "--all", "--output"];
    let as_json: Value = entities(&[&all[..], &["json"]].concat()).expect(0).out.parse().unwrap();
    assert_eq!(as_json["count"], 6);
    assert_eq!(as_json["documents"][0]["document"], json!({"says": "it's \"$5\""}));
    let as_yaml = entities(&[&all[..], &["yaml"]].concat()).expect(0).out;
    assert!(as_yaml.contains("xid: /entities/services/entries/pay"), "{as_yaml}");
    // Classes with their numbers.
    let classes: Value = entities(&["classes", "--output", "json"]).expect(0).out.parse().unwrap();
    let classes = classes["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 64);
    for expect in [
        json!({"class": "services", "family": "AI systems", "known": true, "documents": 3}),
        json!({"class": "widgets", "family": "AI systems", "known": true, "documents": 1}),
        json!({"class": "glyphs", "family": "Visual components", "known": true, "documents": 0}),
        json!({"class": "Boat", "family": null, "known": false, "documents": 1}),
    ] {
        assert!(classes.contains(&expect), "{expect}");
    }
    let used = entities(&["classes", "--used", "ai-systems"]).expect(0);
    assert_eq!(used.out.lines().count(), 4, "{}", used.out);
}
