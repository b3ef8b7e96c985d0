#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    sync::{Mutex, atomic::AtomicBool},
};

use async_trait::async_trait;
use muster_schema::{BundledSchema, SchemaBundle, SchemaFormat};
use muster_words::json::Value;
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::{BundledSchemas, GatherError, LocalSchema, local_bundle, local_folder};

const ORDER: &str = "schemagroups/shop/schemas/order";

/// A source that fails when it is told to, and counts what it is asked.
#[derive(Clone, Default)]
struct Unsteady(Arc<Turns>);

#[derive(Default)]
struct Turns {
    asked: AtomicU64,
    is_down: AtomicBool,
    hangs: AtomicBool,
    /// It can't be asked, and gives what it kept.
    is_cut_off: AtomicBool,
    types: Mutex<BTreeMap<String, (u32, String)>>,
}

impl Unsteady {
    fn put(&self, name: &str, version: u32, text: &str) {
        self.0.types.lock().unwrap().insert(name.to_owned(), (version, text.to_owned()));
    }

    fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ValidatorSource for Unsteady {
    async fn find(&self, schema: &Xid) -> Result<Option<SchemaClosure>, GatherError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        // Others ask meanwhile.
        tokio::task::yield_now().await;
        if self.0.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(GatherError::unusable(schema, "the source is down"));
        }
        let found = self.0.types.lock().unwrap().get(plain(&schema.to_string())).cloned();
        let Some((version, text)) = found else { return Ok(None) };
        let version = schema.version(version.to_string().parse().unwrap()).unwrap();
        let mut bundle = SchemaBundle::default();
        bundle.add(version.clone(), BundledSchema::new(SchemaFormat::Avro, text));
        bundle.name(schema.clone(), version);
        let found = BundledSchemas::new(bundle, "").unwrap().find(schema).await?;
        let is_old = self.0.is_cut_off.load(Ordering::SeqCst);
        Ok(found.map(|found| SchemaClosure { is_old, ..found }))
    }

    async fn names(&self) -> Result<Vec<Xid>, GatherError> {
        let types = self.0.types.lock().unwrap();
        Ok(types.keys().map(|name| format!("/{name}").parse().unwrap()).collect())
    }

    fn is_fixed(&self) -> bool {
        false
    }

    fn place(&self) -> &'static str {
        "unsteady"
    }
}

fn validator(source: &Unsteady, options: ValidatorOptions) -> PayloadValidator {
    PayloadValidator::new(vec![Box::new(source.clone())], options)
}

async fn told(validator: &PayloadValidator, name: &str, payload: &Value) -> String {
    match validator.check(name, Payload::Json(payload), None).await {
        Ok(checked) => format!(
            "{} {} {}{}",
            checked.schema,
            checked.version,
            checked.valid,
            if checked.is_stale { " stale" } else { "" }
        ),
        Err(error) => error.code().to_owned(),
    }
}

/// Lets what was spawned come to its end.
async fn settle(is_done: impl Fn() -> bool) {
    while !is_done() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_is_fetched_once_and_refreshed_before_its_time_is_over() {
    let source = Unsteady::default();
    source.put(ORDER, 1, "\"int\"");
    let checks = validator(&source, ValidatorOptions::default());
    let (one, x, slashed) = (json!(1), json!("x"), format!("/{ORDER}"));
    let both = tokio::join!(told(&checks, ORDER, &one), told(&checks, &slashed, &x));
    assert_eq!(both.0, format!("/{ORDER} 1 true"));
    assert_eq!(both.1, format!("/{ORDER} 1 false"));
    assert_eq!(source.asked(), 1, "one asks, and the other waits for it");
    source.put(ORDER, 2, "\"string\"");
    advance(Duration::from_secs(200)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true"));
    assert_eq!(source.asked(), 1);
    advance(Duration::from_secs(50)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true"), "it is refreshed meanwhile");
    let seen = || checks.inner.kept.find(ORDER).unwrap().ready.version == "2";
    settle(seen).await;
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("2 true"));
    assert_eq!(source.asked(), 2);
    advance(Duration::from_secs(301)).await;
    source.put(ORDER, 3, "\"long\"");
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("3 true"), "who checks waits");
    let status = checks.status();
    assert_eq!((status.checks, status.hits, status.schemas), (6, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_old_schema_is_used_while_the_source_is_down() {
    let source = Unsteady::default();
    source.put(ORDER, 1, "\"int\"");
    let checks = validator(&source, ValidatorOptions::default());
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true"));
    source.0.is_down.store(true, Ordering::SeqCst);
    advance(Duration::from_secs(301)).await;
    for _ in 0..10 {
        assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true stale"));
    }
    assert_eq!(source.asked(), 2, "a dead source is left alone");
    assert_eq!(told(&checks, "schemagroups/shop/schemas/other", &json!(1)).await, "unreachable");
    let status = checks.status().sources.remove(0);
    assert_eq!((status.place.as_str(), status.consecutive_failures), ("unsteady", 1));
    assert!(status.last_error.unwrap().contains("the source is down"));
    source.0.is_down.store(false, Ordering::SeqCst);
    source.put(ORDER, 2, "\"string\"");
    advance(Duration::from_secs(61)).await;
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("2 true"), "it recovers by itself");
    source.0.hangs.store(true, Ordering::SeqCst);
    advance(Duration::from_secs(301)).await;
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("2 true stale"), "within the time");
    let last = checks.status().sources.remove(0).last_error;
    assert_eq!(last.as_deref(), Some("unsteady takes too long"));
}

#[tokio::test(start_paused = true)]
async fn what_a_source_kept_is_stale_and_counts_for_a_moment() {
    let source = Unsteady::default();
    source.put(ORDER, 1, "\"int\"");
    source.0.is_cut_off.store(true, Ordering::SeqCst);
    let checks = validator(&source, ValidatorOptions::default());
    for _ in 0..3 {
        assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true stale"));
        let at_once = checks.check_in_memory(ORDER, Payload::Json(&json!(1)), None);
        assert!(at_once.unwrap().is_stale);
    }
    assert_eq!(source.asked(), 1);
    source.0.is_cut_off.store(false, Ordering::SeqCst);
    advance(Duration::from_secs(6)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true"), "it is asked again");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_never_used() {
    let source = Unsteady::default();
    let checks = validator(&source, ValidatorOptions::default());
    for _ in 0..3 {
        assert_eq!(told(&checks, ORDER, &json!(1)).await, "not_found");
    }
    assert_eq!(source.asked(), 1, "it is remembered for a moment");
    source.put(ORDER, 1, "\"nonsense\"");
    advance(Duration::from_secs(6)).await;
    assert_eq!(told(&checks, ORDER, &json!(1)).await, "data_invalid");
    source.put(ORDER, 2, "\"int\"");
    advance(Duration::from_secs(6)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("2 true"));
    source.put(ORDER, 3, "\"nonsense\"");
    advance(Duration::from_secs(301)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("2 true stale"));
    source.0.types.lock().unwrap().clear();
    assert_eq!(told(&checks, ORDER, &json!(1)).await, "not_found", "deleted there");
    for name in ["schemagroups/shop", "schemagroups/a b/schemas/c"] {
        assert_eq!(told(&checks, name, &json!(1)).await, "option_invalid", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_by_count_and_by_bytes() {
    let source = Unsteady::default();
    let name = |index: usize| format!("schemagroups/shop/schemas/s{index}");
    for index in 0..5 {
        source.put(&name(index), 1, "\"int\"");
    }
    let most = |schemas_max, bytes_max| ValidatorOptions {
        schemas_max,
        bytes_max,
        ..ValidatorOptions::default()
    };
    // A text of five bytes counts 200.
    for (options, expect) in [(most(3, 1 << 20), (3, 600)), (most(9, 450), (2, 400))] {
        let checks = validator(&source, options);
        for index in [0, 1, 0, 2, 0, 3, 0, 4] {
            assert!(told(&checks, &name(index), &json!(1)).await.ends_with("1 true"));
        }
        let status = checks.status();
        assert_eq!((status.schemas, status.bytes), expect);
        assert!(checks.is_ready(&name(0)) && checks.is_ready(&name(4)));
        assert!(!checks.is_ready(&name(1)), "it wasn't used for longest");
        assert_eq!(status.evictions, 5 - status.schemas as u64);
        checks.clear();
        assert_eq!(checks.status().schemas, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn sources_are_asked_in_their_order_and_a_fallback_counts_for_a_moment() {
    let (remote, local) = (Unsteady::default(), LocalSchema::new(SchemaFormat::Avro, "\"string\""));
    remote.put(ORDER, 7, "\"int\"");
    remote.0.is_down.store(true, Ordering::SeqCst);
    let bundle = local_bundle([(ORDER.to_owned(), local)]).unwrap();
    let bundled = BundledSchemas::new(bundle, "the bundle").unwrap();
    let sources: Vec<Box<dyn ValidatorSource>> =
        vec![Box::new(remote.clone()), Box::new(bundled.clone())];
    let checks = PayloadValidator::new(sources, ValidatorOptions::default());
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("1 true"), "offline");
    remote.0.is_down.store(false, Ordering::SeqCst);
    advance(Duration::from_secs(6)).await;
    assert!(told(&checks, ORDER, &json!(1)).await.ends_with("7 true"), "online again");
    let sources: Vec<Box<dyn ValidatorSource>> = vec![Box::new(bundled), Box::new(remote.clone())];
    let checks = PayloadValidator::new(sources, ValidatorOptions::default());
    let before = remote.asked();
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("1 true"));
    advance(Duration::from_secs(10_000)).await;
    assert!(told(&checks, ORDER, &json!("x")).await.ends_with("1 true"));
    assert_eq!(remote.asked(), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_where_that_is_wanted_and_what_is_precompiled_needs_no_wait() {
    let source = Unsteady::default();
    source.put(ORDER, 1, "\"int\"");
    source.put("schemagroups/shop/schemas/broken", 1, "\"nonsense\"");
    let options = ValidatorOptions { cache_enabled: false, ..ValidatorOptions::default() };
    let checks = validator(&source, options);
    for _ in 0..3 {
        assert!(told(&checks, ORDER, &json!(1)).await.ends_with("1 true"));
    }
    assert_eq!(source.asked(), 3);
    let checks = validator(&source, ValidatorOptions::default());
    let at_once = |name: &str| {
        let checked = checks.check_in_memory(name, Payload::Json(&json!(1)), None);
        checked.map(|checked| checked.valid).map_err(|error| error.code())
    };
    assert_eq!(at_once(ORDER), Err("not_ready"));
    assert_eq!(checks.precompile(&Precompile::Nothing).await.unwrap(), 0);
    assert_eq!(checks.precompile(&Precompile::All).await.unwrap(), 1, "the broken one is left out");
    assert_eq!(at_once(ORDER), Ok(true));
    let named = Precompile::Named(vec!["schemagroups/shop/schemas/broken".to_owned()]);
    assert_eq!(checks.precompile(&named).await.unwrap_err().code(), "data_invalid");
}

#[tokio::test]
async fn local_schemas_refer_to_each_other_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("address.json", r#"{"type":"object","required":["city"]}"#);
    put("customer.json", r#"{"properties":{"at":{"$ref":"address.json"}}}"#);
    put("plain.yaml", "properties:\n  at: {$ref: address}\n");
    put("shop.Id.avsc", r#"{"type":"fixed","name":"shop.Id","size":2}"#);
    put("ids.avsc", r#"{"type":"array","items":"shop.Id"}"#);
    put("shop/money.proto", "syntax = \"proto3\"; message M { int64 cents = 1; }");
    put(
        "order.proto",
        "syntax = \"proto3\"; import \"shop/money.proto\"; message O { M total = 1; }",
    );
    put("schemagroups/shop/schemas/order.json", r#"{"type":"integer"}"#);
    put("schemagroups/shop/schemas/order.attributes.json", "{}");
    put("notes.txt", "no schema");
    let bundle = local_folder(folder.path()).unwrap();
    let local = BundledSchemas::new(bundle, "the folder").unwrap();
    let checks = PayloadValidator::new(vec![Box::new(local)], ValidatorOptions::default());
    assert_eq!(checks.names().await.len(), 8);
    assert_eq!(checks.precompile(&Precompile::All).await.unwrap(), 8);
    assert!(checks.is_ready("customer") && checks.is_ready("shop/money.proto"));
    for (name, good, bad) in [
        ("address", json!({"city": "x"}), json!({})),
        ("customer", json!({"at": {"city": "x"}}), json!({"at": {}})),
        ("plain", json!({"at": {"city": "x"}}), json!({"at": {}})),
        ("ids", json!(["ab"]), json!(["abc"])),
        ("shop/money.proto", json!({"cents": "5"}), json!({"cents": true})),
        ("order.proto", json!({"total": {"cents": "5"}}), json!({"total": {"cents": true}})),
        (ORDER, json!(1), json!("x")),
        ("schemagroups/shop/schemas/order/versions/1", json!(1), json!("x")),
    ] {
        assert!(told(&checks, name, &good).await.ends_with(" 1 true"), "{name}");
        assert!(told(&checks, name, &bad).await.ends_with(" 1 false"), "{name}");
    }
    let binary = checks.check("shop.Id", Payload::Binary(b"abc"), None).await.unwrap();
    assert!(!binary.valid);
    let wrong = checks.check("order.proto", Payload::Json(&json!({})), Some("Ghost")).await;
    assert_eq!(wrong.unwrap_err().code(), "data_invalid");
    assert!(local_folder(&folder.path().join("ghost")).is_err());
}
