//! Searches: by fields, by words, in the past, within a scope, and what is refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    example,
    harness::{Server, run},
};

/// A text as a value in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn names(answer: &Value) -> Vec<String> {
    let documents = answer["documents"].as_array().unwrap();
    documents.iter().map(|found| found["xid"].as_str().unwrap().to_owned()).collect()
}

/// The example's providers that a test passes, by name.
fn expected(holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let all = example::documents().into_iter();
    let found = all.filter(|(xid, document)| xid.starts_with("/providers/") && holds(document));
    found.map(|(xid, _)| xid).collect()
}

fn has(document: &Value, field: &str, value: &str) -> bool {
    document[field].as_array().is_some_and(|all| all.iter().any(|one| one == value))
}

#[test]
fn providers_are_found_as_they_always_were() {
    let server = Server::in_memory(&["--demo"]);
    let costs = |document: &Value, max: f64| {
        document["monthly_cost_range"][0].as_f64().is_some_and(|min| min <= max)
    };
    let engine = |document: &Value, name: &str| {
        has(document, "ssg_engine_options", name) || document["ssg_engine"] == name
    };
    type Holds<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: [(&str, Value, Holds<'_>); 7] = [
        ("", json!({}), Box::new(|_| true)),
        (
            "feature=visual_editing",
            json!({"feature": "visual_editing"}),
            Box::new(|one| has(one, "key_features", "visual_editing")),
        ),
        ("max_cost=60", json!({"max_cost": 60}), Box::new(|one| costs(one, 60.0))),
        (
            "provider_type=cms&max_cost=60.0",
            json!({"provider_type": "cms", "max_cost": 60.0}),
            Box::new(|one| one["provider_type"] == "cms" && costs(one, 60.0)),
        ),
        ("ssg_engine=hugo", json!({"ssg_engine": "hugo"}), Box::new(|one| engine(one, "hugo"))),
        (
            "complexity=low&feature=",
            json!({"complexity": "low"}),
            Box::new(|one| one["complexity_level"] == "low"),
        ),
        ("feature=nothing_has_this", json!({"feature": "nothing_has_this"}), Box::new(|_| false)),
    ];
    let documents = example::documents();
    for (query, echo, holds) in cases {
        let answer = server.get(&format!("/search/providers?{query}")).expect(200).json();
        let expect: Vec<&Value> = expected(holds).iter().map(|xid| &documents[xid]).collect();
        let found: Vec<&Value> = answer["providers"].as_array().unwrap().iter().collect();
        assert_eq!(found, expect, "{query}");
        assert_eq!(answer["count"], expect.len(), "{query}");
        let members: BTreeSet<&str> =
            answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["count", "providers", "query"].into());
        for name in ["provider_type", "feature", "max_cost", "complexity", "ssg_engine"] {
            assert_eq!(answer["query"][name], echo[name], "{query} {name}");
            assert!(answer["query"].get(name).is_some(), "{query} {name}");
        }
    }
    let general = server.get("/search?feature=visual_editing&type=providers").expect(200).json();
    assert_eq!(names(&general), expected(|one| has(one, "key_features", "visual_editing")));
    // All of a page's documents, and the next page behind a link.
    let first = server.get("/search/providers?limit=10").expect(200);
    assert_eq!(first.json()["providers"].as_array().unwrap().len(), 10);
    assert_eq!(first.json()["count"], 14);
    let link = first.header("link").unwrap().to_owned();
    let next = link.split(['<', '>']).nth(1).unwrap();
    let next = &next[next.find("/search").unwrap()..];
    assert_eq!(server.get(next).expect(200).json()["providers"].as_array().unwrap().len(), 4);
}

#[test]
fn shows_of_documents_what_was_asked_for() {
    let server = Server::in_memory(&["--demo"]);
    let first = |query: &str| {
        let path = format!("/search?group=providers/cms&limit=1{query}");
        server.get(&path).expect(200).json()["documents"][0].clone()
    };
    assert!(first("")["document"]["key_features"].is_array());
    let names = first("&show=");
    assert!(names.get("document").is_none() && names["xid"].is_string(), "{names}");
    let fields = first("&show=complexity_level,documentation.examples");
    let document = fields["document"].as_object().unwrap();
    assert_eq!(document.keys().collect::<Vec<_>>(), ["complexity_level", "documentation"]);
    assert_eq!(document["documentation"].as_object().unwrap().len(), 1);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let found = loop {
        let found = first("&q=marketers&show=snippet");
        if !found.is_null() {
            break found;
        }
        assert!(std::time::Instant::now() < until, "{found}");
        // sleeps: between looks at an index that follows the ledger.
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(found["snippet"].as_str().unwrap().to_lowercase().contains("marketers"), "{found}");
    // What is shown doesn't change where a page ends.
    let page = server.get("/search?group=providers/cms&limit=1&show=").expect(200).json();
    let next = page["next"].as_str().unwrap();
    let next =
        format!("{}&show=snippet", next[next.find("/search").unwrap()..].replace("&show=", ""));
    let next = server.get(&next).expect(200).json();
    assert_eq!(next["documents"].as_array().unwrap().len(), 1);
    let many = vec!["a"; 31].join(",");
    server.get(&format!("/search?show={many}")).refused(400, "bad_search");
}

#[test]
fn one_command_says_which_cms_costs_less_than_100_and_works_with_hugo() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let server = Server::on(&data, &["--demo"]);
    let url = server.url("127.0.0.1");
    let condition = "monthly_cost_range < 100 && \"hugo\" in ssg_engine_options";
    let commands: [&[&str]; 2] = [
        &["search", "--group", "cms", "--where", condition],
        &["list", "providers/cms", "--sort", "monthly_cost_range", "--where", condition],
    ];
    for command in commands {
        let command = [command, &["--server", &url]].concat();
        let found = run(folder.path(), &command).expect(0);
        assert!(found.out.contains("providers/cms/entries/decap"), "{found:?}");
        assert_eq!(found.out.lines().count(), 2, "{found:?}");
        assert!(found.err.contains("1 document"), "{found:?}");
    }
    // The order of the server is the order of the output.
    let sorted = [
        "list",
        "providers",
        "--sort",
        "monthly_cost_range=desc",
        "--where",
        "has(monthly_cost_range)",
        "--output",
        "json",
        "--server",
        &url,
    ];
    let found: Value = serde_json::from_str(&run(folder.path(), &sorted).expect(0).out).unwrap();
    let costs: Vec<f64> = found["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["document"]["monthly_cost_range"][0].as_f64().unwrap())
        .collect();
    assert!(costs.len() == 14 && costs.windows(2).all(|pair| pair[0] >= pair[1]), "{costs:?}");
    let refers = ["references", "providers/ssg/entries/hugo", "--server", &url];
    let found = run(folder.path(), &refers).expect(0);
    assert!(found.out.contains("referred by  providers/cms/entries/decap"), "{found:?}");
    let missing = ["references", "providers/ssg/entries/hugoo", "--server", &url];
    let found = run(folder.path(), &missing).expect(1);
    assert!(found.err.contains("did you mean providers/ssg/entries/hugo?"), "{found:?}");
    let slip = ["search", "--where", "monthly_cost < 3", "--server", &url];
    let found = run(folder.path(), &slip).expect(1);
    assert!(found.err.contains("isn't indexed") && found.err.contains("muster.indexed"));
    drop(server);
    // Without a server, words are found, too.
    let words = ["search", "visual", "editing", "--data", "data"];
    let found = run(folder.path(), &words).expect(0);
    assert!(found.out.contains("providers/cms/entries/tina"), "{found:?}");
}

const MODEL: &str = r#"{"groups":{"shops":{"singular":"shop","resources":{"goods":{
    "singular":"good","labels":{"muster.indexed":
    "[{\"field\":\"/size\",\"type\":\"integer\"},{\"field\":\"/tags/*\",\"type\":\"string\"}]"}}}}}}"#;

#[test]
fn cursors_stay_valid_while_documents_are_written() {
    let server = Server::in_memory(&[]);
    server.put("/api/modelsource", MODEL).expect(200);
    let put = |name: &str, size: u32| {
        let body = format!(r#"{{"size":{size},"tags":["a"]}}"#);
        let ask = Ask::json("PUT", format!("/api/shops/s/goods/{name}"), body);
        assert!(server.ask(&ask).status < 300);
    };
    for number in 0..30 {
        put(&format!("g{number:02}"), number % 7);
    }
    for sort in ["", "&sort=size", "&sort=size=desc"] {
        let mut next = format!("/search?type=shops&limit=4{sort}");
        let mut found: Vec<String> = Vec::new();
        loop {
            let page = server.get(&next).expect(200).json();
            found.extend(names(&page));
            // Before and behind the place, and the last hit of the page itself.
            put(&format!("a{}", found.len()), 0);
            server.delete(&format!("/api{}", found.last().unwrap())).expect(204);
            let restored = format!("/restore{}", found.last().unwrap());
            assert!(server.post(&restored, "").status < 300);
            let Some(url) = page["next"].as_str() else { break };
            next = url[url.find("/search").unwrap()..].to_owned();
        }
        let old: Vec<&String> = found.iter().filter(|xid| xid.contains("/goods/g")).collect();
        assert_eq!(old.len(), 30, "{sort}: {found:?}");
        assert_eq!(old.iter().collect::<BTreeSet<_>>().len(), 30, "{sort}: {found:?}");
    }
    let first = server.get("/search?type=shops&limit=4").expect(200).json();
    let cursor = first["next"].as_str().unwrap().split("cursor=").nth(1).unwrap().to_owned();
    for query in ["type=shops&sort=size", "type=shops&field=size=3"] {
        let answer = server.get(&format!("/search?{query}&cursor={cursor}"));
        assert_eq!(answer.expect(400).json()["reason"], "bad_cursor", "{query}");
    }
}

#[test]
fn the_past_is_searched_as_it_was() {
    let server = Server::in_memory(&[]);
    server.put("/api/modelsource", MODEL).expect(200);
    let put = |body: &str| {
        let ask = Ask::json("PUT", "/api/shops/s/goods/one", body);
        assert!(server.ask(&ask).status < 300);
        server.position()
    };
    let small = put(r#"{"size":1,"tags":["red"]}"#);
    let large = put(r#"{"size":9,"tags":["blue"]}"#);
    server.delete("/api/shops/s/goods/one").expect(204);
    let gone = server.position();
    for (query, at, count) in [
        ("field=tags=red", small, 1),
        ("field=tags=red", large, 0),
        ("field=size%3E5", small, 0),
        ("field=size%3E5", large, 1),
        ("field=size%3E5", gone, 0),
        ("type=shops/goods", large, 1),
        ("type=shops/goods", gone, 0),
    ] {
        let answer = server.get(&format!("/search?{query}&at={at}")).expect(200);
        assert_eq!(answer.header("muster-position"), Some(&*at.to_string()));
        assert_eq!(answer.json()["count"], count, "{query} at {at}");
    }
    let before = server.get("/search?field=tags=red&at=1").expect(400).json();
    assert_eq!(before["reason"], "not_indexed");
    server.delete("/api/shops/s/goods/one?purge").expect(204);
    let purged = server.get(&format!("/search?field=tags=red&at={small}")).expect(200).json();
    assert_eq!(purged["count"], 0);
}

#[test]
fn words_are_found_soon_after_they_are_written_and_forgotten_with_their_document() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::on(&data, &[]);
    let wait = |server: &Server, query: &str, count: u64| {
        let path = format!("/search?q={}", encoded(query));
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let answer = server.get(&path).expect(200).json();
            if answer["count"] == count && answer["text_behind"] == 0 {
                return answer;
            }
            assert!(std::time::Instant::now() < until, "{query}: {answer}");
            // sleeps: between looks at an index that follows the ledger.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let put = |server: &Server, name: &str, text: &str| {
        let body = json!({"text": text}).to_string();
        let ask = Ask::json("PUT", format!("/api/configs/app/entries/{name}"), body);
        assert!(server.ask(&ask).status < 300);
    };
    put(&server, "one", "The quick brown fox jumps over the lazy dog");
    put(&server, "fox", "A page about animals");
    let found = wait(&server, "fox", 2);
    // A name counts more than a text.
    assert_eq!(names(&found)[0], "/configs/app/entries/fox");
    wait(&server, "\"brown fox\"", 1);
    wait(&server, "jumping", 1);
    wait(&server, "fox -dog", 1);
    let joined = server.get("/search?q=fox&group=configs/other").expect(200).json();
    assert_eq!(joined["count"], 0);
    put(&server, "one", "Nothing of that");
    wait(&server, "brown", 0);
    server.delete("/api/configs/app").expect(204);
    wait(&server, "animals", 0);
    assert!(server.post("/restore/configs/app", "").status < 300);
    wait(&server, "animals", 1);
    let status = server.get("/status").expect(200).json();
    let followers = status["followers"].as_array().unwrap();
    assert!(followers.iter().any(|follower| follower["name"] == "search"), "{status}");
    assert!(server.get("/metrics").text().contains("follower_behind_entries{follower=\"search\"}"));
    // What is purged is in no file of the index any more.
    let holds = || {
        let files = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
        let mut own = files.filter(|file| file.to_string_lossy().contains("search.db"));
        own.any(|file| std::fs::read(file).unwrap().windows(8).any(|bytes| bytes == b"xylophon"))
    };
    put(&server, "secret", "xylophone");
    wait(&server, "xylophone", 1);
    assert!(holds());
    server.delete("/api/configs/app/entries/secret?purge").expect(204);
    wait(&server, "xylophone", 0);
    assert!(!holds());
    // Dropped, it is built again.
    let _ = server.stop();
    std::fs::remove_file(data.join("search.db")).unwrap();
    server = Server::on(&data, &[]);
    wait(&server, "animals", 1);
    // Without harm, the mark is where it was.
    let _ = server.stop();
    server = Server::on(&data, &[]);
    wait(&server, "animals", 1);
}

#[test]
fn searches_that_are_built_to_be_slow_or_wrong_are_refused_with_the_reason() {
    let server = Server::in_memory(&[]);
    server.put("/api/modelsource", MODEL).expect(200);
    let deep = format!("{}size == 1{}", "(".repeat(40), ")".repeat(40));
    let many = vec!["size == 1"; 101].join(" || ");
    let long = format!("tags == '{}'", "a".repeat(4_096));
    let words = "a ".repeat(17);
    for (query, reason) in [
        (format!("where={}", encoded(&deep)), "bad_search"),
        (format!("where={}", encoded(&many)), "bad_search"),
        (format!("where={}", encoded(&long)), "bad_search"),
        (format!("q={}", encoded(&words)), "bad_search"),
        (format!("q={}", "a".repeat(257)), "bad_search"),
        ("q=%22a".to_owned(), "bad_search"),
        ("q=%00".to_owned(), "bad_search"),
        ("q=a&at=1".to_owned(), "bad_search"),
        ("field=size=large".to_owned(), "bad_search"),
        ("field=colour=red".to_owned(), "not_indexed"),
        ("sort=colour".to_owned(), "not_indexed"),
        ("facets=colour".to_owned(), "not_indexed"),
        ("facets=a,b,c,d,e,f,g,h,i,j,k".to_owned(), "bad_search"),
        ("sort=size=up".to_owned(), "bad_search"),
        ("type=shop".to_owned(), "bad_search"),
        ("state=new".to_owned(), "bad_search"),
        ("max_cost=cheap".to_owned(), "bad_search"),
        ("limit=0".to_owned(), "bad_request"),
        ("cursor=x".to_owned(), "bad_cursor"),
        ("at=999".to_owned(), "bad_position"),
        ("colour=red".to_owned(), "bad_flag"),
    ] {
        let answer = server.get(&format!("/search?{query}"));
        assert_eq!(answer.expect(400).json()["reason"], reason, "{query}");
    }
    server.get("/search").expect(200);
    // A control character separates words.
    for byte in (0..0x20).chain([0x7f]) {
        server.get(&format!("/search?q=a%{byte:02x}b")).expect(200);
        server.get(&format!("/search?q=%22a%{byte:02x}b%22")).expect(200);
    }
}

#[test]
fn a_scoped_key_sees_its_places_alone_also_in_counts_and_facets() {
    let server = Server::in_memory(&[]);
    for name in ["app/entries/a", "app/entries/b", "other/entries/c"] {
        let ask = Ask::json("PUT", format!("/api/configs/{name}"), r#"{"text":"secret word"}"#);
        assert!(server.ask(&ask).status < 300);
    }
    let first = r#"{"name":"boss","role":"admin"}"#;
    let boss = server.ask(&Ask::json("POST", "/keys", first)).expect(201).json();
    let as_key = |key: &Value, ask: Ask| {
        server.ask(&ask.header("Authorization", format!("Bearer {}", key["key"].as_str().unwrap())))
    };
    let wait = |key: &Value, count: u64| loop {
        let found = as_key(key, Ask::get("/search?q=secret")).expect(200).json();
        if found["text_behind"] == 0 {
            assert_eq!(found["count"], count, "{found}");
            return;
        }
        // sleeps: between looks at an index that follows the ledger.
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    wait(&boss, 3);
    let answer = as_key(&boss, Ask::get("/search")).expect(200);
    let position = answer.header("muster-position").unwrap().to_owned();
    for (scope, count, groups) in [
        ("/configs/app", 2, json!([{"value": "configs/app", "count": 2}])),
        ("/configs/other/entries/c", 1, json!([{"value": "configs/other", "count": 1}])),
        ("/configs/*/entries/a", 1, json!([{"value": "configs/app", "count": 1}])),
        ("/links", 0, json!([])),
    ] {
        let body = json!({"name": "ci", "role": "publisher", "scope": [scope]}).to_string();
        let made = as_key(&boss, Ask::json("POST", "/keys", body));
        if made.status == 422 || made.status == 400 {
            // A place that no collection of the model can match.
            assert_eq!(scope, "/links");
            continue;
        }
        let key = made.expect(201).json();
        wait(&key, count);
        for at in [String::new(), format!("&at={position}")] {
            let ask = Ask::get(format!("/search?type=configs{at}"));
            let found = as_key(&key, ask).expect(200).json();
            assert_eq!(found["count"], count, "{scope} {at}");
            assert_eq!(names(&found).len() as u64, count, "{scope} {at}");
            assert_eq!(found["facets"]["group"]["values"], groups, "{scope} {at}");
        }
    }
}
