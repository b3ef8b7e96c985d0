//! Searches by fields: the indexes find at every position what a scan of the documents finds.

use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::command::Mode;
use muster_catalog::{
    View,
    index::{
        DeclaredFields, FieldTest, Search, SearchCondition, SearchOrder, terms_of, terms_of_labels,
    },
};
use muster_words::{Id, Position, Xid, json};
use proptest::{collection::vec, prelude::*};

use super::*;

/// Models that index other fields of the same documents, one of them as another type.
const MODELS: [&str; 4] = [
    r#"{"groups":{"shops":{"singular":"shop","resources":{"goods":{"singular":"good","labels":{
        "muster.indexed":"[{\"field\":\"/tags/*\",\"type\":\"string\"},{\"field\":\"/cost\",\"type\":\"range\"}]"}},
        "plain":{"singular":"one"}}}}}"#,
    r#"{"groups":{"shops":{"singular":"shop","resources":{"goods":{"singular":"good","labels":{
        "muster.indexed":"[{\"field\":\"/size\",\"type\":\"decimal\"},{\"field\":\"/cost\",\"type\":\"range\"}]"}},
        "plain":{"singular":"one","labels":{
        "muster.indexed":"[{\"field\":\"/tags/*\",\"type\":\"string\"}]"}}}}}}"#,
    r#"{"groups":{"shops":{"singular":"shop","resources":{"goods":{"singular":"good","labels":{
        "muster.indexed":"[{\"field\":\"/tags/*\",\"type\":\"string\"},{\"field\":\"/size\",\"type\":\"string\"}]"}},
        "plain":{"singular":"one"}}}}}"#,
    r#"{"groups":{"shops":{"singular":"shop","resources":{"goods":{"singular":"good"},
        "plain":{"singular":"one"}}}}}"#,
];

const FIELDS: [&str; 6] = ["tags", "cost", "size", "labels.team", "state", "type"];

fn command((kind, a, b, c): Step) -> Command {
    let group = format!("/shops/s{}", a % 2);
    let plural = if b % 4 == 0 { "plain" } else { "goods" };
    let name = format!("{group}/{plural}/g{}", b % 3);
    let document = match c % 5 {
        0 => r#"{"tags":["red","blue"],"cost":[10,20],"size":3}"#,
        1 => r#"{"tags":["blue"],"cost":[15,15.5],"size":"3"}"#,
        2 => r#"{"tags":["green","red"],"size":12}"#,
        3 => r#"{"cost":[5,100],"size":-1e2}"#,
        _ => "{}",
    };
    match kind % 12 {
        0 | 1 => put(&name, document),
        2 => post(&name, document),
        3 => {
            let team = ["a", "b", "c"][usize::from(c % 3)];
            patch(&name, &format!(r#"{{"labels":{{"team":"{team}"}}}}"#))
        }
        4 => patch(&name, r#"{"state":"deprecated"}"#),
        5 => delete(&name),
        6 => restore(&name),
        7 => delete(&group),
        8 => restore(&group),
        9 => purge(&[name, group][usize::from(c % 2)]),
        10 => model(MODELS[usize::from(c % 4)]),
        _ => patch(&format!("{name}/meta"), r#"{"defaultversionid":"1"}"#),
    }
}

/// The terms of every document that a view shows, found by reading all of them.
async fn scanned(
    ledger: &Arc<dyn Ledger>,
    view: &View,
) -> BTreeMap<Xid, BTreeSet<(String, String)>> {
    let mut found = BTreeMap::new();
    let goods: [Id; 2] = ["goods", "plain"].map(|plural| plural.parse().unwrap());
    for group in view.groups("shops", None) {
        for resources in &goods {
            let Some(kind) = view.model().resource_type("shops", resources.as_str()) else {
                continue;
            };
            for resource in group.resources(resources.as_str(), None) {
                let xid: Xid =
                    format!("/shops/{}/{resources}/{}", group.id(), resource.id()).parse().unwrap();
                if view.erased(&xid).is_some() {
                    continue;
                }
                let version = resource.default_version().unwrap();
                let mut terms = BTreeSet::from([
                    ("state".to_owned(), format!("{:?}", version.state.as_str())),
                    ("type".to_owned(), format!("\"shops/{resources}\"")),
                ]);
                let contents = [version.document, version.attributes];
                let names: Vec<_> = contents.iter().flatten().map(|one| one.reference()).collect();
                let bytes = ledger.contents(&names).await.unwrap();
                let mut bytes = bytes.into_iter();
                let mut next = |content: Option<_>| content.and_then(|_| bytes.next().flatten());
                let (document, attributes) = (next(contents[0]), next(contents[1]));
                if let Some(document) = document {
                    let value = json::parse(&document).unwrap();
                    for term in terms_of(&kind.aspect, &value).iter() {
                        let name = term.field.name.trim_start_matches('/');
                        let name = name.trim_end_matches("/*").to_owned();
                        terms.insert((name, term.value.to_json().to_string()));
                    }
                }
                if let Some(attributes) = attributes {
                    let json::Value::Object(map) = json::parse(&attributes).unwrap() else {
                        panic!("attributes are an object");
                    };
                    for term in terms_of_labels(&map).iter() {
                        let value = term.value.to_json().to_string();
                        terms.insert((term.field.name.clone(), value));
                    }
                }
                found.insert(xid, terms);
            }
        }
    }
    found
}

/// Compares searches in a view with a scan. Returns how many hits there were.
async fn compare(ledger: &Arc<dyn Ledger>, view: &View) -> Result<u64, String> {
    let declared = DeclaredFields::of(view.model());
    let scanned = scanned(ledger, view).await;
    let mut hits = 0;
    let is =
        |name: &str, value: &str| SearchCondition::field(name, FieldTest::Is(value.to_owned()));
    let below = SearchCondition::field("cost", FieldTest::Less("11".to_owned()));
    let has = |terms: &BTreeSet<(String, String)>, name: &str, value: &str| {
        terms.contains(&(name.to_owned(), value.to_owned()))
    };
    type Holds = Box<dyn Fn(&BTreeSet<(String, String)>) -> bool>;
    let of = |name: &'static str, value: &'static str| -> Holds {
        Box::new(move |terms| has(terms, name, value))
    };
    let cases: [(SearchCondition, Holds); 8] = [
        (is("tags", "red"), of("tags", "\"red\"")),
        (is("labels.team", "a"), of("labels.team", "\"a\"")),
        (is("state", "deprecated"), of("state", "\"deprecated\"")),
        (is("type", "shops/plain"), of("type", "\"shops/plain\"")),
        (
            is("size", "3"),
            Box::new(move |terms| has(terms, "size", "3") || has(terms, "size", "\"3\"")),
        ),
        (below, Box::new(move |terms| has(terms, "cost", "10") || has(terms, "cost", "5"))),
        (
            SearchCondition::Not(Box::new(is("tags", "blue"))),
            Box::new(move |terms| !has(terms, "tags", "\"blue\"")),
        ),
        (
            SearchCondition::All(vec![is("tags", "red"), is("tags", "blue")]),
            Box::new(move |terms| has(terms, "tags", "\"red\"") && has(terms, "tags", "\"blue\"")),
        ),
    ];
    for (condition, holds) in cases {
        let expect: Vec<&Xid> =
            scanned.iter().filter(|(_, terms)| holds(terms)).map(|(xid, _)| xid).collect();
        let search = Search {
            condition: condition.clone(),
            among: None,
            order: SearchOrder::Name,
            limit: 100,
            after: None,
            facets: Vec::new(),
        };
        let Ok(page) = view.search(&search, &declared) else {
            // A field that no type indexes is refused.
            continue;
        };
        let found: Vec<&Xid> = page.hits.iter().map(|hit| &hit.xid).collect();
        if found != expect || page.count != expect.len() as u64 {
            return Err(format!(
                "{condition:?} at {} of {}: {found:?}, not {expect:?}",
                view.position(),
                view.catalog().position()
            ));
        }
        hits += page.count;
    }
    facets(view, &declared, &scanned)?;
    orders(view, &declared, &scanned)?;
    Ok(hits)
}

/// Facets count what a scan counts.
fn facets(
    view: &View,
    declared: &DeclaredFields,
    scanned: &BTreeMap<Xid, BTreeSet<(String, String)>>,
) -> Result<(), String> {
    for field in FIELDS {
        let search = Search {
            condition: SearchCondition::All(Vec::new()),
            among: None,
            order: SearchOrder::Name,
            limit: 1,
            after: None,
            facets: vec![field.to_owned()],
        };
        let Ok(page) = view.search(&search, declared) else { continue };
        for counted in &page.facets[0].values {
            let value = counted.value.to_json().to_string();
            let has = |terms: &&BTreeSet<(String, String)>| {
                terms.contains(&(field.to_owned(), value.clone()))
            };
            let count = scanned.values().filter(has).count() as u64;
            // Both ends of a range are values, and may be equal in one document.
            if count != counted.count && field != "cost" {
                return Err(format!("{field} {value}: {counted:?}, not {count}"));
            }
        }
    }
    Ok(())
}

/// Pages of one hit, in an order, are together what one page is.
fn orders(
    view: &View,
    declared: &DeclaredFields,
    scanned: &BTreeMap<Xid, BTreeSet<(String, String)>>,
) -> Result<(), String> {
    for field in FIELDS {
        for descending in [false, true] {
            let order = SearchOrder::Field { name: field.to_owned(), descending };
            let mut search = Search {
                condition: SearchCondition::All(Vec::new()),
                among: None,
                order,
                limit: 100,
                after: None,
                facets: Vec::new(),
            };
            let Ok(page) = view.search(&search, declared) else { continue };
            let all: Vec<Xid> = page.hits.iter().map(|hit| hit.xid.clone()).collect();
            search.limit = 1;
            let mut pages = Vec::new();
            loop {
                let page = view.search(&search, declared).unwrap();
                pages.extend(page.hits.iter().map(|hit| hit.xid.clone()));
                let Some(next) = page.next else { break };
                search.after = Some(next);
            }
            if all != pages || all.len() != scanned.len() {
                return Err(format!("{field} {descending}: {all:?}, {pages:?}"));
            }
        }
    }
    Ok(())
}

/// Does the commands, and compares at every position, and again after a start.
fn hold_searches(commands: &[Command]) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let ticks = CountingClock::default();
        let foundation = Foundation::BuiltIn;
        let open = || {
            let handle = Box::new(LedgerHandle(ledger.clone()));
            Registry::open(handle, settings(foundation, ticks.clock()))
        };
        let registry = open().await.map_err(|error| format!("{error:?}"))?;
        for command in commands {
            match registry.submit(command.clone(), &by()).await {
                Ok(done) => compare(&ledger, &done.view).await?,
                Err(SubmitError::Refused(_)) => continue,
                Err(error) => return Err(format!("{error:?}: {command:?}")),
            };
        }
        let mut hits = 0;
        for again in [false, true] {
            let registry =
                if again { &open().await.map_err(|e| format!("{e:?}"))? } else { &registry };
            for position in 1..=registry.view().position().0 {
                let view = registry.view_at(Position(position)).await;
                let view = view.map_err(|error| error.to_string())?;
                let found = compare(&ledger, &view).await;
                hits += found.map_err(|error| format!("again {again}: {error}"))?;
            }
            registry.close().await;
        }
        Ok(hits)
    })
}

proptest! {
    #![proptest_config(Config { cases: 48, ..config(700) })]

    #[test]
    fn indexes_find_at_any_position_what_a_scan_finds(steps in vec(any::<Step>(), 1..40)) {
        let mut commands = vec![model(MODELS[0])];
        commands.extend(steps.into_iter().map(command));
        if let Err(error) = hold_searches(&commands) {
            return Err(TestCaseError::fail(error));
        }
    }
}

#[test]
fn finds_what_was_indexed_before_a_model_changed() {
    let good = |name: &str| format!("/shops/s0/goods/{name}");
    let red = r#"{"tags":["red"],"cost":[5,6],"size":3}"#;
    let commands = [
        model(MODELS[0]),
        tree(Mode::Put, entity("/shops/s0"), "{}"),
        put(&good("a"), red),
        put(&good("b"), red),
        model(MODELS[1]),
        put(&good("a"), r#"{"tags":["blue"]}"#),
        model(MODELS[2]),
        delete(&good("b")),
        model(MODELS[0]),
        restore(&good("b")),
    ];
    let hits = hold_searches(&commands).unwrap();
    assert_eq!(hits, 48);
}
