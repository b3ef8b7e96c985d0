mod gathering;

use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Client, Query};
use muster_words::Xid;
use serde::Deserialize;

use self::gathering::{Graph, NODES_MAX, around, groups};
use crate::{
    AddressQuery, PageFault, Section, Visitor,
    board::Board,
    drawing::{Edge, Node, layout, svg},
    place::{link, link_as},
    plain_text::shortened,
    times::number,
};

const BOARD: Board = Board { section: Section::Graph, title: "Dependencies", path: "/graph" };

/// How far a drawing goes from its middle, if nobody says.
const DEPTH_USUAL: u32 = 2;

/// How far a drawing may go from its middle.
const DEPTH_MAX: u32 = 5;

/// The sizes of a drawing, in percent.
const SIZES: [i32; 4] = [50, 75, 100, 150];

/// How many documents are offered that have the given words.
const FOUND_SHOWN: usize = 20;

/// How many neighbours are listed beneath a drawing.
const NEIGHBOURS_SHOWN: usize = 20;

/// How many letters of a neighbour's name are shown.
const NEIGHBOUR_LETTERS_MAX: usize = 80;

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// The xid in the middle, or words of documents; empty for all groups.
    #[serde(default)]
    around: String,
    /// How many steps are drawn from there.
    #[serde(default)]
    depth: Option<u32>,
    /// The size, in percent.
    #[serde(default)]
    size: Option<i32>,
}

impl Wanted {
    fn depth(&self) -> u32 {
        self.depth.unwrap_or(DEPTH_USUAL).clamp(1, DEPTH_MAX)
    }

    fn size(&self) -> i32 {
        self.size.filter(|size| SIZES.contains(size)).unwrap_or(100)
    }

    /// The address of this page with another depth and size.
    fn address(&self, depth: u32, size: i32) -> String {
        let around = Some(self.around.trim()).filter(|around| !around.is_empty());
        let query = Query::new()
            .with_some("around", around)
            .with_some("depth", Some(depth).filter(|depth| *depth != DEPTH_USUAL))
            .with_some("size", Some(size).filter(|size| *size != 100));
        BOARD.address(&query.to_string())
    }
}

/// What depends on what, around an entity or among all groups.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = body(&visitor.client, &wanted).await;
    BOARD.show(visitor, body.map(|body| html! { (form(&wanted)) (body) }))
}

async fn body(client: &Client, wanted: &Wanted) -> Result<Markup, PageFault> {
    let text = wanted.around.trim();
    if text.is_empty() {
        let graph = groups(client).await?;
        let lead = html! { p { "The groups of this registry: each line goes from a group to one that something in it refers to, on the right. Choose one, or search for a document." } };
        return Ok(html! { (lead) (drawn(&graph, wanted)) });
    }
    let Some(middle) = middle(text) else { return found(client, text).await };
    match around(client, &middle, wanted.depth()).await {
        Ok(graph) => Ok(html! {
            p { "On the left what refers to " (link(&middle.to_string())) ", on the right what it refers to, up to " (wanted.depth()) " steps away." }
            (drawn(&graph, wanted))
            (neighbours(&graph))
        }),
        Err(error) if error.is_absent() => {
            let notice = PageFault::Api(error).notice();
            Ok(html! { (notice) (found(client, text).await?) })
        }
        Err(error) => Err(error.into()),
    }
}

/// The entity that somebody means; none if the text isn't an xid.
fn middle(text: &str) -> Option<Xid> {
    let path = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
    if !path[1..].contains('/') {
        return None;
    }
    path.parse().ok().filter(|xid| *xid != Xid::Registry)
}

/// Documents that have the given words.
async fn found(client: &Client, text: &str) -> Result<Markup, PageFault> {
    let query = Query::new().with("q", text).with("limit", FOUND_SHOWN).with("show", "");
    let found = match client.search_page(&query).await {
        Ok(found) => found,
        Err(error) => return Ok(PageFault::from(error).notice()),
    };
    Ok(html! {
        h2 { "Documents with these words" }
        @if found.documents.is_empty() { p { "There are none." } }
        ul.plainlist {
            @for document in found.documents.iter().take(FOUND_SHOWN) {
                li { a href=(centred(&document.xid)) { (document.xid) } @if let Some(name) = &document.name { " " span.dim { (name) } } }
            }
        }
    })
}

/// The address of the drawing around an xid.
fn centred(xid: &str) -> String {
    BOARD.address(&Query::new().with("around", xid).to_string())
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filters {
            div {
                label for="around" { "Document, group, or words" }
                input #around name="around" value=(wanted.around) size="36" placeholder="providers/cms/entries/sanity" autocomplete="off";
            }
            div {
                label for="depth" { "Steps" }
                select #depth name="depth" {
                    @for depth in 1..=DEPTH_MAX { option value=(depth) selected[depth == wanted.depth()] { (depth) } }
                }
            }
            div { button type="submit" { "Show" } }
        }
    }
}

fn drawn(graph: &Graph, wanted: &Wanted) -> Markup {
    if graph.nodes.is_empty() {
        return html! { p { "There is nothing here yet." } };
    }
    let nodes: Vec<Node> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| Node {
            label: name_of(&node.xid),
            detail: if node.exists { String::new() } else { "doesn't exist".to_owned() },
            // Relative, which takes few bytes.
            address: address_in_drawing(&node.xid),
            column: node.column,
            is_marked: graph.has_middle && index == 0,
        })
        .collect();
    let edges: Vec<Edge> = graph.edges.iter().copied().collect();
    let layout = layout(&nodes, &edges);
    html! {
        p.actions {
            span { "Size:" }
            @for size in SIZES {
                @let is_current = (size == wanted.size()).then_some("true");
                a href=(wanted.address(wanted.depth(), size)) aria-current=[is_current] { (size) " %" }
            }
        }
        (svg(&nodes, &edges, &layout, ("Dependencies", wanted.size())))
        p.dim {
            (counted(graph.nodes.len(), "name")) " and " (counted(graph.edges.len(), "reference")) "."
            @if graph.left_out > 0 {
                " At least " (number(graph.left_out)) " more names were left out: a drawing has at most " (number(NODES_MAX as u64)) " of them, and fewer if they are long. Fewer steps, or another name in the middle, show the rest."
            }
            @if graph.edges_left_out > 0 { " " (number(graph.edges_left_out)) " more lines were left out." }
            " A dashed line goes back to the left, or stays in its column."
        }
    }
}

/// A count with its noun.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count as u64))
}

/// Where a box leads: to the drawing around it, with the same page.
fn address_in_drawing(xid: &str) -> String {
    match xid {
        "/" => muster_http::CONSOLE.to_owned(),
        xid => Query::new().with("around", xid).to_string(),
    }
}

/// The name of an entity in a drawing: its group and its own id.
fn name_of(xid: &str) -> String {
    let steps: Vec<&str> = xid.split('/').filter(|step| !step.is_empty()).collect();
    match steps.as_slice() {
        [] => "the model".to_owned(),
        [plural, group] => format!("{plural}/{group}"),
        [_, group, _, id] => format!("{group}/{id}"),
        steps => steps.join("/"),
    }
}

/// The nearest ones as lists, with their whole names.
fn neighbours(graph: &Graph) -> Markup {
    let beside = |column: i32| -> Vec<&str> {
        let nodes = graph.nodes.iter().filter(|node| node.column == column);
        nodes.map(|node| node.xid.as_str()).collect()
    };
    html! {
        (list("What refers to it", &beside(-1)))
        (list("What it refers to", &beside(1)))
    }
}

fn list(title: &str, xids: &[&str]) -> Markup {
    let more = xids.len().saturating_sub(NEIGHBOURS_SHOWN);
    html! {
        h2 { (title) " " span.dim { (number(xids.len() as u64)) } }
        @if xids.is_empty() { p { "Nothing." } }
        ul.plainlist { @for xid in xids.iter().take(NEIGHBOURS_SHOWN) { li {
            @if *xid == "/" { "the model" } @else { (link_as(xid, &shortened(xid, NEIGHBOUR_LETTERS_MAX))) }
        } } }
        @if more > 0 { p { "and " (number(more as u64)) " more" } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_xids_for_xids_and_anything_else_for_words() {
        for (text, is_xid) in [
            ("/providers/cms/entries/sanity", true),
            ("providers/cms/entries/sanity", true),
            ("providers/cms", true),
            ("sanity", false),
            ("headless cms", false),
            ("/", false),
            ("é", false),
            ("a/b c", false),
        ] {
            assert_eq!(middle(text).is_some(), is_xid, "{text}");
        }
    }

    #[test]
    fn names_entities_shortly() {
        for (xid, expect) in [
            ("/providers/cms/entries/sanity", "cms/sanity"),
            ("/providers/cms", "providers/cms"),
            ("/", "the model"),
            ("/a/b/c/d/versions/1", "a/b/c/d/versions/1"),
        ] {
            assert_eq!(name_of(xid), expect);
        }
    }

    #[test]
    fn keeps_what_is_asked_within_its_limits() {
        let wanted = Wanted { depth: Some(99), size: Some(7), around: " a b ".to_owned() };
        assert_eq!((wanted.depth(), wanted.size()), (DEPTH_MAX, 100));
        assert_eq!(wanted.address(3, 50), "/console/graph?around=a%20b&depth=3&size=50");
        assert_eq!(Wanted::default().address(2, 100), "/console/graph");
    }
}
