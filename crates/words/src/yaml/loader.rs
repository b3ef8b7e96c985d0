//! Builds a value from the parser's events.
//!
//! First all nodes are gathered, with aliases as second uses of a node, so that what they stand for
//! is measured before it is written out.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use super::{YamlError, YamlFault, scalar::resolve};
use crate::{
    Places, TextPlace,
    limits::{JSON_DEPTH_MAX, YAML_ALIAS_BYTES_MAX},
    places::InnerPlaces,
};

/// All nodes of a document; those within a node come before it, and the last one is the root.
#[derive(Default)]
pub(super) struct Nodes {
    all: Vec<Node>,
    has_aliases: bool,
}

struct Node {
    content: NodeContent,
    place: TextPlace,
    /// The size of its JSON, roughly, with aliases written out, in bytes.
    size: usize,
    /// The levels of lists and maps in it.
    depth: usize,
}

enum NodeContent {
    Scalar(Value),
    List(Vec<usize>),
    /// The members by key, in a third of a tree's memory.
    Map(Vec<(String, usize)>),
}

/// A list or a map whose end wasn't reached yet.
struct OpenNode {
    content: OpenContent,
    anchor: usize,
    place: TextPlace,
    size: usize,
    depth: usize,
}

enum OpenContent {
    List(Vec<usize>),
    /// The members, and the key whose value comes next.
    Map(BTreeMap<String, usize>, Option<String>),
}

/// Loads the one document of a text.
pub(super) fn load(text: &str) -> Result<Nodes, YamlError> {
    let mut loader = Loader::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| of_parser(&error))?;
        let place = place_of(&span.start);
        match event {
            Event::DocumentStart(_) if documents == 1 => {
                return Err(at(place, YamlFault::Several));
            }
            Event::DocumentStart(_) => documents += 1,
            event => loader.take(event, place).map_err(|fault| at(place, fault))?,
        }
    }
    match loader.nodes.all.is_empty() {
        true => Err(at(TextPlace { line: 1, column: 1 }, YamlFault::Empty)),
        false => Ok(loader.nodes),
    }
}

fn at(place: TextPlace, fault: YamlFault) -> YamlError {
    YamlError { fault, line: place.line, column: place.column }
}

/// The parser counts columns from 0.
fn place_of(marker: &Marker) -> TextPlace {
    TextPlace { line: marker.line(), column: marker.col() + 1 }
}

fn of_parser(error: &ScanError) -> YamlError {
    // The parser ends earlier than we where brackets open brackets.
    let fault = match error.info() {
        "recursion limit exceeded" => YamlFault::TooDeep,
        info => YamlFault::Syntax(info.to_owned()),
    };
    at(place_of(error.marker()), fault)
}

#[derive(Default)]
struct Loader {
    nodes: Nodes,
    open: Vec<OpenNode>,
    /// The nodes that have an anchor, by its number.
    anchors: BTreeMap<usize, usize>,
    /// The size of what aliases stand for, so far.
    alias_bytes: usize,
}

impl Loader {
    fn take(&mut self, event: Event<'_>, place: TextPlace) -> Result<(), YamlFault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(key) = self.awaited_key() {
                    check_key_tag(tag.as_deref())?;
                    let anchored = (anchor > 0).then(|| text.to_string());
                    set_key(key, text.into_owned())?;
                    if let Some(text) = anchored {
                        let node = self.scalar(Value::String(text), place);
                        self.anchors.insert(anchor, node);
                    }
                    return Ok(());
                }
                let value = scalar(&text, style, tag.as_deref())?;
                let node = self.scalar(value, place);
                self.close(node, anchor);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(OpenContent::List(Vec::new()), anchor, place, (tag.as_deref(), SEQ))
            }
            Event::MappingStart(anchor, tag) => {
                let content = OpenContent::Map(BTreeMap::new(), None);
                self.begin(content, anchor, place, (tag.as_deref(), MAP))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    /// The map whose next key is awaited.
    fn awaited_key(&mut self) -> Option<(&BTreeMap<String, usize>, &mut Option<String>)> {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(OpenContent::Map(members, key @ None)) => Some((&*members, key)),
            _ => None,
        }
    }

    fn scalar(&mut self, value: Value, place: TextPlace) -> usize {
        let size = 2 + value.as_str().map_or(4, str::len);
        self.nodes.add(Node { content: NodeContent::Scalar(value), place, size, depth: 0 })
    }

    fn begin(
        &mut self,
        content: OpenContent,
        anchor: usize,
        place: TextPlace,
        (tag, own): (Option<&Tag>, &'static str),
    ) -> Result<(), YamlFault> {
        if self.awaited_key().is_some() {
            return Err(YamlFault::Key);
        }
        if self.open.len() == JSON_DEPTH_MAX {
            return Err(YamlFault::TooDeep);
        }
        if let Some(tag) = tag.map(full_name).filter(|tag| tag != own && tag != "!") {
            return Err(YamlFault::Tag(tag));
        }
        self.open.push(OpenNode { content, anchor, place, size: 2, depth: 1 });
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let content = match open.content {
            OpenContent::List(items) => NodeContent::List(items),
            OpenContent::Map(members, _) => NodeContent::Map(members.into_iter().collect()),
        };
        let (place, size, depth) = (open.place, open.size, open.depth);
        let node = self.nodes.add(Node { content, place, size, depth });
        self.close(node, open.anchor);
    }

    fn alias(&mut self, anchor: usize) -> Result<(), YamlFault> {
        let node = *self.anchors.get(&anchor).ok_or(YamlFault::Endless)?;
        let Node { content, size, depth, .. } = &self.nodes.all[node];
        let (size, depth) = (*size, *depth);
        self.alias_bytes = self.alias_bytes.saturating_add(size);
        if self.alias_bytes > YAML_ALIAS_BYTES_MAX {
            return Err(YamlFault::TooMuch);
        }
        let text = match content {
            NodeContent::Scalar(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        if let Some(key) = self.awaited_key() {
            return set_key(key, text.ok_or(YamlFault::Key)?);
        }
        if self.open.len() + depth > JSON_DEPTH_MAX {
            return Err(YamlFault::TooDeep);
        }
        self.nodes.has_aliases = true;
        self.attach(node);
        Ok(())
    }

    /// Notes the anchor of a complete node, and adds the node to what it is in.
    fn close(&mut self, node: usize, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node);
        }
        self.attach(node);
    }

    fn attach(&mut self, node: usize) {
        let Node { size, depth, .. } = self.nodes.all[node];
        let Some(parent) = self.open.last_mut() else { return };
        let key_size = match &mut parent.content {
            OpenContent::List(items) => {
                items.push(node);
                0
            }
            OpenContent::Map(members, key) => {
                let key = key.take().unwrap_or_default();
                let size = key.len() + 3;
                members.insert(key, node);
                size
            }
        };
        parent.size = parent.size.saturating_add(size + key_size + 1);
        parent.depth = parent.depth.max(depth + 1);
    }
}

fn set_key(
    (members, awaited): (&BTreeMap<String, usize>, &mut Option<String>),
    key: String,
) -> Result<(), YamlFault> {
    if members.contains_key(&key) {
        return Err(YamlFault::DuplicateKey(key));
    }
    *awaited = Some(key);
    Ok(())
}

const CORE: &str = "tag:yaml.org,2002:";
const SEQ: &str = "tag:yaml.org,2002:seq";
const MAP: &str = "tag:yaml.org,2002:map";

fn full_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// A key is its text, whatever it would be as a value.
fn check_key_tag(tag: Option<&Tag>) -> Result<(), YamlFault> {
    let Some(tag) = tag.map(full_name) else { return Ok(()) };
    let is_known = tag == "!"
        || tag
            .strip_prefix(CORE)
            .is_some_and(|name| matches!(name, "str" | "null" | "bool" | "int" | "float"));
    if is_known { Ok(()) } else { Err(YamlFault::Tag(tag)) }
}

/// The value of a scalar.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, YamlFault> {
    let Some(tag) = tag.map(full_name) else {
        return match style {
            ScalarStyle::Plain => resolve(text),
            _ => Ok(Value::String(text.to_owned())),
        };
    };
    let fits = |tag: &'static str, is_it: fn(&str, &Value) -> bool| {
        let value = resolve(text)?;
        if is_it(text, &value) {
            return Ok(value);
        }
        let text = text.chars().take(QUOTE_MAX).collect();
        Err(YamlFault::Mistagged { tag, text })
    };
    match tag.strip_prefix(CORE).unwrap_or(&tag) {
        "!" | "str" => Ok(Value::String(text.to_owned())),
        "null" => fits("!!null", |_, value| value.is_null()),
        "bool" => fits("!!bool", |_, value| value.is_boolean()),
        "float" => fits("!!float", |_, value| value.is_number()),
        "int" => fits("!!int", |text, value| {
            value.is_number() && (text.starts_with("0x") || !text.contains(['.', 'e', 'E']))
        }),
        _ => Err(YamlFault::Tag(tag)),
    }
}

/// How many characters of a value a message quotes.
const QUOTE_MAX: usize = 100;

impl Nodes {
    fn add(&mut self, node: Node) -> usize {
        self.all.push(node);
        self.all.len() - 1
    }

    /// The value of the root.
    pub(super) fn into_value(mut self) -> Value {
        let Some(root) = self.all.len().checked_sub(1) else { return Value::Null };
        self.value(root)
    }

    /// The value of a node, at most [`JSON_DEPTH_MAX`] levels deep. Where there are no aliases, each
    /// node is used once.
    fn value(&mut self, node: usize) -> Value {
        let keep = self.has_aliases;
        match &mut self.all[node].content {
            NodeContent::Scalar(value) if keep => value.clone(),
            NodeContent::Scalar(value) => value.take(),
            NodeContent::List(items) => {
                let items = if keep { items.clone() } else { std::mem::take(items) };
                Value::Array(items.into_iter().map(|item| self.value(item)).collect())
            }
            NodeContent::Map(members) => {
                let members = if keep { members.clone() } else { std::mem::take(members) };
                let members = members.into_iter().map(|(key, node)| (key, self.value(node)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// The places of all nodes.
    pub(super) fn places(&self) -> Places {
        let mut places = Places::default();
        for node in &self.all {
            let inner = match &node.content {
                NodeContent::Scalar(_) => InnerPlaces::None,
                NodeContent::List(items) => InnerPlaces::Items(items.clone()),
                NodeContent::Map(members) => InnerPlaces::Members(members.clone()),
            };
            places.add(node.place, inner);
        }
        places
    }
}
