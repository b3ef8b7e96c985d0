use std::sync::Arc;

use muster_catalog::{
    View,
    command::{Mode, Target},
    state::Stamp,
};
use muster_history::{CommittedCommand, Edit, EditDetail, LogQuery, LogRead, LogWalk, Scope};
use muster_words::{
    Moment, Position, Xid,
    json::{self, Value},
};

use crate::harness::{Running, delete, entity, put, restore, tree};

fn told(page: &Value) -> Vec<(u64, String)> {
    let entries = page.get("entries").and_then(Value::as_array).unwrap();
    let told = entries.iter().map(|entry| {
        let position = entry.get("position").and_then(Value::as_u64).unwrap();
        (position, entry.get("what").and_then(Value::as_str).unwrap().to_owned())
    });
    told.collect()
}

#[tokio::test]
async fn tells_a_documents_story_newest_first() {
    let running = Running::start().await;
    let one = "/providers/cms/entries/one";
    let mut positions = Vec::new();
    for command in [
        put(one, "{}"),
        put("/providers/cms/entries/other", "{}"),
        put(one, r#"{"a": 1}"#),
        tree(Mode::Patch, entity(one), r#"{"name": "One"}"#),
        delete(one, false),
        restore(one),
        delete("/providers/cms", false),
        restore("/providers/cms"),
        tree(Mode::Patch, entity("/providers/cms"), r#"{"name": "CMS"}"#),
        delete(one, false),
    ] {
        positions.push(running.submit(command).await.position.0);
    }
    let expect: Vec<(u64, String)> = [
        (9, "deleted"),
        (7, "providers/cms restored"),
        (6, "providers/cms deleted"),
        (5, "restored"),
        (4, "deleted"),
        (3, "version 1 changed"),
        (2, "version 1 changed"),
        (0, "version 1"),
    ]
    .map(|(index, what): (usize, &str)| (positions[index], what.to_owned()))
    .to_vec();
    let page = running.json(&format!("GET /log{one}")).await;
    assert_eq!(told(&page), expect);
    assert!(page.get("next").is_none());
    let digest = muster_words::Digest::of(br#"{"a": 1}"#).to_string();
    assert!(page.to_string().contains(&digest));
    // Page by page, however long pages are, it is the same story.
    for limit in 1..=9 {
        let (mut paged, mut next) = (Vec::new(), format!("/log{one}?limit={limit}"));
        while !next.is_empty() {
            let page = running.json(&format!("GET {next}")).await;
            paged.extend(told(&page));
            let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
            let rest = url.split_once("/log").map(|(_, rest)| format!("/log{rest}"));
            next = rest.unwrap_or_default();
        }
        assert_eq!(paged, expect, "{limit} a page");
    }
    let (after, before) = (positions[2], positions[6]);
    let page = running.json(&format!("GET /log{one}?after={after}&before={before}")).await;
    assert_eq!(told(&page), expect[3..6]);
    // Where the command before belongs to another document, too.
    let (after, before) = (positions[0], positions[3]);
    let page = running.json(&format!("GET /log{one}?after={after}&before={before}")).await;
    assert_eq!(told(&page), expect[6..7]);
}

#[tokio::test]
async fn tells_what_one_did_and_what_happened_to_things_of_one_kind() {
    let running = Running::start().await;
    let one = "/providers/cms/entries/one";
    let mut positions = Vec::new();
    for command in [
        put(one, "{}"),
        tree(Mode::Patch, entity("/providers/cms"), r#"{"name": "CMS"}"#),
        put(one, r#"{"a": 1}"#),
        delete(one, false),
    ] {
        positions.push(running.submit(command).await.position.0);
    }
    let all = running.json("GET /log").await;
    let actor = all.get("entries").and_then(|entries| entries[0].get("actor")).cloned();
    let actor = actor.as_ref().and_then(Value::as_str).unwrap().to_owned();
    for (query, expect) in [
        ("/log?kind=version".to_owned(), vec![2, 0]),
        ("/log?kind=group".to_owned(), vec![1, 0]),
        ("/log?kind=resource".to_owned(), vec![3, 0]),
        ("/log?kind=key".to_owned(), vec![]),
        ("/log?kind=deleted".to_owned(), vec![3]),
        ("/log?kind=group,deleted".to_owned(), vec![3, 1, 0]),
        ("/log?kind=key%2Cdeleted".to_owned(), vec![3]),
        (format!("/log{one}?kind=created"), vec![0]),
        (format!("/log/providers?actor={actor}"), vec![3, 2, 1, 0]),
        (format!("/log{one}?actor={actor}&kind=version"), vec![2, 0]),
        (format!("/log{one}?actor=nobody"), vec![]),
        ("/log?actor=no%20body".to_owned(), vec![]),
    ] {
        // One a page, so that each next page must keep what was asked.
        let joint = if query.contains('?') { '&' } else { '?' };
        let (mut found, mut next) = (Vec::new(), format!("{query}{joint}limit=1"));
        while !next.is_empty() {
            let page = running.json(&format!("GET {next}")).await;
            found.extend(told(&page).into_iter().map(|(position, _)| position));
            let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
            let rest = url.split_once("/log").map(|(_, rest)| format!("/log{rest}"));
            next = rest.unwrap_or_default();
        }
        let expect: Vec<u64> = expect.into_iter().map(|index: usize| positions[index]).collect();
        assert_eq!(found, expect, "{query}");
    }
    let few = running.json("GET /log?changes=1&limit=4").await;
    let entries = few.get("entries").and_then(Value::as_array).unwrap();
    let listed =
        entries.iter().map(|entry| entry.get("changes").and_then(Value::as_array).unwrap());
    assert!(listed.into_iter().all(|changes| changes.len() == 1), "{few}");
    assert!(few.to_string().contains("changes_left_out"), "{few}");
    assert!(few.to_string().contains("&limit=4&changes=1"), "{few}");
    // What was asked for is among the few.
    for kind in ["version", "group", "resource"] {
        let found = running.json(&format!("GET /log?kind={kind}&changes=1&limit=1")).await;
        assert_eq!(found["entries"][0]["changes"][0]["kind"], kind, "{found}");
    }
    for query in ["kind=versions", "kind=", "kind=Version", "kind=group,"] {
        let (status, body) = running.ask(&format!("GET /log?{query}"), &[], "").await;
        assert_eq!(status, 400, "{query}");
        assert!(format!("{body:?}").contains("resource, version"), "{query}: {body:?}");
    }
}

#[tokio::test]
async fn tells_of_groups_of_everything_and_of_what_was_erased() {
    let running = Running::start().await;
    let one = "/providers/cms/entries/one";
    running.submit(put(one, "{}")).await;
    running.submit(put("/stacks/s/entries/other", "{}")).await;
    running.submit(delete(one, true)).await;
    let head = running.registry.view().position().0;
    for (path, expect) in [
        (one, vec![(head, "erased"), (head - 2, "version 1")]),
        (
            "/providers/cms",
            vec![
                (head, "providers/cms/entries/one erased"),
                (head - 2, "made, providers/cms/entries/one version 1"),
            ],
        ),
        ("/stacks", vec![(head - 1, "stacks/s made, stacks/s/entries/other version 1")]),
    ] {
        let page = running.json(&format!("GET /log{path}")).await;
        let expect: Vec<(u64, String)> =
            expect.into_iter().map(|(at, what)| (at, what.to_owned())).collect();
        assert_eq!(told(&page), expect, "{path}");
    }
    let all = told(&running.json("GET /log").await);
    assert_eq!(all.len(), 4);
    let (_, head, _) = running.ask_whole("GET /log", &[], "").await;
    assert!(head.contains(&format!("muster-position: {}\r\n", all[0].0)), "{head}");
    assert_eq!(all.last(), Some(&(1, "registry test begun".to_owned())));
    let (status, _) = running.ask("GET /log/providers/cms/entries/nobody", &[], "").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn restores_over_http_and_says_what_it_cannot() {
    let running = Running::start().await;
    let one = "/providers/cms/entries/one";
    running.submit(put(one, "{}")).await;
    running.submit(delete(one, false)).await;
    // Sent twice, as a client does that lost the first answer: done once, answered the same.
    let mut ids = Vec::new();
    for _ in 0..2 {
        let key = [("idempotency-key", "once")];
        let request = format!("POST /restore{one}");
        let (status, head, body) = running.ask_whole(&request, &key, "").await;
        assert_eq!(status, 200, "{body}");
        let id = head.lines().find_map(|line| line.strip_prefix("xregistry-xregcorrelationid: "));
        ids.push(id.map(ToOwned::to_owned).unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    let page = running.json(&format!("GET /log{one}")).await;
    assert_eq!(page.pointer("/entries/0/command").and_then(Value::as_str), Some(ids[0].as_str()));
    assert_eq!(told(&page).len(), 3);
    assert!(running.registry.view().has(&one.parse().unwrap()));
    let longest = "k".repeat(255);
    for (key, expect) in [
        ("", "header_error"),
        (&format!("{longest}k"), "header_error"),
        (&longest, "nothing_hidden"),
    ] {
        let key = [("idempotency-key", key)];
        let (_, body) = running.ask(&format!("POST /restore{one}"), &key, "").await;
        assert!(body.contains(&format!("\"{expect}\"")), "{key:?}: {body}");
    }
    for (path, expect, code) in [
        (one, 404, "nothing_hidden"),
        ("/providers/cms", 404, "nothing_hidden"),
        ("/providers/cms/entries/one/versions/1", 404, "nothing_hidden"),
        ("/providers/cms/entries/nobody", 404, "not_found"),
        ("/providers", 400, "malformed_xid"),
        ("/providers/cms/entries/one/meta", 405, "action_not_supported"),
    ] {
        let (status, body) = running.ask(&format!("POST /restore{path}"), &[], "").await;
        let told = json::parse(body.as_bytes()).unwrap();
        let told = told.get("reason").and_then(Value::as_str).unwrap_or_default();
        assert_eq!((status, told), (expect, code), "{path}: {body}");
    }
}

#[tokio::test]
async fn gives_no_empty_page_that_has_a_next_one() {
    let running = Running::start().await;
    let one = "/providers/cms/entries/one";
    running.submit(put(one, "{}")).await;
    for count in 0..12 {
        running.submit(put(one, &format!("[{count}]"))).await;
        running.submit(put("/configs/c/entries/other", &format!("[{count}]"))).await;
    }
    running.submit(delete(one, false)).await;
    running.submit(restore(one)).await;
    for path in [one, "/providers/cms", "/providers", "/providers/cms/entries/one/meta"] {
        for limit in [1, 2, 5] {
            let mut next = format!("/log{path}?limit={limit}");
            let mut seen = 0;
            while !next.is_empty() {
                let page = running.json(&format!("GET {next}")).await;
                let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
                assert!(url.is_empty() || !told(&page).is_empty(), "{next} leads to {url}");
                seen += told(&page).len();
                let rest = url.split_once("/log").map(|(_, rest)| format!("/log{rest}"));
                next = rest.unwrap_or_default();
            }
            assert!(seen >= 3, "{path}: {seen}");
        }
    }
}

#[tokio::test]
async fn cuts_a_page_where_its_commands_hold_very_many_changes() {
    let running = Running::start().await;
    let mut group = String::new();
    for number in 0..7_000 {
        let comma = if number == 0 { "" } else { "," };
        group += &format!(r#"{comma}"g{number}": {{}}"#);
    }
    for _ in 0..4 {
        let body = format!("{{{group}}}");
        let target = Target::Groups("configs".parse().unwrap());
        running.submit(tree(Mode::Patch, target, &body)).await;
    }
    let (mut next, mut pages, mut seen) = ("/log/configs".to_owned(), 0, 0);
    while !next.is_empty() {
        let page = running.json(&format!("GET {next}")).await;
        pages += 1;
        seen += told(&page).len();
        let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
        let rest = url.split_once("/log").map(|(_, rest)| format!("/log{rest}"));
        next = rest.unwrap_or_default();
    }
    assert_eq!((pages, seen), (2, 4));
}

/// The positions on all pages of a log.
async fn paged(running: &Running, first: String) -> Vec<u64> {
    let (mut positions, mut next) = (Vec::new(), first);
    while !next.is_empty() {
        // Each page but the last has a command, and each command is on one page.
        let before = positions.len();
        let page = running.json(&format!("GET {next}")).await;
        positions.extend(told(&page).into_iter().map(|(position, _)| position));
        let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
        let rest = url.split_once("/log").map(|(_, rest)| format!("/log{rest}"));
        next = rest.unwrap_or_default();
        assert!(next.is_empty() || positions.len() > before, "no command before {next}");
        assert!(positions.is_sorted_by(|later, earlier| later > earlier), "{positions:?}");
    }
    positions
}

/// Whether a command belongs to a log. That something around an entity was deleted or restored is
/// told where the entity went or came with it; where something was purged, always.
fn is_told(view: &View, scope: &Scope, command: &CommittedCommand) -> bool {
    let at = |position| view.back_to(Stamp { position, ..Stamp::default() }, Moment::EPOCH);
    let (before, after) = (at(command.begin()), at(command.position()));
    let above = |edit: &Edit, xid: &Xid| {
        std::iter::successors(xid.parent(), Xid::parent).any(|outer| outer == *edit.subject.xid())
            && !matches!(edit.detail, EditDetail::Meta { .. } | EditDetail::Version { .. })
    };
    command.edits().filter(|edit| scope.holds(edit)).any(|edit| match &scope.xid {
        Some(xid) if xid.resource().is_some() && !view.has_purges(xid) && above(&edit, xid) => {
            before.has(xid) || after.has(xid)
        }
        _ => true,
    })
}

#[tokio::test]
async fn gives_the_whole_log_on_pages_of_any_length() {
    for seed in 1..=3 {
        let running = Running::start().await;
        running.happen(seed, 150).await;
        let view = running.registry.view();
        let head = view.position();
        let (mut commands, mut at) = (Vec::new(), Position::ZERO);
        while at < head {
            commands.extend(running.registry.commands_after(at).await.unwrap());
            at = commands.last().map(CommittedCommand::position).unwrap();
        }
        for path in [
            "",
            "/providers",
            "/providers/g0",
            "/providers/g0/entries",
            "/providers/g0/entries/e0",
            "/providers/g0/entries/e1",
            "/providers/g1/entries/e2/meta",
            "/providers/g0/entries/e0/versions",
            "/providers/g0/entries/e0/versions/2",
            "/providers/g1/entries/e1/versions/1",
        ] {
            let scope = Scope::parse(path).unwrap();
            let held = commands.iter().rev().filter(|command| is_told(&view, &scope, command));
            let expect: Vec<u64> = held.map(|command| command.position().0).collect();
            assert!(!expect.is_empty(), "{path} with seed {seed}");
            for limit in [1, 2, 7, 1000] {
                let found = paged(&running, format!("/log{path}?limit={limit}")).await;
                assert_eq!(found, expect, "{path} by {limit} with seed {seed}");
            }
            let (after, before) = (head.0 / 3, head.0 / 3 * 2);
            let query = format!("/log{path}?after={after}&before={before}&limit=3");
            let inside: Vec<u64> =
                expect.into_iter().filter(|at| *at > after && *at < before).collect();
            assert_eq!(paged(&running, query).await, inside, "{path} with seed {seed}");
        }
    }
}

/// An entry of the log that lists so many changes at most.
fn shortened(entry: &Value, listed: usize) -> Value {
    let mut entry = entry.clone();
    let left_out = entry["changes"].as_array().map_or(0, Vec::len).saturating_sub(listed);
    if let Some(changes) = entry["changes"].as_array_mut() {
        changes.truncate(listed);
    }
    if left_out > 0 {
        entry["changes_left_out"] = left_out.into();
    }
    entry
}

#[tokio::test]
async fn tells_the_newest_commands_briefly_as_it_tells_them_in_full() {
    let running = Running::start().await;
    running.happen(4, 120).await;
    let whole = running.json("GET /log?limit=1000&changes=1000").await;
    let whole = whole["entries"].as_array().unwrap();
    assert!(whole.len() > 60 && whole.iter().any(|entry| entry["changes"][2] != Value::Null));
    let head = running.registry.view().position().0;
    // The second round tells what is remembered. Some of the positions are inside a command.
    for before in [head + 1, head + 1, head / 2, head / 2 + 1, head / 2 + 2, 3] {
        for (limit, listed) in [(1, 1), (5, 0), (7, 3), (32, 8), (33, 8)] {
            let first = format!("/log?before={before}&after=2&limit={limit}&changes={listed}");
            let (mut found, mut next) = (Vec::new(), first.clone());
            while !next.is_empty() {
                let page = running.json(&format!("GET {next}")).await;
                found.extend(page["entries"].as_array().unwrap().clone());
                let url = page.get("next").and_then(Value::as_str).unwrap_or_default();
                next = url
                    .split_once("/log")
                    .map(|(_, rest)| format!("/log{rest}"))
                    .unwrap_or_default();
            }
            let is_inside = |entry: &&Value| {
                let position = entry["position"].as_u64().unwrap();
                position > 2 && position < before
            };
            let expect: Vec<Value> =
                whole.iter().filter(is_inside).map(|entry| shortened(entry, listed)).collect();
            assert_eq!(found, expect, "{first}");
        }
    }
}

#[tokio::test]
async fn searches_a_long_ledger_on_many_pages_without_a_gap() {
    let running = Running::start().await;
    let mut catalog = (**running.registry.view().catalog()).clone();
    catalog.stamp.position = Position(1_000_000);
    let view = View::newest(Arc::new(catalog));
    let (mut before, mut pages, mut left) = (Position(u64::MAX), 0, view.position());
    loop {
        let scope = Scope::parse("providers").unwrap();
        let query = LogQuery {
            scope,
            after: Position::ZERO,
            before,
            actor: None,
            words: Vec::new(),
            limit: 10,
            changes_enough: 1_000,
        };
        let mut walk = LogWalk::new(&query, &view);
        while let Some(read) = walk.wanted() {
            let LogRead::Between(from, until) = read else { panic!("{read:?}") };
            assert_eq!(until, left, "nothing is left out, and nothing is read twice");
            left = from;
            walk.take(read, std::iter::empty());
        }
        pages += 1;
        assert!(pages <= 8, "the last page has no end");
        let Some(next) = walk.finish().next else { break };
        before = next;
    }
    assert_eq!((left, pages), (Position::ZERO, 8));
}
