//! A data directory that a release without ids of schemas has written, opened by this one.

use std::{fs, num::NonZeroU32, path::Path};

use bytes::Bytes;
use muster_catalog::changes::Change;
use muster_journal::Batch;
use muster_ledger::Head;
use muster_stores::{LastUse, Place};
use muster_words::{ContentRef, Position};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{client::Ask, harness::Server};

const SCHEMAS: &str = "/api/schemagroups";

/// Makes a copy of a data directory in which no schema was ever given an id: what an earlier release
/// would have written.
fn without_ids(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("keys")).unwrap();
    for name in ["FORMAT", "keys/ledger.key"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let store = |path: &Path| {
        let place = Place::Directory { path: path.to_owned(), last_use: LastUse::default() };
        muster_stores::open(&place)
    };
    let (old, new) = (store(from).reader("changes").unwrap(), store(to).ledger("changes").unwrap());
    let copying = async move {
        let all = old.read(Position::ZERO, NonZeroU32::MAX).await.unwrap();
        let (mut head, mut batch, mut left_out) = (Head::EMPTY, Batch::default(), 0);
        for bytes in all {
            let mut entry = bytes.decode().unwrap();
            let before = entry.changes.len();
            let mut names: Vec<ContentRef> = Vec::new();
            entry.changes.retain(|record| {
                let change = Change::decode(record.kind, &record.body).unwrap();
                let new = change.contents().filter(|named| named.at.is_none());
                names.extend(new.map(|named| named.resolve(entry.position).reference()));
                !matches!(change, Change::SchemaRegistered(_))
            });
            left_out += before - entry.changes.len();
            entry.previous = head.hash;
            let written = entry.encode().unwrap();
            head = Head::after(&written);
            batch.entries.push(written);
            let contents: Vec<Option<Bytes>> = old.contents(&names).await.unwrap();
            let there = names.into_iter().zip(contents);
            batch.contents.extend(there.filter_map(|(name, bytes)| Some((name, bytes?))));
        }
        new.append(Head::EMPTY, &batch).await.unwrap();
        assert!(left_out > 0, "the ledger has no ids to leave out");
    };
    tokio::runtime::Runtime::new().unwrap().block_on(copying);
}

fn put(server: &Server, path: &str, format: &str, text: &str, state: &str) {
    let put = Ask::new("PUT", format!("{SCHEMAS}/{path}"))
        .body(text)
        .header(
            "content-type",
            if format.starts_with("Protobuf") { "text/plain" } else { "application/json" },
        )
        .header("xRegistry-format", format)
        .header("xRegistry-state", state);
    server.ask(&put).expect(201);
}

fn ask(server: &Server, path: &str) -> Value {
    server.get(&format!("/confluent{path}")).json()
}

fn head(server: &Server) -> u64 {
    server.get("/api").header("muster-position").unwrap().parse().unwrap()
}

/// Everything that a client can ask about ids.
fn ids(server: &Server) -> Value {
    let by_id: Vec<Value> =
        (1..9).map(|id| ask(server, &format!("/schemas/ids/{id}/versions?deleted=true"))).collect();
    json!([by_id, ask(server, "/schemas?deleted=true&subjectPrefix=:*:")])
}

#[test]
fn schemas_of_an_earlier_release_get_their_ids_in_the_order_of_the_ledger() {
    let folder = TempDir::new().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    let server = Server::on(&new, &[]);
    for group in ["default", "team"] {
        server.put(&format!("{SCHEMAS}/{group}"), "{}").expect(201);
    }
    let avro = "Avro/1.12.0";
    let proto = "syntax = \"proto3\"; message P { int32 a = 1; }";
    put(&server, "default/schemas/z/versions/1", avro, "\"int\"", "stable");
    put(&server, "default/schemas/a/versions/1", avro, "{\"type\": \"long\"}", "stable");
    put(&server, "team/schemas/t/versions/1", avro, "\"string\"", "stable");
    put(&server, "default/schemas/p/versions/1", "Protobuf/3", proto, "stable");
    put(
        &server,
        "default/schemas/j/versions/1",
        "JsonSchema/draft-07",
        "{\"type\":  \"object\"}",
        "stable",
    );
    put(&server, "default/schemas/a/versions/2", avro, "\"int\"", "stable");
    put(&server, "default/schemas/a/versions/named", avro, "\"bytes\"", "stable");
    put(&server, "default/schemas/d/versions/1", avro, "\"double\"", "draft");
    put(&server, "default/schemas/x/versions/1", "Unknown/1", "1", "stable");
    put(&server, "default/schemas/gone/versions/1", avro, "\"float\"", "stable");
    server.delete(&format!("{SCHEMAS}/default/schemas/gone")).expect(204);
    let before = ids(&server);
    let last = head(&server);
    assert!(server.stop().0.success());
    without_ids(&new, &old);

    let server = Server::on(&old, &[]);
    assert_eq!(ids(&server), before);
    let users = |id: u32| ask(&server, &format!("/schemas/ids/{id}/versions?deleted=true"));
    for (id, users_of) in [
        (1, json!([{"subject": "a", "version": 2}, {"subject": "z", "version": 1}])),
        (2, json!([{"subject": "a", "version": 1}])),
        (3, json!([{"subject": "p", "version": 1}])),
        (4, json!([{"subject": "j", "version": 1}])),
    ] {
        assert_eq!(users(id), users_of, "{id}");
    }
    // They came with one entry.
    assert_eq!(head(&server), last + 1);
    // Killed and started again, nothing more is written, and the same is read.
    server.kill();
    let server = Server::on(&old, &[]);
    assert_eq!(ids(&server), before);
    assert_eq!(head(&server), last + 1);
}
