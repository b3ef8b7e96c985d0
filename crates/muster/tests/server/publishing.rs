//! Publishing with the real program: to a folder, from the server on each change, from one channel
//! to another, and back from a site's own history.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use muster_seal::{jws, note::Verifier};
use muster_wire::manifest::{Manifest, object_path};
use muster_words::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, program, run},
};

const SANITY: &str = "/api/configs/app/entries/sanity";

fn json_of(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.out).unwrap()
}

/// The manifest of a folder, whose files are all there as it says.
fn site(folder: &Path) -> Manifest {
    let read = Manifest::read(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    for (path, file) in &read.manifest.files {
        for place in [path.clone(), object_path(&file.sha256)] {
            let bytes = fs::read(folder.join(&place)).unwrap();
            assert_eq!(Digest::of(&bytes).to_string(), file.sha256, "{place}");
        }
    }
    read.manifest
}

/// Waits until something is so.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        // sleeps: between two looks at what another process does.
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_catalogue_is_published_to_a_folder_and_only_what_changed_is_written_again() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::on(&folder.join("data"), &["--demo"]);
    let url = server.url("127.0.0.1");
    let publish = |more: &[&str]| {
        let words = ["publish", "--to", "site", "--server", &url, "--output", "json"];
        json_of(&run(folder, &[&words[..], more].concat()).expect(0))
    };
    let trial = publish(&["--dry-run"]);
    assert!(!folder.join("site").exists(), "{trial}");
    let base = ["--base-url", "https://cdn.example"];
    let first = publish(&base);
    let manifest = site(&folder.join("site"));
    assert_eq!(manifest.files.len(), 29 + 3 + 1);
    assert_eq!(manifest.providers["cms"], ["contentful", "decap", "sanity", "tina"]);
    assert_eq!(manifest.cdn_urls.manifest, "https://cdn.example/manifest.json");
    assert_eq!(first["position"], server.position());
    for name in ["hugo_template.json", "hugo-template.json", "hugo-template.json.br"] {
        assert!(folder.join("site/stacks/templates").join(name).exists(), "{name}");
    }
    // Anybody with the public key can check it.
    let key = run(folder, &["keys", "site", "--server", &url]).expect(0).out;
    let key: Verifier = key.trim().parse().unwrap();
    let read = Manifest::read(&fs::read(folder.join("site/manifest.json")).unwrap()).unwrap();
    let signature = manifest.signature.unwrap();
    jws::verify_detached(&signature, &read.signed_part, [&key]).unwrap();
    let checkpoint = manifest.checkpoint.unwrap();
    assert!(checkpoint.lines().nth(1) == Some(&first["position"].to_string()), "{checkpoint}");
    // The manifest passes its own schema, and a folder of the site the check.
    assert_eq!(publish(&base)["unchanged"], true);
    let sanity = server.get("/api/providers/cms/entries/sanity").expect(200).text().to_owned();
    let cheaper = sanity.replace("65,", "60,");
    assert_ne!(cheaper, sanity);
    server.put("/api/providers/cms/entries/sanity", cheaper.clone()).expect(200);
    server.delete("/api/stacks/composed/entries/cms_ecommerce_composed").expect(204);
    let second = publish(&base);
    assert_eq!(second["written"], json!(["providers/cms/sanity.json"]));
    assert_eq!(second["objects"], 1);
    assert_eq!(second["removed"].as_array().unwrap().len(), 2, "{second}");
    assert_eq!(second["before"], first["version"]);
    let found = fs::read_to_string(folder.join("site/providers/cms/sanity.json")).unwrap();
    assert_eq!(found, cheaper);
    assert!(!folder.join("site/stacks/composed").exists());
    site(&folder.join("site"));
    // Without a server the data directory says the same.
    drop(server);
    let words = ["publish", "--to", "site", "--data", "data", "--output", "json"];
    let again = json_of(&run(folder, &[&words[..], &base].concat()).expect(0));
    assert_eq!(again["unchanged"], true, "{again}");
    // A site of its own history, when the registry is gone.
    let back = first["version"].to_string();
    let back = back.as_str();
    let words = ["publish", "restore", "--to", "site", "--version-id", back, "--output", "json"];
    let unsigned = run(folder, &words).expect(2);
    assert!(unsigned.err.contains("--key"), "{}", unsigned.err);
    let restored = run(folder, &[&words[..], &["--key", "data/keys/site.key"]].concat()).expect(0);
    let restored = json_of(&restored);
    assert_eq!(restored["position"], first["position"]);
    assert!(restored["version"].as_u64() > second["version"].as_u64());
    let found = fs::read_to_string(folder.join("site/providers/cms/sanity.json")).unwrap();
    assert_eq!(found, sanity);
    assert!(site(&folder.join("site")).stacks["composed"].len() == 1);
}

#[test]
fn a_folder_with_other_files_and_a_later_state_are_refused() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    fs::create_dir(folder.join("home")).unwrap();
    fs::write(folder.join("home/letter"), "dear").unwrap();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let publish = |to: &str| run(folder, &["publish", "--to", to, "--server", &url]);
    let refused = publish("home").expect(1);
    assert!(refused.err.contains("destination_foreign"), "{}", refused.err);
    publish("site").expect(0);
    let other = Server::in_memory(&[]);
    let url = other.url("127.0.0.1");
    let words = ["publish", "--to", "site", "--server", &url];
    let refused = run(folder, &words).expect(1);
    assert!(refused.err.contains("holds the site of the registry"), "{}", refused.err);
    run(folder, &[&words[..], &["--force"]].concat()).expect(0);
}

#[test]
fn the_server_shows_the_newest_state_as_files() {
    let server = Server::in_memory(&["--demo"]);
    let manifest = server.get("/site/manifest.json").expect(200);
    let read = Manifest::read(&manifest.body).unwrap().manifest;
    assert!(read.signature.is_none(), "a registry in memory has no key");
    let file = &read.files["providers/cms/sanity.json"];
    for path in ["providers/cms/sanity.json".to_owned(), object_path(&file.sha256)] {
        let found = server.get(&format!("/site/{path}")).expect(200);
        assert_eq!(Digest::of(&found.body).to_string(), file.sha256);
        let tag = found.header("etag").unwrap().to_owned();
        let again = Ask::get(format!("/site/{path}")).header("If-None-Match", tag);
        server.ask(&again).expect(304);
        let kept = found.header("cache-control").unwrap();
        assert_eq!(kept.contains("immutable"), path.starts_with("objects"), "{kept}");
        assert!(!kept.contains("public") && !kept.contains("s-maxage"), "{kept}");
    }
    let other = server.get("/site/stacks/cms-tiers/sanity-cms-tier.json").expect(200);
    let own = server.get("/site/stacks/cms-tiers/sanity_cms_tier.json").expect(200);
    assert_eq!(other.body, own.body);
    for path in ["nothing.json", "objects/sha256/00", "history/1.json", "providers/cms/x.json"] {
        let missing = server.get(&format!("/site/{path}")).expect(404);
        assert_eq!(missing.json()["manifest"], "manifest.json", "{path}");
    }
    // A draft isn't for the world.
    let draft = Ask::json("PUT", SANITY, "{}").header("xRegistry-state", "draft");
    server.ask(&draft).expect(201);
    let all = server.post("/publish", r#"{"collections": ["configs"]}"#).expect(200);
    assert_eq!(all.json()["collections"]["configs"]["app"], json!([]));
    for (body, code) in [
        (r#"{"collections": ["nothing"]}"#, "bad_request"),
        (r#"{"base_url": "file:///etc"}"#, "bad_request"),
        (r#"{"channel": "a b"}"#, "bad_request"),
        (r#"{"chanel": "a"}"#, "parsing_data"),
    ] {
        server.post("/publish", body).refused(400, code);
    }
}

#[test]
fn a_public_site_needs_no_key_and_nothing_else_is_public() {
    let key = "a-key-of-sixteen-characters";
    let settings = [("MUSTER_SITE_PUBLIC", "true"), ("MUSTER_API_KEY", key)];
    let server = Server::with(&["--memory", "--demo"], &settings);
    let found = server.get("/site/manifest.json").expect(200);
    assert_eq!(found.header("access-control-allow-origin"), Some("*"));
    assert!(found.header("cache-control").unwrap().starts_with("public"));
    for path in ["/api", "/publish", "/site", "/export", "/sites/manifest.json"] {
        server.get(path).expect(401);
    }
    server.post("/publish", "{}").expect(401);
    let wrong = Ask::get("/site/manifest.json").header("Authorization", "Bearer wrong");
    server.ask(&wrong).expect(401);
}

/// The manifest of a site without one of its files, which nobody signed.
fn without_sanity(site: &Path) -> Vec<u8> {
    let mut manifest: Value =
        serde_json::from_slice(&fs::read(site.join("manifest.json")).unwrap()).unwrap();
    manifest["files"].as_object_mut().unwrap().remove("providers/cms/sanity.json");
    muster_words::json::to_canonical(&manifest)
}

#[test]
fn a_publication_follows_each_change_and_is_promoted_as_it_was_staged() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let [staging, live] = ["staging", "live"].map(|name| folder.join(name));
    let destinations = format!("staging={}, live={}", staging.display(), live.display());
    let data = folder.join("data");
    let flags = ["--data", data.to_str().unwrap(), "--demo"];
    let server = Server::with(&flags, &[("MUSTER_SITE_DESTINATIONS", &destinations)]);
    let url = server.url("127.0.0.1");
    let put = |name: &str, body: Value| {
        server.put(&format!("/api/publications/site/entries/{name}"), body.to_string())
    };
    put("wrong", json!({"destination": "/etc", "base_url": "https://a"}))
        .refused(422, "invalid_document");
    let of_staging = json!({
        "destination": "staging", "base_url": "https://staging.example", "channel": "staging",
    });
    put("staging", of_staging).expect(201);
    wait_for("the first publication", || staging.join("manifest.json").exists());
    let config = |price: &str| {
        let sanity = server.get("/api/providers/cms/entries/sanity").expect(200);
        let changed = sanity.text().replace("65,", price);
        server.put("/api/providers/cms/entries/sanity", changed.clone()).expect(200);
        changed
    };
    let changed = config("61,");
    let shown = |place: &Path| fs::read_to_string(place.join("providers/cms/sanity.json"));
    let published = || Manifest::read(&fs::read(staging.join("manifest.json")).unwrap()).unwrap();
    wait_for("the change", || published().manifest.position == server.position());
    assert_eq!(shown(&staging).unwrap(), changed);
    // Back to what was published first; the history stays.
    let first = fs::read_dir(staging.join("history"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let first = first.min().unwrap();
    let back = ["rollback", "--publication", "staging", "--version-id", &first, "--yes"];
    run(folder, &[&back[..], &["--server", &url]].concat()).expect(0);
    let original =
        server.get("/api/providers/cms/entries/sanity?at=2").expect(200).text().to_owned();
    assert_eq!(shown(&staging).unwrap(), original);
    let changed = config("62,");
    wait_for("the next change", || published().manifest.position == server.position());
    let production = json!({
        "destination": "live", "base_url": "https://cdn.example",
        "from": "/publications/site/entries/staging",
    });
    put("production", production).expect(201);
    assert!(!live.join("manifest.json").exists(), "nobody has promoted it");
    let words = ["publish", "production", "--server", &url, "--output", "json"];
    let promoted = json_of(&run(folder, &words).expect(0));
    assert_eq!(promoted["channel"], "production");
    assert_eq!(site(&live).files, site(&staging).files);
    assert_eq!(shown(&live).unwrap(), changed);
    // What somebody put into staging since isn't promoted: nothing signed it.
    let forged = without_sanity(&staging);
    // The follower may look at staging once more, because of what was put last, and mend it.
    let mut refused = None;
    wait_for("a forged manifest", || {
        fs::write(staging.join("manifest.json"), &forged).unwrap();
        refused = Some(run(folder, &words)).filter(|done| done.code == Some(1));
        refused.is_some()
    });
    let refused = refused.unwrap();
    assert!(refused.err.contains("isn't signed"), "{}", refused.err);
    let list = server.get("/publish").expect(200).json();
    assert_eq!(list["publications"][0]["xid"], "/publications/site/entries/production");
    assert!(list["publications"][0]["error"].as_str().unwrap().contains("isn't signed"), "{list}");
    assert_eq!(list["publications"][1]["channel"], "staging", "{list}");
}

#[test]
fn what_is_hard_deleted_leaves_the_sites_that_held_it() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let [staging, live] = ["staging", "live"].map(|name| folder.join(name));
    let destinations = format!("staging={}, live={}", staging.display(), live.display());
    let data = folder.join("data");
    let flags = ["--data", data.to_str().unwrap(), "--demo"];
    let server = Server::with(&flags, &[("MUSTER_SITE_DESTINATIONS", &destinations)]);
    let url = server.url("127.0.0.1");
    for (name, publication) in [
        ("staging", json!({"destination": "staging", "base_url": "https://staging.example"})),
        (
            "live",
            json!({
                "destination": "live", "base_url": "https://cdn.example",
                "from": "/publications/site/entries/staging",
            }),
        ),
    ] {
        let place = format!("/api/publications/site/entries/{name}");
        server.put(&place, publication.to_string()).expect(201);
    }
    let published = || {
        let bytes = fs::read(staging.join("manifest.json")).ok()?;
        Some(Manifest::read(&bytes).unwrap().manifest)
    };
    let follows = || published().is_some_and(|site| site.position == server.position());
    wait_for("the first publication", follows);
    let promote = || run(folder, &["publish", "live", "--server", &url]).expect(0);
    promote();
    const STACK: &str = "/api/stacks/templates/entries/hugo_template";
    let first = server.get(STACK).expect(200).text().to_owned();
    let second = first.replace("busy technical sites", "technical sites");
    server.put(STACK, second.clone()).expect(200);
    wait_for("the change", follows);
    promote();
    let objects = |place: &Path| {
        [&first, &second]
            .map(|text| place.join(object_path(&Digest::of(text.as_bytes()).to_string())).exists())
    };
    assert_eq!([objects(&staging), objects(&live)], [[true, true]; 2]);
    server.delete(&format!("{STACK}?purge")).expect(204);
    wait_for("the publication without it", || objects(&staging) == [false, false]);
    promote();
    assert_eq!(objects(&live), [false, false]);
    for place in [&staging, &live] {
        assert!(!site(place).files.keys().any(|path| path.contains("hugo_template")));
    }
}

#[test]
fn a_new_key_is_trusted_because_the_one_before_has_signed_it() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    run(folder, &["init", "--data", "data"]).expect(0);
    let key = |more: &[&str]| -> Verifier {
        let words = [&["keys", "site", "--data", "data"], more].concat();
        run(folder, &words).expect(0).out.trim().parse().unwrap()
    };
    let first = key(&[]);
    assert_eq!(key(&[]), first);
    let (second, third) = (key(&["--rotate"]), key(&["--rotate"]));
    assert_ne!(second, first);
    run(folder, &["publish", "--to", "site", "--data", "data"]).expect(0);
    let read = Manifest::read(&fs::read(folder.join("site/manifest.json")).unwrap()).unwrap();
    let mut trusted = first;
    for (link, expect) in read.manifest.keys.iter().zip([second, third.clone()]) {
        jws::verify_detached(&link.signature, &link.signed_part(), [&trusted]).unwrap();
        trusted = link.key.parse().unwrap();
        assert_eq!(trusted, expect);
    }
    let signature = read.manifest.signature.unwrap();
    jws::verify_detached(&signature, &read.signed_part, [&third]).unwrap();
}

#[test]
fn a_site_is_read_from_a_folder_a_server_a_snapshot_and_what_was_read_before() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let data = folder.join("data");
    let server = Server::on(&data, &["--demo"]);
    let url = server.url("127.0.0.1");
    run(folder, &["publish", "--to", "site", "--server", &url]).expect(0);
    let key = run(folder, &["keys", "site", "--server", &url]).expect(0).out.trim().to_owned();
    let address = format!("{url}/site");
    let get = |name: &str, more: &[&str], code: i32| {
        let words = ["client", "get", name, "--key", &key, "--output", "json"];
        run(folder, &[&words[..], more].concat()).expect(code)
    };
    for (place, name) in [
        ("site", "providers/cms/sanity"),
        (&address, "providers/cms/sanity.json"),
        (&address, "manifest.json"),
        ("site", "hugo-template"),
    ] {
        let answer = json_of(&get(name, &["--url", place], 0));
        assert_eq!(answer["source"], "source", "{answer}");
    }
    let absent = get("providers/cms/ghost", &["--url", "site"], 1);
    assert!(absent.err.contains("no_file"), "{}", absent.err);
    let words = ["snapshot", "--url", "site", "--key", &key, "--to", "site.snapshot"];
    run(folder, &words).expect(0);
    let kept = ["--url", &address, "--cache", "kept"];
    assert_eq!(json_of(&get("providers/cms/sanity", &kept, 0))["source"], "source");
    let stats = run(folder, &["client", "stats", "--url", "site", "--output", "json"]).expect(0);
    assert_eq!(json_of(&stats)["cache_entries"], 14);
    let healthy = run(folder, &["client", "health", "--url", &address, "--output", "json"]);
    assert_eq!(json_of(&healthy.expect(0))["status"], "healthy");
    // Another key's site isn't believed.
    run(folder, &["init", "--data", "other"]).expect(0);
    let other = run(folder, &["keys", "site", "--data", "other"]).expect(0).out;
    let health = ["client", "health", "--url", "site", "--max-retries", "1", "--output", "json"];
    let refused = run(folder, &[&health[..], &["--key", other.trim()]].concat()).expect(1);
    assert!(json_of(&refused)["last_error"].as_str().unwrap().contains("trusted"));
    // The server is gone.
    drop(server);
    let once = ["--max-retries", "1"];
    let answer = json_of(&get("providers/cms/sanity", &[&kept[..], &once].concat(), 0));
    assert_eq!(answer["source"], "disk", "{answer}");
    let brought = ["--url", &address, "--snapshot", "site.snapshot"];
    let answer = json_of(&get("providers/cms/sanity", &[&brought[..], &once].concat(), 0));
    assert_eq!(answer["source"], "embedded", "{answer}");
    let nothing =
        get("providers/cms/sanity", &[&["--url", address.as_str()], &once[..]].concat(), 1);
    assert_eq!(json_of(&nothing)["source"], "degraded");
}

/// A server of buckets that gives this answer to everything, with its address.
fn refusing(status: &'static str, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 16_384];
            let _ = stream.read(&mut buffer);
            let body = format!("<Error><Code>{code}</Code></Error>");
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address.to_string()
}

#[test]
fn what_a_bucket_refuses_is_told_with_what_to_do() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let denied = ("403 Forbidden", "AccessDenied", "access is denied", "check the key in ");
    let absent = |code| ("404 Not Found", code, "there is no bucket site", "create it first");
    let [aws, google, azure] =
        ["AWS_ACCESS_KEY_ID", "GOOGLE_OAUTH_ACCESS_TOKEN", "AZURE_STORAGE_ACCOUNT_NAME"];
    for (scheme, variable, (status, code, what, help)) in [
        ("s3", aws, denied),
        ("s3", aws, absent("NoSuchBucket")),
        ("gs", google, denied),
        ("gs", google, absent("NoSuchBucket")),
        ("az", azure, denied),
        ("az", azure, absent("ContainerNotFound")),
    ] {
        let address = refusing(status, code);
        let place = format!("{scheme}://site/a");
        for words in [
            &["publish", "--to", &place, "--server", &url][..],
            &["publish", "restore", "--to", &place, "--hours-ago", "1", "--dry-run"][..],
        ] {
            let unset = program(folder).args(words).output().unwrap();
            let unset = CommandOutput::of(&unset).expect(2);
            assert!(unset.err.contains(variable), "{}", unset.err);
            let refused = program(folder)
                .args(words)
                .env("AWS_ACCESS_KEY_ID", "a")
                .env("AWS_SECRET_ACCESS_KEY", "b")
                .env("AWS_ENDPOINT_URL", format!("http://{address}"))
                .env("GOOGLE_OAUTH_ACCESS_TOKEN", "a")
                .env("STORAGE_EMULATOR_HOST", &address)
                .env("AZURE_STORAGE_ACCOUNT_NAME", "a")
                .env("AZURE_STORAGE_ACCOUNT_KEY", "YQ==")
                .env("AZURE_STORAGE_SERVICE_ENDPOINT", format!("http://{address}/a"))
                .output();
            let refused = CommandOutput::of(&refused.unwrap()).expect(1).err;
            for expect in [what, help] {
                assert!(refused.contains(expect), "{scheme} {status} {words:?}: {refused}");
            }
            assert!(status.starts_with("404") || refused.contains(variable), "{refused}");
        }
    }
}
