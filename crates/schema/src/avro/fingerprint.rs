//! The Parsing Canonical Form and the fingerprints of it ("Transforming into Parsing Canonical Form"
//! and "Schema Fingerprints" in the specification).

use std::collections::HashSet;

use md5::{Digest as _, Md5};
use muster_words::Digest;

use crate::{
    avro::schema::{AvroSchema, Kind, NodeId},
    written_json::write_text,
};

/// The fingerprint of nothing, with which the polynomial begins.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// What each byte adds to a fingerprint.
static TABLE: [u64; 256] = table();

impl AvroSchema {
    /// The Parsing Canonical Form: only what matters to a reader of data, with full names. Types of
    /// references are defined where they are first used.
    ///
    /// ```
    /// use muster_schema::avro::AvroSchema;
    ///
    /// let text = r#"{"type": "fixed", "size": 16, "name": "Id", "namespace": "shop", "doc": "…"}"#;
    /// let schema = AvroSchema::parse(text, &[])?;
    /// assert_eq!(schema.canonical_form(), r#"{"name":"shop.Id","type":"fixed","size":16}"#);
    /// # Ok::<(), muster_schema::avro::AvroError>(())
    /// ```
    #[must_use]
    pub fn canonical_form(&self) -> String {
        let (mut out, mut seen) = (String::new(), HashSet::new());
        let mut tasks = vec![Task::Type(self.root.node)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(text) => out.push_str(&text),
                Task::Type(id) => self.canonical_type(id, &mut seen, &mut out, &mut tasks),
            }
        }
        out
    }

    /// The 64-bit Rabin fingerprint (CRC-64-AVRO) of the canonical form. Java shows it as a signed
    /// number.
    #[must_use]
    pub fn rabin(&self) -> u64 {
        rabin(self.canonical_form().as_bytes())
    }

    /// The MD5 fingerprint of the canonical form.
    #[must_use]
    pub fn md5(&self) -> [u8; 16] {
        Md5::digest(self.canonical_form().as_bytes()).into()
    }

    /// The SHA-256 fingerprint of the canonical form.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        Digest::of(self.canonical_form().as_bytes())
    }

    fn canonical_type(
        &self,
        id: NodeId,
        seen: &mut HashSet<NodeId>,
        out: &mut String,
        tasks: &mut Vec<Task>,
    ) {
        let kind = self.kind(id);
        if let Some(named) = kind.named() {
            if !seen.insert(id) {
                write_text(&named.full, out);
                return;
            }
            out.push_str(r#"{"name":"#);
            write_text(&named.full, out);
            out.push_str(&format!(r#","type":"{}""#, kind.word()));
        }
        match kind {
            Kind::Primitive(primitive) => write_text(primitive.name(), out),
            Kind::Fixed(fixed) => out.push_str(&format!(r#","size":{}}}"#, fixed.size)),
            Kind::Enum(own) => {
                out.push_str(r#","symbols":["#);
                for (index, symbol) in own.symbols.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    write_text(symbol, out);
                }
                out.push_str("]}");
            }
            Kind::Array(inner) | Kind::Map(inner) => {
                let attribute = if matches!(kind, Kind::Array(_)) { "items" } else { "values" };
                out.push_str(&format!(r#"{{"type":"{}","{attribute}":"#, kind.word()));
                tasks.extend([Task::Text("}".to_owned()), Task::Type(inner.node)]);
            }
            Kind::Union(branches) => {
                out.push('[');
                tasks.push(Task::Text("]".to_owned()));
                for (index, branch) in branches.iter().enumerate().rev() {
                    tasks.push(Task::Type(branch.node));
                    tasks.push(Task::Text(if index > 0 { "," } else { "" }.to_owned()));
                }
            }
            Kind::Record(record) => {
                out.push_str(r#","fields":["#);
                tasks.push(Task::Text("]}".to_owned()));
                for (index, field) in record.fields.iter().enumerate().rev() {
                    let mut begin =
                        if index > 0 { r#",{"name":"# } else { r#"{"name":"# }.to_owned();
                    write_text(&field.name, &mut begin);
                    begin.push_str(r#","type":"#);
                    let end = Task::Text("}".to_owned());
                    tasks.extend([end, Task::Type(field.of.node), Task::Text(begin)]);
                }
            }
        }
    }
}

/// What is still to be printed, the next one last: types may be nested more deeply than a thread's
/// stack allows.
enum Task {
    Text(String),
    Type(NodeId),
}

fn rabin(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(EMPTY, |print, byte| (print >> 8) ^ TABLE[usize::from(print.to_le_bytes()[0] ^ byte)])
}

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut print = index as u64;
        let mut bit = 0;
        while bit < 8 {
            print = (print >> 1) ^ (EMPTY & (print & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = print;
        index += 1;
    }
    table
}
