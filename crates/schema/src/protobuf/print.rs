//! Prints a schema as text, in the form of the canonical string of Confluent's registry: sections
//! in a fixed order, two spaces for each level, no comments.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use base64::{Engine, engine::general_purpose};
use prost_reflect::{
    DynamicMessage, FileDescriptor, MessageDescriptor, ReflectMessage,
    prost::Message,
    prost_types::{
        DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
        ServiceDescriptorProto,
        field_descriptor_proto::{Label, Type},
    },
};

use super::{
    check::{NUMBER_MAX, entry_name, last},
    print_options::{Options, bracketed, double, escaped, statement},
};

/// The text of a file as it was written: names as they are there, options in their order.
pub(super) fn written(
    file: &FileDescriptor,
    as_written: &FileDescriptorProto,
    names_syntax: bool,
) -> String {
    let printer = Printer { normal: false, proto3: as_written.syntax() == "proto3" };
    printer.file(file, as_written, names_syntax)
}

/// The text of a file in its normal form, without its last import if that isn't in its text.
pub(super) fn normalised(file: &FileDescriptor, implies_import: bool) -> String {
    let mut resolved = Cow::Borrowed(file.file_descriptor_proto());
    if implies_import {
        resolved.to_mut().dependency.pop();
    }
    let printer = Printer { normal: true, proto3: resolved.syntax() == "proto3" };
    printer.file(file, &resolved, true)
}

/// The base64 of the serialised descriptor, without places.
pub(super) fn serialised(file: &FileDescriptor) -> String {
    let bytes = file.encode_to_vec();
    let of = FileDescriptorProto::default().descriptor();
    let bytes = match DynamicMessage::decode(of, bytes.as_slice()) {
        Ok(mut message) => {
            message.clear_field_by_name("source_code_info");
            message.encode_to_vec()
        }
        Err(_) => bytes,
    };
    general_purpose::STANDARD.encode(bytes)
}

struct Printer {
    /// The normal form sorts what has no order.
    normal: bool,
    proto3: bool,
}

/// The messages that are declared in one scope, by name: those of maps and groups are printed with
/// their fields.
struct Beside<'a>(HashMap<&'a str, (&'a DescriptorProto, MessageDescriptor)>);

impl<'a> Beside<'a> {
    fn new(messages: &'a [DescriptorProto], of: impl Iterator<Item = MessageDescriptor>) -> Self {
        let all = messages.iter().zip(of);
        Self(all.map(|(message, of)| (message.name(), (message, of))).collect())
    }

    /// The message that has a group's fields.
    fn group(
        &self,
        field: &FieldDescriptorProto,
    ) -> Option<&(&'a DescriptorProto, MessageDescriptor)> {
        let is_group = field.r#type == Some(Type::Group as i32);
        self.0.get(last(field.type_name())).filter(|_| is_group)
    }

    /// The messages that are printed as such, in their order.
    fn printed(
        &self,
        messages: &'a [DescriptorProto],
        fields: &[&[FieldDescriptorProto]],
    ) -> Vec<&(&'a DescriptorProto, MessageDescriptor)> {
        let fields = fields.iter().flat_map(|fields| fields.iter());
        let groups: HashSet<&str> = fields
            .filter_map(|field| self.group(field))
            .map(|(message, _)| message.name())
            .collect();
        messages
            .iter()
            .filter(|message| !is_map_entry(message) && !groups.contains(message.name()))
            .filter_map(|message| self.0.get(message.name()))
            .collect()
    }
}

/// A text in which each section begins on a new line.
#[derive(Default)]
struct Body(String);

impl Body {
    fn section(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.0.push('\n');
            self.lines(&items);
        }
    }

    fn lines(&mut self, items: &[String]) {
        for line in items.iter().flat_map(|item| item.trim_end_matches('\n').split('\n')) {
            self.0.push_str("  ");
            self.0.push_str(line);
            self.0.push('\n');
        }
    }
}

impl Printer {
    fn file(&self, of: &FileDescriptor, file: &FileDescriptorProto, names_syntax: bool) -> String {
        let mut out = String::new();
        match (file.syntax(), names_syntax) {
            ("", false) => {}
            ("", true) => out.push_str("syntax = \"proto2\";\n"),
            (syntax, _) => out.push_str(&format!("syntax = \"{syntax}\";\n")),
        }
        if !file.package().is_empty() {
            out.push_str(&format!("package {};\n", file.package()));
        }
        let mut push = |items: Vec<String>| {
            if !items.is_empty() {
                out.push('\n');
                out.extend(items);
            }
        };
        push(self.imports(file));
        let options = Options::of(file.options.as_ref(), || of.options());
        push(options.in_order(self.normal).iter().map(statement).collect());
        let beside = Beside::new(&file.message_type, of.messages());
        let messages = beside.printed(&file.message_type, &[&file.extension]);
        let mut types: Vec<String> =
            messages.into_iter().map(|(message, of)| self.message(of, message)).collect();
        types.extend(
            file.enum_type.iter().zip(of.enums()).map(|(it, of)| self.enumeration(&of, it)),
        );
        push(types);
        let options = of.extensions().map(|of| of.options());
        push(self.extensions(&beside, &file.extension, options.collect()));
        let services = file.service.iter().zip(of.services());
        push(services.map(|(service, of)| self.service(&of, service)).collect());
        out
    }

    fn imports(&self, file: &FileDescriptorProto) -> Vec<String> {
        let has =
            |all: &[i32], index: usize| all.iter().any(|at| usize::try_from(*at) == Ok(index));
        let line = |index: usize, path: &String| {
            let weak = if has(&file.weak_dependency, index) { "weak " } else { "" };
            let public = if has(&file.public_dependency, index) { "public " } else { "" };
            format!("import {weak}{public}\"{}\";\n", escaped(path.as_bytes()))
        };
        let lines = file.dependency.iter().enumerate();
        let (mut public, mut plain): (Vec<_>, Vec<_>) =
            lines.partition(|(index, _)| has(&file.public_dependency, *index));
        if self.normal {
            public.sort_by_key(|(_, path)| *path);
            plain.sort_by_key(|(_, path)| *path);
        }
        plain.append(&mut public);
        plain.into_iter().map(|(index, path)| line(index, path)).collect()
    }

    fn message(&self, of: &MessageDescriptor, message: &DescriptorProto) -> String {
        format!("message {} {{{}}}\n", message.name(), self.body(of, message).0)
    }

    /// What stands between a message's braces.
    fn body(&self, of: &MessageDescriptor, message: &DescriptorProto) -> Body {
        let mut body = Body::default();
        let beside = Beside::new(&message.nested_type, of.child_messages());
        body.section(self.reserved(message));
        let options = Options::of(message.options.as_ref(), || of.options());
        body.section(options.in_order(self.normal).iter().map(statement).collect());
        let mut fields: Vec<_> = message.field.iter().collect();
        if self.normal {
            fields.sort_by_key(|field| field.number());
        }
        let (within, outside): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .partition(|field| field.oneof_index.is_some() && !field.proto3_optional());
        body.section(outside.iter().map(|field| self.field(of, &beside, field)).collect());
        body.section(self.oneofs(of, message, &beside, &within));
        let ranges = message.extension_range.iter();
        body.section(
            ranges
                .map(|range| format!("extensions {};\n", span(range.start(), range.end())))
                .collect(),
        );
        let options = of.child_extensions().map(|of| of.options());
        body.section(self.extensions(&beside, &message.extension, options.collect()));
        let nested = beside.printed(&message.nested_type, &[&message.field, &message.extension]);
        let mut types: Vec<String> =
            nested.into_iter().map(|(nested, of)| self.message(of, nested)).collect();
        let enums = message.enum_type.iter().zip(of.child_enums());
        types.extend(enums.map(|(it, of)| self.enumeration(&of, it)));
        body.section(types);
        body
    }

    fn reserved(&self, message: &DescriptorProto) -> Vec<String> {
        let mut ranges: Vec<_> =
            message.reserved_range.iter().map(|range| (range.start(), range.end())).collect();
        let mut names = message.reserved_name.clone();
        if self.normal {
            ranges.sort_unstable();
            names.sort_unstable();
        }
        let ranges =
            ranges.into_iter().map(|(start, end)| format!("reserved {};\n", span(start, end)));
        ranges.chain(names.iter().map(|name| reserved_name(name))).collect()
    }

    fn oneofs(
        &self,
        of: &MessageDescriptor,
        message: &DescriptorProto,
        beside: &Beside<'_>,
        within: &[&FieldDescriptorProto],
    ) -> Vec<String> {
        let mut members: Vec<Vec<&FieldDescriptorProto>> =
            vec![Vec::new(); message.oneof_decl.len()];
        for field in within {
            let index = field.oneof_index.and_then(|index| usize::try_from(index).ok());
            if let Some(of) = index.and_then(|index| members.get_mut(index)) {
                of.push(field);
            }
        }
        let all = message.oneof_decl.iter().zip(of.oneofs()).zip(members);
        let mut all: Vec<_> = all.filter(|(_, fields)| !fields.is_empty()).collect();
        if self.normal {
            all.sort_by_key(|(_, fields)| fields.first().map(|field| field.number()));
        }
        all.into_iter()
            .map(|((oneof, descriptor), fields)| {
                let mut body = Body::default();
                let options = Options::of(oneof.options.as_ref(), || descriptor.options());
                body.section(options.in_order(self.normal).iter().map(statement).collect());
                body.section(fields.iter().map(|field| self.field(of, beside, field)).collect());
                format!("oneof {} {{{}}}\n", oneof.name(), body.0)
            })
            .collect()
    }

    fn field(
        &self,
        of: &MessageDescriptor,
        beside: &Beside<'_>,
        field: &FieldDescriptorProto,
    ) -> String {
        let descriptor = u32::try_from(field.number()).ok().and_then(|number| of.get_field(number));
        let options = Options::of(field.options.as_ref(), || match &descriptor {
            Some(descriptor) => descriptor.options(),
            None => DynamicMessage::new(
                prost_reflect::prost_types::FieldOptions::default().descriptor(),
            ),
        });
        let entry = beside.0.get(last(field.type_name())).map(|(entry, _)| entry);
        let entry = entry.filter(|entry| is_entry_of(of, entry, field));
        if let Some([key, value]) = entry.map(|entry| entry.field.as_slice()) {
            let kind = format!("map<{}, {}>", kind(key), kind(value));
            return self.line(&kind, field, &options);
        }
        self.plain(beside, field, &options)
    }

    /// A field that isn't a map.
    fn plain(
        &self,
        beside: &Beside<'_>,
        field: &FieldDescriptorProto,
        options: &Options,
    ) -> String {
        if let Some((message, of)) = beside.group(field) {
            return self.group(message.name(), field, &self.body(of, message), options);
        }
        self.line(&format!("{}{}", self.label(field), kind(field)), field, options)
    }

    fn label(&self, field: &FieldDescriptorProto) -> &'static str {
        match field.label() {
            Label::Repeated => "repeated ",
            Label::Required => "required ",
            Label::Optional if field.proto3_optional() => "optional ",
            Label::Optional if self.proto3 || field.oneof_index.is_some() => "",
            Label::Optional => "optional ",
        }
    }

    fn line(&self, kind: &str, field: &FieldDescriptorProto, options: &Options) -> String {
        let options = self.field_options(field, options);
        format!("{kind} {} = {}{options};\n", field.name(), field.number())
    }

    fn group(
        &self,
        name: &str,
        field: &FieldDescriptorProto,
        body: &Body,
        options: &Options,
    ) -> String {
        let options = self.field_options(field, options);
        format!("{}group {name} = {}{options} {{{}}}\n", self.label(field), field.number(), body.0)
    }

    fn field_options(&self, field: &FieldDescriptorProto, options: &Options) -> String {
        let mut all = options.clone();
        if let Some(default) = &field.default_value {
            let value = match (field.r#type.is_some(), field.r#type()) {
                (true, Type::String) => format!("\"{}\"", escaped(default.as_bytes())),
                (true, Type::Bytes) => format!("\"{}\"", escaped(&bytes_of(default))),
                (true, Type::Double | Type::Float) => fraction(default),
                _ => default.parse().map_or(default.clone(), |number: i128| number.to_string()),
            };
            all.push("default", value);
        }
        if field.json_name.as_ref().is_some_and(|name| *name != json_name(field.name())) {
            all.push("json_name", format!("\"{}\"", escaped(field.json_name().as_bytes())));
        }
        bracketed(&all.in_order(self.normal))
    }

    fn extensions(
        &self,
        beside: &Beside<'_>,
        fields: &[FieldDescriptorProto],
        options: Vec<DynamicMessage>,
    ) -> Vec<String> {
        let mut all: Vec<(&str, Body)> = Vec::new();
        for (field, options) in fields.iter().zip(options) {
            let options = Options::of(field.options.as_ref(), || options);
            let line = self.plain(beside, field, &options);
            match all.last_mut() {
                Some((extendee, body)) if *extendee == field.extendee() => body.lines(&[line]),
                _ => {
                    let mut body = Body::default();
                    body.section(vec![line]);
                    all.push((field.extendee(), body));
                }
            }
        }
        all.into_iter().map(|(of, body)| format!("extend {of} {{{}}}\n", body.0)).collect()
    }

    fn enumeration(&self, of: &prost_reflect::EnumDescriptor, it: &EnumDescriptorProto) -> String {
        let options = Options::of(it.options.as_ref(), || of.options());
        let mut lines: Vec<String> = options.in_order(self.normal).iter().map(statement).collect();
        let mut values: Vec<_> = it.value.iter().zip(of.values()).collect();
        let mut ranges: Vec<_> =
            it.reserved_range.iter().map(|range| (range.start(), range.end())).collect();
        let mut names = it.reserved_name.clone();
        if self.normal {
            // The first value of an enum has a meaning: it is the default.
            if let Some(rest) = values.get_mut(1..) {
                rest.sort_by_key(|(value, _)| (value.number(), value.name()));
            }
            ranges.sort_unstable();
            names.sort_unstable();
        }
        for (start, end) in ranges {
            let end = i64::from(end) + 1;
            lines.push(format!("reserved {};\n", enum_span(i64::from(start), end)));
        }
        lines.extend(names.iter().map(|name| reserved_name(name)));
        lines.extend(values.into_iter().map(|(value, of)| {
            let options = Options::of(value.options.as_ref(), || of.options());
            let options = bracketed(&options.in_order(self.normal));
            format!("{} = {}{options};\n", value.name(), value.number())
        }));
        let mut body = Body::default();
        body.section(lines);
        format!("enum {} {{{}}}\n", it.name(), body.0)
    }

    fn service(
        &self,
        of: &prost_reflect::ServiceDescriptor,
        service: &ServiceDescriptorProto,
    ) -> String {
        let mut body = Body::default();
        let options = Options::of(service.options.as_ref(), || of.options());
        body.section(options.in_order(self.normal).iter().map(statement).collect());
        let methods = service.method.iter().zip(of.methods());
        let methods = methods.map(|(method, of)| {
            let stream = |yes| if yes { "stream " } else { "" };
            let mut line = format!(
                "rpc {} ({}{}) returns ({}{})",
                method.name(),
                stream(method.client_streaming()),
                method.input_type(),
                stream(method.server_streaming()),
                method.output_type()
            );
            let options = Options::of(method.options.as_ref(), || of.options());
            let options: Vec<_> = options.in_order(self.normal).iter().map(statement).collect();
            if !options.is_empty() {
                let mut inner = Body::default();
                inner.section(options);
                line.push_str(&format!(" {{{}}}", inner.0));
            }
            line + ";\n"
        });
        body.section(methods.collect());
        format!("service {} {{{}}}\n", service.name(), body.0)
    }
}

/// The type of a field, as it is written.
fn kind(field: &FieldDescriptorProto) -> String {
    match (field.r#type.is_some(), field.r#type()) {
        (false, _) | (true, Type::Message | Type::Enum | Type::Group) => {
            field.type_name().to_owned()
        }
        (true, kind) => kind.as_str_name().trim_start_matches("TYPE_").to_ascii_lowercase(),
    }
}

/// A fraction as it is written, if it is written as the language has it: a descriptor may have it
/// in other notations.
fn fraction(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.len() < 18
        && digits.starts_with(|first: char| first.is_ascii_digit())
        && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."))
        && digits.split('.').all(|part| !part.is_empty())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>() {
        Ok(number) if !plain => double(number),
        _ => text.to_owned(),
    }
}

/// The bytes of a default, which the descriptor has with escapes.
fn bytes_of(default: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(default.len());
    let mut rest = default.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { break };
        let (digits, base, most) = match escape {
            b'0'..=b'7' => (rest, 8, 3),
            b'x' | b'X' => (after, 16, 2),
            _ => {
                bytes.push(plain_escape(*escape));
                rest = after;
                continue;
            }
        };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(base);
        let length = digits.iter().take(most).take_while(is_digit).count();
        let number = digits.iter().take(length).fold(0, |number: u32, byte| {
            number * base + char::from(*byte).to_digit(base).unwrap_or_default()
        });
        bytes.push(u8::try_from(number & 0xff).unwrap_or_default());
        rest = digits.get(length..).unwrap_or_default();
    }
    bytes
}

fn plain_escape(escape: u8) -> u8 {
    match escape {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        other => other,
    }
}

fn is_map_entry(nested: &DescriptorProto) -> bool {
    nested.options.as_ref().is_some_and(|options| options.map_entry())
}

fn is_entry_of(
    of: &MessageDescriptor,
    nested: &DescriptorProto,
    field: &FieldDescriptorProto,
) -> bool {
    let name = field.type_name();
    field.label() == Label::Repeated
        && nested.name() == last(name)
        && is_map_entry(nested)
        && nested.name() == entry_name(field.name())
        && (!name.starts_with('.') || name[1..] == format!("{}.{}", of.full_name(), nested.name()))
}

/// A range of numbers of fields; the descriptor has its end exclusive.
fn span(start: i32, end: i32) -> String {
    match end - 1 {
        last if last == start => start.to_string(),
        NUMBER_MAX => format!("{start} to max"),
        last => format!("{start} to {last}"),
    }
}

fn enum_span(start: i64, end: i64) -> String {
    match end - 1 {
        last if last == start => start.to_string(),
        last => format!("{start} to {last}"),
    }
}

fn reserved_name(name: &str) -> String {
    format!("reserved \"{}\";\n", escaped(name.as_bytes()))
}

/// The name in JSON that a field has if it says nothing else.
fn json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else {
            json.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    json
}
