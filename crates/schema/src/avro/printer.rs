//! The texts of a schema: as Java's library prints it, and as Confluent normalises it.

use std::collections::HashSet;

use crate::{
    avro::{
        logical::LogicalType,
        schema::{
            AvroSchema, Field, FieldOrder, Kind, Named, Node, NodeId, Primitive, Properties,
            Record, split,
        },
    },
    written_json::write_text,
};

impl AvroSchema {
    /// The schema as Java's `Schema.toString` prints it: compact, with the attributes in their
    /// order. Types of references are printed as their names. It is what Confluent's registry
    /// answers and identifies a schema by. Numbers in defaults keep their digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.print(Style { normalized: false, resolved: false })
    }

    /// The same after Confluent's normalisation: properties and aliases are sorted, and empty texts
    /// for people are left out, so that schemas that differ only there are equal.
    #[must_use]
    pub fn normalized_text(&self) -> String {
        self.print(Style { normalized: true, resolved: false })
    }

    /// The same as [`AvroSchema::text`] with the types of references defined where they are first
    /// used, so that it can be parsed alone.
    ///
    /// ```
    /// use muster_schema::avro::AvroSchema;
    ///
    /// let id = r#"{"type": "fixed", "name": "Id", "size": 16}"#;
    /// let schema = AvroSchema::parse(r#"["null", "Id"]"#, &[("id", id)])?;
    /// assert_eq!(schema.text(), r#"["null","Id"]"#);
    /// assert_eq!(schema.resolved_text(), r#"["null",{"type":"fixed","name":"Id","size":16}]"#);
    /// # Ok::<(), muster_schema::avro::AvroError>(())
    /// ```
    #[must_use]
    pub fn resolved_text(&self) -> String {
        self.print(Style { normalized: false, resolved: true })
    }

    fn print(&self, style: Style) -> String {
        let mut printer = Printer {
            schema: self,
            style,
            seen: HashSet::new(),
            out: String::new(),
            tasks: vec![Task::Type(self.root.node, "")],
        };
        while let Some(task) = printer.tasks.pop() {
            match task {
                Task::Text(text) => printer.out.push_str(&text),
                Task::Type(id, namespace) => printer.type_of(id, namespace),
            }
        }
        printer.out
    }
}

/// The words for the kinds of types that aren't primitive.
const KINDS: [&str; 6] = ["array", "enum", "fixed", "map", "record", "union"];

#[derive(Clone, Copy)]
struct Style {
    normalized: bool,
    resolved: bool,
}

/// Types within each other, across references, may be nested more deeply than a thread's stack
/// allows, so what is still to be printed is kept in a list.
struct Printer<'a> {
    schema: &'a AvroSchema,
    style: Style,
    /// The named types that are defined in the text so far.
    seen: HashSet<NodeId>,
    out: String,
    /// What follows, the next one last.
    tasks: Vec<Task<'a>>,
}

enum Task<'a> {
    Text(String),
    /// A type within this namespace.
    Type(NodeId, &'a str),
}

impl<'a> Printer<'a> {
    fn type_of(&mut self, id: NodeId, namespace: &'a str) {
        let node = self.schema.node(id);
        if let Some(named) = node.kind.named() {
            let elsewhere = !self.style.resolved && !self.schema.is_own(node.place);
            if elsewhere || !self.seen.insert(id) {
                write_text(qualified(&named.full, namespace), &mut self.out);
                return;
            }
        }
        match &node.kind {
            Kind::Primitive(primitive) => self.primitive(*primitive, node),
            Kind::Union(branches) => {
                self.out.push('[');
                self.tasks.push(Task::Text("]".to_owned()));
                for (index, branch) in branches.iter().enumerate().rev() {
                    self.tasks.push(Task::Type(branch.node, namespace));
                    if index > 0 {
                        self.tasks.push(Task::Text(",".to_owned()));
                    }
                }
            }
            Kind::Array(inner) | Kind::Map(inner) => {
                let attribute =
                    if matches!(node.kind, Kind::Array(_)) { "items" } else { "values" };
                let word = node.kind.word();
                self.out.push_str(&format!(r#"{{"type":"{word}","{attribute}":"#));
                let mut end = String::new();
                self.properties(&node.properties, None, &mut end);
                end.push('}');
                self.tasks.push(Task::Text(end));
                self.tasks.push(Task::Type(inner.node, namespace));
            }
            Kind::Fixed(fixed) => {
                self.begin("fixed", &fixed.named, namespace);
                self.out.push_str(&format!(r#","size":{}"#, fixed.size));
                let end = self.end(node, &fixed.named);
                self.out.push_str(&end);
            }
            Kind::Enum(own) => {
                self.begin("enum", &own.named, namespace);
                self.out.push_str(r#","symbols":"#);
                write_list(own.symbols.iter().map(String::as_str), &mut self.out);
                if let Some(default) = &own.default {
                    self.out.push_str(r#","default":"#);
                    write_text(default, &mut self.out);
                }
                let end = self.end(node, &own.named);
                self.out.push_str(&end);
            }
            Kind::Record(record) => self.record(node, record, namespace),
        }
    }

    fn primitive(&mut self, primitive: Primitive, node: &Node) {
        if node.properties.is_empty() {
            write_text(primitive.name(), &mut self.out);
            return;
        }
        let mut text = format!(r#"{{"type":"{}""#, primitive.name());
        self.properties(&node.properties, node.logical, &mut text);
        text.push('}');
        self.out.push_str(&text);
    }

    fn begin(&mut self, word: &str, named: &Named, namespace: &str) {
        let (space, name) = split(&named.full);
        self.out.push_str(&format!(r#"{{"type":"{word}","name":"#));
        write_text(name, &mut self.out);
        if space != namespace {
            self.out.push_str(r#","namespace":"#);
            write_text(space, &mut self.out);
        }
        let doc = named.doc.as_deref().filter(|doc| !self.style.normalized || !doc.is_empty());
        if let Some(doc) = doc {
            self.out.push_str(r#","doc":"#);
            write_text(doc, &mut self.out);
        }
    }

    /// What follows the own attributes of a named type.
    fn end(&self, node: &Node, named: &Named) -> String {
        let mut out = String::new();
        self.properties(&node.properties, node.logical, &mut out);
        let mut aliases: Vec<&str> = named.aliases.iter().map(String::as_str).collect();
        if self.style.normalized {
            aliases.sort_unstable();
        }
        if !aliases.is_empty() {
            out.push_str(r#","aliases":"#);
            let aliases = aliases.iter().map(|alias| qualified(alias, named.namespace()));
            write_list(aliases, &mut out);
        }
        out.push('}');
        out
    }

    fn record(&mut self, node: &'a Node, record: &'a Record, namespace: &str) {
        let word = if record.is_error { "error" } else { "record" };
        self.begin(word, &record.named, namespace);
        self.out.push_str(r#","fields":["#);
        self.tasks.push(Task::Text(format!("]{}", self.end(node, &record.named))));
        let inner = record.named.namespace();
        for (index, field) in record.fields.iter().enumerate().rev() {
            let mut begin = if index > 0 { ",".to_owned() } else { String::new() };
            begin.push_str(r#"{"name":"#);
            write_text(&field.name, &mut begin);
            begin.push_str(r#","type":"#);
            self.tasks.push(Task::Text(self.end_of_field(field)));
            self.tasks.push(Task::Type(field.of.node, inner));
            self.tasks.push(Task::Text(begin));
        }
    }

    fn end_of_field(&self, field: &Field) -> String {
        let mut out = String::new();
        if let Some(doc) = &field.doc {
            out.push_str(r#","doc":"#);
            write_text(doc, &mut out);
        }
        if let Some(default) = &field.default {
            out.push_str(r#","default":"#);
            out.push_str(&default.text);
        }
        match field.order {
            FieldOrder::Ascending => {}
            FieldOrder::Descending => out.push_str(r#","order":"descending""#),
            FieldOrder::Ignore => out.push_str(r#","order":"ignore""#),
        }
        let mut aliases: Vec<&str> = field.aliases.iter().map(String::as_str).collect();
        if self.style.normalized {
            aliases.sort_unstable();
        }
        if !aliases.is_empty() {
            out.push_str(r#","aliases":"#);
            write_list(aliases.into_iter(), &mut out);
        }
        self.properties(&field.properties, None, &mut out);
        out.push('}');
        out
    }

    fn properties(&self, own: &Properties, logical: Option<LogicalType>, out: &mut String) {
        let mut own: Vec<_> = own.iter().collect();
        if self.style.normalized {
            // A logical type that is in effect comes first, then its own attributes.
            let first = |key: &str| match key {
                "logicalType" => 0,
                "precision" if matches!(logical, Some(LogicalType::Decimal { .. })) => 1,
                "scale" if matches!(logical, Some(LogicalType::Decimal { .. })) => 2,
                _ => 3,
            };
            let rank = |key: &str| if logical.is_some() { first(key) } else { 3 };
            own.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
        }
        for (key, value) in own {
            out.push(',');
            write_text(key, out);
            out.push(':');
            out.push_str(&value.text);
        }
    }
}

/// The name by which a type is found from within a namespace. A name that is also the word for a
/// kind of types is written in full, as Java's library does.
fn qualified<'n>(full: &'n str, namespace: &str) -> &'n str {
    let (space, name) = split(full);
    let is_word = Primitive::of(name).is_some() || KINDS.contains(&name);
    if space == namespace && !is_word { name } else { full }
}

fn write_list<'t>(texts: impl Iterator<Item = &'t str>, out: &mut String) {
    out.push('[');
    for (index, text) in texts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(text, out);
    }
    out.push(']');
}
