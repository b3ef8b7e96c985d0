//! Checks of a file's descriptor before it is linked. What is linked may be printed, compared and
//! walked, and all of that relies on what Google's compiler ensures: a descriptor that somebody
//! sends as bytes may say anything.

use std::collections::HashMap;

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use super::{ProtobufFault, ProtobufProblem, scan};
use crate::limits;

/// The highest number of a field, 2^29 - 1.
pub(super) const NUMBER_MAX: i32 = 536_870_911;

/// What the files of one schema may still have.
pub(super) struct Budget {
    types: usize,
    members: usize,
    /// Fields with a default: an enum's values are searched for each.
    defaults: usize,
    largest_enum: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            types: limits::PROTOBUF_TYPES_MAX,
            members: limits::PROTOBUF_MEMBERS_MAX,
            defaults: 0,
            largest_enum: 0,
        }
    }
}

/// A problem, with the path of the place in the descriptor.
pub(super) type Found = (Vec<i32>, ProtobufProblem);

/// Checks a file.
///
/// # Errors
/// The first problem.
pub(super) fn check(file: &FileDescriptorProto, budget: &mut Budget) -> Result<(), Box<Found>> {
    let proto3 = file.syntax() == "proto3";
    let mut checker = Checker { path: Vec::new(), scope: file.package().len(), proto3, budget };
    let result = checker.file(file);
    result.map_err(|problem| Box::new((checker.path, problem)))
}

struct Checker<'a> {
    /// The path of the place that is being checked; it stays where a problem is found.
    path: Vec<i32>,
    /// The length of the full name around the place.
    scope: usize,
    proto3: bool,
    budget: &'a mut Budget,
}

type Checked = Result<(), ProtobufProblem>;

fn invalid(message: impl Into<String>) -> ProtobufProblem {
    ProtobufProblem::new(ProtobufFault::Definition, message)
}

impl Checker<'_> {
    fn each<T>(
        &mut self,
        tag: i32,
        all: &[T],
        check: impl Fn(&mut Self, &T) -> Checked,
    ) -> Checked {
        for (index, item) in (0..).zip(all) {
            self.path.extend([tag, index]);
            check(self, item)?;
            self.path.truncate(self.path.len() - 2);
        }
        Ok(())
    }

    fn file(&mut self, file: &FileDescriptorProto) -> Checked {
        match file.syntax() {
            "" | "proto2" | "proto3" => {}
            "editions" => return Err(scan::edition(None)),
            other => {
                return Err(invalid(format!(
                    "the syntax is {other:?}; proto2 or proto3 is needed"
                )));
            }
        }
        if !file.package().is_empty() {
            self.full_name(file.package())?;
            if file.package().split('.').count() > limits::PROTOBUF_DEPTH_MAX {
                return Err(not_a_name(file.package()));
            }
        }
        self.each(4, &file.message_type, |this, message| this.message(message, 1))?;
        self.each(5, &file.enum_type, Self::enumeration)?;
        self.each(7, &file.extension, Self::extension)?;
        pairs(self.budget.defaults, self.budget.largest_enum)?;
        self.each(6, &file.service, |this, service| {
            this.name(service.name())?;
            this.each(2, &service.method, |this, method| {
                this.member()?;
                this.name(method.name())?;
                this.full_name(method.input_type())?;
                this.full_name(method.output_type())
            })
        })
    }

    fn message(&mut self, message: &DescriptorProto, depth: usize) -> Checked {
        if depth > limits::PROTOBUF_DEPTH_MAX {
            let most = limits::PROTOBUF_DEPTH_MAX;
            let message = format!("messages are nested deeper than {most} levels");
            return Err(ProtobufProblem::new(ProtobufFault::TooDeep, message));
        }
        self.type_of_its_own()?;
        self.name(message.name())?;
        self.scope += message.name().len() + 1;
        self.each(2, &message.field, |this, field| this.field(field, Some(message)))?;
        self.each(8, &message.oneof_decl, |this, oneof| this.name(oneof.name()))?;
        self.oneofs(message)?;
        self.each(6, &message.extension, Self::extension)?;
        let ranges = message.reserved_range.iter().map(|range| (range.start(), range.end()));
        let extensions = message.extension_range.iter().map(|range| (range.start(), range.end()));
        for (start, end) in ranges.chain(extensions) {
            self.member()?;
            if start < 1 || end <= start || end > NUMBER_MAX + 1 {
                return Err(number(format!(
                    "the range from {start} to {end} is empty or too large"
                )));
            }
        }
        let ranges = message.reserved_range.len() + message.extension_range.len();
        pairs(message.field.len(), ranges)?;
        for name in &message.reserved_name {
            self.member()?;
            self.reserved_name(name)?;
        }
        self.each(4, &message.enum_type, Self::enumeration)?;
        let maps = maps(message);
        self.each(3, &message.nested_type, |this, nested| {
            if nested.options.as_ref().is_some_and(|options| options.map_entry()) {
                map_entry(maps.get(nested.name()).copied(), nested)?;
            }
            this.message(nested, depth + 1)
        })?;
        self.scope -= message.name().len() + 1;
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptorProto, of: Option<&DescriptorProto>) -> Checked {
        self.member()?;
        self.name(field.name())?;
        if !(1..=NUMBER_MAX).contains(&field.number()) {
            return Err(number(format!("{} isn't a number of a field", field.number())));
        }
        if field.r#type.is_some_and(|kind| Type::try_from(kind).is_err())
            || field.label.is_some_and(|label| Label::try_from(label).is_err())
        {
            return Err(invalid(format!(
                "the field {:?} has an unknown type or label",
                field.name()
            )));
        }
        let kind = field.r#type.is_some().then(|| field.r#type());
        let named = matches!(kind, None | Some(Type::Message | Type::Enum | Type::Group));
        match (named, field.type_name()) {
            (true, name) => self.full_name(name)?,
            (false, "") => {}
            (false, _) => {
                return Err(invalid(format!("the field {:?} has two types", field.name())));
            }
        }
        let has_default = field.default_value.is_some();
        self.budget.defaults += usize::from(has_default);
        if has_default
            && (field.label() == Label::Repeated
                || matches!(kind, Some(Type::Message | Type::Group)))
        {
            return Err(invalid(format!("the field {:?} can't have a default", field.name())));
        }
        if self.proto3
            && (has_default || field.label() == Label::Required || kind == Some(Type::Group))
        {
            let message = format!(
                "the field {:?} has a default, is required or is a group, which proto3 doesn't have",
                field.name()
            );
            return Err(invalid(message));
        }
        if kind == Some(Type::Bytes) && !is_escaped(field.default_value()) {
            let message = format!("the default of {:?} isn't bytes with escapes", field.name());
            return Err(invalid(message));
        }
        if kind == Some(Type::Group) {
            self.group(field, of)?;
        }
        Ok(())
    }

    /// A group's fields are in a message beside it, and its name follows from that message's.
    fn group(&self, field: &FieldDescriptorProto, of: Option<&DescriptorProto>) -> Checked {
        let name = last(field.type_name());
        let is_beside =
            |of: &DescriptorProto| of.nested_type.iter().any(|nested| nested.name() == name);
        let beside = of.is_none_or(is_beside);
        match beside && name.to_ascii_lowercase() == field.name() {
            true => Ok(()),
            false => {
                Err(invalid(format!("the group {:?} has no message of its own", field.name())))
            }
        }
    }

    fn oneofs(&self, message: &DescriptorProto) -> Checked {
        let mut members = vec![(0_usize, false); message.oneof_decl.len()];
        for field in &message.field {
            let Some(index) = field.oneof_index else {
                if field.proto3_optional() {
                    return Err(invalid(format!("the field {:?} lacks its oneof", field.name())));
                }
                continue;
            };
            let of = usize::try_from(index).ok().and_then(|index| members.get_mut(index));
            let Some((count, optional)) = of else {
                return Err(invalid(format!(
                    "the field {:?} is in a oneof that isn't there",
                    field.name()
                )));
            };
            *count += 1;
            *optional |= field.proto3_optional();
            if field.label() != Label::Optional || (*optional && *count > 1) {
                return Err(invalid(format!("the field {:?} can't be in a oneof", field.name())));
            }
        }
        match members.iter().any(|(count, _)| *count == 0) {
            true => Err(invalid("a oneof must have at least one field")),
            false => Ok(()),
        }
    }

    fn extension(&mut self, field: &FieldDescriptorProto) -> Checked {
        self.field(field, None)?;
        self.full_name(field.extendee())?;
        match field.oneof_index.is_some() || field.label() == Label::Required {
            true => Err(invalid("an extension can't be required or in a oneof")),
            false => Ok(()),
        }
    }

    fn enumeration(&mut self, of: &EnumDescriptorProto) -> Checked {
        self.type_of_its_own()?;
        self.name(of.name())?;
        if of.value.is_empty() {
            return Err(invalid("an enum must have at least one value"));
        }
        if of.value.len() > limits::PROTOBUF_ENUM_MAX {
            return Err(too_large(limits::PROTOBUF_ENUM_MAX, "values in one enum"));
        }
        self.budget.largest_enum = self.budget.largest_enum.max(of.value.len());
        self.each(2, &of.value, |this, value| {
            this.member()?;
            this.name(value.name())
        })?;
        for range in &of.reserved_range {
            self.member()?;
            if range.end() < range.start() {
                return Err(number("a reserved range is empty"));
            }
        }
        pairs(of.value.len(), of.reserved_range.len())?;
        for name in &of.reserved_name {
            self.member()?;
            self.reserved_name(name)?;
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Checked {
        match is_identifier(name) && self.scope + name.len() < limits::PROTOBUF_NAME_BYTES_MAX {
            true => Ok(()),
            false => Err(not_a_name(name)),
        }
    }

    fn full_name(&self, name: &str) -> Checked {
        let relative = name.strip_prefix('.').unwrap_or(name);
        match relative.len() <= limits::PROTOBUF_NAME_BYTES_MAX
            && relative.split('.').all(is_identifier)
        {
            true => Ok(()),
            false => Err(not_a_name(name)),
        }
    }

    /// What is reserved is a name, too, though between quotation marks; the parser wants a letter
    /// at its beginning.
    fn reserved_name(&self, name: &str) -> Checked {
        match name.starts_with('_') {
            true => Err(not_a_name(name)),
            false => self.name(name),
        }
    }

    fn type_of_its_own(&mut self) -> Checked {
        let rest = self.budget.types.checked_sub(1);
        self.budget.types =
            rest.ok_or_else(|| too_large(limits::PROTOBUF_TYPES_MAX, "messages and enums"))?;
        Ok(())
    }

    fn member(&mut self) -> Checked {
        let rest = self.budget.members.checked_sub(1);
        self.budget.members =
            rest.ok_or_else(|| too_large(limits::PROTOBUF_MEMBERS_MAX, "fields and values"))?;
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The last part of a full name.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn not_a_name(name: &str) -> ProtobufProblem {
    let message = format!(
        "{name:.80?} isn't a name: letters, digits and _ are, up to {} bytes with the names around it",
        limits::PROTOBUF_NAME_BYTES_MAX
    );
    ProtobufProblem::new(ProtobufFault::Name, message)
}

fn number(message: impl Into<String>) -> ProtobufProblem {
    ProtobufProblem::new(ProtobufFault::Number, message)
}

fn too_large(most: usize, what: &str) -> ProtobufProblem {
    let message = format!("the schema and its references have more than {most} {what}");
    ProtobufProblem::new(ProtobufFault::TooLarge, message)
}

fn pairs(members: usize, ranges: usize) -> Checked {
    match members.saturating_mul(ranges) > limits::PROTOBUF_PAIRS_MAX {
        true => Err(ProtobufProblem::new(
            ProtobufFault::TooLarge,
            "one message or enum has too many members and reserved ranges",
        )),
        false => Ok(()),
    }
}

/// The names of the messages that fields of maps would have for their entries, with the number of
/// such fields.
fn maps(message: &DescriptorProto) -> HashMap<String, usize> {
    let mut maps = HashMap::new();
    for field in message.field.iter().filter(|field| field.label() == Label::Repeated) {
        let name = entry_name(field.name());
        if last(field.type_name()) == name {
            *maps.entry(name).or_default() += 1;
        }
    }
    maps
}

/// The entry of a map is a message with a key and a value, for one field beside it.
fn map_entry(users: Option<usize>, entry: &DescriptorProto) -> Checked {
    let plain = |field: &FieldDescriptorProto, name: &str, number: i32| {
        field.name() == name && field.number() == number && field.label() == Label::Optional
    };
    let key_fits = |field: &FieldDescriptorProto| {
        field.r#type.is_some()
            && !matches!(
                field.r#type(),
                Type::Double | Type::Float | Type::Bytes | Type::Message | Type::Enum | Type::Group
            )
    };
    let fields = match entry.field.as_slice() {
        [key, value] => {
            plain(key, "key", 1)
                && plain(value, "value", 2)
                && key_fits(key)
                && value.r#type != Some(Type::Group as i32)
        }
        _ => false,
    };
    let bare = entry.nested_type.is_empty()
        && entry.enum_type.is_empty()
        && entry.oneof_decl.is_empty()
        && entry.extension.is_empty()
        && entry.extension_range.is_empty()
        && entry.reserved_range.is_empty()
        && entry.reserved_name.is_empty();
    match fields && bare && users == Some(1) {
        true => Ok(()),
        false => Err(invalid(format!("the message {:?} isn't the entry of a map", entry.name()))),
    }
}

/// Whether a default of bytes is printable, with escapes that stand for one byte each. What links
/// the schema panics at others.
fn is_escaped(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'x' | b'X', a, b, after @ ..])
                if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() =>
            {
                after
            }
            (b'\\', [b'0'..=b'7', ..]) => {
                let digits =
                    after.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                if digits == 3 && after.first().is_some_and(|first| *first > b'3') {
                    return false;
                }
                after.get(digits..).unwrap_or_default()
            }
            (b'\\', [escape, after @ ..]) if b"abfnrtv?'\"\\".contains(escape) => after,
            (b' '..=b'~', after) if *first != b'\\' => after,
            _ => return false,
        };
    }
    true
}

/// The name of the message of a map's entries: `by_name` has `ByNameEntry`.
pub(super) fn entry_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 5);
    let mut upper = true;
    for letter in field.chars() {
        if letter == '_' {
            upper = true;
        } else {
            name.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    name + "Entry"
}
