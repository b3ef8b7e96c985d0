use axum::{Form, response::Response};
use maud::{Markup, html};
use muster_client::{Client, encoded_step};
use muster_http::CONSOLE;
use muster_wire::providers::{
    DiscoveryReport, LiveBreakerReport, LiveProviderFault, LiveProviderReport,
};
use muster_words::Permission;
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor, assets,
    board::{Board, done},
    form::{may, token},
    place::link,
    plain_text::shortened,
    times::{number, time},
    visitor::Guest,
};

const BOARD: Board =
    Board { section: Section::LiveProviders, title: "AI providers", path: "/providers" };

/// How many providers a page shows; each takes about two kilobytes.
const PROVIDERS_SHOWN: usize = 30;

/// How many models of a provider are named.
const MODELS_SHOWN: usize = 12;

/// How many lines of a discovery are shown.
const LINES_SHOWN: usize = 200;

/// How many letters of a fault are shown.
const LETTERS_MAX: usize = 400;

/// What can be done with a provider: its name in the API, for people, and once it is done.
const ACTIONS: [(&str, &str, &str); 5] = [
    ("probe", "Probe", "was probed"),
    ("reset", "Reset breaker", "counts no failures any more"),
    ("start", "Start", "was started"),
    ("stop", "Stop", "was stopped"),
    ("restart", "Restart", "was restarted"),
];

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Only providers whose names have this.
    #[serde(default)]
    name: String,
    /// How many providers were shown before.
    #[serde(default)]
    skip: usize,
    /// What a form did.
    #[serde(default)]
    done: String,
    /// The provider that it was done to.
    #[serde(default)]
    provider: String,
}

/// What somebody wants done.
#[derive(Deserialize)]
pub struct Control {
    #[serde(default)]
    token: String,
    #[serde(default)]
    provider: String,
    action: String,
}

/// The board of the live AI providers.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = body(&visitor, &wanted).await;
    BOARD.show(visitor, body)
}

/// Does something with a provider, or reads again what declares providers.
pub async fn control(visitor: Visitor, Form(form): Form<Control>) -> Response {
    if let Err(fault) = visitor.check_token(&form.token) {
        return fault.page(&Guest(Some(visitor)));
    }
    if form.action == "discover" {
        let found = discover(&visitor.client).await;
        return BOARD.show(visitor, found);
    }
    if !ACTIONS.iter().any(|(action, _, _)| *action == form.action) {
        let fault = PageFault::Unclear(format!("{:?} can't be done with a provider", form.action));
        return fault.page(&Guest(Some(visitor)));
    }
    let name = encoded_step(&form.provider);
    match visitor.client.control_provider(&name, &form.action).await {
        Ok(_) => BOARD.again(&format!("?done={}&provider={name}", form.action)),
        Err(error) => PageFault::from(error).page(&Guest(Some(visitor))),
    }
}

async fn body(visitor: &Visitor, wanted: &Wanted) -> Result<Markup, PageFault> {
    let mut providers = visitor.client.live_providers().await?.read()?.providers;
    let all = providers.len();
    providers.retain(|provider| provider.name.contains(wanted.name.trim()));
    let shown = providers.iter().skip(wanted.skip).take(PROVIDERS_SHOWN);
    let next = wanted.skip.saturating_add(PROVIDERS_SHOWN);
    let action = ACTIONS.iter().find(|(action, _, _)| *action == wanted.done);
    let may_control = may(visitor, Permission::ControlProviders);
    Ok(html! {
        @if let Some((_, _, what)) = action { (done(&format!("{} {what}.", wanted.provider))) }
        @if all == 0 {
            p { "No AI provider is live. A document in a collection whose type is live declares one, and so does a file or the environment; see \"Call AI providers\" in Muster's documentation." }
        } @else {
            form.filters {
                div { label for="name" { "Name" } input #name name="name" value=(wanted.name) autocomplete="off"; }
                div { button type="submit" { "Show" } }
            }
            @if providers.is_empty() { p { "No provider has this in its name." } }
        }
        @if !may_control { p.dim { "Your role sees providers, but doesn't control them." } }
        div.cards.wide { @for provider in shown { (card(visitor, provider, may_control)) } }
        @if next < providers.len() {
            p { a.button rel="next" href=(format!("?name={}&skip={next}", encoded_step(&wanted.name))) { "More" } }
        }
        @if may_control {
            h2 { "Discover" }
            p { "Reads the file and the environment again that declare AI providers." }
            form method="post" action=(BOARD.address("")) {
                (token(visitor))
                button type="submit" name="action" value="discover" { "Discover" }
            }
        }
        section hidden {
            h2 { "Events since you opened this page" }
            ul.plainlist data-provider-events aria-live="polite" {}
        }
        script src=(assets::BOARDS_SCRIPT.address()) defer {}
    })
}

fn card(visitor: &Visitor, provider: &LiveProviderReport, may_control: bool) -> Markup {
    let health = &provider.health;
    html! {
        section.card {
            h2 { (provider.name) }
            p {
                (status(&provider.status)) " " (condition(&health.health)) " "
                (breaker("breaker", &health.breaker))
            }
            dl.fields {
                dt { "Type" } dd { (provider.r#type) }
                @if let Some(url) = &provider.base_url { dt { "Where" } dd { code { (shortened(url, LETTERS_MAX)) } } }
                dt { "Declared by" } dd { (declared(provider)) }
                dt { "Latency" } dd {
                    @match health.latency_ms { Some(ms) => { (number(ms)) " ms" } None => { span.dim { "not known yet" } } }
                }
                dt { "Calls" } dd {
                    (number(provider.calls)) ", " (number(provider.failures)) " failed, " (number(provider.in_flight)) " running"
                }
                dt { "Probes" } dd { (number(health.good_probes)) " of " (number(health.probes)) " good"
                    @if let Some(at) = &health.last_health_check { ", last " (time(at)) }
                    @if let Some(proves) = &health.proves { "; proves " (proves) }
                }
                @if let Some(error) = provider.error.as_ref().or(health.last_error.as_ref()) {
                    dt { "Last fault" } dd { (fault(error)) }
                }
                dt { "Models" } dd { (models(provider)) }
                @for (model, state) in health.models.iter().take(MODELS_SHOWN) {
                    dt { (model) } dd { (breaker("breaker", state)) }
                }
            }
            @if may_control { (controls(visitor, provider)) }
        }
    }
}

fn controls(visitor: &Visitor, provider: &LiveProviderReport) -> Markup {
    let stopped = provider.status == "disposed";
    html! {
        form.actions method="post" action=(BOARD.address("")) {
            (token(visitor))
            input type="hidden" name="provider" value=(provider.name);
            @for (action, text, _) in ACTIONS {
                @if stopped == (action == "start") || (action == "start" && provider.status == "error") {
                    button type="submit" name="action" value=(action) {
                        (text) span.hidden { " " (provider.name) }
                    }
                }
            }
        }
    }
}

fn declared(provider: &LiveProviderReport) -> Markup {
    html! {
        (provider.declared_by)
        @match provider.origin.as_deref() {
            Some(origin) if provider.declared_by == "document" => { ": " (link(origin)) }
            Some(origin) => { ": " code { (origin) } }
            None => {}
        }
    }
}

fn models(provider: &LiveProviderReport) -> Markup {
    let more = provider.models.len().saturating_sub(MODELS_SHOWN);
    html! {
        @if provider.models.is_empty() { span.dim { "none known" } }
        @for (index, model) in provider.models.iter().take(MODELS_SHOWN).enumerate() {
            @if index > 0 { ", " }
            (model.id)
        }
        @if more > 0 { " and " (number(more as u64)) " more" }
    }
}

fn fault(fault: &LiveProviderFault) -> Markup {
    html! {
        code { (fault.code) } " " (shortened(&fault.message, LETTERS_MAX)) " "
        span.dim { "(severity " (fault.severity) ", " @if fault.retryable { "may pass" } @else { "won't pass by itself" } ")" }
    }
}

fn status(status: &str) -> Markup {
    let class = match status {
        "ready" => "tag good",
        "error" => "tag bad",
        "initializing" => "tag warn",
        _ => "tag",
    };
    html! { span class=(class) { (status) } }
}

fn condition(health: &str) -> Markup {
    let class = match health {
        "healthy" => "tag good",
        "degraded" => "tag warn",
        "unhealthy" => "tag bad",
        _ => "tag",
    };
    html! { span class=(class) { "health " (health) } }
}

fn breaker(name: &str, breaker: &LiveBreakerReport) -> Markup {
    let class = match breaker.state.as_str() {
        "closed" => "tag good",
        "open" => "tag bad",
        _ => "tag warn",
    };
    html! {
        span class=(class) { (name) " " (breaker.state) }
        @if let Some(reason) = &breaker.reason { " " span.dim { "because of " (reason) } }
        @if let Some(ms) = breaker.reopens_in_ms { " " span.dim { "next try in " (number(ms.div_ceil(1_000))) " s" } }
        @if let Some(ms) = breaker.rests_for_ms { " " span.dim { "asked for " (number(ms.div_ceil(1_000))) " s of rest" } }
    }
}

/// Reads again what declares providers, and shows what was found.
async fn discover(client: &Client) -> Result<Markup, PageFault> {
    let report: DiscoveryReport = client.discover_providers(false).await?.read()?;
    let more = report.providers.len().saturating_sub(LINES_SHOWN);
    Ok(html! {
        (done("What declares AI providers was read again."))
        @for warning in report.warnings.iter().take(LINES_SHOWN) { p.notice.warn { (warning) } }
        @if report.providers.is_empty() { p { "Nothing declares a provider." } } @else {
            div.scroll tabindex="0" role="region" aria-label="What was found" {
                table {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Outcome" } th scope="col" { "Declared by" } th scope="col" { "Where" } th scope="col" { "Why" } } }
                    tbody { @for line in report.providers.iter().take(LINES_SHOWN) {
                        tr {
                            td { (line.name) } td { (line.outcome) } td { (line.declared_by) } td { code { (line.origin) } }
                            td { (line.reason.as_deref().unwrap_or("–")) }
                        }
                    } }
                }
            }
            @if more > 0 { p { "and " (number(more as u64)) " more" } }
        }
        p { a href=(format!("{CONSOLE}/providers")) { "Back to the providers" } }
    })
}

#[cfg(test)]
mod tests {
    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn says_what_a_breaker_does_without_colours() {
        let open = LiveBreakerReport {
            state: "open".to_owned(),
            reason: Some("failures".to_owned()),
            failures: 5,
            reopens_in_ms: Some(29_001),
            rests_for_ms: None,
        };
        let text = breaker("breaker", &open).into_string();
        for part in ["breaker open", "because of failures", "next try in 30 s"] {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
    }

    #[test]
    fn names_some_models_and_counts_the_rest() {
        let mut provider = LiveProviderReport::sample();
        let model = provider.models.first().cloned().unwrap_or_default();
        provider.models = vec![model; MODELS_SHOWN + 3];
        assert!(models(&provider).into_string().ends_with("and 3 more"));
    }
}
