use std::collections::BTreeSet;

use muster_catalog::{
    View,
    command::{Action, Command, KeyGrant, KeyManagerRule, Mode, Target},
    state::Stamp,
};
use muster_http::Phase;
use muster_words::{Moment, Position};
use tokio::time::timeout;

use crate::harness::{Event, PATIENCE, Running, delete, entity, put, restore, tree};

const SANITY: &str = "/providers/cms/entries/sanity";

fn shorts(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::short).collect()
}

#[tokio::test]
async fn tells_each_deed_as_the_specification_does() {
    let running = Running::start().await;
    let mut follower = running.follow("", None).await;
    let details = r#"{"name": "Sanity"}"#;
    for (command, expect) in [
        (
            put(SANITY, "{}"),
            vec![
                "registry.updated /",
                "group.created /providers/cms",
                "resource.created /providers/cms/entries/sanity",
                "version.created /providers/cms/entries/sanity/versions/1",
            ],
        ),
        (
            tree(Mode::Patch, entity(SANITY), details),
            vec![
                "version.updated /providers/cms/entries/sanity/versions/1",
                "resource.updated /providers/cms/entries/sanity",
            ],
        ),
        (
            tree(Mode::Post, Target::Versions(SANITY.parse().unwrap()), r#"{"2": {}}"#),
            vec![
                "resource.updated /providers/cms/entries/sanity",
                "version.created /providers/cms/entries/sanity/versions/2",
            ],
        ),
        (
            // Another version is the document's default now.
            tree(Mode::Patch, entity(&format!("{SANITY}/versions/1")), r#"{"name": "old"}"#),
            vec!["version.updated /providers/cms/entries/sanity/versions/1"],
        ),
        (
            tree(Mode::Patch, entity("/providers/cms"), r#"{"name": "CMS"}"#),
            vec!["group.updated /providers/cms"],
        ),
        (tree(Mode::Patch, entity("/"), r#"{"name": "mine"}"#), vec!["registry.updated /"]),
        (
            delete("/providers/cms/entries/sanity/versions/1", false),
            vec![
                "resource.updated /providers/cms/entries/sanity",
                "version.deleted /providers/cms/entries/sanity/versions/1",
                // It descended from the one that went, and is a root now.
                "version.updated /providers/cms/entries/sanity/versions/2",
            ],
        ),
        (
            delete(SANITY, false),
            vec![
                "group.updated /providers/cms",
                "resource.deleted /providers/cms/entries/sanity",
                "version.deleted /providers/cms/entries/sanity/versions/2",
            ],
        ),
        (
            restore(SANITY),
            vec![
                "group.updated /providers/cms",
                "resource.created /providers/cms/entries/sanity",
                "version.created /providers/cms/entries/sanity/versions/2",
            ],
        ),
        (
            delete("/providers/cms", true),
            vec![
                "registry.updated /",
                "group.deleted /providers/cms",
                "resource.deleted /providers/cms/entries/sanity",
                "version.deleted /providers/cms/entries/sanity/versions/2",
            ],
        ),
        (
            tree(Mode::Put, Target::Model, r#"{"groups": {}}"#),
            vec!["registry.updated /", "model.updated /model", "modelsource.updated /modelsource"],
        ),
    ] {
        let said = format!("{:?}", command.action);
        let done = running.submit(command).await;
        let events = follower.some(expect.len()).await;
        assert_eq!(shorts(&events), expect, "{said}");
        for (index, event) in events.iter().enumerate() {
            assert_eq!(event.id, format!("{}.{}", done.position, index + 1));
            assert_eq!(event.text("xregcorrelationid").len(), 32);
            assert_eq!(event.text("source"), format!("http://{}/api", running.address));
        }
    }
}

#[tokio::test]
async fn says_where_it_begins_so_that_nothing_is_missed_by_who_comes_back() {
    let running = Running::start().await;
    running.submit(put(SANITY, "{}")).await;
    let begun = running.registry.view().position();
    let mut follower = running.follow("", None).await;
    assert_eq!(follower.position, Some(begun));
    running.submit(put(SANITY, r#"{"a": 1}"#)).await;
    let told = follower.some(2).await;
    let query = format!("?after={begun}");
    let mut again = running.follow(&query, None).await;
    assert_eq!((again.position, again.some(2).await), (Some(begun), told));
}

#[tokio::test]
async fn names_what_changed_where_children_came_or_went() {
    let running = Running::start().await;
    let mut follower = running.follow("", None).await;
    running.submit(put(SANITY, "{}")).await;
    let events = follower.some(4).await;
    assert_eq!(events[0].changed(), ["epoch", "modifiedat", "providers", "providerscount"]);
    assert!(events[1..].iter().all(|event| event.changed().is_empty()));
}

#[tokio::test]
async fn names_the_attributes_that_changed_and_tells_of_deprecation() {
    let running = Running::start().await;
    running.submit(put(SANITY, "{}")).await;
    let mut follower = running.follow("", None).await;
    let version = "version.updated /providers/cms/entries/sanity/versions/1";
    let resource = "resource.updated /providers/cms/entries/sanity";
    let group = "group.updated /providers/cms";
    let patch = |xid: &str, body: &str| tree(Mode::Patch, entity(xid), body);
    let meta = format!("{SANITY}/meta");
    let own = ["epoch", "modifiedat", "name"];
    for (command, expect) in [
        (
            patch(SANITY, r#"{"name": "Sanity"}"#),
            vec![(version, own.to_vec()), (resource, own.to_vec())],
        ),
        (
            put(SANITY, r#"{"a": 1}"#),
            vec![
                (version, vec!["entry", "epoch", "modifiedat"]),
                (resource, vec!["entry", "epoch", "modifiedat"]),
            ],
        ),
        (
            patch("/providers/cms", r#"{"name": "CMS", "description": "d"}"#),
            vec![(group, vec!["description", "epoch", "modifiedat", "name"])],
        ),
        (
            patch(
                "/providers/cms",
                r#"{"name": null, "deprecated": {"effective": "2027-01-01T00:00:00Z"}}"#,
            ),
            vec![
                (group, vec!["deprecated", "epoch", "modifiedat", "name"]),
                ("group.deprecation /providers/cms", vec!["effective"]),
            ],
        ),
        (
            patch(&meta, r#"{"deprecated": {}}"#),
            vec![
                (resource, vec!["meta.deprecated", "meta.epoch", "meta.modifiedat"]),
                ("resource.deprecation /providers/cms/entries/sanity", vec![]),
            ],
        ),
        (
            tree(
                Mode::Post,
                Target::Versions(SANITY.parse().unwrap()),
                r#"{"2": {"description": "new"}}"#,
            ),
            vec![
                (
                    resource,
                    vec![
                        "ancestor",
                        "contenttype",
                        "createdat",
                        "description",
                        "entry",
                        "epoch",
                        "isdefault",
                        "meta.defaultversionid",
                        "meta.epoch",
                        "meta.modifiedat",
                        "modifiedat",
                        "name",
                        "versionid",
                        "versions",
                        "versionscount",
                    ],
                ),
                ("version.created /providers/cms/entries/sanity/versions/2", vec![]),
            ],
        ),
    ] {
        let said = format!("{:?}", command.action);
        running.submit(command).await;
        let events = follower.some(expect.len()).await;
        let told: Vec<_> = events.iter().map(|event| (event.short(), event.changed())).collect();
        let expect: Vec<_> =
            expect.into_iter().map(|(short, changed)| (short.to_owned(), changed)).collect();
        assert_eq!(told, expect, "{said}");
    }
}

/// A history with everything in it that is hard to tell again later.
async fn history(running: &Running) {
    let entry = |number: u32| format!("/providers/cms/entries/e{number}");
    for number in 0..8 {
        running.submit(put(&entry(number), "{}")).await;
        running.submit(put(&entry(number), r#"{"again": 1}"#)).await;
    }
    let groups =
        r#"{"providers": {"p1": {"entries": {"a": {}, "b": {}}}, "p2": {"entries": {"c": {}}}}}"#;
    running.submit(tree(Mode::Post, entity("/"), groups)).await;
    for command in [
        delete(&entry(1), false),
        delete(&entry(2), true),
        delete("/providers/p1", false),
        restore("/providers/p1"),
        delete("/providers/p1/entries/a", false),
        delete("/providers/p1/entries/a", true),
        delete("/providers/cms", false),
        put(&entry(1), "{}"),
        delete("/providers/cms", false),
        restore("/providers/cms"),
        delete("/providers/cms", true),
        delete("/providers/p1", true),
    ] {
        running.submit(command).await;
    }
}

/// An event without the names of the attributes that changed, for what was purged since: they
/// were erased as well.
fn lasting(event: &Event) -> String {
    let mut value = event.value.clone();
    if event.text("subject").starts_with("/providers/")
        && let Some(map) = value.as_object_mut()
    {
        map.remove("data");
    }
    value.to_string()
}

fn check(found: &[Event], expect: &[Event], after: &str) {
    for (found, expect) in found.iter().zip(expect) {
        assert_eq!(lasting(found), lasting(expect), "after {after}");
    }
    assert_eq!(found.len(), expect.len(), "after {after}");
}

#[tokio::test]
async fn tells_later_what_it_told_then_and_goes_on_after_every_event() {
    let running = Running::start().await;
    let mut live = running.follow("", None).await;
    history(&running).await;
    let last = running.submit(put("/stacks/s/entries/last", "{}")).await;
    let last = format!("{}.4", last.position);
    let told = live.until(&last).await;
    assert!(told.len() > 60, "{}", told.len());
    let again = running.follow("?after=0", None).await.until(&last).await;
    check(&again, &told, "0");
    for (index, event) in told.iter().enumerate().take(told.len() - 1) {
        let mut resumed = running.follow("?after=0", Some(&event.id)).await;
        check(&resumed.until(&last).await, &told[index + 1..], &event.id);
    }
    let position_of = |event: &Event| event.id.split('.').next().unwrap().parse::<u64>().unwrap();
    for position in 0..running.registry.view().position().0 {
        let mut resumed = running.follow(&format!("?after={position}"), None).await;
        let from = told.iter().position(|event| position_of(event) > position).unwrap();
        check(&resumed.until(&last).await, &told[from..], &position.to_string());
    }
}

/// Everything that is there in a view.
fn there(view: &View) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for group_type in view.model().group_types() {
        for group in view.groups(&group_type.plural, None) {
            let outer = format!("/{}/{}", group_type.plural, group.id());
            for plural in group_type.resources.keys() {
                for resource in group.resources(plural, None) {
                    let own = format!("{outer}/{plural}/{}", resource.id());
                    let versions = resource.versions(None);
                    names.extend(versions.map(|version| format!("{own}/versions/{}", version.id)));
                    names.insert(own);
                }
            }
            names.insert(outer);
        }
    }
    names
}

/// The events of each command must tell of exactly what came and what went.
async fn check_what_came_and_went(running: &Running, told: &[Event]) {
    let view = running.registry.view();
    let at = |position| there(&view.back_to(Stamp { position, ..Stamp::default() }, Moment::EPOCH));
    let (mut position, mut before) = (Position::ZERO, BTreeSet::new());
    while position < view.position() {
        for command in running.registry.commands_after(position).await.unwrap() {
            position = command.position();
            let after = at(position);
            let own = format!("{position}.");
            let names = |action: &str| -> BTreeSet<String> {
                let events = told.iter().filter(|event| event.id.starts_with(&own));
                let events = events.filter(|event| event.text("type").ends_with(action));
                events.map(|event| event.text("subject").to_owned()).collect()
            };
            let created: BTreeSet<String> = after.difference(&before).cloned().collect();
            let deleted: BTreeSet<String> = before.difference(&after).cloned().collect();
            assert_eq!((names(".created"), names(".deleted")), (created, deleted), "{position}");
            before = after;
        }
    }
}

#[tokio::test]
async fn tells_of_all_that_a_group_takes_along_also_to_who_begins_in_the_past() {
    let running = Running::start().await;
    let mut live = running.follow("", None).await;
    let entries: Vec<String> = (0..400).map(|n| format!(r#""e{n}": {{}}"#)).collect();
    let body = format!(r#"{{"providers": {{"big": {{"entries": {{{}}}}}}}}}"#, entries.join(","));
    let entry = |number: u32| format!("/providers/big/entries/e{number}");
    let versions = Target::Versions(entry(5).parse().unwrap());
    for command in [
        tree(Mode::Post, entity("/"), &body),
        tree(Mode::Post, versions, r#"{"2": {}, "3": {}}"#),
        delete(&entry(1), false),
        delete(&entry(2), true),
        delete(&format!("{}/versions/2", entry(5)), false),
        delete("/providers/big", false),
        put(&entry(1), "{}"),
        delete("/providers/big", false),
        put(&entry(3), "{}"),
        delete(&entry(3), false),
        delete("/providers/big", true),
        tree(Mode::Post, entity("/"), &body),
        delete("/providers/big", false),
        restore("/providers/big"),
        delete(&entry(7), false),
        restore(&entry(7)),
        delete("/providers/big", true),
    ] {
        running.submit(command).await;
    }
    let last = running.submit(put("/stacks/s/entries/last", "{}")).await;
    let last = format!("{}.4", last.position);
    let told = live.until(&last).await;
    let late = running.follow("?after=0", None).await.until(&last).await;
    check_what_came_and_went(&running, &late).await;
    check(&late, &told, "0");
}

#[tokio::test]
async fn tells_any_history_later_as_it_told_it_then() {
    for seed in 1..=6 {
        let running = Running::start().await;
        let mut live = running.follow("", None).await;
        let done = running.happen(seed, 150).await;
        assert!(done > 60, "only {done} commands were done");
        let last = running.submit(put("/stacks/s/entries/last", "{}")).await;
        let last = format!("{}.4", last.position);
        let told = live.until(&last).await;
        let again = running.follow("?after=0", None).await.until(&last).await;
        check_what_came_and_went(&running, &again).await;
        // Whether an erased document's default version was the one that changed was erased too.
        let view = running.registry.catalog();
        let lasting = |events: Vec<Event>| -> Vec<Event> {
            let is_erased = |event: &Event| {
                let inside = format!("{}/", event.text("subject"));
                event.short().starts_with("resource.updated")
                    && view.purged.keys().any(|name| inside.starts_with(&format!("{name}/")))
            };
            events.into_iter().filter(|event| !is_erased(event)).collect()
        };
        check(&lasting(again), &lasting(told), &format!("0 with seed {seed}"));
    }
}

#[tokio::test]
async fn goes_on_within_a_command_of_many_parts() {
    let running = Running::start().await;
    let entries: Vec<String> = (0..1500).map(|n| format!(r#""entry-number-{n}": {{}}"#)).collect();
    let body = format!(r#"{{"providers": {{"cms": {{"entries": {{{}}}}}}}}}"#, entries.join(","));
    let before = running.registry.view().position().0;
    let done = running.submit(tree(Mode::Post, entity("/"), &body)).await;
    assert!(done.position.0 > before + 2, "the command has one part");
    let last = format!("{}.3002", done.position);
    let told = running.follow("?after=0", None).await.until(&last).await;
    assert_eq!(told.len(), 3002);
    for after in [format!("?after={}", before + 1), format!("?after={before}")] {
        assert_eq!(running.follow(&after, None).await.until(&last).await, told);
    }
    for k in [1_usize, 2, 777, 1500, 3001] {
        let id = format!("{}.{k}", done.position);
        assert_eq!(running.follow("", Some(&id)).await.until(&last).await, told[k..]);
    }
    let within = format!("{}.1", before + 1);
    let (status, body) = running.ask("GET /changes", &[("last-event-id", &within)], "").await;
    assert_eq!(status, 400, "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_nothing_and_tells_nothing_twice_while_many_write() {
    let running = std::sync::Arc::new(Running::start().await);
    let mut steady = running.follow("", None).await;
    let (writers, writes) = (8, 40);
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let running = running.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..writes {
                let xid = format!("/providers/g{writer}/entries/e{number}");
                running.submit(put(&xid, "{}")).await;
            }
        }));
    }
    // One that leaves after every few events and comes back where it was.
    let restless = {
        let running = running.clone();
        tokio::spawn(async move {
            let (mut events, mut last) = (Vec::new(), "0".to_owned());
            let mut created = 0;
            while created < writers * writes {
                let mut follower = running.follow("", Some(&last)).await;
                for _ in 0..7 {
                    let event = follower.next().await.unwrap();
                    last.clone_from(&event.id);
                    created += usize::from(event.text("type").ends_with("version.created"));
                    events.push(event);
                    if created == writers * writes {
                        break;
                    }
                }
            }
            events
        })
    };
    for task in tasks {
        task.await.unwrap();
    }
    let restless = restless.await.unwrap();
    let steady = steady.some(restless.len()).await;
    assert_eq!(steady, restless);
    let ids: BTreeSet<&str> = steady.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), steady.len());
    let versions = steady.iter().filter(|event| event.short().starts_with("version.created"));
    assert_eq!(versions.count(), writers * writes);
}

#[tokio::test]
async fn begins_with_the_present_and_says_where_that_is() {
    let ledger = std::sync::Arc::new(muster_journal::MemoryLedger::new());
    let running = Running::over(ledger, Some("correct-horse-battery")).await;
    let given = [("authorization", "Bearer correct-horse-battery")];
    running.submit(put(SANITY, "{}")).await;
    let position = running.registry.view().position();
    let mut follower = running.follow_as("", &given).await;
    running.submit(put(SANITY, r#"{"a": 1}"#)).await;
    let event = follower.next().await.unwrap();
    assert_eq!(event.id, format!("{}.1", position.next()));
    // Keys are nobody's business here.
    let (grant, rule) = (KeyGrant::default(), KeyManagerRule::NotNeeded);
    let key = Action::CreateKey { id: "k".parse().unwrap(), record: "{}".into(), grant, rule };
    running.submit(Command::new(key)).await;
    let revoked = Action::RevokeKey { id: "k".parse().unwrap(), rule };
    running.submit(Command::new(revoked)).await;
    let done = running.submit(put(SANITY, r#"{"a": 2}"#)).await;
    let next = follower.some(2).await;
    assert_eq!(next[1].id, format!("{}.1", done.position));
}

#[tokio::test]
async fn refuses_places_that_are_not_there() {
    let running = Running::start().await;
    let head = running.registry.view().position().0;
    for (query, code) in [
        (format!("?after={}", head + 1), "bad_position"),
        (format!("?after={}.1", head + 1), "bad_position"),
        ("?after=soon".to_owned(), "bad_position"),
        ("?after=1.2.3".to_owned(), "bad_position"),
        ("?after=-1".to_owned(), "bad_position"),
        (format!("?after={head}.0"), "bad_position"),
        (format!("?after={head}.999"), "bad_position"),
        ("?since=1".to_owned(), "bad_flag"),
    ] {
        let (status, body) = running.ask(&format!("GET /changes{query}"), &[], "").await;
        assert_eq!(status, 400, "{query}");
        assert!(body.contains(&format!("\"reason\": \"{code}\"")), "{query}: {body}");
    }
}

#[tokio::test]
async fn ends_at_once_when_the_server_stops() {
    let running = Running::start().await;
    let mut follower = running.follow("", None).await;
    running.phase.send_replace(Phase::Draining);
    assert_eq!(follower.next().await, None);
    tokio::time::timeout(crate::harness::PATIENCE, running.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn says_that_it_is_busy_when_very_many_watch() {
    let running = Running::start().await;
    let ask = || {
        let url = format!("http://{}/changes?after=0", running.address);
        http::Request::get(url).body(axum::body::Body::empty()).unwrap()
    };
    let mut watching = Vec::new();
    for _ in 0..4_096 / 128 {
        let mut sender = http2(&running).await;
        for _ in 0..128 {
            let answer = sender.send_request(ask()).await.unwrap();
            assert_eq!(answer.status(), 200);
            watching.push(answer);
        }
    }
    let (status, body) = running.ask("GET /changes", &[], "").await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("server_busy"));
    drop(watching);
    timeout(PATIENCE, async {
        while running.ask("GET /changes?after=x", &[], "").await.0 != 400 {}
    })
    .await
    .unwrap();
}

async fn http2(running: &Running) -> hyper::client::conn::http2::SendRequest<axum::body::Body> {
    let stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Attributes may be gone by the time that a command is told.
#[tokio::test]
async fn tells_of_each_subject_once_also_if_no_attribute_can_be_read() {
    let running = Running::start().await;
    running.submit(put(SANITY, "{}")).await;
    let both = r#"{"name": "Sanity", "meta": {"deprecated": {}}}"#;
    let before = running.registry.view().position();
    running.submit(tree(Mode::Patch, entity(SANITY), both)).await;
    let view = running.registry.view();
    let command = running.registry.commands_after(before).await.unwrap().remove(0);
    let events = muster_history::events(&command, &view).finish(|_| None);
    let subjects: Vec<String> =
        events.iter().map(|event| event.subject.xid().to_string()).collect();
    assert_eq!(subjects, [SANITY.to_owned(), format!("{SANITY}/versions/1")]);
}
