use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use maud::{Markup, PreEscaped, html};

use crate::plain_text::shortened;

/// A box of a drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its first line.
    pub label: String,
    /// Its second line; empty for none.
    pub detail: String,
    /// Where it leads; empty for nowhere.
    pub address: String,
    /// Its column. Columns are drawn from the left to the right.
    pub column: i32,
    /// Whether it is the one that the drawing is about.
    pub is_marked: bool,
}

/// A line from one box to another, by their places in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}

/// Where the boxes are, in pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The left upper corner of each box.
    pub corners: Vec<(i32, i32)>,
    /// The width of the drawing.
    pub width: i32,
    /// The height of the drawing.
    pub height: i32,
    /// The height of a box.
    box_height: i32,
}

/// The width of a box: about 27 letters.
const BOX_WIDTH: i32 = 208;

/// The heights of boxes with one line and with two.
const BOX_HEIGHTS: (i32, i32) = (24, 42);

/// The space between the boxes of a column.
const ROW_GAP: i32 = 8;

/// The space between columns, in which the lines are drawn.
const COLUMN_GAP: i32 = 90;

/// The space between the parts of a column that is too long for one.
const PART_GAP: i32 = 16;

/// The space around everything.
const MARGIN: i32 = 12;

/// How many boxes are above each other; a longer column continues beside itself. So 500 boxes are
/// still about as wide as they are high.
const ROWS_MAX: usize = 32;

/// How often columns are sorted by their neighbours. More sweeps hardly change anything.
const SWEEPS: usize = 4;

/// How many letters of a line fit into a box.
pub const LETTERS_MAX: usize = 27;

/// How many boxes may have their whole name as a title that the server writes. In a drawing with
/// more, the page's script takes it from the address of the box, so that the page isn't too long.
const TITLED_MAX: usize = 200;

/// Places boxes in their columns, so that few lines cross: each box comes near the mean of those
/// that it is connected with (the barycentre heuristic of Sugiyama's layered drawings).
pub fn layout(nodes: &[Node], edges: &[Edge]) -> Layout {
    let mut columns: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        columns.entry(node.column).or_default().push(index);
    }
    for column in columns.values_mut() {
        column.sort_by(|a, b| nodes[*a].label.cmp(&nodes[*b].label));
    }
    let mut neighbours = vec![Vec::new(); nodes.len()];
    for edge in edges {
        neighbours[edge.from].push(edge.to);
        neighbours[edge.to].push(edge.from);
    }
    let mut heights = vec![0.0; nodes.len()];
    columns.values().for_each(|column| rank(column, &mut heights));
    for sweep in 0..SWEEPS {
        let mut order: Vec<i32> = columns.keys().copied().collect();
        if sweep % 2 == 1 {
            order.reverse();
        }
        for column in order {
            let Some(column) = columns.get_mut(&column) else { continue };
            sort(column, &neighbours, &heights);
            rank(column, &mut heights);
        }
    }
    placed(nodes, &columns)
}

/// How far down each box of a column is: from 0 to 1, so that columns of different lengths can be
/// compared.
fn rank(column: &[usize], heights: &mut [f64]) {
    for (row, index) in column.iter().enumerate() {
        heights[*index] = (row as f64 + 0.5) / column.len() as f64;
    }
}

fn sort(column: &mut [usize], neighbours: &[Vec<usize>], heights: &[f64]) {
    column.sort_by_cached_key(|index| {
        let near = &neighbours[*index];
        let mean = match near.len() {
            0 => heights[*index],
            count => near.iter().map(|other| heights[*other]).sum::<f64>() / count as f64,
        };
        // Finer than any two rows; floats have no order.
        (mean * 1_000_000.0) as i64
    });
}

fn placed(nodes: &[Node], columns: &BTreeMap<i32, Vec<usize>>) -> Layout {
    let has_details = nodes.iter().any(|node| !node.detail.is_empty());
    let box_height = if has_details { BOX_HEIGHTS.1 } else { BOX_HEIGHTS.0 };
    let pitch = box_height + ROW_GAP;
    let rows = columns.values().map(|column| column.len().min(ROWS_MAX)).max().unwrap_or(0);
    let height = rows as i32 * pitch - ROW_GAP;
    let mut layout = Layout { corners: vec![(0, 0); nodes.len()], box_height, ..Layout::default() };
    let mut x = MARGIN;
    for column in columns.values() {
        let parts = column.len().div_ceil(ROWS_MAX).max(1);
        let rows = column.len().div_ceil(parts).max(1);
        // A short column is in the middle of the longest one.
        let top = MARGIN + (height - (rows as i32 * pitch - ROW_GAP)) / 2;
        for part in column.chunks(rows) {
            for (row, index) in part.iter().enumerate() {
                layout.corners[*index] = (x, top + row as i32 * pitch);
            }
            x += BOX_WIDTH + PART_GAP;
        }
        x += COLUMN_GAP - PART_GAP;
    }
    layout.width = (x - COLUMN_GAP + MARGIN).max(2 * MARGIN);
    layout.height = height.max(0) + 2 * MARGIN;
    layout
}

/// The drawing, in percent of its natural size.
pub fn svg(
    nodes: &[Node],
    edges: &[Edge],
    layout: &Layout,
    (title, percent): (&str, i32),
) -> Markup {
    let (width, height) = (layout.width, layout.height);
    let (forward, backward) = lines(edges, layout);
    let class = (layout.box_height == BOX_HEIGHTS.1).then_some("two-lines");
    let boxes = boxes(nodes, layout);
    html! {
        div.scroll.drawing tabindex="0" role="region" aria-label=(title) {
            svg class=[class] width=(width * percent / 100) height=(height * percent / 100) viewBox=(format!("0 0 {width} {height}")) role="group" aria-label=(title) {
                path.edge d=(forward) {}
                @if !backward.is_empty() { path.edge stroke-dasharray="4 3" d=(backward) {} }
                (boxes)
            }
        }
    }
}

/// All boxes, from the left to the right. There may be hundreds, so each has few bytes: those above
/// each other share their place, the style has their size and where their text is, and numbers need
/// no quotes.
fn boxes(nodes: &[Node], layout: &Layout) -> Markup {
    let is_titled = nodes.len() <= TITLED_MAX;
    let mut parts: BTreeMap<i32, Vec<(i32, &Node)>> = BTreeMap::new();
    for (node, (x, y)) in nodes.iter().zip(&layout.corners) {
        parts.entry(*x).or_default().push((*y, node));
    }
    let mut out = String::new();
    for (x, mut part) in parts {
        part.sort_by_key(|(y, _)| *y);
        out += &format!("<g transform=translate({x})>");
        for (y, node) in part {
            // Writing to a text can't fail.
            let _ = write_box(&mut out, node, y, is_titled);
        }
        out += "</g>";
    }
    PreEscaped(out)
}

fn write_box(out: &mut String, node: &Node, y: i32, is_titled: bool) -> fmt::Result {
    let label = shortened(&node.label, LETTERS_MAX);
    let is_cut = label.len() != node.label.len();
    let class = if node.is_marked { " class=this" } else { "" };
    let tag = if node.address.is_empty() { "g" } else { "a" };
    write!(out, "<{tag}{class}")?;
    if !node.address.is_empty() {
        write!(out, " href=\"{}\"", escaped(&node.address))?;
    }
    write!(out, "><rect y={y} /><text y={y}>{}</text>", escaped(&label))?;
    if !node.detail.is_empty() {
        let detail = shortened(&node.detail, LETTERS_MAX);
        write!(out, "<text class=faint y={y}>{}</text>", escaped(&detail))?;
    }
    if is_cut && is_titled {
        write!(out, "<title>{}</title>", escaped(&node.label))?;
    }
    write!(out, "</{tag}>")
}

/// A text as HTML, also within quotes.
fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

/// The lines to the right, and those within a column or to the left, each as one path.
fn lines(edges: &[Edge], layout: &Layout) -> (String, String) {
    let (mut forward, mut backward) = (String::new(), String::new());
    for edge in edges {
        let (from, to) = (layout.corners[edge.from], layout.corners[edge.to]);
        let (y1, y2) = (from.1 + layout.box_height / 2, to.1 + layout.box_height / 2);
        let x1 = from.0 + BOX_WIDTH;
        if to.0 >= x1 {
            let (across, down) = (to.0 - x1, y2 - y1);
            let half = across / 2;
            forward += &format!("M{x1} {y1}c{half} 0 {half} {down} {across} {down}");
        } else {
            let (x2, bow) = (to.0 + BOX_WIDTH, x1.max(to.0 + BOX_WIDTH) + COLUMN_GAP / 2);
            backward += &format!("M{x1} {y1}C{bow} {y1} {bow} {y2} {x2} {y2}");
        }
    }
    // A minus divides numbers as well as a space does.
    (forward.replace(" -", "-"), backward.replace(" -", "-"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn node(label: &str, column: i32) -> Node {
        Node { label: label.to_owned(), column, address: "?".to_owned(), ..Node::default() }
    }

    #[test]
    fn puts_boxes_into_columns_from_the_left_to_the_right() {
        let nodes = [node("middle", 0), node("right", 1), node("left", -1)];
        let edges = [Edge { from: 2, to: 0 }, Edge { from: 0, to: 1 }];
        let layout = layout(&nodes, &edges);
        let (middle, right, left) = (layout.corners[0], layout.corners[1], layout.corners[2]);
        assert!(left.0 < middle.0 && middle.0 < right.0);
        assert_eq!((left.1, right.1), (middle.1, middle.1));
        let step = BOX_WIDTH + COLUMN_GAP;
        assert_eq!(layout.width, 2 * MARGIN + 2 * step + BOX_WIDTH);
    }

    #[test]
    fn puts_boxes_beside_their_neighbours() {
        // By their names, each line would cross all others.
        let mut nodes: Vec<Node> = (0..5).map(|n| node(&format!("a{n}"), 0)).collect();
        nodes.extend((0..5).map(|n| node(&format!("b{}", 4 - n), 1)));
        let edges: Vec<Edge> = (0..5).map(|n| Edge { from: n, to: n + 5 }).collect();
        let layout = layout(&nodes, &edges);
        for n in 0..5 {
            assert_eq!(layout.corners[n].1, layout.corners[n + 5].1, "{n}");
        }
    }

    #[test]
    fn no_two_boxes_overlap() {
        let nodes: Vec<Node> = (0..300).map(|n| node(&format!("{n}"), n % 3)).collect();
        let layout = layout(&nodes, &[]);
        for (index, a) in layout.corners.iter().enumerate() {
            assert!(a.0 >= 0 && a.1 >= 0 && a.0 + BOX_WIDTH <= layout.width);
            assert!(a.1 + layout.box_height <= layout.height);
            for b in &layout.corners[index + 1..] {
                let is_beside = (a.0 - b.0).abs() >= BOX_WIDTH;
                let is_below = (a.1 - b.1).abs() >= layout.box_height;
                assert!(is_beside || is_below, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn draws_nothing_and_circles() {
        let empty = layout(&[], &[]);
        assert_eq!((empty.width, empty.height), (2 * MARGIN, 2 * MARGIN));
        let nodes = [node("a", 0), node("b", 1)];
        let edges = [Edge { from: 0, to: 1 }, Edge { from: 1, to: 0 }, Edge { from: 0, to: 0 }];
        let drawn = svg(&nodes, &edges, &layout(&nodes, &edges), ("two", 100)).into_string();
        assert!(drawn.contains("stroke-dasharray"), "{drawn}");
    }

    #[test]
    fn shows_names_as_text() {
        let nodes = [node("<script>alert(1)</script> and more letters", 0)];
        let drawn = svg(&nodes, &[], &layout(&nodes, &[]), ("one", 100)).into_string();
        assert!(!drawn.contains("<script>"), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;"), "{drawn}");
    }

    #[test]
    fn agrees_with_the_style_about_the_sizes() {
        let style = include_str!("assets/console.css");
        let (one, two) = BOX_HEIGHTS;
        for rule in [
            format!(".drawing rect {{ width: {BOX_WIDTH}px; height: {one}px;"),
            format!(".drawing .two-lines rect {{ height: {two}px;"),
        ] {
            assert!(style.contains(&rule), "{rule}");
        }
    }

    #[test]
    fn names_a_long_box_whole_where_there_is_room() {
        let long = "a_group/a_document_with_a_name_that_is_long";
        for (count, expect) in [(TITLED_MAX, true), (TITLED_MAX + 1, false)] {
            let nodes = vec![node(long, 0); count];
            let drawn = svg(&nodes, &[], &layout(&nodes, &[]), ("long", 100)).into_string();
            assert_eq!(drawn.contains(&format!("<title>{long}</title>")), expect, "{count}");
            assert!(drawn.contains("a_group/a_document_with_a_n…"), "{drawn}");
        }
    }

    /// A page has at most 100 kB, also with as many boxes as there may be.
    #[test]
    fn draws_500_boxes_with_long_names_in_time_and_in_few_bytes() {
        let name = |n: usize| format!("a_rather_long_stack_template_{n:03}");
        let mut nodes: Vec<Node> = (0..500)
            .map(|n| node(&format!("templates/{}", name(n)), i32::try_from(n % 5).unwrap_or(0)))
            .collect();
        for (n, node) in nodes.iter_mut().enumerate() {
            node.address = format!("?around=/stacks/templates/entries/{}", name(n));
        }
        let edges: Vec<Edge> =
            (0..500).map(|n| Edge { from: n * 7 % 500, to: (n * 7 + 1) % 500 }).collect();
        let start = Instant::now();
        let layout = layout(&nodes, &edges);
        let drawn = svg(&nodes, &edges, &layout, ("many", 100)).into_string();
        assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
        assert!(drawn.len() < 88_000, "{} bytes", drawn.len());
    }
}
