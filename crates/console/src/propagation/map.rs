use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use muster_client::Client;
use muster_wire::propagation::{LinkReport, TargetReport};
use serde_json::Value;

use crate::{
    drawing::{Edge, Node, layout, svg},
    place::page_of,
    times::number,
};

/// How many routes are drawn, and read for their sources.
const ROUTES_DRAWN: usize = 40;

/// How many sources of a route are drawn.
const SOURCES_DRAWN: usize = 8;

/// How many targets are drawn that no route leads to.
const IDLE_TARGETS_DRAWN: usize = 20;

/// The drawing: sources on the left, then routes, then targets.
pub async fn draw(client: &Client, links: &[LinkReport], targets: &[TargetReport]) -> Markup {
    let routes: BTreeSet<&str> = links.iter().map(|link| link.route.as_str()).collect();
    let mut sources = BTreeMap::new();
    for route in routes.iter().take(ROUTES_DRAWN) {
        sources.insert(*route, sources_of(client, route).await);
    }
    let (nodes, edges) = map(&sources, links, targets);
    let left_out = routes.len().saturating_sub(ROUTES_DRAWN);
    html! {
        (svg(&nodes, &edges, &layout(&nodes, &edges), ("Sources, routes and targets, from the left to the right", 100)))
        @if left_out > 0 { p.dim { (number(left_out as u64)) " more routes aren't drawn; the table has them." } }
    }
}

/// The places that a route selects.
async fn sources_of(client: &Client, route: &str) -> Vec<String> {
    let Ok(xid) = route.parse() else { return Vec::new() };
    let document = match client.document(&xid).await {
        Ok(found) => serde_json::from_slice(&found.bytes).unwrap_or(Value::Null),
        Err(_) => return vec!["can't be seen".to_owned()],
    };
    selected(&document)
}

/// The places that a route's document selects. Without any, it selects everything.
fn selected(document: &Value) -> Vec<String> {
    let places = document.pointer("/select/collections").and_then(Value::as_array);
    let places: Vec<String> = places
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(SOURCES_DRAWN)
        .map(str::to_owned)
        .collect();
    if places.is_empty() { vec!["everything".to_owned()] } else { places }
}

/// The boxes in three columns, and the lines between them.
fn map(
    sources: &BTreeMap<&str, Vec<String>>,
    links: &[LinkReport],
    targets: &[TargetReport],
) -> (Vec<Node>, Vec<Edge>) {
    let mut boxes = Boxes::default();
    let mut edges = BTreeSet::new();
    for (route, places) in sources {
        let of_route: Vec<&LinkReport> =
            links.iter().filter(|link| link.route == **route).collect();
        let at = boxes.place(1, route, || route_node(route, &of_route));
        for place in places {
            let from = boxes.place(0, place, || source_node(place));
            edges.insert(Edge { from, to: at });
        }
        for link in of_route {
            let to = boxes.place(2, &link.target, || target_node(&link.target, targets));
            edges.insert(Edge { from: at, to });
        }
    }
    let idle =
        targets.iter().filter(|target| !links.iter().any(|link| link.target == target.target));
    for target in idle.take(IDLE_TARGETS_DRAWN) {
        boxes.place(2, &target.target, || target_node(&target.target, targets));
    }
    (boxes.nodes, edges.into_iter().collect())
}

/// Boxes, each once.
#[derive(Default)]
struct Boxes {
    nodes: Vec<Node>,
    places: BTreeMap<(i32, String), usize>,
}

impl Boxes {
    fn place(&mut self, column: i32, name: &str, make: impl FnOnce() -> Node) -> usize {
        let key = (column, name.to_owned());
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        self.nodes.push(Node { column, ..make() });
        self.places.insert(key, self.nodes.len() - 1);
        self.nodes.len() - 1
    }
}

fn source_node(place: &str) -> Node {
    let is_place = place.starts_with('/') && !place.contains('*');
    let address = if is_place { page_of("browse", place) } else { String::new() };
    Node { label: place.to_owned(), detail: "source".to_owned(), address, ..Node::default() }
}

fn route_node(route: &str, links: &[&LinkReport]) -> Node {
    let mode = links.first().map_or("", |link| &link.mode);
    let behind = links.iter().map(|link| link.behind).max().unwrap_or_default();
    let lag =
        if behind == 0 { "up to date".to_owned() } else { format!("{} behind", number(behind)) };
    let detail = format!("{mode}, {lag}");
    Node { label: short(route), detail, address: page_of("browse", route), ..Node::default() }
}

fn target_node(xid: &str, targets: &[TargetReport]) -> Node {
    let target = targets.iter().find(|target| target.target == xid);
    let detail = match target {
        None => "not in force".to_owned(),
        Some(target) => match (&target.held, target.breaker.as_str()) {
            _ if !target.enabled => format!("{}, off", target.kind),
            (Some(_), _) => format!("{}, held", target.kind),
            (None, "closed") => target.kind.clone(),
            (None, breaker) => format!("{}, breaker {breaker}", target.kind),
        },
    };
    Node { label: short(xid), detail, address: page_of("browse", xid), ..Node::default() }
}

/// The group and the id of a document.
fn short(xid: &str) -> String {
    let steps: Vec<&str> = xid.split('/').filter(|step| !step.is_empty()).collect();
    match steps.as_slice() {
        [_, group, _, id] => format!("{group}/{id}"),
        _ => xid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::{
        Sample as _,
        propagation::{LinkList, TargetList},
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn draws_each_box_once() {
        let links = LinkList::sample().sessions;
        let second =
            LinkReport { route: "/routes/ops/entries/other".to_owned(), ..links[0].clone() };
        let links = [links[0].clone(), second];
        let mut targets = TargetList::sample().targets;
        let idle = TargetReport {
            target: "/targets/ops/entries/idle".to_owned(),
            held: Some("it is paused".to_owned()),
            ..targets[0].clone()
        };
        targets.push(idle);
        let off = TargetReport { enabled: false, ..targets[0].clone() };
        assert_eq!(target_node(&off.target, std::slice::from_ref(&off)).detail, "webhook, off");
        let sources: BTreeMap<&str, Vec<String>> = [
            (links[0].route.as_str(), vec!["/entities".to_owned()]),
            (links[1].route.as_str(), vec!["/entities".to_owned()]),
        ]
        .into();
        let (nodes, edges) = map(&sources, &links, &targets);
        let told: Vec<(i32, &str, &str)> =
            nodes.iter().map(|node| (node.column, &*node.label, &*node.detail)).collect();
        assert_eq!(
            told,
            [
                (1, "ops/other", "multicast, 12 behind"),
                (0, "/entities", "source"),
                (2, "ops/hook", "webhook"),
                (1, "ops/services", "multicast, 12 behind"),
                (2, "ops/idle", "webhook, held"),
            ]
        );
        assert_eq!(edges.len(), 4);
    }

    #[test]
    fn reads_what_a_route_selects() {
        for (document, expect) in [
            (json!({"select": {"collections": ["/a", "/b/*"]}}), vec!["/a", "/b/*"]),
            (json!({"select": {}}), vec!["everything"]),
            (json!("nonsense"), vec!["everything"]),
        ] {
            assert_eq!(selected(&document), expect);
        }
    }
}
