use std::{collections::BTreeMap, io::Read as _};

use bytes::Bytes;
use muster_ledger::{
    Checkpoint, EntryBytes, Tile,
    tile::{TileKind, check_tiles, entries_in},
};
use muster_words::Position;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, time::timeout};

use crate::harness::{PATIENCE, Running, put};

/// The head and the bytes of an answer.
async fn fetch(running: &Running, path: &str, headers: &[(&str, &str)]) -> (String, Bytes) {
    let mut stream = running.begin(&format!("GET {path}"), headers, "").await;
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    (head.to_ascii_lowercase(), bytes[at + 4..].to_vec().into())
}

async fn checkpoint(running: &Running) -> Checkpoint {
    let (head, note) = fetch(running, "/tlog/checkpoint", &[]).await;
    assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let same = fetch(running, "/ledger/checkpoint", &[]).await.1;
    assert_eq!(note, same);
    Checkpoint::open(&note, running.registry.checkpoint().unwrap().verifier()).unwrap()
}

#[tokio::test]
async fn serves_a_log_that_holds_together_as_files_that_never_change() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 600).await;
    let signed = checkpoint(&running).await;
    assert_eq!(Position(signed.size), running.registry.view().position());
    let mut files = BTreeMap::new();
    for tile in Tile::of_tree(signed.size) {
        let (head, bytes) = fetch(&running, &format!("/tlog/tile/{tile}"), &[]).await;
        assert!(head.starts_with("http/1.1 200"), "{tile}: {head}");
        assert!(head.contains("content-type: application/octet-stream"), "{head}");
        assert!(head.contains("cache-control: max-age=31536000, immutable"), "{head}");
        files.insert(tile, bytes);
    }
    let read = |tile: Tile| files.get(&tile).cloned();
    assert_eq!(check_tiles(signed.size, &signed.root, read), Ok(()));
    // The bundles hold the entries, in order.
    let bundles = files.iter().filter(|(tile, _)| tile.kind == TileKind::Entries);
    let entries = bundles.flat_map(|(_, bundle)| entries_in(bundle).unwrap());
    let entries: Vec<_> = (1..).map(Position).zip(entries).collect();
    assert_eq!(entries.len() as u64, signed.size);
    for (position, bytes) in entries {
        assert_eq!(EntryBytes { position, bytes }.decode().unwrap().position, position);
    }
}

#[tokio::test]
async fn compresses_bundles_and_no_hashes() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 300).await;
    let gzip: [(&str, &str); 1] = [("accept-encoding", "gzip")];
    let plain = fetch(&running, "/tlog/tile/entries/000", &[]).await.1;
    let (head, bytes) = fetch(&running, "/tlog/tile/entries/000", &gzip).await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains("vary: accept-encoding"), "{head}");
    assert!(bytes.len() < plain.len());
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut read).unwrap();
    assert_eq!(read, plain);
    let (head, _) = fetch(&running, "/tlog/tile/0/000", &gzip).await;
    assert!(!head.contains("content-encoding"), "{head}");
}

#[tokio::test]
async fn has_no_tile_beyond_the_checkpoint_or_by_another_name() {
    let folder = TempDir::new().unwrap();
    let running = Running::signing(folder.path(), 300).await;
    let signed = checkpoint(&running).await.size;
    let last = signed - 256;
    for (path, why) in [
        (format!("0/001.p/{}", last + 1), "don't fill it"),
        ("0/001".to_owned(), "don't fill it"),
        ("entries/002.p/1".to_owned(), "don't fill it"),
        ("2/000.p/1".to_owned(), "don't fill it"),
        ("63/000".to_owned(), "don't fill it"),
        ("0/000.p/256".to_owned(), "a tile is"),
        ("0/0".to_owned(), "a tile is"),
        ("entries/x000/001".to_owned(), "a tile is"),
        ("64/000".to_owned(), "a tile is"),
        ("0/..%2f000".to_owned(), "a tile is"),
    ] {
        let (status, body) = running.ask(&format!("GET /tlog/tile/{path}"), &[], "").await;
        assert_eq!(status, 404, "{path}: {body}");
        assert!(body.to_lowercase().contains(why), "{path}: {body}");
    }
    for path in [format!("0/001.p/{last}"), "0/001.p/1".to_owned(), "1/000.p/1".to_owned()] {
        let (head, _) = fetch(&running, &format!("/tlog/tile/{path}"), &[]).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_registry_that_signs_nothing_has_no_log_to_serve() {
    let running = Running::start().await;
    running.submit(put("/providers/cms/entries/one", "{}")).await;
    for path in ["/tlog/checkpoint", "/tlog/tile/0/000.p/1", "/tlog/tile/entries/000.p/1"] {
        let (status, body) = running.ask(&format!("GET {path}"), &[], "").await;
        assert_eq!(status, 404, "{path}: {body}");
        assert!(body.contains("signs no checkpoints"), "{body}");
    }
}
