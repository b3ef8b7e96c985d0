use axum::{Form, response::Response};
use maud::{Markup, html};
use muster_client::{Call, Client, ClientError, Method, Query};
use muster_http::CONSOLE;
use muster_wire::{
    ledger::{BrokenLedger, LedgerReport, SoundLedger, VerificationLine},
    log::LogEntry,
    proofs::InclusionReport,
};
use muster_words::Xid;
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor, assets,
    board::{Board, read},
    form::token,
    place::link,
    plain_text::shortened,
    times::{number, time},
    visitor::Guest,
};

const BOARD: Board = Board { section: Section::Ledger, title: "Ledger", path: "/ledger" };

/// How many entries a command may have, for it to be found by one that isn't its last.
const ENTRIES_SEARCHED: u64 = 16;

/// How many letters of a sentence are shown.
const LETTERS_MAX: usize = 300;

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// The position of an entry; empty for none.
    #[serde(default)]
    position: String,
}

/// A form that only says that it is one of this session's.
#[derive(Deserialize)]
pub struct TokenForm {
    #[serde(default)]
    token: String,
}

/// How far the ledger goes, who signs it, one of its entries, and its verification.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = body(&visitor, wanted.position.trim()).await;
    BOARD.show(visitor, body)
}

/// Verifies the whole ledger, and shows the result.
pub async fn verify(visitor: Visitor, Form(form): Form<TokenForm>) -> Response {
    if let Err(fault) = visitor.check_token(&form.token) {
        return fault.page(&Guest(Some(visitor)));
    }
    let body = match result(&visitor.client).await {
        Ok(VerificationLine::Sound(sound)) => Ok(shown_sound(&sound)),
        Ok(VerificationLine::Broken(broken)) => Ok(shown_broken(&broken)),
        Ok(VerificationLine::Progress(progress)) => Err(PageFault::Unclear(format!(
            "the verification ended after {} of {} entries, without a result",
            progress.checked, progress.of
        ))),
        Err(error) => Err(error.into()),
    };
    let back = html! { p { a href=(BOARD.address("")) { "Back to the ledger" } } };
    BOARD.show(visitor, body.map(|body| html! { (body) (back) }))
}

/// The last line of a verification.
async fn result(client: &Client) -> Result<VerificationLine, ClientError> {
    let mut lines = client.verify().await?;
    let mut last = VerificationLine::Progress(Default::default());
    while let Some(line) = lines.next_line().await? {
        last = line;
    }
    Ok(last)
}

async fn body(visitor: &Visitor, position: &str) -> Result<Markup, PageFault> {
    let client = &visitor.client;
    let report = client.ledger().await?.read()?;
    let note = client.checkpoint().await.ok();
    let note = note.map(|note| String::from_utf8_lossy(&note.bytes).into_owned());
    let entry = match position {
        "" => html! {},
        position => match entry(client, position).await {
            Ok((proof, command)) => shown_entry(&proof, command.as_ref()),
            Err(fault) => fault.notice(),
        },
    };
    Ok(html! {
        (figures(&report))
        (signer(&report, note.as_deref()))
        h2 { "Verify" }
        p { "Reads every entry and every content again, and compares the chain, the tree, the contents, the checkpoint and what was computed from them." }
        form method="post" action=(BOARD.address("/verify")) data-verify {
            (token(visitor))
            button.primary type="submit" { "Verify the ledger" }
            p data-verify-state role="status" {}
        }
        h2 #entry { "An entry" }
        form.filters action="#entry" {
            div {
                label for="position" { "Position, from 1 to " (number(report.position)) }
                input #position name="position" value=(position) inputmode="numeric" size="12";
            }
            div { button type="submit" { "Show" } }
        }
        (entry)
        script src=(assets::BOARDS_SCRIPT.address()) defer {}
    })
}

fn figures(report: &LedgerReport) -> Markup {
    html! {
        dl.figures {
            div { dt { "entries" } dd { (number(report.position)) } }
            @if let Some(size) = report.checkpoint {
                div { dt { "entries in the newest checkpoint" } dd { (number(size)) } }
            }
            div { dt { "newest entry" } dd { (time(&report.moment)) } }
        }
    }
}

/// Who signs, and what was signed last.
fn signer(report: &LedgerReport, note: Option<&str>) -> Markup {
    // The third line of a note is the root hash (C2SP tlog-checkpoint).
    let root = note.and_then(|note| note.lines().nth(2));
    html! {
        h2 { "Signed by" }
        dl.fields {
            @if let Some(origin) = &report.origin { dt { "Name" } dd { code { (origin) } } }
            @match &report.key {
                Some(key) => { dt { "Verifier key" } dd { code { (key) } } }
                None => { dt { "Verifier key" } dd { "This ledger isn't signed." } }
            }
            @if let Some(key) = &report.sitekey { dt { "Verifier key of the published site" } dd { code { (key) } } }
            @if let Some(root) = root { dt { "Root hash of the newest checkpoint" } dd { code { (root) } } }
        }
        @if let Some(note) = note {
            details {
                summary { "The newest checkpoint as it was signed" }
                pre tabindex="0" { (note) }
            }
            p { a href="/ledger/checkpoint" download="muster.checkpoint" { "Download the checkpoint" }
                " and keep it elsewhere: " code { "muster ledger verify --against muster.checkpoint" }
                " proves later that nothing was rewritten." }
        }
    }
}

/// An entry with its proof, and the command that it belongs to. Who may not read the log sees the
/// entry without it.
async fn entry(
    client: &Client,
    position: &str,
) -> Result<(InclusionReport, Option<LogEntry>), PageFault> {
    let number: u64 = position.parse().map_err(|_| {
        PageFault::Unclear(format!("{position:?} isn't a position: it is a number"))
    })?;
    let query = Query::new().with("position", number);
    let answer = client.call(Call::new(Method::GET, "/ledger/proofs/inclusion", &query)).await?;
    let proof = read(&answer)?;
    let command = match command(client, number, 1).await {
        None => command(client, number, ENTRIES_SEARCHED).await,
        found => found,
    };
    Ok((proof, command))
}

/// The oldest command that ends among some entries from a position on: it has that entry.
async fn command(client: &Client, position: u64, entries: u64) -> Option<LogEntry> {
    let query = Query::new()
        .with("after", position.checked_sub(1)?)
        .with("before", position.checked_add(entries)?)
        .with("limit", entries);
    let page = client.log(&Xid::Registry, &query).await.ok()?.read().ok()?;
    page.entries.into_iter().next_back()
}

fn shown_entry(proof: &InclusionReport, command: Option<&LogEntry>) -> Markup {
    let position = proof.position;
    let file = format!("/ledger/proofs/inclusion?position={position}&size={}", proof.size);
    html! {
        h3 { "Entry " (number(position)) }
        p.actions {
            @if position > 1 { a.button href=(format!("?position={}#entry", position - 1)) { "Before" } }
            @if position < proof.size { a.button href=(format!("?position={}#entry", position + 1)) { "After" } }
            a.button href=(file) download=(format!("inclusion-{position}.json")) { "Download the proof of inclusion" }
        }
        dl.fields {
            @if let Some(command) = command {
                dt { "When" } dd { (time(&command.time)) }
                dt { "Who" } dd { (command.name.as_deref().unwrap_or(&command.actor)) }
                dt { "What" } dd { (shortened(&command.what, LETTERS_MAX)) }
                @if let Some(message) = &command.message { dt { "Why" } dd { (message) } }
                @if let [only] = command.changes.as_slice() && only.xid != "/" {
                    dt { "Document" } dd { (link(&only.xid)) }
                }
                dt { "In the log" } dd {
                    a href=(format!("{CONSOLE}/changes?before={}", command.position + 1)) { "this command and those before it" }
                }
            }
            dt { "Size" } dd { (number(base64_bytes(&proof.entry))) " bytes" }
            dt { "Hash as a leaf" } dd { code { (proof.leaf) } }
            dt { "Root hash of " (number(proof.size)) " entries" } dd { code { (proof.root) } }
            dt { "Path to the root" } dd {
                @if proof.hashes.is_empty() { "nothing: the entry is the whole tree" }
                ol { @for hash in &proof.hashes { li { code { (hash) } } } }
            }
        }
    }
}

/// The number of bytes that a text in Base64 stands for (RFC 4648, 4).
fn base64_bytes(text: &str) -> u64 {
    let letters = text.trim_end_matches('=').len() as u64;
    letters * 3 / 4
}

fn shown_sound(sound: &SoundLedger) -> Markup {
    html! {
        div.notice.good role="status" {
            p { strong { "The ledger verifies." } }
            p {
                (number(sound.entries)) " entries, " (number(sound.contents)) " contents"
                @if sound.purged > 0 { " (" (number(sound.purged)) " more were purged)" }
                ": chain, tree, contents and fold agree."
            }
            @if let Some(checkpoint) = &sound.checkpoint {
                p { "Checkpoint of " (number(checkpoint.size)) " signed by " code { (checkpoint.key) } "." }
            }
        }
    }
}

fn shown_broken(broken: &BrokenLedger) -> Markup {
    let fault = &broken.fault;
    html! {
        div.notice.bad role="alert" {
            p { strong { "The ledger does not verify: " (fault.what) } }
            p.dim { "Reason: " code { (fault.reason) } }
        }
        dl.fields {
            @if let Some(position) = fault.position { dt { "Position" } dd { (number(position)) } }
            @if let Some(moment) = &fault.moment { dt { "Written" } dd { (time(moment)) } }
            @if let Some(xid) = &fault.xid { dt { "Of" } dd { (link(xid)) } }
            @if let Some(expected) = &fault.expected { dt { "The entry says" } dd { code { (expected) } } }
            @if let Some(found) = &fault.found { dt { "The stored bytes have" } dd { code { (found) } } }
        }
        p { "Copy the data directory as it is before anything else; then follow \"When a ledger doesn't verify\" in Muster's documentation." }
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn counts_the_bytes_of_base64() {
        for (text, bytes) in [("", 0), ("AA==", 1), ("AAA=", 2), ("AAAA", 3), ("AAAAAA==", 4)] {
            assert_eq!(base64_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn shows_an_entry_with_its_proof() {
        let text = shown_entry(&InclusionReport::sample(), Some(&LogEntry::sample())).into_string();
        for part in [
            "/ledger/proofs/inclusion?position=1&amp;size=2",
            "The price has changed",
            "/console/browse/providers/cms/entries/sanity",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ] {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_ledger() {
        let fault = muster_wire::ledger::LedgerFault {
            reason: "content_changed".to_owned(),
            what: "its document has another digest".to_owned(),
            position: Some(871),
            moment: None,
            xid: Some("/providers/cms/entries/sanity".to_owned()),
            expected: Some("77ab".to_owned()),
            found: None,
        };
        let text = shown_broken(&BrokenLedger { verified: false, fault }).into_string();
        for part in ["content_changed", "871", "77ab", "another digest"] {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
    }
}
