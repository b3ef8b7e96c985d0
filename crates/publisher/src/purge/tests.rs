#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::{FolderDestination, MARKER_PATH, PublishOptions, publish, publish::tests::Documents};

/// A cache that notes what it is asked, and answers with these statuses, one after another; then
/// with 200.
struct Cache {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn cache(statuses: &[u16]) -> Cache {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (notes, left) = (asked.clone(), Arc::new(Mutex::new(statuses.to_vec())));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (notes, left) = (notes.clone(), left.clone());
            tokio::spawn(async move {
                let mut read = Vec::new();
                let mut part = [0; 4_096];
                loop {
                    let count = stream.read(&mut part).await.unwrap_or(0);
                    if count == 0 {
                        return;
                    }
                    read.extend_from_slice(&part[..count]);
                    if read.ends_with(b"\r\n\r\n") {
                        notes.lock().push(String::from_utf8_lossy(&read).into_owned());
                        read.clear();
                        let status = {
                            let mut left = left.lock();
                            if left.is_empty() { 200 } else { left.remove(0) }
                        };
                        let answer =
                            format!("HTTP/1.1 {status} X\r\ncontent-length: 5\r\n\r\nwhy\n!");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    Cache { address, asked }
}

impl Cache {
    /// The first lines of all requests, sorted.
    fn lines(&self) -> Vec<String> {
        let asked = self.asked.lock();
        let mut lines: Vec<String> =
            asked.iter().filter_map(|text| Some(text.lines().next()?.to_owned())).collect();
        lines.sort();
        lines
    }
}

fn order(paths: &[&str]) -> PurgeOrder {
    PurgeOrder {
        base_url: "https://cdn.example".to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        reference: "r-1".to_owned(),
        now: muster_words::Moment::EPOCH,
    }
}

fn headers() -> BTreeMap<String, String> {
    BTreeMap::from([("Fastly-Key".to_owned(), "very-secret".to_owned())])
}

#[tokio::test]
async fn asks_for_each_form_of_each_file_or_once() {
    for (template, paths, expect) in [
        (
            "PURGE {}/site/{path}",
            &["a b.json"][..],
            &[
                "PURGE /site/a%20b.json HTTP/1.1",
                "PURGE /site/a%20b.json.br HTTP/1.1",
                "PURGE /site/a%20b.json.gz HTTP/1.1",
            ][..],
        ),
        ("POST {}/all?soft=1", &["a", "b"], &["POST /all?soft=1 HTTP/1.1"]),
    ] {
        let cache = cache(&[]).await;
        let how = template.replace("{}", &cache.address);
        let purge = purge_at(&how, &headers(), &PurgeAccess::default()).unwrap();
        purge.purge(&order(paths)).await.unwrap();
        assert_eq!(cache.lines(), expect, "{template}");
        assert!(cache.asked.lock().iter().all(|text| text.contains("very-secret")));
    }
}

#[tokio::test]
async fn tries_again_what_may_pass_and_says_what_does_not() {
    for (statuses, expect, asked) in [
        (&[503, 429][..], "", 3),
        (&[404], "", 1),
        (&[500, 502, 503], "answered 503: why !", 3),
        (&[403], "answered 403: why !", 1),
    ] {
        let cache = cache(statuses).await;
        let how = format!("PURGE {}/one", cache.address);
        let purge = purge_at(&how, &headers(), &PurgeAccess::default()).unwrap();
        let said = purge.purge(&order(&["a"])).await.err().map(|error| error.to_string());
        let said = said.unwrap_or_default();
        assert!(said.ends_with(expect) && said.is_empty() == expect.is_empty(), "{said}");
        assert!(!said.contains("very-secret"));
        assert_eq!(cache.asked.lock().len(), asked, "{statuses:?}");
    }
}

#[tokio::test]
async fn a_publication_goes_on_being_told_until_the_cdn_has_heard_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(&[200, 403, 403]).await;
    let how = format!("PURGE {}/all", cache.address);
    let cdn = purge_at(&how, &BTreeMap::new(), &PurgeAccess::default()).unwrap();
    let files = Arc::new(FolderDestination::new(folder.path().join("site")));
    let destination: Arc<dyn SiteDestination> = Arc::new(CachedDestination::new(files, cdn));
    let options =
        PublishOptions { is_trial: false, may_go_back: false, now: muster_words::Moment::EPOCH };
    let at = |number: u64| Documents::new(number, &[("providers/cms/a.json", "{}")]);
    let marker = folder.path().join("site").join(MARKER_PATH);
    let first = publish(&at(1), &destination, &options).await.unwrap();
    assert!(first.purge_error.is_none() && !marker.exists());
    let changed = Documents::new(2, &[("providers/cms/a.json", "[]")]);
    for _ in 0..2 {
        let untold = publish(&changed, &destination, &options).await.unwrap();
        assert!(untold.purge_error.is_some() && marker.exists());
    }
    // Nothing has changed, but the CDN doesn't know it yet.
    let told = publish(&changed, &destination, &options).await.unwrap();
    assert!(told.purge_error.is_none() && !marker.exists());
    assert_eq!(told.before, Some(2), "telling again publishes nothing");
    assert_eq!(std::fs::read_dir(folder.path().join("site/history")).unwrap().count(), 2);
    assert_eq!(cache.asked.lock().len(), 4);
    let still = publish(&changed, &destination, &options).await.unwrap();
    assert!(still.is_unchanged);
    assert_eq!(cache.asked.lock().len(), 4, "it is told once");
}

#[tokio::test]
async fn what_the_cdn_did_not_take_is_left_and_nothing_else() {
    let cache = cache(&[200, 200, 403]).await;
    let how = format!("PURGE {}/{{path}}", cache.address);
    let purge = purge_at(&how, &headers(), &PurgeAccess::default()).unwrap();
    let untold = purge.purge(&order(&["a", "b", "c"])).await.unwrap_err();
    assert_eq!(cache.asked.lock().len(), 9, "all are asked, whatever one says");
    assert_eq!(untold.paths.len(), 1);
    purge.purge(&PurgeOrder { paths: untold.paths, ..order(&[]) }).await.unwrap();
    assert_eq!(cache.asked.lock().len(), 12);
}

#[tokio::test]
async fn a_cdn_that_is_away_is_an_error_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let purge = purge_at(&format!("POST {address}/x"), &headers(), &PurgeAccess::default());
    let error = purge.unwrap().purge(&order(&["a"])).await.unwrap_err();
    let is_told = |said: &str| said.contains(&address);
    assert!(matches!(&error.error, PurgeError::Unreachable(said) if is_told(said)), "{error}");
}
