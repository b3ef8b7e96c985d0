//! A field as comparisons and payloads see it, whether its message declares it or an extension
//! adds it.

use std::collections::BTreeMap;

use prost_reflect::{
    Cardinality, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    Syntax, Value, prost::Message, prost_types::FieldDescriptorProto,
};

/// A field of a message, by what its data means.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) json_name: String,
    pub(super) kind: Kind,
    pub(super) cardinality: Cardinality,
    pub(super) is_group: bool,
    pub(super) is_map: bool,
    /// Whether a reader can tell an absent value from the default.
    pub(super) has_presence: bool,
    pub(super) default: Value,
    /// The oneof that was declared; an `optional` field of proto3 has none.
    pub(super) oneof: Option<String>,
    /// The label that stands in the text.
    pub(super) label: Option<&'static str>,
    pub(super) is_deprecated: bool,
    /// The options, serialised.
    pub(super) options: Vec<u8>,
}

impl Member {
    pub(super) fn of_field(field: &FieldDescriptor) -> Self {
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let proto = field.field_descriptor_proto();
        Self {
            number: field.number(),
            name: field.name().to_owned(),
            full_name: field.full_name().to_owned(),
            json_name: field.json_name().to_owned(),
            kind: field.kind(),
            cardinality: field.cardinality(),
            is_group: field.is_group(),
            is_map: field.is_map(),
            has_presence: field.supports_presence(),
            default: field.default_value(),
            label: match oneof.is_some() || field.is_map() {
                true => None,
                false => label(proto, field.cardinality(), field.parent_file().syntax()),
            },
            oneof: oneof.map(|oneof| oneof.name().to_owned()),
            is_deprecated: is_deprecated(proto),
            options: options(proto, || field.options().encode_to_vec()),
        }
    }

    fn of_extension(field: &ExtensionDescriptor) -> Self {
        let proto = field.field_descriptor_proto();
        Self {
            number: field.number(),
            name: format!("[{}]", field.full_name()),
            full_name: field.full_name().to_owned(),
            json_name: field.json_name().to_owned(),
            kind: field.kind(),
            cardinality: field.cardinality(),
            is_group: field.is_group(),
            is_map: field.is_map(),
            has_presence: field.supports_presence(),
            default: field.default_value(),
            oneof: None,
            label: label(proto, field.cardinality(), field.parent_file().syntax()),
            is_deprecated: is_deprecated(proto),
            options: options(proto, || field.options().encode_to_vec()),
        }
    }

    /// The fields of a message and its extensions, by number.
    pub(super) fn all(message: &MessageDescriptor) -> BTreeMap<u32, Self> {
        let mut all: BTreeMap<u32, Self> = message
            .extensions()
            .map(|field| (field.number(), Self::of_extension(&field)))
            .collect();
        all.extend(message.fields().map(|field| (field.number(), Self::of_field(&field))));
        all
    }

    /// The type alone, without a label.
    pub(super) fn kind_shown(&self) -> String {
        shown_kind(&self.kind)
    }

    pub(super) fn is_repeated(&self) -> bool {
        self.cardinality == Cardinality::Repeated
    }

    pub(super) fn is_required(&self) -> bool {
        self.cardinality == Cardinality::Required
    }

    /// The type and the label, as a short text for people.
    pub(super) fn shown(&self) -> String {
        let kind = shown_kind(&self.kind);
        match (&self.kind, self.is_map) {
            (Kind::Message(entry), true) => {
                let value = entry.map_entry_value_field().kind();
                let key = entry.map_entry_key_field().kind();
                format!("map<{}, {}>", shown_kind(&key), shown_kind(&value))
            }
            _ => match (self.label, self.is_group) {
                (label, true) => {
                    format!("{} group {kind}", label.unwrap_or_default()).trim().to_owned()
                }
                (Some(label), false) => format!("{label} {kind}"),
                (None, false) => kind,
            },
        }
    }
}

fn label(
    proto: &FieldDescriptorProto,
    cardinality: Cardinality,
    syntax: Syntax,
) -> Option<&'static str> {
    match cardinality {
        Cardinality::Repeated => Some("repeated"),
        Cardinality::Required => Some("required"),
        Cardinality::Optional if syntax == Syntax::Proto2 || proto.proto3_optional() => {
            Some("optional")
        }
        Cardinality::Optional => None,
    }
}

fn options(proto: &FieldDescriptorProto, serialised: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    proto.options.as_ref().map(|_| serialised()).unwrap_or_default()
}

fn is_deprecated(proto: &FieldDescriptorProto) -> bool {
    proto.options.as_ref().is_some_and(|options| options.deprecated())
}

/// A type as it is written, with its full name if it has one.
pub(super) fn shown_kind(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => format!(".{}", message.full_name()),
        Kind::Enum(of) => format!(".{}", of.full_name()),
        scalar => format!("{scalar:?}"),
    }
}

/// Whether a reader drops values that the enum doesn't have. Those of proto2 do.
pub(super) fn is_closed(of: &EnumDescriptor) -> bool {
    of.parent_file().syntax() == Syntax::Proto2
}

/// The name of a message without its package.
pub(super) fn local_name(message: &MessageDescriptor) -> String {
    let file = message.parent_file();
    let package = file.package_name();
    let full = message.full_name();
    let rest = full.strip_prefix(package).and_then(|rest| rest.strip_prefix('.'));
    match package.is_empty() {
        true => full.to_owned(),
        false => rest.unwrap_or(full).to_owned(),
    }
}
