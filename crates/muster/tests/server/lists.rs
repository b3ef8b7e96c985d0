//! Lists: filters, orders and pages.

use serde_json::Value;

use crate::{client::Ask, harness::Server};

const LIST: &str = "/api/configs/app/entries";

/// The names in a list, in its order.
fn names(server: &Server, query: &str) -> Vec<String> {
    let answer = server.get(&format!("{LIST}?{query}")).expect(200);
    let text = answer.text().to_owned();
    // The order of members in JSON is the order of the list.
    let value: Value = serde_json::from_str(&text).unwrap();
    let mut names: Vec<(usize, String)> = value
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (text.find(&format!("\n  \"{name}\":")).unwrap(), name.clone()))
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// A server with a document of each name, with these attributes.
fn with(documents: &[(&str, &str)]) -> Server {
    let server = Server::in_memory(&[]);
    for (name, attributes) in documents {
        server.put(&format!("{LIST}/{name}$details"), *attributes).expect(201);
    }
    server
}

#[test]
fn compares_times_as_moments() {
    let server = with(&[
        ("a", r#"{"createdat":"2026-01-01T10:00:00Z"}"#),
        ("b", r#"{"createdat":"2026-01-01T10:00:00.5Z"}"#),
        ("c", r#"{"createdat":"2026-01-01T13:00:01+02:00"}"#),
    ]);
    for (query, expect) in [
        ("filter=createdat=2026-01-01T12:00:00%2B02:00", &["a"][..]),
        ("filter=createdat=2026-01-01T10:00:00.000Z", &["a"]),
        ("filter=createdat!=2026-01-01T12:00:00%2B02:00", &["b", "c"]),
        ("filter=createdat%3E2026-01-01T10:00:00Z", &["b", "c"]),
        ("filter=createdat%3C2026-01-01T10:00:00.5Z", &["a"]),
        ("filter=createdat%3E=2026-01-01T09:00:00.6-02:00", &["c"]),
        ("filter=createdat%3E2026-01-01", &["a", "b", "c"]),
        ("sort=createdat", &["a", "b", "c"]),
        ("sort=createdat=desc", &["c", "b", "a"]),
    ] {
        assert_eq!(names(&server, query), expect, "{query}");
    }
}

#[test]
fn a_comma_in_a_value_is_written_with_a_backslash() {
    let server = with(&[
        ("a", r#"{"name":"red, green"}"#),
        ("b", r#"{"name":"red"}"#),
        ("c", r#"{"name":"red, green","description":"d"}"#),
    ]);
    for (query, expect) in [
        ("filter=name=red%5C,%20green", &["a", "c"][..]),
        ("filter=name=red\\,*", &["a", "c"]),
        ("filter=name=red\\,%20green,description=d", &["c"]),
        ("filter=name%3E=red\\,%20a", &["a", "c"]),
        ("filter=name=red,name=red", &["b"]),
    ] {
        assert_eq!(names(&server, query), expect, "{query}");
    }
    // The links within an answer lead to the same entities.
    let filter = "filter=entries.name=red\\,%20green";
    let group = server.get(&format!("/api/configs/app?{filter}")).expect(200).json();
    let url = group["entriesurl"].as_str().unwrap();
    let query = url.split_once('?').unwrap().1;
    assert_eq!(names(&server, query), ["a", "c"], "{url}");
}

#[test]
fn sorts_by_scalars_alone() {
    let server = with(&[("a", r#"{"labels":{"n":"2"}}"#), ("b", r#"{"labels":{"n":"1"}}"#)]);
    for (path, attribute) in [
        (LIST, "labels"),
        (LIST, "labels.*"),
        (LIST, "versions"),
        (LIST, "meta"),
        ("/api/configs", "labels"),
        ("/api/configs", "entries"),
        ("/api/configs", "deprecated"),
        ("/api/configs/app/entries/a/versions", "labels"),
    ] {
        server.get(&format!("{path}?sort={attribute}")).refused(400, "bad_sort");
    }
    for (query, expect) in [
        ("sort=labels.n", ["b", "a"]),
        ("sort=labels.n=desc", ["a", "b"]),
        ("sort=versionscount", ["a", "b"]),
        ("sort=versionid", ["a", "b"]),
        ("sort=none", ["a", "b"]),
    ] {
        assert_eq!(names(&server, query), expect, "{query}");
    }
    for query in ["sort=entriescount", "sort=deprecated.effective", "sort=epoch"] {
        server.get(&format!("/api/configs?{query}")).expect(200);
    }
}

#[test]
fn a_cursor_is_good_for_the_list_that_it_was_made_for() {
    let server =
        with(&[("a", r#"{"name":"z"}"#), ("b", r#"{"name":"y"}"#), ("c", r#"{"name":"x"}"#)]);
    let next = |query: &str| {
        let answer = server.get(&format!("{LIST}?{query}")).expect(200);
        let links = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
        let link = links.map(|(_, link)| link).find(|link| link.contains("next")).unwrap();
        let url = link.split(['<', '>']).nth(1).unwrap().to_owned();
        let cursor = url.split('&').find(|p| p.starts_with("offset=") || p.starts_with("after="));
        (url.split_once("/api/").unwrap().1.to_owned(), cursor.unwrap().to_owned())
    };
    let (url, by_name) = next("sort=name&limit=1");
    let second = server.get(&format!("/api/{url}")).expect(200).json();
    assert_eq!(second.as_object().unwrap().keys().collect::<Vec<_>>(), ["b"]);
    let (_, by_id) = next("limit=1");
    assert_eq!(names(&server, &format!("limit=9&{by_id}")), ["b", "c"]);
    assert_eq!(names(&server, &format!("sort=name&limit=9&{by_name}")), ["b", "a"]);
    for query in [
        format!("sort=name=desc&{by_name}"),
        format!("sort=epoch&{by_name}"),
        format!("sort=name&filter=name=x&{by_name}"),
        format!("sort=name&{by_id}"),
        by_name,
        "sort=name&offset=1".to_owned(),
        "sort=name&offset=1-0000".to_owned(),
    ] {
        server.get(&format!("{LIST}?{query}")).refused(400, "bad_cursor");
    }
}

#[test]
fn a_name_is_not_written_empty() {
    let server = with(&[("a", r#"{"description":""}"#)]);
    for attribute in ["name", "documentation", "icon"] {
        let body = format!(r#"{{"{attribute}":""}}"#);
        for path in ["/api", "/api/configs/app", "/api/configs/app/entries/a$details"] {
            server.patch(path, body.clone()).refused(400, "invalid_attribute");
        }
        let nested = format!(r#"{{"a":{{"versions":{{"2":{body}}}}}}}"#);
        let refused = server.post(LIST, nested).refused(400, "invalid_attribute");
        assert_eq!(refused.json()["subject"], "/configs/app/entries/a/versions/2");
        let header = format!("xRegistry-{attribute}");
        let put = Ask::json("PUT", format!("{LIST}/a"), "1").header(&header, "");
        server.ask(&put).refused(400, "invalid_attribute");
        let plan = format!(r#"{{"groups":[{{"xid":"/configs/app","attributes":{body}}}]}}"#);
        server.post("/apply", plan).refused(400, "invalid_attribute");
        server.patch("/api/configs/app", format!(r#"{{"{attribute}":null}}"#)).expect(200);
    }
    // As the specification's reference server does.
    let bare = Server::in_memory(&["--bare"]);
    bare.patch("/api", r#"{"name":""}"#).expect(200);
}
