use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Call, Client, Method, Query, encoded_step};
use muster_http::CONSOLE;
use muster_wire::{
    OrOther,
    log::{LogAction, LogChange, LogEntry, LogKind, LogPage},
};
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    board::{Board, is_forbidden, read},
    place::{Location, link, link_as},
    plain_text::shortened,
    times::{number, time},
};

const BOARD: Board = Board { section: Section::Changes, title: "Changes", path: "/changes" };

/// How many commands a page shows. With all their changes they stay below 100 kB.
const COMMANDS_SHOWN: usize = 25;

/// How many changes of a command are listed; the first import of a catalog has hundreds.
const CHANGES_SHOWN: usize = 12;

/// How many changes a command about one document may have: its versions and what they are in.
const CHANGES_OF_ONE: usize = 4;

/// What changes are selected by, with what the form calls it: the kind of thing, or what was done.
const KINDS: [(&str, &str); 12] = [
    ("version", "versions"),
    ("resource", "documents"),
    ("group", "groups"),
    ("model", "the model"),
    ("capabilities", "capabilities"),
    ("key", "keys"),
    ("registry", "the registry"),
    ("created", "what was created"),
    ("updated", "what was updated"),
    ("deleted", "what was deleted"),
    ("restored", "what was restored"),
    ("purged", "what was erased"),
];

/// How many letters of a sentence are shown.
const LETTERS_MAX: usize = 300;

/// What the page shows.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    /// A place; empty for everything.
    #[serde(default)]
    place: String,
    /// Only what this one did: the id of a key, or what stands for callers without a key.
    #[serde(default)]
    actor: String,
    /// Only what was about this kind of thing, or did this.
    #[serde(default)]
    kind: String,
    /// Only what happened before this position.
    #[serde(default)]
    before: String,
    /// Only what happened after this position.
    #[serde(default)]
    after: String,
}

/// Who changed what, when and why, newest first.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = match log(&visitor.client, &wanted).await {
        Ok(page) => Ok(body(&wanted, &commands(&wanted, &page))),
        Err(PageFault::Api(error)) if is_forbidden(&error) => Err(PageFault::Api(error)),
        Err(fault) => Ok(body(&wanted, &fault.notice())),
    };
    BOARD.show(visitor, body)
}

async fn log(client: &Client, wanted: &Wanted) -> Result<LogPage, PageFault> {
    let place = Location::read(&wanted.place);
    let below: String =
        place.steps().iter().map(|step| format!("/{}", encoded_step(step))).collect();
    let query = Query::new()
        .with("limit", COMMANDS_SHOWN)
        .with("changes", CHANGES_SHOWN)
        .with_some("before", given(&wanted.before))
        .with_some("after", given(&wanted.after))
        .with_some("actor", given(&wanted.actor))
        .with_some("kind", given(&wanted.kind));
    let answer = client.call(Call::new(Method::GET, &format!("/log{below}"), &query)).await?;
    read(&answer)
}

/// What a field says; none if it is empty.
fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn body(wanted: &Wanted, found: &Markup) -> Markup {
    let is_narrowed =
        [&wanted.place, &wanted.actor, &wanted.kind, &wanted.before].map(|text| given(text));
    html! {
        (form(wanted))
        // What comes live isn't filtered.
        @if is_narrowed.iter().all(Option::is_none) {
            h2 { "Since you opened this page " span.dim data-live-state { "" } }
            ul.plainlist data-live aria-live="polite" {}
            h2 { "Earlier" }
        }
        (found)
    }
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filters {
            div {
                label for="place" { "Location" }
                input #place name="place" value=(wanted.place) placeholder="providers/cms" autocomplete="off";
            }
            div {
                label for="actor" { "Who" }
                input #actor name="actor" value=(wanted.actor) size="16" placeholder="the id of a key" autocomplete="off";
            }
            div {
                label for="kind" { "What" }
                select #kind name="kind" {
                    option value="" { "anything" }
                    @for (kind, plural) in KINDS {
                        option value=(kind) selected[kind == wanted.kind] { (plural) }
                    }
                }
            }
            div {
                label for="after" { "After position" }
                input #after name="after" value=(wanted.after) inputmode="numeric" size="10";
            }
            div {
                label for="before" { "Before position" }
                input #before name="before" value=(wanted.before) inputmode="numeric" size="10";
            }
            div { button type="submit" { "Show" } }
        }
    }
}

fn commands(wanted: &Wanted, page: &LogPage) -> Markup {
    html! {
        @if page.entries.is_empty() {
            p { "Nothing happened here"
                @if page.next.is_some() { " in the part of the ledger that was searched" }
                "."
            }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Changes, newest first" {
                table {
                    thead { tr {
                        th.number scope="col" { "Position" }
                        th scope="col" { "When" }
                        th scope="col" { "Who" }
                        th scope="col" { "What" }
                        th scope="col" { "Why" }
                    } }
                    tbody { @for entry in &page.entries { (command(wanted, entry)) } }
                }
            }
        }
        p.actions {
            @if !wanted.before.is_empty() { a.button href=(address(wanted, None)) { "Newest" } }
            @if let Some(before) = page.next.as_deref().and_then(next_before) {
                a.button rel="next" href=(address(wanted, Some(before))) { "Older" }
            }
        }
    }
}

/// One command. A reader of one line sees what it did; the changes are folded away.
fn command(wanted: &Wanted, entry: &LogEntry) -> Markup {
    let listed = entry.changes.len().min(CHANGES_SHOWN);
    let more = entry.changes.len() - listed + entry.changes_left_out.unwrap_or_default();
    html! {
        tr {
            td.number { a href=(format!("{CONSOLE}/ledger?position={}", entry.position)) { (number(entry.position)) } }
            td { (time(&entry.time)) }
            td { (actor(wanted, entry)) }
            td {
                @match main_place(entry) {
                    Some(xid) => { (link_as(xid, &shortened(&entry.what, LETTERS_MAX))) }
                    None => {
                        details {
                            summary { (shortened(&entry.what, LETTERS_MAX)) }
                            ul.plainlist {
                                @for change in &entry.changes[..listed] { li { (one(change)) } }
                                @if more > 0 { li.dim { "and " (number(more as u64)) " more" } }
                            }
                        }
                    }
                }
            }
            td {
                @match &entry.message {
                    Some(message) => { (shortened(message, LETTERS_MAX)) }
                    None => { span.dim { "–" } }
                }
            }
        }
    }
}

/// The document that a command is about; none if it is about several places.
fn main_place(entry: &LogEntry) -> Option<&str> {
    let changes = entry.changes.iter().take(CHANGES_OF_ONE + 1);
    let mut documents = changes.filter(|change| change.kind.is(&LogKind::Resource));
    let only = documents.next().or_else(|| entry.changes.first())?;
    let is_one = entry.changes.len() <= CHANGES_OF_ONE && documents.next().is_none();
    Some(only.xid.as_str()).filter(|xid| is_one && *xid != "/")
}

/// Who did it, as a link to everything that they did there.
fn actor(wanted: &Wanted, entry: &LogEntry) -> Markup {
    let name = entry.name.as_deref().unwrap_or(&entry.actor);
    let theirs = Wanted { actor: entry.actor.clone(), ..wanted.clone() };
    html! {
        @if wanted.actor == entry.actor { (name) } @else { a href=(address(&theirs, None)) { (name) } }
        @if entry.name.is_some() { " " span.dim { (entry.actor) } }
    }
}

/// One change: what was done, and to what.
fn one(change: &LogChange) -> Markup {
    let kind = change.kind.to_string();
    html! {
        (action(&change.action)) " "
        @if change.xid == "/" {
            (kind)
            @if let Some(key) = &change.key { " " code { (key) } }
        } @else {
            (link(&change.xid))
        }
        @if let Some(state) = &change.state { " " span.tag { (state) } }
    }
}

/// The sign says the same as the colour.
fn action(action: &OrOther<LogAction>) -> Markup {
    let (class, sign) = match action {
        OrOther::Known(LogAction::Opened | LogAction::Created | LogAction::Restored) => {
            ("tag good", "+")
        }
        OrOther::Known(
            LogAction::Deleted | LogAction::Purged | LogAction::Revoked | LogAction::Forgotten,
        ) => ("tag bad", "-"),
        OrOther::Known(LogAction::Updated | LogAction::Moved) => ("tag warn", "~"),
        OrOther::Other(_) => ("tag", ""),
    };
    html! { span class=(class) { (sign) " " (action.to_string()) } }
}

/// The address of this page with the same filters, before another position.
fn address(wanted: &Wanted, before: Option<&str>) -> String {
    let query = Query::new()
        .with_some("place", given(&wanted.place))
        .with_some("actor", given(&wanted.actor))
        .with_some("kind", given(&wanted.kind))
        .with_some("after", given(&wanted.after))
        .with_some("before", before);
    BOARD.address(&query.to_string())
}

/// The position in the address of the next page.
fn next_before(next: &str) -> Option<&str> {
    let (_, query) = next.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix("before="))
}

#[cfg(test)]
mod tests {
    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn goes_on_before_the_position_of_the_next_page() {
        for (next, expect) in [
            ("https://registry.example/log?before=1204&limit=1", Some("1204")),
            ("/log/providers?limit=1&before=7&after=2", Some("7")),
            ("/log?limit=1", None),
            ("/log", None),
        ] {
            assert_eq!(next_before(next), expect, "{next}");
        }
    }

    #[test]
    fn keeps_what_was_asked_when_it_goes_on() {
        let wanted = Wanted {
            place: "providers/c&m".to_owned(),
            actor: " 9f3a11c2 ".to_owned(),
            kind: "version".to_owned(),
            ..Wanted::default()
        };
        let address = address(&wanted, Some("12"));
        let expect = "place=providers/c%26m&actor=9f3a11c2&kind=version&before=12";
        assert_eq!(address, format!("/console/changes?{expect}"));
    }

    #[test]
    fn offers_words_that_changes_have() {
        for (word, _) in KINDS {
            let text = format!("\"{word}\"");
            let is_kind = serde_json::from_str::<LogKind>(&text).is_ok();
            assert!(is_kind || serde_json::from_str::<LogAction>(&text).is_ok(), "{word}");
        }
    }

    #[test]
    fn offers_each_kind_and_leads_to_everything_that_somebody_did() {
        let wanted = Wanted { kind: "key".to_owned(), ..Wanted::default() };
        let text = form(&wanted).into_string();
        assert!(text.contains("<option value=\"key\" selected>keys</option>"), "{text}");
        let entry = LogEntry { actor: "9f3a11c2".to_owned(), ..LogEntry::default() };
        let text = actor(&wanted, &entry).into_string();
        assert!(text.contains("/console/changes?actor=9f3a11c2&amp;kind=key"), "{text}");
        let theirs = Wanted { actor: "9f3a11c2".to_owned(), ..wanted };
        assert_eq!(actor(&theirs, &entry).into_string(), "9f3a11c2");
        // What comes live isn't filtered.
        for (wanted, expect) in [(theirs, false), (Wanted::default(), true)] {
            let page = body(&wanted, &html! {}).into_string();
            assert_eq!(page.contains("data-live"), expect, "{page}");
        }
    }

    #[test]
    fn links_to_the_document_that_a_command_is_about() {
        let change = |kind, xid: &str| LogChange {
            kind: OrOther::Known(kind),
            xid: xid.to_owned(),
            ..LogChange::sample()
        };
        let document = || change(LogKind::Resource, "/a/b/c/d");
        let version = || change(LogKind::Version, "/a/b/c/d/versions/1");
        for (changes, expect) in [
            (vec![], None),
            (vec![document(), version()], Some("/a/b/c/d")),
            (vec![change(LogKind::Group, "/a/b"), document(), version()], Some("/a/b/c/d")),
            (vec![version()], Some("/a/b/c/d/versions/1")),
            (vec![document(), change(LogKind::Resource, "/a/b/c/e")], None),
            (vec![change(LogKind::Key, "/")], None),
            (vec![document(), version(), version(), version(), version()], None),
        ] {
            let entry = LogEntry { changes, ..LogEntry::default() };
            assert_eq!(main_place(&entry), expect);
        }
    }

    #[test]
    fn says_what_a_command_did_and_escapes_what_people_wrote() {
        let change = |xid: &str| LogChange {
            action: LogAction::Created.into(),
            xid: xid.to_owned(),
            ..LogChange::sample()
        };
        let entry = LogEntry {
            position: 1204,
            actor: "9f3a11c2".to_owned(),
            name: Some("<script>".to_owned()),
            message: Some("a & b".to_owned()),
            what: "many".to_owned(),
            changes: (0..20).map(|n| change(&format!("/providers/cms/entries/d{n}"))).collect(),
            changes_left_out: Some(5),
            ..LogEntry::default()
        };
        let text = command(&Wanted::default(), &entry).into_string();
        for part in
            ["1,204", "&lt;script&gt;", "a &amp; b", "entries/d11", "and 13 more", "+ created"]
        {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
        assert!(!text.contains("entries/d12"), "{text}");
    }
}
