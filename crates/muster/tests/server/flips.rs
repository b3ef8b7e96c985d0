//! A ledger of ten thousand entries, of which one byte changes: in the database, where verifying
//! finds it and names the entry, or in an exported tile, which is named.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use muster_journal::SeededRandom;
use muster_ledger::{
    Checkpoint, Tile,
    tile::{TileFault, TileKind, check_tiles},
};
use rusqlite::{Connection, params};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{CommandOutput, Server, run},
};

/// The commands that make the ledger; each makes one entry.
const COMMANDS: u64 = 10_000;

/// How many bytes of the database are changed, one after another. Each takes a verification of
/// about a second in a debug build; `FLIPS` sets it by hand.
const FLIPS: u64 = 20;

/// How many bytes of the tiles are changed.
const TILE_FLIPS: u64 = 300;

/// Fills a registry, and answers its log as files.
fn fill(server: &Server) -> BTreeMap<Tile, Bytes> {
    std::thread::scope(|scope| {
        for lane in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(server.address);
                for number in (lane..COMMANDS).step_by(8) {
                    let path = format!("/api/configs/app/entries/e{number}");
                    let document = format!("{{\"number\": {number}}}");
                    client.ask(&Ask::json("PUT", path, document)).expect(201);
                }
            });
        }
    });
    // Verifying signs what it verified.
    server.post("/ledger/verify", "").expect(200);
    let size = signed(server).0.size;
    assert!(size > COMMANDS);
    let mut client = Client::connect(server.address);
    let mut get = |tile: Tile| -> Bytes {
        client.ask(&Ask::get(format!("/tlog/tile/{tile}"))).expect(200).body.into()
    };
    Tile::of_tree(size).map(|tile| (tile, get(tile))).collect()
}

/// The newest checkpoint, verified with the key that the server says.
fn signed(server: &Server) -> (Checkpoint, Vec<u8>) {
    let key = server.get("/ledger").expect(200).json()["key"].as_str().unwrap().parse().unwrap();
    let note = server.get("/tlog/checkpoint").expect(200).body;
    (Checkpoint::open(&note, &key).unwrap(), note)
}

/// Changes one bit of a byte.
fn flip(bytes: &mut [u8], random: &mut SeededRandom) {
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
}

#[test]
fn one_changed_byte_is_found_and_named_wherever_it_is() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::on(&data, &["--registry-id", "one"]);
    let files = fill(&server);
    let (checkpoint, _) = signed(&server);
    assert!(server.stop().0.success());
    changed_tiles_are_named(&checkpoint, files);
    let verified = verify(scratch.path());
    assert_eq!(verified.code, Some(0), "{verified:?}");
    changed_rows_are_named(scratch.path(), &data);
    a_missing_end_is_named(scratch.path(), &data);
}

fn changed_tiles_are_named(checkpoint: &Checkpoint, mut files: BTreeMap<Tile, Bytes>) {
    let check = |files: &BTreeMap<Tile, Bytes>| {
        check_tiles(checkpoint.size, &checkpoint.root, |tile| files.get(&tile).cloned())
    };
    assert_eq!(check(&files), Ok(()));
    let tiles: Vec<Tile> = files.keys().copied().collect();
    let mut random = SeededRandom::new(11);
    for _ in 0..TILE_FLIPS {
        let tile = tiles[random.below(tiles.len() as u64) as usize];
        let whole = files[&tile].clone();
        let mut changed = whole.to_vec();
        flip(&mut changed, &mut random);
        files.insert(tile, changed.into());
        let named = match check(&files) {
            Err(TileFault::Missing { tile } | TileFault::Hash { tile, .. }) => tile,
            Err(TileFault::Entry { tile, .. }) => tile,
            other => panic!("{tile}: {other:?}"),
        };
        assert_eq!(named, tile);
        files.insert(tile, whole);
    }
    // The end of the log, cut off.
    let last = *tiles.iter().rev().find(|tile| tile.kind == TileKind::Entries).unwrap();
    files.remove(&last);
    assert_eq!(check(&files), Err(TileFault::Missing { tile: last }));
}

fn verify(folder: &Path) -> CommandOutput {
    run(folder, &["ledger", "verify", "--data", "data", "--output", "json"])
}

/// The reason and the position that a verification names.
fn fault(output: &CommandOutput) -> (String, Option<u64>) {
    assert_eq!(output.code, Some(3), "{output:?}");
    let last: Value = serde_json::from_str(output.out.lines().last().unwrap()).unwrap();
    let reason = last["fault"]["reason"].as_str().unwrap().to_owned();
    (reason, last["fault"]["position"].as_u64())
}

/// The columns that hold what is signed, with the reason that names a change of each.
const COLUMNS: [(&str, &str, &str, &str); 4] = [
    ("entries", "position", "bytes", "chain_broken"),
    ("entries", "position", "leaf", "chain_broken"),
    ("contents", "key", "bytes", "content_changed"),
    ("contents", "key", "digest", "content_changed"),
];

fn changed_rows_are_named(folder: &Path, data: &Path) {
    let flips = std::env::var("FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(FLIPS);
    let mut random = SeededRandom::new(7);
    for number in 0..flips {
        let (table, key, column, reason) = COLUMNS[(number % 4) as usize];
        let database = Connection::open(data.join("changes.db")).unwrap();
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap();
        let offset = random.below(u64::try_from(rows).unwrap());
        let sql =
            format!("SELECT {key}, {column} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {offset}");
        let (id, whole): (i64, Vec<u8>) =
            database.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let mut changed = whole.clone();
        flip(&mut changed, &mut random);
        let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1");
        assert_eq!(database.execute(&sql, params![id, changed]).unwrap(), 1);
        drop(database);
        let position = if table == "entries" { id } else { id >> 16 };
        let output = verify(folder);
        let expect = (reason.to_owned(), u64::try_from(position).ok());
        assert_eq!(fault(&output), expect, "{table}.{column} {id}: {output:?}");
        let database = Connection::open(data.join("changes.db")).unwrap();
        database.execute(&sql, params![id, whole]).unwrap();
    }
}

fn a_missing_end_is_named(folder: &Path, data: &Path) {
    let whole = fs::read(data.join("changes.db")).unwrap();
    for entries in [1, 100] {
        let database = Connection::open(data.join("changes.db")).unwrap();
        let sql = format!(
            "DELETE FROM entries WHERE position > (SELECT max(position) FROM entries) - {entries};
             DELETE FROM contents WHERE key >> 16 > (SELECT max(position) FROM entries)"
        );
        database.execute_batch(&sql).unwrap();
        drop(database);
        assert_eq!(fault(&verify(folder)).0, "tail_missing", "{entries}");
        fs::write(data.join("changes.db"), &whole).unwrap();
    }
}
