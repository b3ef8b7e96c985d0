//! Finds the files that a schema imports, and links them all into one pool of descriptors.

use std::collections::{BTreeMap, HashMap, HashSet};

use miette::Diagnostic;
use muster_words::TextPlace;
use prost_reflect::{
    DescriptorError, DescriptorPool, FileDescriptor,
    prost::{Message, bytes::Bytes},
    prost_types::{FileDescriptorProto, SourceCodeInfo},
};
use protox_parse::ParseError;

use super::{
    ProtobufError, ProtobufFault, ProtobufProblem,
    built_in::built_in,
    check::{Budget, check},
    fault::place_of,
    meta, scan,
};
use crate::{limits, nearest};

/// The name of the schema's own file within its pool.
pub(super) const OWN: &str = "default";

/// A schema's own file, read and linked.
pub(super) struct Linked {
    pub(super) file: FileDescriptor,
    /// As it was written: names aren't resolved, and options are in their order.
    pub(super) written: FileDescriptorProto,
    /// Whether its text says which syntax it is in.
    pub(super) names_syntax: bool,
}

/// A file before it is linked.
struct Read<'a> {
    file: FileDescriptorProto,
    /// Where things are in the text; none if it came as a descriptor.
    text: Option<(&'a str, SourceCodeInfo)>,
    /// The descriptor's bytes, which have options that the type hasn't.
    bytes: Option<Bytes>,
}

/// Reads a schema, finds its imports among the references, and links all.
///
/// # Errors
/// What is wrong with it or with one of the references that it needs.
pub(super) fn link(text: &str, references: &[(&str, &str)]) -> Result<Linked, ProtobufError> {
    link_changed(text, references, |_| {})
}

/// The same after a change of the schema's own file, as it was written.
///
/// # Errors
/// As [`link`].
pub(super) fn link_changed(
    text: &str,
    references: &[(&str, &str)],
    change: impl FnOnce(&mut FileDescriptorProto),
) -> Result<Linked, ProtobufError> {
    let sizes = references.iter().map(|(_, text)| text.len());
    if text.len() + sizes.sum::<usize>() > limits::PROTOBUF_BYTES_MAX {
        let most = limits::PROTOBUF_BYTES_MAX;
        let message = format!("the schema and its references have more than {most} bytes");
        return Err(ProtobufError::one(ProtobufFault::TooLarge, message));
    }
    if references.len() > limits::REFERENCES_MAX {
        let most = limits::REFERENCES_MAX;
        let message = format!("the schema has more than {most} references");
        return Err(ProtobufError::one(ProtobufFault::TooLarge, message));
    }
    let mut linker = Linker {
        references: BTreeMap::new(),
        pool: DescriptorPool::new(),
        budget: Budget::default(),
        done: HashMap::new(),
        open: Vec::new(),
    };
    for (path, text) in references {
        if linker.references.insert(path, text).is_some_and(|other| other != *text) {
            let message = format!("two references have the path {path:?}; each needs its own");
            return Err(ProtobufError::one(ProtobufFault::Duplicate, message));
        }
    }
    let mut read = read(OWN, text)?;
    change(&mut read.file);
    let (written, names_syntax) = (read.file.clone(), read.names_syntax());
    linker.add(read).map_err(|mut error| {
        for problem in &mut error.problems {
            problem.file.take_if(|file| file == OWN);
        }
        error
    })?;
    match linker.pool.get_file_by_name(OWN) {
        Some(file) => Ok(Linked { file, written, names_syntax }),
        None => Err(ProtobufError::one(ProtobufFault::Definition, "the schema can't be linked")),
    }
}

struct Linker<'a> {
    references: BTreeMap<&'a str, &'a str>,
    pool: DescriptorPool,
    budget: Budget,
    /// The files that are linked, with the number of paths that public imports lead along from
    /// them: what links a file follows each path, even if it leads to the same file.
    done: HashMap<String, usize>,
    /// The files that import each other down to the one that is read now.
    open: Vec<String>,
}

impl<'a> Linker<'a> {
    /// Adds a file after all that it imports. This recurses by imports, which are bounded by the
    /// number of references.
    fn add(&mut self, mut read: Read<'_>) -> Result<(), ProtobufError> {
        let name = read.file.name().to_owned();
        self.open.push(name.clone());
        let mut seen = HashSet::new();
        for (index, import) in (0..).zip(&read.file.dependency) {
            let here = |problem: ProtobufProblem| {
                let place = read.place(&[3, index]);
                ProtobufError::from(ProtobufProblem {
                    file: Some(name.clone()),
                    ..problem.at(place)
                })
            };
            if !seen.insert(import) {
                let message = format!("{import:?} is imported twice; leave one import out");
                return Err(here(ProtobufProblem::new(ProtobufFault::Duplicate, message)));
            }
            if self.open.contains(import) {
                let message =
                    format!("files import each other: {} -> {import}", self.open.join(" -> "));
                return Err(here(ProtobufProblem::new(ProtobufFault::ImportCycle, message)));
            }
            if !self.done.contains_key(import) {
                let imported = self.find(import)?.ok_or_else(|| here(self.missing(import)))?;
                self.add(imported)?;
            }
        }
        self.imply_meta(&mut read)?;
        self.open.pop();
        let paths = self.paths(&read.file);
        if paths.1 > IMPORT_PATHS_MAX {
            let message = "public imports lead along too many paths; import files directly";
            let problem = ProtobufProblem::new(ProtobufFault::TooLarge, message);
            return Err(ProtobufProblem { file: Some(name), ..problem }.into());
        }
        self.link_one(read)?;
        self.done.insert(name, paths.0);
        Ok(())
    }

    /// Imports Confluent's options for a text that has some, but not the import: Confluent's registry
    /// takes such schemas, and makes them itself when it adds tags.
    fn imply_meta(&mut self, read: &mut Read<'_>) -> Result<(), ProtobufError> {
        let file = &mut read.file;
        let needs = read.bytes.is_none() && file.package() != meta::PACKAGE && meta::is_used(file);
        if !needs || file.dependency.iter().any(|import| import == meta::IMPORT) {
            return Ok(());
        }
        let known = self.pool.get_extension_by_name(meta::OF_FIELD);
        if known.is_some_and(|known| known.parent_file().name() != meta::IMPORT) {
            return Ok(());
        }
        if !self.done.contains_key(meta::IMPORT)
            && let Some(imported) = self.find(meta::IMPORT)?
        {
            self.add(imported)?;
        }
        file.dependency.push(meta::IMPORT.to_owned());
        Ok(())
    }

    fn find(&self, import: &str) -> Result<Option<Read<'a>>, ProtobufError> {
        // What is always there can't be replaced: options are read by Google's descriptor.proto.
        if let Some(file) = built_in(import) {
            return Ok(Some(Read { file, text: None, bytes: None }));
        }
        self.references.get(import).map(|text| read(import, text)).transpose()
    }

    /// The paths from a file along public imports, and those that are followed to link it.
    fn paths(&self, file: &FileDescriptorProto) -> (usize, usize) {
        let from = |import: &String| self.done.get(import).copied().unwrap_or(0);
        let public = file.public_dependency.iter().filter_map(|index| {
            usize::try_from(*index).ok().and_then(|index| file.dependency.get(index))
        });
        let public = public.map(from).fold(1, usize::saturating_add);
        (public, file.dependency.iter().map(from).fold(0, usize::saturating_add))
    }

    fn missing(&self, import: &str) -> ProtobufProblem {
        let mut message = format!(
            "{import:?} isn't there; add a reference with the name {import:?} to the schema that has it"
        );
        if let Some(near) = nearest(import, self.references.keys().copied()) {
            message.push_str(&format!(" (there is one with the name {near:?})"));
        }
        ProtobufProblem::new(ProtobufFault::ImportNotFound, message)
    }

    fn link_one(&mut self, read: Read<'_>) -> Result<(), ProtobufError> {
        let name = read.file.name().to_owned();
        check(&read.file, &mut self.budget).map_err(|found| {
            let (path, problem) = *found;
            let place = read.place(&path);
            ProtobufError::from(ProtobufProblem { file: Some(name.clone()), ..problem.at(place) })
        })?;
        let added = match &read.bytes {
            Some(bytes) => self.pool.decode_file_descriptor_proto(bytes.clone()),
            None => self.pool.add_file_descriptor_proto(read.file.clone()),
        };
        added.map_err(|error| self.refused(&name, error, read))
    }

    /// The problems of a file that can't be linked.
    fn refused(&mut self, name: &str, error: DescriptorError, read: Read<'_>) -> ProtobufError {
        let count = error.related().map_or(0, Iterator::count) + 1;
        let first_place = error.path().and_then(|path| read.place(path));
        let mut error = error;
        let mut text = "";
        if let Some((written, places)) = read.text {
            // With places, finding all of them takes time by problems times the file's size.
            text = written;
            let cost = count.saturating_mul(places.location.len() + written.len());
            if count > 1 && cost < LOCATING_COST_MAX {
                let file = FileDescriptorProto { source_code_info: Some(places), ..read.file };
                if let Err(again) = self.pool.add_file_descriptor_proto(file) {
                    error = again.with_source_code(written);
                }
            }
        }
        let mut problems = vec![
            ProtobufProblem::new(fault_of(&error.to_string()), error.to_string()).at(first_place),
        ];
        for related in error.related().into_iter().flatten().take(limits::PROTOBUF_PROBLEMS_MAX - 1)
        {
            problems.push(described(related, text));
        }
        for problem in &mut problems {
            problem.file = Some(name.to_owned());
        }
        ProtobufError { problems }
    }
}

/// Problems times the bytes and places of a file, up to which all problems get their place: about
/// a tenth of a second.
const LOCATING_COST_MAX: usize = 50_000_000;

/// The paths along public imports that may be followed to link one file: some milliseconds.
const IMPORT_PATHS_MAX: usize = 10_000;

impl Read<'_> {
    fn names_syntax(&self) -> bool {
        self.text
            .as_ref()
            .is_some_and(|(_, places)| places.location.iter().any(|at| at.path == [12]))
    }

    /// The place of what a path leads to, or of what is around it.
    fn place(&self, path: &[i32]) -> Option<TextPlace> {
        let (_, places) = self.text.as_ref()?;
        let at = (0..=path.len()).rev().find_map(|length| {
            let known = places.location.iter().find(|at| at.path == path[..length])?;
            Some((*known.span.first()?, *known.span.get(1)?))
        });
        let (line, column) = at?;
        Some(TextPlace {
            line: usize::try_from(line).ok()? + 1,
            column: usize::try_from(column).ok()? + 1,
        })
    }
}

/// Reads a file: a text, or the base64 of a descriptor.
fn read<'a>(name: &str, text: &'a str) -> Result<Read<'a>, ProtobufError> {
    let named = |mut error: ProtobufError| {
        for problem in &mut error.problems {
            problem.file = (name != OWN).then(|| name.to_owned());
        }
        error
    };
    if text.trim().is_empty() {
        return Err(named(ProtobufError::one(ProtobufFault::Empty, "the schema is empty")));
    }
    if let Some(bytes) = from_base64(text) {
        return descriptor(name, bytes).map_err(named);
    }
    scan::scan(text).map_err(|problem| named(problem.into()))?;
    let mut file = protox_parse::parse(name, text).map_err(|error| named(refused(&error, text)))?;
    let places = file.source_code_info.take().unwrap_or_default();
    Ok(Read { file, text: Some((text, places)), bytes: None })
}

/// The bytes of a text that is base64 and nothing else. No file of Protobuf is, because each
/// statement ends with a semicolon or a bracket.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose};
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte);
    let text = text.trim();
    if text.len() < 4 || !text.bytes().all(letter) {
        return None;
    }
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace() && *letter != '=')
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            letter => letter,
        })
        .collect();
    general_purpose::STANDARD_NO_PAD.decode(plain).ok()
}

fn descriptor(name: &str, bytes: Vec<u8>) -> Result<Read<'static>, ProtobufError> {
    let not_one = |error: &dyn std::fmt::Display| {
        let message = format!("the base64 isn't that of a FileDescriptorProto: {error}");
        ProtobufError::one(ProtobufFault::Descriptor, message)
    };
    let mut file =
        FileDescriptorProto::decode(bytes.as_slice()).map_err(|error| not_one(&error))?;
    if file.name.is_none() && file.message_type.is_empty() && file.enum_type.is_empty() {
        return Err(not_one(&"it has neither a name nor types"));
    }
    // The name is the importer's, and places of a text that isn't here are of no use. A field that
    // comes twice counts as the last one.
    file.name = Some(name.to_owned());
    file.source_code_info = None;
    let mut bytes = bytes;
    let own = FileDescriptorProto { name: file.name.clone(), ..Default::default() };
    bytes.extend(own.encode_to_vec());
    Ok(Read { file, text: None, bytes: Some(bytes.into()) })
}

/// The problems of a text that can't be parsed.
fn refused(error: &ParseError, text: &str) -> ProtobufError {
    let mut problems = Vec::new();
    let end = place_of(text, text.len());
    let first = error.span().map(|span| place_of(text, span.start));
    let mut message = error.to_string();
    if let Some(help) = error.help() {
        message.push_str(&format!("; {help}"));
    }
    let first = first.or_else(|| offset(error).map(|at| place_of(text, at))).unwrap_or(end);
    problems.push(ProtobufProblem::new(parse_fault(&message), message).at(Some(first)));
    // Finding a place takes time by its offset, so not all of many are found.
    let most = (LOCATING_COST_MAX / (text.len() + 1)).min(limits::PROTOBUF_PROBLEMS_MAX - 1);
    for related in error.related().into_iter().flatten().take(most) {
        let problem = described(related, text);
        problems.push(ProtobufProblem { fault: parse_fault(&problem.message), ..problem });
    }
    ProtobufError { problems }
}

fn described(problem: &dyn Diagnostic, text: &str) -> ProtobufProblem {
    let message = problem.to_string();
    let place = offset(problem).map(|at| place_of(text, at));
    ProtobufProblem::new(fault_of(&message), message).at(place)
}

/// Where the last label of a problem is: the first of two only says what it conflicts with.
fn offset(problem: &dyn Diagnostic) -> Option<usize> {
    problem.labels()?.last().map(|label| label.offset())
}

/// The kind of a problem of the parser, which has sentences only.
fn parse_fault(message: &str) -> ProtobufFault {
    if message.starts_with("message numbers") || message.starts_with("enum numbers") {
        ProtobufFault::Number
    } else if message.contains("recursion limit") {
        ProtobufFault::TooDeep
    } else {
        ProtobufFault::Syntax
    }
}

/// The kind of a problem that only its sentence tells.
fn fault_of(message: &str) -> ProtobufFault {
    if message.contains("number") {
        ProtobufFault::Number
    } else if message.contains("name")
        || message.contains("is not defined")
        || message.contains("is not a")
    {
        ProtobufFault::Name
    } else {
        ProtobufFault::Definition
    }
}
