mod map;
mod tables;

use axum::{Form, response::Response};
use maud::{Markup, html};
use muster_client::{Client, ClientError, Query};
use muster_wire::propagation::{
    DeadLetterPage, LinkList, PropagationAction, PropagationEvent, PropagationMetrics,
    PropagationRequest, PropagationResult, TargetReport, UnusableReport,
};
use muster_words::Permission;
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    board::{Board, done},
    form::{may, token},
    place::link,
    plain_text::shortened,
    times::number,
    visitor::Guest,
};

const BOARD: Board =
    Board { section: Section::Propagation, title: "Propagation", path: "/propagation" };

/// How many dead letters a page shows.
const LETTERS_SHOWN: usize = 25;

/// How many routes or targets that can't be used are shown.
const BROKEN_SHOWN: usize = 30;

/// How many letters of a sentence are shown.
const TEXT_LETTERS_MAX: usize = 300;

/// What can be done: its name in forms, what it is in the API, and what is said once it is done.
const ACTIONS: [(&str, PropagationAction, &str); 6] = [
    (
        "pause",
        PropagationAction::Pause,
        "The target is held. Nothing is lost; it gets everything once it is released.",
    ),
    ("resume", PropagationAction::Resume, "The target is released."),
    ("retry", PropagationAction::Retry, "The waiting deliveries are tried now."),
    ("reset-breaker", PropagationAction::ResetBreaker, "The circuit breaker was closed."),
    ("replay", PropagationAction::Replay, "The dead letters were delivered."),
    ("purge", PropagationAction::Purge, "The dead letters were removed."),
];

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Dead letters after this number.
    #[serde(default)]
    after: Option<u64>,
    /// What a form did.
    #[serde(default)]
    done: String,
}

/// What somebody wants done.
#[derive(Deserialize)]
pub struct Control {
    #[serde(default)]
    token: String,
    action: String,
    /// The target; empty for what is done to dead letters.
    #[serde(default)]
    target: String,
    /// The numbers of dead letters, separated by commas.
    #[serde(default)]
    letters: String,
    /// Whether somebody has confirmed that dead letters are to be removed.
    #[serde(default)]
    confirmed: String,
}

/// What the page shows, as the API says it.
struct State {
    links: LinkList,
    targets: Vec<TargetReport>,
    events: Vec<PropagationEvent>,
    counts: PropagationMetrics,
    letters: DeadLetterPage,
}

/// The map of sources, routes and targets, and how each stands.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = match state(&visitor.client, &wanted).await {
        Ok(state) => Ok(body(&visitor, &wanted, &state).await),
        Err(error) => Err(error.into()),
    };
    BOARD.show(visitor, body)
}

/// Holds or releases a target, or does something with dead letters.
pub async fn act(visitor: Visitor, Form(form): Form<Control>) -> Response {
    if let Err(fault) = visitor.check_token(&form.token) {
        return fault.page(&Guest(Some(visitor)));
    }
    if form.action == "purge" && form.confirmed.is_empty() {
        let question = confirmation(&visitor, &form);
        return BOARD.show(visitor, Ok(question));
    }
    match acted(&visitor.client, &form).await {
        Ok(result) if !result.failed.is_empty() => BOARD.show(visitor, Ok(failed(&result))),
        Ok(_) => BOARD.after(visitor, Ok(&form.action)),
        Err(fault) => fault.page(&Guest(Some(visitor))),
    }
}

async fn acted(client: &Client, form: &Control) -> Result<PropagationResult, PageFault> {
    let Some((_, action, _)) = ACTIONS.iter().find(|(name, _, _)| *name == form.action) else {
        return Err(PageFault::Unclear(format!("{:?} can't be done here", form.action)));
    };
    let request = PropagationRequest {
        action: *action,
        target: Some(form.target.clone()).filter(|target| !target.is_empty()),
        letters: numbers(&form.letters)?,
    };
    Ok(client.act_on_propagation(&request).await?.read()?)
}

fn numbers(text: &str) -> Result<Vec<u64>, PageFault> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let read = |part: &str| {
        part.parse()
            .map_err(|_| PageFault::Unclear(format!("{part:?} isn't the number of a dead letter")))
    };
    parts.map(read).collect()
}

async fn state(client: &Client, wanted: &Wanted) -> Result<State, ClientError> {
    let query = Query::new().with("limit", LETTERS_SHOWN).with_some("after", wanted.after);
    Ok(State {
        links: client.propagation_links(&Query::new()).await?.read()?,
        targets: client.propagation_targets().await?.read()?.targets,
        events: client.propagation_events(&Query::new()).await?.read()?.events,
        counts: client.propagation_metrics().await?.read()?,
        letters: client.dead_letters(&query).await?.read()?,
    })
}

async fn body(visitor: &Visitor, wanted: &Wanted, state: &State) -> Markup {
    let may_act = may(visitor, Permission::ManageRoutes);
    let said = ACTIONS.iter().find(|(name, _, _)| *name == wanted.done);
    html! {
        @if let Some((_, _, said)) = said { (done(said)) }
        @if state.links.sessions.is_empty() && state.targets.is_empty() && state.links.broken.is_empty() {
            p { "Nothing is sent anywhere. Documents in " code { "/targets" } " and " code { "/routes" } " say what is sent where; see \"Propagate changes\" in Muster's documentation." }
        } @else {
            (figures(&state.counts))
            (broken(&state.links.broken))
            h2 { "Map" }
            (map::draw(&visitor.client, &state.links.sessions, &state.targets).await)
            @if !may_act { p.dim { "Your role sees what is sent, but doesn't hold, release or replay it." } }
            (tables::links(&state.links.sessions))
            (tables::targets(visitor, &state.targets, may_act))
        }
        (tables::letters(visitor, &state.letters, may_act))
        (tables::events(&state.events))
    }
}

fn figures(counts: &PropagationMetrics) -> Markup {
    let figure = |name: &str, value: u64| html! { div { dt { (name) } dd { (number(value)) } } };
    html! {
        dl.figures {
            (figure("delivered since the start", counts.delivered))
            (figure("waiting or running", counts.waiting))
            (figure("tries that failed", counts.failed))
            (figure("tries again", counts.retried))
            (figure("given up", counts.dead))
        }
    }
}

fn broken(broken: &[UnusableReport]) -> Markup {
    html! {
        @if !broken.is_empty() {
            div.notice.bad {
                h2 { "Can't be used" }
                ul.plainlist { @for one in broken.iter().take(BROKEN_SHOWN) {
                    li { (link(&one.xid)) ": " (shortened(&one.reason, TEXT_LETTERS_MAX)) }
                } }
                @if broken.len() > BROKEN_SHOWN { p { "and " (number((broken.len() - BROKEN_SHOWN) as u64)) " more" } }
            }
        }
    }
}

/// Removing dead letters can't be undone, so it is asked.
fn confirmation(visitor: &Visitor, form: &Control) -> Markup {
    html! {
        h2 { "Remove these dead letters?" }
        p { "Numbers: " (shortened(&form.letters, TEXT_LETTERS_MAX)) }
        p { "Their targets won't get these changes any more, unless the documents change again." }
        form method="post" action=(BOARD.address("")) {
            (token(visitor))
            input type="hidden" name="letters" value=(form.letters);
            input type="hidden" name="confirmed" value="yes";
            button.danger type="submit" name="action" value="purge" { "Remove" }
            " " a href=(BOARD.address("")) { "Keep them" }
        }
    }
}

/// Dead letters that failed again.
fn failed(result: &PropagationResult) -> Markup {
    html! {
        div.notice.warn role="status" {
            p { strong { (number(result.done)) " delivered, " (number(result.failed.len() as u64)) " failed again" } }
            ul.plainlist { @for letter in result.failed.iter().take(LETTERS_SHOWN) {
                li { "Dead letter " (letter.letter) ": " (shortened(&letter.reason, TEXT_LETTERS_MAX)) }
            } }
        }
        p { a href=(BOARD.address("")) { "Back to the map" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_numbers_of_dead_letters() {
        for (text, expect) in [
            ("", Some(vec![])),
            ("4", Some(vec![4])),
            ("4, 5,6,", Some(vec![4, 5, 6])),
            ("4,x", None),
            ("-1", None),
        ] {
            assert_eq!(numbers(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn says_which_letters_failed_again() {
        let failed_again =
            muster_wire::propagation::FailedLetter { letter: 4, reason: "503 & more".to_owned() };
        let result = PropagationResult { done: 2, failed: vec![failed_again] };
        let text = failed(&result).into_string();
        for part in ["2 delivered, 1 failed again", "Dead letter 4: 503 &amp; more"] {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
    }
}
