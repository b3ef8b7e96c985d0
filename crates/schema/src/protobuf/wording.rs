//! The sentences about what isn't compatible: why, for whom, and what would pass.

use super::compare::Finding;
use crate::{Broken, Direction, limits, messages::cut};

/// A finding as people read it.
pub(super) fn broken(finding: Finding, direction: Direction) -> Broken {
    let Finding { rule, certainty, writer_path, reader_path, written, read } = finding;
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let why = why(rule, &shown(&written), &shown(&read));
    let whom = match direction {
        Direction::Backward => "readers with the new schema, of data written with the old one",
        Direction::Forward => "readers with the old schema, of data written with the new one",
    };
    let (was, is, path) = match direction {
        Direction::Backward => (written, read, reader_path.or(writer_path)),
        Direction::Forward => (read, written, writer_path.or(reader_path)),
    };
    Broken {
        rule: rule.to_owned(),
        path: cut(path.unwrap_or_default(), limits::POINTER_BYTES_MAX),
        direction,
        certainty,
        was,
        is,
        message: cut(format!("{why}; this concerns {whom}"), limits::MESSAGE_MAX),
        suggestion: suggestion(rule, direction).map(str::to_owned),
    }
}

fn why(rule: &str, written: &str, read: &str) -> String {
    match rule {
        "package_changed" => {
            format!("messages are found by their full name, and {written} isn't {read}")
        }
        "message_removed" => format!("there is no {written} to read the data with"),
        "field_kind_changed" => {
            format!("{written} can't be read as {read}: the bytes mean something else")
        }
        "field_scalar_kind_changed" => {
            format!("values of {written} can be changed or lost when they are read as {read}")
        }
        "field_named_type_changed" => format!("{written} isn't compatible with {read}"),
        "field_numeric_label_changed" => {
            format!("numbers are written as {written} and read as {read}")
        }
        "field_label_changed" => {
            format!("of what is written as {written}, {read} keeps another number of values")
        }
        "field_default_changed" => format!(
            "a value that isn't written is the default, and it isn't the same for {written} and {read}"
        ),
        "field_number_changed" => format!(
            "the field is written as {written} and looked for as {read}, so its value isn't found"
        ),
        "required_field_added" => format!("{read} must be there, and it is never written"),
        "field_made_required" => format!("{read} must be there, and {written} may be left out"),
        "required_field_removed" => format!("{written} was required and isn't known any more"),
        "oneof_field_removed" => {
            format!("{written} of a oneof isn't known, so the oneof looks empty when it is set")
        }
        "multiple_fields_moved_to_oneof" => format!(
            "fields that can be written together, such as {written}, are now in one oneof ({read}), which keeps only the last"
        ),
        "field_moved_to_existing_oneof" => format!(
            "{written} can be written together with fields that are now in the same oneof ({read}), which keeps only the last"
        ),
        "enum_const_removed" => {
            format!("the value {written} isn't known to a closed enum, so the field looks unset")
        }
        "enum_const_number_changed" => {
            format!("the name is written as {written}, and {read} is read under it")
        }
        "enum_closed" => {
            format!("{written} can have any number, and {read} drops those that it has no name for")
        }
        "reserved_number_reused" => {
            format!("the field has {written}; older data may have something else under it")
        }
        "field_in_extension_range" => {
            format!("the field has {written}; data may have an extension under it")
        }
        _ => format!("the comparison of {written} with {read} takes too long"),
    }
}

/// A change of the new schema that would pass.
fn suggestion(rule: &str, direction: Direction) -> Option<&'static str> {
    let forward = direction == Direction::Forward;
    Some(match rule {
        "package_changed" => {
            "keep the package, and register the schema with the new package under a name of its own"
        }
        "message_removed" if forward => {
            "register the new message as a schema of its own, or check backward only"
        }
        "message_removed" => "keep the message, marked with option deprecated = true",
        "field_kind_changed" | "field_scalar_kind_changed" | "field_named_type_changed" => {
            "keep the field as it was, marked [deprecated = true], and add a field with the new type under a new number"
        }
        "field_numeric_label_changed" | "field_label_changed" => {
            "keep the label, and add a field with the new one under a new number"
        }
        "field_default_changed" => "keep the default",
        "field_number_changed" => {
            "keep the number; or give the field with the new number a new name, and reserve the old number and name"
        }
        "required_field_added" | "field_made_required" | "required_field_removed" => {
            "make the field optional in both, and let the program check that it is there"
        }
        "oneof_field_removed" => "keep the field in the oneof, marked [deprecated = true]",
        "multiple_fields_moved_to_oneof" | "field_moved_to_existing_oneof" => {
            "leave the field where it is, and add a field with a new number to the oneof"
        }
        "enum_const_removed" => {
            "keep the value in the enum; new values are safe only in enums of proto3"
        }
        "enum_const_number_changed" => {
            "keep the number of the name, and add a new name for the new number"
        }
        "enum_closed" => "keep the enum in a file of proto3",
        "reserved_number_reused" | "field_in_extension_range" => {
            "choose a number that was never used"
        }
        _ => return None,
    })
}
