use maud::{Markup, html};
use muster_wire::propagation::{
    DeadLetterPage, DeadLetterReport, LinkReport, PropagationEvent, TargetReport,
};

use super::{BOARD, TEXT_LETTERS_MAX};
use crate::{
    Visitor,
    form::token,
    place::link,
    plain_text::shortened,
    times::{number, time},
};

/// How many routes and how many targets a table shows.
const ROWS_SHOWN: usize = 30;

/// How many events are shown.
const EVENTS_SHOWN: usize = 20;

/// How far each route is with each of its targets.
pub fn links(links: &[LinkReport]) -> Markup {
    html! {
        h2 { "Routes " span.dim { (number(links.len() as u64)) } }
        div.scroll tabindex="0" role="region" aria-label="Routes with their targets" {
            table {
                thead { tr {
                    th scope="col" { "Route" } th scope="col" { "Target" } th scope="col" { "State" }
                    th.number scope="col" { "Behind" } th.number scope="col" { "Waiting" } th.number scope="col" { "Delivered" } th.number scope="col" { "Dead" }
                } }
                tbody { @for one in links.iter().take(ROWS_SHOWN) {
                    tr {
                        th scope="row" { (link(&one.route)) }
                        td { (link(&one.target)) }
                        td { (state(&one.state)) @if let Some(reason) = &one.reason { " " (shortened(reason, TEXT_LETTERS_MAX)) } }
                        td.number { (number(one.behind)) @if one.behind_s > 0 { " (" (number(one.behind_s)) " s)" } }
                        td.number { (number(one.waiting)) }
                        td.number { (number(one.delivered)) }
                        td.number { (number(one.dead)) }
                    }
                } }
            }
        }
        (more(links.len(), ROWS_SHOWN))
    }
}

fn state(state: &str) -> Markup {
    let class = match state {
        "running" | "finished" => "tag good",
        "failing" => "tag bad",
        _ => "tag warn",
    };
    html! { span class=(class) { (state) } }
}

/// The targets, with what can be done about each.
pub fn targets(visitor: &Visitor, targets: &[TargetReport], may_act: bool) -> Markup {
    html! {
        h2 { "Targets " span.dim { (number(targets.len() as u64)) } }
        div.scroll tabindex="0" role="region" aria-label="Targets" {
            table {
                thead { tr {
                    th scope="col" { "Target" } th scope="col" { "Where" } th scope="col" { "State" } th.number scope="col" { "Running" }
                    @if may_act { th scope="col" { "Act" } }
                } }
                tbody { @for one in targets.iter().take(ROWS_SHOWN) { (target(visitor, one, may_act)) } }
            }
        }
        (more(targets.len(), ROWS_SHOWN))
    }
}

fn target(visitor: &Visitor, target: &TargetReport, may_act: bool) -> Markup {
    let class = if target.breaker == "closed" { "tag good" } else { "tag bad" };
    html! {
        tr {
            th scope="row" { (link(&target.target)) }
            td { (target.kind) ": " code { (shortened(&target.place, TEXT_LETTERS_MAX)) } }
            td {
                @if !target.enabled { span.tag.warn { "off" } " " }
                @if let Some(held) = &target.held { span.tag.warn { "held" } " " (shortened(held, TEXT_LETTERS_MAX)) " " }
                span class=(class) { "breaker " (target.breaker) }
                @if target.failures > 0 { " " (number(u64::from(target.failures))) " failures in a row" }
            }
            td.number { (target.in_flight) " of " (target.max_in_flight) }
            @if may_act {
                td {
                    form.actions method="post" action=(BOARD.address("")) {
                        (token(visitor))
                        input type="hidden" name="target" value=(target.target);
                        @if target.held.is_some() { (button("resume", "Release", &target.target)) }
                        @else { (button("pause", "Hold", &target.target)) }
                        (button("retry", "Try now", &target.target))
                        @if target.breaker != "closed" { (button("reset-breaker", "Reset breaker", &target.target)) }
                    }
                }
            }
        }
    }
}

/// A button of a row: its whole name says which row.
fn button(action: &str, text: &str, of: &str) -> Markup {
    html! { button type="submit" name="action" value=(action) { (text) span.hidden { " " (of) } } }
}

/// Deliveries that were given up.
pub fn letters(visitor: &Visitor, page: &DeadLetterPage, may_act: bool) -> Markup {
    let numbers: Vec<String> = page.letters.iter().map(|one| one.letter.to_string()).collect();
    html! {
        h2 { "Dead letters" }
        @if page.letters.is_empty() { p { "There are none: no delivery was given up." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Dead letters" {
                table {
                    thead { tr {
                        th.number scope="col" { "Number" } th scope="col" { "Document" } th scope="col" { "Route and target" }
                        th scope="col" { "Reason" } th scope="col" { "Last try" }
                        @if may_act { th scope="col" { "Act" } }
                    } }
                    tbody { @for one in &page.letters { (letter(visitor, one, may_act)) } }
                }
            }
            @if may_act {
                form.actions method="post" action=(BOARD.address("")) {
                    (token(visitor))
                    input type="hidden" name="letters" value=(numbers.join(","));
                    button type="submit" name="action" value="replay" { "Replay all of this page" }
                    button.danger type="submit" name="action" value="purge" { "Remove all of this page…" }
                }
            }
            @if let Some(next) = page.next { p { a.button rel="next" href=(format!("?after={next}")) { "More" } } }
        }
    }
}

fn letter(visitor: &Visitor, letter: &DeadLetterReport, may_act: bool) -> Markup {
    html! {
        tr {
            th.number scope="row" { (letter.letter) }
            td { (letter.change) " " (link(&letter.xid)) }
            td { (link(&letter.route)) " → " (link(&letter.target)) }
            td { (shortened(&letter.reason, TEXT_LETTERS_MAX)) " " span.dim { (letter.attempts) " tries" } }
            td { (time(&letter.last)) }
            @if may_act {
                td {
                    form.actions method="post" action=(BOARD.address("")) {
                        (token(visitor))
                        input type="hidden" name="letters" value=(letter.letter);
                        (button("replay", "Replay", &letter.letter.to_string()))
                        (button("purge", "Remove…", &letter.letter.to_string()))
                    }
                }
            }
        }
    }
}

/// What happened to routes and targets lately, newest first.
pub fn events(events: &[PropagationEvent]) -> Markup {
    html! {
        @if !events.is_empty() {
            h2 { "Lately" }
            ul.plainlist { @for event in events.iter().rev().take(EVENTS_SHOWN) {
                li {
                    (time(&event.time)) " " span.tag { (event.event_type) } " "
                    @if !event.route.is_empty() { (link(&event.route)) " " }
                    @if !event.target.is_empty() { (link(&event.target)) " " }
                    (shortened(&event.detail, TEXT_LETTERS_MAX))
                }
            } }
        }
    }
}

fn more(count: usize, shown: usize) -> Markup {
    html! { @if count > shown { p { "and " (number((count - shown) as u64)) " more; " code { "muster propagation" } " lists them all." } } }
}
