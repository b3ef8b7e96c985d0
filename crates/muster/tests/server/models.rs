//! The model is data: collections come and go while the server runs.

use serde_json::json;

use tempfile::TempDir;

use crate::{client::Ask, harness::Server};

const BOOKS: &str = r#"{"groups":{"shelves":{"plural":"shelves","singular":"shelf",
    "attributes":{"floor":{"type":"integer"}},
    "resources":{"books":{"plural":"books","singular":"book","hasdocument":false,
    "attributes":{"pages":{"type":"uinteger"},"title":{"type":"string","required":true}}}}}}}"#;

#[test]
fn takes_new_collections_while_it_runs() {
    for flags in [&[] as &[&str], &["--bare"]] {
        let server = Server::in_memory(flags);
        server.put("/api/shelves/a/books/b", "{}").refused(404, "not_found");
        server.put("/api/modelsource", BOOKS).expect(200);
        server.put("/api/shelves/a", r#"{"floor":-1}"#).expect(201);
        server.put("/api/shelves/a/books/b", r#"{"title":"T","pages":3}"#).expect(201);
        for (path, body, code) in [
            ("/api/shelves/a", r#"{"floor":"first"}"#, "invalid_attribute"),
            ("/api/shelves/a/books/c", r#"{"title":"T","pages":-3}"#, "invalid_attribute"),
            ("/api/shelves/a/books/c", r#"{"title":"T","page":3}"#, "unknown_attribute"),
            ("/api/shelves/a/books/c", r#"{"pages":3}"#, "required_attribute_missing"),
            ("/api/shelves/a/books/c", r#"{"title":null}"#, "required_attribute_missing"),
        ] {
            server.put(path, body).refused(400, code);
        }
        let model = server.get("/api/model").expect(200).json();
        assert_eq!(model["groups"]["shelves"]["singular"], "shelf");
        assert_eq!(model["groups"].get("configs").is_some(), flags.is_empty());
        let source = server.get("/api/modelsource").expect(200).json();
        assert_eq!(source["groups"].as_object().unwrap().len(), 1);
        assert_eq!(server.get("/api").json()["shelvescount"], 1);
    }
}

#[test]
fn refuses_models_that_mean_nothing_or_leave_entities_behind() {
    let server = Server::in_memory(&[]);
    server.put("/api/modelsource", BOOKS).expect(200);
    server.put("/api/shelves/a/books/b", r#"{"title":"T","pages":3}"#).expect(201);
    let position = server.position();
    let stricter = BOOKS.replace(r#""pages":{"type":"uinteger"}"#, r#""pages":{"type":"boolean"}"#);
    let smaller = BOOKS.replace(r#""pages":{"type":"uinteger"},"#, "");
    for (model, code) in [
        ("{\"groups\":", "parsing_data"),
        ("[]", "parsing_data"),
        (r#"{"groups":[]}"#, "model_error"),
        (r#"{"nothing":1}"#, "model_error"),
        (r#"{"groups":{"Bad Name":{"singular":"b"}}}"#, "model_error"),
        (r#"{"groups":{"as":{"singular":"as"}}}"#, "model_error"),
        (
            r#"{"groups":{"as":{"singular":"a","attributes":{"x":{"type":"nothing"}}}}}"#,
            "model_error",
        ),
        (r#"{"groups":{"configs":{"plural":"configs","singular":"other"}}}"#, "model_error"),
        (r#"{"groups":{}}"#, "model_error"),
        (&stricter, "invalid_attribute"),
        (&smaller, "unknown_attribute"),
    ] {
        let answer = server.put("/api/modelsource", model);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{model}");
        answer.refused(400, code);
    }
    assert_eq!(server.position(), position);
    server.delete("/api/shelves/a").expect(204);
    server.put("/api/modelsource", "{}").expect(200);
    server.get("/api/shelves").refused(404, "not_found");
}

#[test]
fn pages_sorts_filters_and_inlines() {
    let server = Server::in_memory(&[]);
    server.put("/api/modelsource", BOOKS).expect(200);
    for (id, pages) in [("a", 30), ("b", 10), ("c", 20), ("d", 5)] {
        let body = format!(r#"{{"title":"Title {id}","pages":{pages}}}"#);
        server.put(&format!("/api/shelves/s/books/{id}"), body).expect(201);
    }
    let ids = |query: &str| -> Vec<String> {
        let answer = server.get(&format!("/api/shelves/s/books?{query}")).expect(200);
        let text = answer.text().to_owned();
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("\"bookid\": \""));
        lines.map(|rest| rest.trim_end_matches("\",").to_owned()).collect()
    };
    for (query, expect) in [
        ("", "abcd"),
        ("sort=pages", "dbca"),
        ("sort=pages=desc", "acbd"),
        ("filter=pages%3E=20", "ac"),
        ("filter=pages<20&filter=bookid=a", "abd"),
        ("filter=title=*B*,pages<20", "b"),
        ("filter=nothing=1", ""),
        ("limit=2", "ab"),
        ("filter=excludeall", ""),
    ] {
        assert_eq!(ids(query).concat(), expect, "{query}");
    }
    let mut seen = Vec::new();
    let mut next = Some("/api/shelves/s/books?sort=pages&limit=3".to_owned());
    while let Some(path) = next {
        let page = server.get(&path).expect(200);
        seen.extend(page.json().as_object().unwrap().keys().cloned());
        let links = page.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value);
        next = links
            .filter(|link| link.contains("rel=next"))
            .map(|link| {
                let url = link.split(['<', '>']).nth(1).unwrap();
                url[url.find("/api").unwrap()..].to_owned()
            })
            .next();
    }
    seen.sort();
    assert_eq!(seen.concat(), "abcd");
    let whole = server.get("/api/shelves?inline=books").expect(200).json();
    assert_eq!(whole["s"]["books"]["a"]["pages"], 30);
    let export = server.get("/api/export").expect(200).json();
    assert_eq!(export["shelves"]["s"]["books"]["b"]["versions"]["1"]["pages"], 10);
    // An export can be imported elsewhere.
    let other = Server::in_memory(&[]);
    let mut body = export;
    for name in ["registryid", "capabilities"] {
        body.as_object_mut().unwrap().remove(name);
    }
    other.ask(&Ask::json("PUT", "/api?ignore=epoch", body.to_string())).expect(200);
    let copied = other.get("/api/shelves/s/books/b").expect(200).json();
    assert_eq!(copied["pages"], json!(10));
}

const TEAMS: &str = r#"{"groups":{"shelves":{"plural":"shelves","singular":"shelf",
    "resources":{"books":{"plural":"books","singular":"book","hasdocument":false,
    "metaattributes":{"team":{"type":"string"}}}}}}}"#;

#[test]
fn finds_by_what_meta_says_after_a_restart() {
    let data = TempDir::new().unwrap();
    let server = Server::on(data.path(), &[]);
    server.put("/api/modelsource", TEAMS).expect(200);
    for (book, team) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        let body = json!({"meta": {"team": team}}).to_string();
        server.put(&format!("/api/shelves/s/books/{book}"), body).expect(201);
    }
    drop(server);
    // Each request is the first that asks a server that has read nothing yet.
    for (path, pointer) in [
        ("/api/shelves/s/books?filter=meta.team=red", ""),
        ("/api/shelves?filter=books.meta.team=red&inline=books", "/s/books"),
        ("/api?filter=shelves.books.meta.team=red&inline=*", "/shelves/s/books"),
        ("/api/shelves/s/books?filter=meta.team!=blue", ""),
        ("/api/shelves/s/books?filter=meta.team=red,versions.versionid=1", ""),
    ] {
        let server = Server::on(data.path(), &[]);
        let found = server.get(path).expect(200).json();
        let found = found.pointer(pointer).unwrap().as_object().unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "c"], "{path}");
    }
}
