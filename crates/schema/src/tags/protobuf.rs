//! Tags in Protobuf: a part of the options `(confluent.message_meta)` and `(confluent.field_meta)`.
//!
//! A path has the names of messages within each other without the package, and that of a field. The
//! name of the oneof that a field is in may stand before it.

use std::collections::{HashMap, HashSet};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
    prost_types::{
        DescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto, MessageOptions,
        UninterpretedOption, uninterpreted_option::NamePart,
    },
};

use super::{Found, TagChange, TagChanges, TagError, TaggedKind, each_once, steps_of};
use crate::{
    protobuf::{ProtobufSchema, meta},
    steps::count,
};

/// The member with the tags.
const TAGS: &str = "tags";

/// Finds the tags of messages and fields: those of a message before those of its fields, then the
/// messages in it, then the fields of its oneofs.
pub(super) fn find(schema: &ProtobufSchema, found: &mut Found<'_>) -> Result<(), TagError> {
    let extensions = schema.file().extensions().filter(|one| one.is_group());
    let groups = names_of(extensions.map(|one| one.kind()));
    messages(schema.file().messages(), &groups, &mut Vec::new(), found)
}

/// The full names of the messages that groups are.
fn names_of(groups: impl Iterator<Item = Kind>) -> HashSet<String> {
    groups.filter_map(|kind| Some(kind.as_message()?.full_name().to_owned())).collect()
}

/// This recurses as deeply as messages are nested, which is bounded.
fn messages(
    all: impl Iterator<Item = MessageDescriptor>,
    groups: &HashSet<String>,
    path: &mut Vec<String>,
    found: &mut Found<'_>,
) -> Result<(), TagError> {
    for message in all {
        if message.is_map_entry() || groups.contains(message.full_name()) {
            continue;
        }
        path.push(message.name().to_owned());
        let done = within(&message, path, found);
        path.pop();
        done?;
    }
    Ok(())
}

fn within(
    message: &MessageDescriptor,
    path: &mut Vec<String>,
    found: &mut Found<'_>,
) -> Result<(), TagError> {
    count(1);
    let name = path.join(".");
    let tags = meta_of(&message.options(), meta::OF_MESSAGE);
    found.add(&[&name], TaggedKind::Record, tags_in(tags.as_ref()))?;
    let plain = |field: &FieldDescriptor| oneof_of(field).is_none() && !field.is_group();
    for field in message.fields().filter(plain) {
        found.add(&[&name, ".", field.name()], TaggedKind::Field, tags_of(&field))?;
    }
    let groups = message.fields().filter(FieldDescriptor::is_group);
    let groups = names_of(groups.map(|field| field.kind()));
    messages(message.child_messages(), &groups, path, found)?;
    for oneof in message.oneofs() {
        for field in oneof.fields().filter(|field| oneof_of(field).is_some() && !field.is_group()) {
            let path = [&name, ".", oneof.name(), ".", field.name()];
            found.add(&path, TaggedKind::Field, tags_of(&field))?;
        }
    }
    Ok(())
}

/// The name of the oneof that a field is in. What `optional` makes in proto3 isn't one.
fn oneof_of(field: &FieldDescriptor) -> Option<String> {
    let of = field.containing_oneof()?;
    (!field.field_descriptor_proto().proto3_optional()).then(|| of.name().to_owned())
}

fn tags_of(field: &FieldDescriptor) -> Vec<String> {
    tags_in(meta_of(&field.options(), meta::OF_FIELD).as_ref())
}

/// What an option of Confluent says.
fn meta_of(options: &DynamicMessage, option: &str) -> Option<DynamicMessage> {
    let (_, value) = options.extensions().find(|(field, _)| field.full_name() == option)?;
    value.as_message().cloned()
}

fn tags_in(meta: Option<&DynamicMessage>) -> Vec<String> {
    let tags = meta.and_then(|meta| meta.get_field_by_name(TAGS));
    let tags = tags.as_deref().and_then(Value::as_list).unwrap_or_default();
    each_once(tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)))
}

/// The text after changes.
pub(super) fn change(
    schema: &ProtobufSchema,
    references: &[(&str, &str)],
    changes: &TagChanges,
) -> Result<String, TagError> {
    let mut failed = None;
    let changed = schema.changed(references, |file| {
        failed = Changing { schema, known: HashMap::new() }.all(file, changes).err();
    });
    match (failed, changed) {
        (Some(error), _) => Err(error),
        (None, Ok(changed)) => Ok(changed.canonical_text().to_owned()),
        (None, Err(error)) => Err(TagError::Unreadable(error.to_string())),
    }
}

/// Changes options of a file as it was written.
struct Changing<'a> {
    schema: &'a ProtobufSchema,
    /// What became of the options so far, by the full name of the message or field: two paths may
    /// lead to one field.
    known: HashMap<String, Meta>,
}

/// An option of Confluent: its text but for the tags, and its tags.
#[derive(Clone, Default)]
struct Meta {
    beside: String,
    tags: Vec<String>,
}

impl Meta {
    fn of(message: Option<DynamicMessage>) -> Self {
        let tags = tags_in(message.as_ref());
        let beside = message.map(|mut message| {
            message.clear_field_by_name(TAGS);
            message.to_text_format()
        });
        Self { beside: beside.unwrap_or_default(), tags }
    }

    /// The option as it is written, if it says anything.
    fn written(&self, option: &str) -> Option<UninterpretedOption> {
        if self.beside.is_empty() && self.tags.is_empty() {
            return None;
        }
        let mut text = self.beside.clone();
        for tag in &self.tags {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&format!("{TAGS}: \"{}\"", meta::escaped_text(tag)));
        }
        let name = NamePart { name_part: option.to_owned(), is_extension: true };
        Some(UninterpretedOption {
            name: vec![name],
            aggregate_value: Some(text),
            ..UninterpretedOption::default()
        })
    }
}

impl Changing<'_> {
    fn all(
        &mut self,
        file: &mut FileDescriptorProto,
        changes: &TagChanges,
    ) -> Result<(), TagError> {
        for change in &changes.all {
            count(1);
            match change.kind {
                TaggedKind::Record => self.message(file, change)?,
                TaggedKind::Field => self.field(file, change)?,
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        file: &mut FileDescriptorProto,
        change: &TagChange,
    ) -> Result<(), TagError> {
        let steps = path_of(change);
        let (message, names) = message_at(file, &steps, None)?;
        let descriptor = self.descriptor(&names).ok_or_else(|| change.no_path())?;
        let meta = || meta_of(&descriptor.options(), meta::OF_MESSAGE);
        let written = self.changed(descriptor.full_name(), meta, change).written(meta::OF_MESSAGE);
        let options = message.options.get_or_insert_default();
        replace(&mut options.uninterpreted_option, written, meta::OF_MESSAGE);
        if *options == MessageOptions::default() {
            message.options = None;
        }
        Ok(())
    }

    fn field(
        &mut self,
        file: &mut FileDescriptorProto,
        change: &TagChange,
    ) -> Result<(), TagError> {
        let mut steps = path_of(change);
        let name = steps.pop().unwrap_or_default();
        let missing = || TagError::NoField(name.to_owned());
        if steps.is_empty() {
            return Err(missing());
        }
        let (message, names) = message_at(file, &steps, Some(name))?;
        let descriptor = self.descriptor(&names).ok_or_else(|| change.no_path())?;
        let oneof = steps.get(names.len()).copied();
        let field = field_in(message, name, oneof).ok_or_else(missing)?;
        let descriptor = descriptor.get_field_by_name(name).ok_or_else(missing)?;
        let meta = || meta_of(&descriptor.options(), meta::OF_FIELD);
        let written = self.changed(descriptor.full_name(), meta, change).written(meta::OF_FIELD);
        let options = field.options.get_or_insert_default();
        replace(&mut options.uninterpreted_option, written, meta::OF_FIELD);
        if *options == FieldOptions::default() {
            field.options = None;
        }
        Ok(())
    }

    fn descriptor(&self, names: &[&str]) -> Option<MessageDescriptor> {
        let file = self.schema.file();
        let mut full = file.package_name().to_owned();
        for name in names {
            if !full.is_empty() {
                full.push('.');
            }
            full.push_str(name);
        }
        file.parent_pool().get_message_by_name(&full)
    }

    fn changed(
        &mut self,
        of: &str,
        meta: impl FnOnce() -> Option<DynamicMessage>,
        change: &TagChange,
    ) -> &Meta {
        let known = self.known.entry(of.to_owned()).or_insert_with(|| Meta::of(meta()));
        known.tags = change.apply(std::mem::take(&mut known.tags));
        known
    }
}

fn path_of(change: &TagChange) -> Vec<&str> {
    steps_of(change.path.strip_prefix('.').unwrap_or(&change.path))
}

/// The message that names lead to, and those names. For a field, the last name may be that of a
/// oneof in it.
fn message_at<'f, 'n>(
    file: &'f mut FileDescriptorProto,
    names: &[&'n str],
    field: Option<&str>,
) -> Result<(&'f mut DescriptorProto, Vec<&'n str>), TagError> {
    let missing = |name: &str| TagError::NoMessage(name.to_owned());
    let Some((first, rest)) = names.split_first() else { return Err(missing("")) };
    let at = named(&file.message_type, first).ok_or_else(|| match field {
        Some(field) if rest.is_empty() => TagError::NoField(field.to_owned()),
        _ => missing(first),
    })?;
    let mut message = file.message_type.get_mut(at).ok_or_else(|| missing(first))?;
    let mut taken = vec![*first];
    for (index, name) in rest.iter().enumerate() {
        match named(&message.nested_type, name) {
            Some(at) => {
                message = message.nested_type.get_mut(at).ok_or_else(|| missing(name))?;
                taken.push(name);
            }
            None if field.is_some() && index + 1 == rest.len() => break,
            None => return Err(missing(name)),
        }
    }
    Ok((message, taken))
}

fn named(messages: &[DescriptorProto], name: &str) -> Option<usize> {
    let is_entry =
        |message: &DescriptorProto| message.options.as_ref().is_some_and(MessageOptions::map_entry);
    messages.iter().position(|message| message.name() == name && !is_entry(message))
}

/// A field of a message, or of one of its oneofs.
fn field_in<'m>(
    message: &'m mut DescriptorProto,
    name: &str,
    oneof: Option<&str>,
) -> Option<&'m mut FieldDescriptorProto> {
    let oneof = match oneof {
        None => None,
        Some(oneof) => {
            let at = message.oneof_decl.iter().position(|one| one.name() == oneof)?;
            Some(i32::try_from(at).ok()?)
        }
    };
    message.field.iter_mut().find(|field| {
        let is_there = match oneof {
            None => true,
            Some(oneof) => field.oneof_index == Some(oneof) && !field.proto3_optional(),
        };
        field.name() == name && is_there
    })
}

/// Puts an option in the place of what there is of it, or behind the others.
fn replace(
    options: &mut Vec<UninterpretedOption>,
    written: Option<UninterpretedOption>,
    option: &str,
) {
    let first = options.iter().position(|own| meta::is_option(own, option));
    options.retain(|own| !meta::is_option(own, option));
    if let Some(written) = written {
        options.insert(first.unwrap_or(options.len()), written);
    }
}
