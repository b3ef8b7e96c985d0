//! Confluent's options for documentation and tags (`confluent/meta.proto`).

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, UninterpretedOption,
};

use super::print_options::{HasOptions, escaped};

/// The path of the file.
pub(crate) const IMPORT: &str = "confluent/meta.proto";

/// Its package.
pub(crate) const PACKAGE: &str = "confluent";

/// The option of fields.
pub(crate) const OF_FIELD: &str = "confluent.field_meta";

/// The option of messages.
pub(crate) const OF_MESSAGE: &str = "confluent.message_meta";

/// All options.
const OPTIONS: [&str; 5] = [
    "confluent.file_meta",
    OF_MESSAGE,
    OF_FIELD,
    "confluent.enum_meta",
    "confluent.enum_value_meta",
];

/// Whether an option that was written is this one, whole or a part of it. Its name may leave out
/// packages that are around it.
pub(crate) fn is_option(written: &UninterpretedOption, option: &str) -> bool {
    written.name.first().is_some_and(|part| {
        let name = part.name_part.strip_prefix('.').unwrap_or(&part.name_part);
        let rest = option.strip_suffix(name);
        part.is_extension && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Whether a file that was written has one of the options, with its package.
pub(super) fn is_used(file: &FileDescriptorProto) -> bool {
    in_options(file.options.as_ref())
        || file.message_type.iter().any(in_message)
        || file.enum_type.iter().any(in_enum)
        || file.extension.iter().any(|field| in_options(field.options.as_ref()))
}

/// This recurses as deeply as messages are nested, which the parser bounds.
fn in_message(message: &DescriptorProto) -> bool {
    let mut fields = message.field.iter().chain(&message.extension);
    in_options(message.options.as_ref())
        || fields.any(|field| in_options(field.options.as_ref()))
        || message.nested_type.iter().any(in_message)
        || message.enum_type.iter().any(in_enum)
}

fn in_enum(of: &EnumDescriptorProto) -> bool {
    in_options(of.options.as_ref())
        || of.value.iter().any(|value| in_options(value.options.as_ref()))
}

fn in_options(options: Option<&impl HasOptions>) -> bool {
    let is_one = |written: &UninterpretedOption| {
        written.name.first().is_some_and(|part| {
            let name = part.name_part.strip_prefix('.').unwrap_or(&part.name_part);
            part.is_extension && OPTIONS.contains(&name)
        })
    };
    options.is_some_and(|options| options.as_written().iter().any(is_one))
}

/// A text as it stands between quotation marks.
pub(crate) fn escaped_text(text: &str) -> String {
    escaped(text.as_bytes())
}
