use std::collections::{BTreeMap, BTreeSet, VecDeque};

use muster_client::{Client, ClientError, Query};
use muster_wire::references::ReferencesAnswer;
use muster_words::{Xid, json::Value};

use super::{address_in_drawing, name_of};
use crate::{
    drawing::{Edge, LETTERS_MAX},
    plain_text::shortened,
};

/// How many names a drawing has. More can't be read, and wouldn't fit into a page of 100 kB.
pub const NODES_MAX: usize = 500;

/// How many bytes the addresses and the labels of all boxes have together, for the same reason: 500
/// boxes and lines without them are about 40 kB, and the rest of a page 14 kB. With 500 boxes, xids
/// have 58 letters on average.
const NAME_BYTES_MAX: usize = 48_000;

/// How many lines a drawing has, for the same reason.
const EDGES_MAX: usize = 500;

/// How many entities are asked for their references for one page.
const ASKED_MAX: usize = 250;

/// How many groups are drawn.
const GROUPS_MAX: usize = 150;

/// How many columns the groups have; references in a circle would need ever more.
const COLUMNS_MAX: i32 = 8;

/// Names with the references between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The names.
    pub nodes: Vec<Name>,
    /// The references between them, by their places in the list.
    pub edges: BTreeSet<Edge>,
    /// How many names are known that aren't drawn.
    pub left_out: u64,
    /// How many references between the names aren't drawn.
    pub edges_left_out: u64,
    /// Whether the first name is the one in the middle.
    pub has_middle: bool,
    /// Where each name is in the list.
    places: BTreeMap<String, usize>,
    /// Names that were counted as left out.
    refused: BTreeSet<String>,
    /// How many bytes the addresses and the labels have.
    name_bytes: usize,
}

/// A name in the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The xid.
    pub xid: String,
    /// How far it is from the middle: to the left if it refers to it.
    pub column: i32,
    /// Whether it exists.
    pub exists: bool,
}

impl Graph {
    /// The place of a name, which is added if there is room. Returns also whether it is new.
    fn place(&mut self, xid: &str, column: i32, exists: bool) -> Option<(usize, bool)> {
        if let Some(place) = self.places.get(xid) {
            return Some((*place, false));
        }
        let drawn = address_in_drawing(xid).len() + shortened(&name_of(xid), LETTERS_MAX).len();
        let name_bytes = self.name_bytes + drawn;
        if self.nodes.len() >= NODES_MAX || name_bytes > NAME_BYTES_MAX {
            if self.refused.insert(xid.to_owned()) {
                self.left_out += 1;
            }
            return None;
        }
        self.name_bytes = name_bytes;
        let place = self.nodes.len();
        self.nodes.push(Name { xid: xid.to_owned(), column, exists });
        self.places.insert(xid.to_owned(), place);
        Some((place, true))
    }

    fn connect(&mut self, from: usize, to: usize) {
        let edge = Edge { from, to };
        if from == to || self.edges.contains(&edge) {
            return;
        }
        if self.edges.len() < EDGES_MAX {
            self.edges.insert(edge);
        } else {
            self.edges_left_out += 1;
        }
    }

    /// Adds what refers to a name (its column is 0 or below) and what it refers to (0 or above).
    /// Returns what is new.
    fn extend(&mut self, at: usize, answer: &ReferencesAnswer) -> Vec<usize> {
        let column = self.nodes[at].column;
        let mut new = Vec::new();
        if column >= 0 {
            for other in &answer.refers_to {
                let found = self.place(&other.xid, column + 1, other.exists);
                if let Some((place, is_new)) = found {
                    self.connect(at, place);
                    new.extend(is_new.then_some(place));
                }
            }
        }
        if column <= 0 {
            for other in &answer.referred_by {
                if let Some((place, is_new)) = self.place(other, column - 1, true) {
                    self.connect(place, at);
                    new.extend(is_new.then_some(place));
                }
            }
        }
        self.left_out += answer.left_out.unwrap_or_default();
        new
    }
}

/// The names up to some steps away from one, in both directions.
pub async fn around(client: &Client, middle: &Xid, depth: u32) -> Result<Graph, ClientError> {
    let mut graph = Graph { has_middle: true, ..Graph::default() };
    graph.place(&middle.to_string(), 0, true);
    let mut waiting = VecDeque::from([0]);
    let mut asked = 0;
    while let Some(at) = waiting.pop_front() {
        let name = &graph.nodes[at];
        let is_end = name.column.unsigned_abs() >= depth || !name.exists || asked >= ASKED_MAX;
        // The model, which is referred to by nothing, has no page of its own.
        let Ok(xid) = name.xid.parse::<Xid>() else { continue };
        if is_end || xid == Xid::Registry {
            continue;
        }
        asked += 1;
        let answer = match client.references(&xid).await {
            Ok(answer) => answer.read()?,
            // It was deleted meanwhile, or is elsewhere than this person may look.
            Err(ClientError::Refused(_)) if at != 0 => continue,
            Err(error) => return Err(error),
        };
        waiting.extend(graph.extend(at, &answer));
    }
    Ok(graph)
}

/// All groups, with the references from what is in one to what is in another.
pub async fn groups(client: &Client) -> Result<Graph, ClientError> {
    let mut graph = Graph::default();
    for xid in group_names(client, &mut graph.left_out).await? {
        graph.place(&xid, 0, true);
    }
    for at in 0..graph.nodes.len() {
        let Ok(xid) = graph.nodes[at].xid.parse::<Xid>() else { continue };
        let answer = match client.references(&xid).await {
            Ok(answer) => answer.read()?,
            Err(ClientError::Refused(_)) => continue,
            Err(error) => return Err(error),
        };
        let to = answer.refers_to.iter().filter_map(|other| group_of(&other.xid));
        let to: BTreeSet<&str> = to.collect();
        let from: BTreeSet<&str> =
            answer.referred_by.iter().filter_map(|other| group_of(other)).collect();
        for other in
            to.iter().filter_map(|group| graph.places.get(*group).copied()).collect::<Vec<_>>()
        {
            graph.connect(at, other);
        }
        for other in
            from.iter().filter_map(|group| graph.places.get(*group).copied()).collect::<Vec<_>>()
        {
            graph.connect(other, at);
        }
    }
    set_columns(&mut graph);
    Ok(graph)
}

async fn group_names(client: &Client, left_out: &mut u64) -> Result<Vec<String>, ClientError> {
    let registry = client.details(&Xid::Registry, &Query::new()).await?.json()?;
    let model = client.model().await?.json()?;
    let types = model.get("groups").and_then(Value::as_object);
    let mut names = Vec::new();
    for plural in types.into_iter().flat_map(|types| types.keys()) {
        let count = registry.get(format!("{plural}count")).and_then(Value::as_u64).unwrap_or(0);
        let room = GROUPS_MAX.saturating_sub(names.len());
        if count == 0 {
            continue;
        }
        let mut shown = 0;
        if room > 0 {
            let query = Query::new().with("limit", room);
            let page = client.up_to(&format!("/{plural}"), &query, room).await?;
            shown = page.entries.len() as u64;
            names.extend(page.entries.into_iter().map(|(id, _)| format!("/{plural}/{id}")));
        }
        *left_out += count.saturating_sub(shown);
    }
    Ok(names)
}

/// The group that an entity is in: `/providers/cms` of `/providers/cms/entries/sanity`.
fn group_of(xid: &str) -> Option<&str> {
    let mut slashes = xid.match_indices('/').map(|(at, _)| at);
    match (slashes.nth(1), slashes.next()) {
        (None, _) => None,
        (Some(_), None) => Some(xid),
        (Some(_), Some(end)) => Some(&xid[..end]),
    }
}

/// Puts each group to the right of those that refer to it.
fn set_columns(graph: &mut Graph) {
    for _ in 0..COLUMNS_MAX {
        let mut is_done = true;
        for edge in &graph.edges {
            let wanted = (graph.nodes[edge.from].column + 1).min(COLUMNS_MAX);
            if graph.nodes[edge.to].column < wanted {
                graph.nodes[edge.to].column = wanted;
                is_done = false;
            }
        }
        if is_done {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_wire::references::ReferredEntity;

    use super::*;

    fn answer(to: &[&str], by: &[&str]) -> ReferencesAnswer {
        let refers_to =
            to.iter().map(|xid| ReferredEntity { xid: (*xid).to_owned(), exists: true });
        let referred_by = by.iter().map(|xid| (*xid).to_owned()).collect();
        ReferencesAnswer { refers_to: refers_to.collect(), referred_by, ..Default::default() }
    }

    #[test]
    fn goes_on_in_the_direction_that_it_came_from() {
        let mut graph = Graph::default();
        graph.place("/a/b/c/middle", 0, true);
        assert_eq!(graph.extend(0, &answer(&["/a/b/c/right"], &["/a/b/c/left"])), [1, 2]);
        // What else refers to the right one isn't about the middle.
        assert_eq!(graph.extend(1, &answer(&["/a/b/c/far"], &["/a/b/c/other"])), [3]);
        assert_eq!(graph.extend(2, &answer(&["/a/b/c/other"], &[])), [] as [usize; 0]);
        let columns: Vec<i32> = graph.nodes.iter().map(|node| node.column).collect();
        assert_eq!(columns, [0, 1, -1, 2]);
        let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(edges, [(0, 1), (1, 3), (2, 0)]);
    }

    #[test]
    fn counts_what_has_no_room_once() {
        let mut graph = Graph::default();
        for n in 0..NODES_MAX {
            graph.place(&format!("/{n}"), 0, true);
        }
        assert_eq!(graph.place("/more", 1, true), None);
        assert_eq!(graph.place("/more", 1, true), None);
        assert_eq!(graph.place("/0", 1, true), Some((0, false)));
        assert_eq!((graph.nodes.len(), graph.left_out), (NODES_MAX, 1));
    }

    #[test]
    fn has_room_for_500_long_names_and_for_fewer_that_are_longer() {
        for (letters, expect) in [(20, NODES_MAX), (35, NODES_MAX), (110, 280)] {
            let mut graph = Graph::default();
            for n in 0..NODES_MAX {
                let name = format!("{n:03}{}", "x".repeat(letters - 3));
                graph.place(&format!("/providers/cms/entries/{name}"), 1, true);
            }
            assert_eq!(graph.nodes.len(), expect, "{letters}");
            assert_eq!(graph.left_out, (NODES_MAX - expect) as u64, "{letters}");
        }
    }

    #[test]
    fn finds_the_group_of_an_entity() {
        for (xid, expect) in [
            ("/providers/cms/entries/sanity", Some("/providers/cms")),
            ("/providers/cms", Some("/providers/cms")),
            ("/", None),
            ("/providers", None),
        ] {
            assert_eq!(group_of(xid), expect, "{xid}");
        }
    }

    #[test]
    fn puts_groups_into_columns_also_if_they_refer_to_each_other() {
        let mut graph = Graph::default();
        for xid in ["/a/1", "/a/2", "/a/3"] {
            graph.place(xid, 0, true).unwrap();
        }
        graph.connect(0, 1);
        graph.connect(1, 2);
        set_columns(&mut graph);
        assert_eq!(graph.nodes.iter().map(|node| node.column).collect::<Vec<_>>(), [0, 1, 2]);
        graph.connect(2, 0);
        set_columns(&mut graph);
        assert!(graph.nodes.iter().all(|node| node.column <= COLUMNS_MAX));
    }
}
