//! All schemas of a public collection: how many register, why the others are refused, and what
//! comparing their published versions finds.

mod versions;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use muster_schema::{
    FormattedSchema, Outline, SchemaContext, SchemaFormat, SchemaSources, Violation,
};
use muster_words::{
    Xid,
    json::{self, Value},
};

use crate::{Outcome, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the collection.
    folder: PathBuf,
    /// A folder with later versions of some of its schemas.
    #[arg(long, requires = "pairs")]
    later: Option<PathBuf>,
    /// A list of those: the file of the later version and the file in the collection.
    #[arg(long)]
    pairs: Option<PathBuf>,
    /// Where the list of refused schemas is written.
    #[arg(long)]
    refused: PathBuf,
}

/// More than this for one schema or one comparison is an error.
const TIME_MAX: Duration = Duration::from_secs(2);

/// A file of the collection, as a schema in one group.
pub(crate) struct File {
    pub(crate) name: String,
    bytes: Vec<u8>,
    xid: Xid,
}

/// The collection as a group of schemas, which refer to each other by `$id`.
#[derive(Default)]
struct Group {
    schemas: BTreeMap<Xid, Arc<Value>>,
    by_id: BTreeMap<String, Vec<Xid>>,
}

/// What took the longest.
#[derive(Default)]
pub(crate) struct Slowest(Option<(Duration, String)>);

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut files = Vec::new();
    gather(&arguments.folder, "", &mut files)?;
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let group = Group::of(&files);
    let (mut parsed, mut refused) = (BTreeMap::new(), BTreeMap::new());
    let mut slowest = Slowest::default();
    for file in &files {
        let begin = Instant::now();
        match file.parse(&group) {
            Ok(schema) => drop(parsed.insert(file.name.clone(), schema)),
            Err(violations) => drop(refused.insert(file.name.clone(), violations)),
        }
        slowest.add(begin.elapsed(), &file.name);
    }
    say(&format!("{} of {} schemas register, {} don't", parsed.len(), files.len(), refused.len()));
    slowest.tell("registration")?;
    let list = listed(&refused, files.len());
    fs::write(&arguments.refused, list)?;
    versions::compare_numbered(&parsed)?;
    if let (Some(later), Some(pairs)) = (&arguments.later, &arguments.pairs) {
        versions::compare_later(&parsed, later, &fs::read_to_string(pairs)?)?;
    }
    Ok(())
}

/// All files of a folder and those in it.
fn gather(folder: &Path, below: &str, files: &mut Vec<File>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push(File::new(name, fs::read(entry.path())?)?);
        }
    }
    Ok(())
}

impl File {
    fn new(name: String, bytes: Vec<u8>) -> Outcome<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:@".contains(c);
        let id: String = name.chars().map(|c| if fits(c) { c } else { ':' }).collect();
        // An id has at most 128 characters; what tells files apart is at the end.
        let id = id
            .get(id.len().saturating_sub(120)..)
            .unwrap_or(&id)
            .trim_start_matches(['.', '-', ':']);
        let xid = format!("/schemagroups/collection/schemas/{id}").parse()?;
        Ok(Self { name, bytes, xid })
    }

    fn parse(&self, group: &Group) -> Result<FormattedSchema, Vec<Violation>> {
        let context =
            SchemaContext { home: Some(&self.xid), sources: group, texts: &[], notation: None };
        FormattedSchema::parse(SchemaFormat::JsonSchema, &self.bytes, &context)
    }
}

impl Group {
    fn of(files: &[File]) -> Self {
        let mut group = Self::default();
        for file in files {
            let Ok(value) = json::parse(&file.bytes) else { continue };
            if let Some(id) = Outline::of(&value, Some(&file.xid)).id {
                group.by_id.entry(id).or_default().push(file.xid.clone());
            }
            group.schemas.insert(file.xid.clone(), Arc::new(value));
        }
        group
    }
}

impl SchemaSources for Group {
    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        self.schemas.get(reference).cloned()
    }

    fn identified(&self, _: &Xid, id: &str) -> Vec<Xid> {
        self.by_id.get(id).cloned().unwrap_or_default()
    }
}

impl Slowest {
    pub(crate) fn add(&mut self, took: Duration, what: &str) {
        if self.0.as_ref().is_none_or(|(longest, _)| took > *longest) {
            self.0 = Some((took, what.to_owned()));
        }
    }

    /// Prints it; an error if it took too long.
    pub(crate) fn tell(&self, of: &str) -> Outcome {
        let Some((took, what)) = &self.0 else { return Ok(()) };
        say(&format!("  slowest {of}: {:.3} s, {what}", took.as_secs_f64()));
        if *took > TIME_MAX {
            return Err(format!("{what} takes more than {} s", TIME_MAX.as_secs()).into());
        }
        Ok(())
    }
}

/// The refused schemas by reason, the most frequent one first.
fn listed(refused: &BTreeMap<String, Vec<Violation>>, total: usize) -> String {
    let mut reasons: BTreeMap<&str, Vec<(&str, &Violation)>> = BTreeMap::new();
    for (name, violations) in refused {
        if let Some(first) = violations.first() {
            reasons.entry(reason(first)).or_default().push((name, first));
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, files)| std::cmp::Reverse(files.len()));
    let mut out = format!("{} of {total} schemas are refused.\n", refused.len());
    for (reason, files) in reasons {
        say(&format!("  {:4} {reason}", files.len()));
        // A text never refuses to be written to.
        let _ = write!(out, "\n{reason}: {}\n\n", files.len());
        for (name, violation) in files {
            let at = if violation.pointer.is_empty() { "/" } else { &violation.pointer };
            let _ = writeln!(out, "- {name}: {at}: {}", violation.message);
        }
    }
    out
}

/// The kind of a reason, from the words of its message.
fn reason(violation: &Violation) -> &'static str {
    const REASONS: [(&str, &str); 12] = [
        ("leads nowhere", "a $ref to an address that no schema of the collection has as its $id"),
        ("leads to no place", "a $ref to a place that isn't there"),
        ("is no URI reference", "a $ref or an $id that isn't a URI reference"),
        ("is the $id of several", "a $ref to an address that several schemas have as their $id"),
        ("in a circle", "schemas that refer to each other in a circle"),
        ("refers to itself", "a place that refers to itself without an end"),
        ("$schema is", "a $schema that is no draft from 4 on"),
        ("the $schema,", "a $schema that is no metaschema"),
        ("look", "a pattern with look-around or a back-reference"),
        ("backreference", "a pattern with look-around or a back-reference"),
        ("regular expression", "a pattern that isn't a regular expression of JSON Schema"),
        ("more than", "a limit"),
    ];
    let known = REASONS.iter().find(|(words, _)| violation.message.contains(words));
    match (known, violation.source.to_string().as_str()) {
        (Some((_, reason)), _) => reason,
        (None, "json" | "JSON") => "not JSON",
        (None, "yaml" | "YAML") => "neither JSON nor YAML",
        (None, "pattern") => "a pattern that the engine refuses",
        (None, _) => "against the metaschema of its draft",
    }
}
