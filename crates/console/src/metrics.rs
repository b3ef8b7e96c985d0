mod exposition;

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Call, Client, Method, Query};

use self::exposition::{Bucket, Number, buckets, meanings, percentile, read};
use crate::{
    PageFault, Section, Visitor,
    bars::{Bar, bars},
    board::Board,
    times::number,
};

const BOARD: Board = Board { section: Section::Metrics, title: "Metrics", path: "/metrics" };

/// How many bars a chart has.
const BARS_SHOWN: usize = 15;

/// How many rows the table of all numbers has.
const ROWS_SHOWN: usize = 400;

/// The numbers that stand at the top of the page.
const FIGURES: [(&str, &str); 8] = [
    ("muster_ledger_position", "position"),
    ("muster_documents", "documents"),
    ("muster_groups", "groups"),
    ("muster_connections", "connections"),
    ("muster_watchers", "streams of changes"),
    ("muster_requests_in_flight", "requests running"),
    ("muster_commands_waiting", "commands waiting"),
    ("muster_providers_cut_off", "AI providers cut off"),
];

/// The numbers of the server, as charts and as a table.
pub async fn show(visitor: Visitor) -> Response {
    let body = text(&visitor.client).await.map(|text| body(&text));
    BOARD.show(visitor, body)
}

async fn text(client: &Client) -> Result<String, PageFault> {
    let answer = client.call(Call::new(Method::GET, "/metrics", &Query::new())).await?;
    Ok(String::from_utf8_lossy(&answer.bytes).into_owned())
}

fn body(text: &str) -> Markup {
    let numbers = read(text);
    html! {
        p { "Since the server started, at this moment. " a href="/metrics" { "/metrics" } " has the same for Prometheus, which also remembers; \"Metrics\" in Muster's documentation says what each is." }
        (figures(&numbers))
        h2 { "Requests" }
        (requests(&numbers))
        (latencies(&numbers))
        h2 { "Writes" }
        (writes(&numbers))
        (followers(&numbers))
        h2 { "All numbers" }
        (table(text, &numbers))
    }
}

fn figures(numbers: &[Number]) -> Markup {
    let value = |name: &str| numbers.iter().find(|number| number.name == name);
    html! {
        dl.figures {
            @for (name, text) in FIGURES {
                @if let Some(found) = value(name) { div { dt { (text) } dd { (shown(found.value)) } } }
            }
        }
    }
}

/// How often each route was asked, the most frequent first.
fn requests(numbers: &[Number]) -> Markup {
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    let mut failed = 0.0;
    for number in numbers.iter().filter(|number| number.name == "muster_requests_total") {
        *counts.entry(route(number)).or_default() += number.value;
        if number.label("status").starts_with('5') {
            failed += number.value;
        }
    }
    let rows =
        counts.into_iter().map(|(name, count)| Bar { name, length: count, value: shown(count) });
    let (rows, left_out) = longest(rows.collect());
    html! {
        div.scroll tabindex="0" role="region" aria-label="Requests by route" {
            (bars("Requests by route", "Route", "Requests", &rows))
        }
        p.dim {
            (shown(failed)) " answers were errors of the server (5xx)."
            @if left_out > 0 { " " (number(left_out as u64)) " routes with fewer requests are only in the table of all numbers." }
        }
    }
}

fn route(number: &Number) -> String {
    format!("{} {}", number.label("method"), number.label("route"))
}

/// The 99th percentile of each route, the slowest first.
fn latencies(numbers: &[Number]) -> Markup {
    let mut routes: BTreeMap<String, Vec<&Number>> = BTreeMap::new();
    let is_bucket = |number: &&Number| number.name == "muster_request_duration_seconds_bucket";
    for number in numbers.iter().filter(is_bucket) {
        routes.entry(route(number)).or_default().push(number);
    }
    let rows = routes.into_iter().filter_map(|(name, numbers)| {
        let buckets = buckets(numbers.into_iter());
        let (usual, slow) = (percentile(&buckets, 0.5)?, percentile(&buckets, 0.99)?);
        let value = format!("{} (half: {})", duration(slow), duration(usual));
        Some(Bar { name, length: if slow.is_finite() { slow } else { 0.0 }, value })
    });
    let (rows, _) = longest(rows.collect());
    html! {
        div.scroll tabindex="0" role="region" aria-label="Latency by route" {
            (bars("Time until an answer: 99 % are below, and half", "Route", "Time", &rows))
        }
    }
}

/// How long writes took.
fn writes(numbers: &[Number]) -> Markup {
    let is_bucket = |number: &&Number| number.name == "muster_write_duration_seconds_bucket";
    let buckets = buckets(numbers.iter().filter(is_bucket));
    let Some(slow) = percentile(&buckets, 0.99) else {
        return html! { p { "Nothing was written since the start." } };
    };
    let rows: Vec<Bar> = filled(&buckets)
        .iter()
        .map(|bucket| Bar {
            name: format!("up to {}", duration(bucket.up_to)),
            length: bucket.count,
            value: shown(bucket.count),
        })
        .collect();
    html! {
        p { "99 % of the writes were answered in less than " (duration(slow)) "." }
        div.scroll tabindex="0" role="region" aria-label="Writes by duration" {
            (bars("Writes by duration", "Duration", "Writes", &rows))
        }
    }
}

/// The buckets from the first to the last one that has something.
fn filled(buckets: &[Bucket]) -> &[Bucket] {
    let has_some = |bucket: &Bucket| bucket.count > 0.0;
    match (buckets.iter().position(has_some), buckets.iter().rposition(has_some)) {
        (Some(first), Some(last)) => &buckets[first..=last],
        _ => &[],
    }
}

/// How far followers are behind.
fn followers(numbers: &[Number]) -> Markup {
    let of = |name: &'static str| numbers.iter().filter(move |number| number.name == name);
    let is_running = |follower: &str| {
        let mut states = of("muster_follower_running");
        states.any(|number| number.label("follower") == follower && number.value > 0.0)
    };
    let mut rows: Vec<Bar> = of("muster_follower_behind_entries")
        .map(|number| {
            let follower = number.label("follower");
            let stopped = if is_running(follower) { "" } else { ", doesn't run" };
            let value = format!("{}{stopped}", shown(number.value));
            Bar { name: follower.to_owned(), length: number.value, value }
        })
        .collect();
    rows.extend(of("muster_propagation_behind_entries").map(|number| Bar {
        name: number.label("link").to_owned(),
        length: number.value,
        value: shown(number.value),
    }));
    let (rows, left_out) = longest(rows);
    html! {
        @if !rows.is_empty() {
            h2 { "Followers" }
            div.scroll tabindex="0" role="region" aria-label="Followers" {
                (bars("Entries that followers and routes haven't processed", "Follower", "Behind", &rows))
            }
            @if left_out > 0 { p.dim { (number(left_out as u64)) " more that are less behind are only in the table." } }
        }
    }
}

/// The longest bars, and how many others there are.
fn longest(mut rows: Vec<Bar>) -> (Vec<Bar>, usize) {
    rows.sort_by(|a, b| b.length.total_cmp(&a.length));
    let left_out = rows.len().saturating_sub(BARS_SHOWN);
    rows.truncate(BARS_SHOWN);
    (rows, left_out)
}

fn table(text: &str, numbers: &[Number]) -> Markup {
    let meanings = meanings(text);
    let plain: Vec<&Number> =
        numbers.iter().filter(|number| !number.name.ends_with("_bucket")).collect();
    let more = plain.len().saturating_sub(ROWS_SHOWN);
    html! {
        div.scroll tabindex="0" role="region" aria-label="All numbers" {
            table {
                thead { tr { th scope="col" { "Metric" } th scope="col" { "Of" } th.number scope="col" { "Value" } } }
                tbody { @for number in plain.iter().take(ROWS_SHOWN) {
                    tr {
                        th scope="row" title=[meanings.get(number.name.as_str())] { (number.name) }
                        td { (of(number)) }
                        td.number { (shown(number.value)) }
                    }
                } }
            }
        }
        p.dim { "Without the buckets of histograms." @if more > 0 { " " (crate::times::number(more as u64)) " more numbers are left out." } }
    }
}

fn of(number: &Number) -> String {
    let labels: Vec<String> =
        number.labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
    labels.join(", ")
}

/// A number for people.
fn shown(value: f64) -> String {
    let is_whole = value.fract() == 0.0 && (0.0..9e15).contains(&value);
    match value {
        value if is_whole => number(value as u64),
        value if value.is_finite() => format!("{value:.6}").trim_end_matches('0').to_owned(),
        _ => "without a limit".to_owned(),
    }
}

/// Seconds with the unit that fits.
fn duration(seconds: f64) -> String {
    let short = |value: f64| {
        let digits = if value < 10.0 { 1 } else { 0 };
        let text = format!("{value:.digits$}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match seconds {
        seconds if !seconds.is_finite() => "more than measured".to_owned(),
        seconds if seconds >= 1.0 => format!("{} s", short(seconds)),
        seconds if seconds >= 0.001 => format!("{} ms", short(seconds * 1e3)),
        seconds => format!("{} µs", short(seconds * 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_numbers_and_durations_with_units() {
        for (value, expect) in [(1_204.0, "1,204"), (0.5, "0.5"), (0.0, "0"), (-1.5, "-1.5")] {
            assert_eq!(shown(value), expect);
        }
        for (seconds, expect) in [
            (0.000_025, "25 µs"),
            (0.0016, "1.6 ms"),
            (0.0512, "51 ms"),
            (1.6384, "1.6 s"),
            (2.0, "2 s"),
            (f64::INFINITY, "more than measured"),
        ] {
            assert_eq!(duration(seconds), expect);
        }
    }

    #[test]
    fn draws_what_the_server_says() {
        let text = "# HELP muster_documents Documents.\nmuster_documents 49\n\
            muster_requests_total{method=\"GET\",route=\"/a<b>\",status=\"200\"} 30\n\
            muster_requests_total{method=\"GET\",route=\"/a<b>\",status=\"503\"} 2\n\
            muster_request_duration_seconds_bucket{le=\"0.0016\",method=\"GET\",route=\"/a<b>\"} 32\n\
            muster_write_duration_seconds_bucket{le=\"0.004\"} 1\n\
            muster_follower_running{follower=\"search\"} 0\n\
            muster_follower_behind_entries{follower=\"search\"} 12\n";
        let page = body(text).into_string();
        for part in [
            "GET /a&lt;b&gt;",
            "2 answers were errors",
            "1.6 ms (half: 1.6 ms)",
            "less than 4 ms",
            "12, doesn&#39;t run",
            "Documents.",
        ] {
            assert!(
                page.contains(part) || page.contains(&part.replace("&#39;", "'")),
                "lacks {part}: {page}"
            );
        }
        assert!(body("").into_string().contains("Nothing was written"));
    }
}
