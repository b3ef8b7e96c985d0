//! The rules that two types can break, and what is said about it.

use std::collections::HashMap;

use crate::{
    Certainty,
    avro::{
        compare::{
            Pair,
            findings::{Finding, Reader},
        },
        defaults,
        logical::LogicalType,
        schema::{Enumeration, Field, Fixed, Named, Primitive, Record},
    },
    limits, steps,
};

pub(super) fn too_complex(reader: &Reader<'_>) -> Finding {
    let message = "the comparison of the two schemas takes too long, so it wasn't finished";
    let pair = Pair::of(reader.schema, reader.writer);
    Finding {
        certainty: Certainty::Undecided,
        suggestion: Some("Make the schema simpler, or split it.".to_owned()),
        ..reader.at_types(pair, "too_complex", message.to_owned())
    }
}

pub(super) fn type_mismatch(reader: &Reader<'_>, pair: Pair) -> Finding {
    let (read, written) = (reader.read_type(pair), reader.written_type(pair));
    let message = format!("{} need {read} here and can't read {written}", reader.readers());
    let old = if reader.is_new() { written } else { read };
    let suggestion = format!("Keep {old} here, and add what is new as a field of its own.");
    Finding { suggestion: Some(suggestion), ..reader.at_types(pair, "type_mismatch", message) }
}

pub(super) fn missing_union_branch(reader: &Reader<'_>, pair: Pair) -> Finding {
    let written = reader.written_type(pair);
    let message =
        format!("{} have no branch of the union here that reads {written}", reader.readers());
    let suggestion = if reader.is_new() {
        format!("Keep the branch {written}.")
    } else {
        format!("Leave out {written} until all readers know it.")
    };
    let found = reader.at_types(pair, "missing_union_branch", message);
    Finding { suggestion: Some(suggestion), ..found }
}

/// Whether the names of two types match: without their namespaces, or by an alias.
pub(super) fn names_match(reader: &Named, writer: &Named) -> bool {
    reader.simple() == writer.simple() || is_alias(reader, writer)
}

fn is_alias(reader: &Named, writer: &Named) -> bool {
    steps::count(reader.aliases.len() as u64 / 8);
    reader.aliases.contains(&writer.full)
}

pub(super) fn name_mismatch(
    reader: &Reader<'_>,
    pair: Pair,
    read: &Named,
    written: &Named,
) -> Option<Finding> {
    if names_match(read, written) {
        return None;
    }
    let message = format!(
        "{} look for the type {} and find {} in {}",
        reader.readers(),
        read.full,
        written.full,
        reader.data()
    );
    let suggestion = if reader.is_new() {
        format!("Add {:?} to the aliases of {}, or keep the name.", written.full, read.full)
    } else {
        format!("Keep the name {}.", read.full)
    };
    let found = reader.at_attribute(pair, "name", "name_mismatch", message);
    Some(Finding {
        reader_says: Some(read.full.clone()),
        writer_says: Some(written.full.clone()),
        suggestion: Some(suggestion),
        ..found
    })
}

/// An enum or a fixed whose namespace has changed: its name matches by the specification, but Java's
/// library compares full names when it reads.
pub(super) fn namespace_mismatch(
    reader: &Reader<'_>,
    pair: Pair,
    read: &Named,
    written: &Named,
) -> Option<Finding> {
    if read.full == written.full || !names_match(read, written) || is_alias(read, written) {
        return None;
    }
    let message = format!(
        "some libraries take {} and {} for different types, and {} then fail",
        read.full,
        written.full,
        reader.readers()
    );
    let suggestion = if reader.is_new() {
        format!("Add {:?} to the aliases of {}.", written.full, read.full)
    } else {
        format!("Keep the namespace of {}.", read.full)
    };
    let found = reader.at_attribute(pair, "name", "namespace_mismatch", message);
    Some(Finding {
        certainty: Certainty::Undecided,
        reader_says: Some(read.full.clone()),
        writer_says: Some(written.full.clone()),
        suggestion: Some(suggestion),
        ..found
    })
}

/// A type whose name in the writer's schema is the alias of another type of the reader.
pub(super) fn type_alias_taken(
    reader: &Reader<'_>,
    pair: Pair,
    written: &Named,
    other: &str,
) -> Finding {
    let message = format!(
        "{} in {} is also an alias of {other}, so libraries differ in which type they take it for",
        written.full,
        reader.data()
    );
    Finding {
        certainty: Certainty::Undecided,
        suggestion: Some(format!("Remove the alias {:?} from {other}.", written.full)),
        ..reader.at_attribute(pair, "name", "alias_taken", message)
    }
}

pub(super) fn fixed_size(
    reader: &Reader<'_>,
    pair: Pair,
    read: &Fixed,
    written: &Fixed,
) -> Option<Finding> {
    if read.size == written.size {
        return None;
    }
    let message = format!(
        "{} read {} bytes for {}, and {} has {}",
        reader.readers(),
        read.size,
        read.named.full,
        reader.data(),
        written.size
    );
    let old = if reader.is_new() { written.size } else { read.size };
    let found = reader.at_attribute(pair, "size", "fixed_size_mismatch", message);
    Some(Finding {
        reader_says: Some(read.size.to_string()),
        writer_says: Some(written.size.to_string()),
        suggestion: Some(format!("Keep the size of {old} bytes, or use a new name.")),
        ..found
    })
}

pub(super) fn enum_symbols(
    reader: &Reader<'_>,
    pair: Pair,
    read: &Enumeration,
    written: &Enumeration,
) -> Option<Finding> {
    steps::count(written.symbols.len() as u64);
    if read.default.is_some() {
        return None;
    }
    let missing: Vec<&str> = written
        .symbols
        .iter()
        .filter(|symbol| !read.by_symbol.contains_key(*symbol))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let mut named = missing[..missing.len().min(limits::CHOICES_MAX)].join(", ");
    if missing.len() > limits::CHOICES_MAX {
        named.push_str(&format!(" and {} more", missing.len() - limits::CHOICES_MAX));
    }
    let message = format!(
        "{} don't know {named} of the enum {}, and it has no default for them",
        reader.readers(),
        read.named.full
    );
    let suggestion = if reader.is_new() {
        format!("Keep {named}, or give the enum a default.")
    } else {
        format!(
            "Leave out {named} until all readers have a schema with these symbols or a default."
        )
    };
    let says = |own: &Enumeration| Some(own.symbols.join(", "));
    let found = reader.at_attribute(pair, "symbols", "missing_enum_symbols", message);
    Some(Finding {
        reader_says: says(read),
        writer_says: says(written),
        suggestion: Some(suggestion),
        ..found
    })
}

/// What a field of the reader's record finds in the writer's.
pub(super) enum Match<'a> {
    Field(usize, &'a Field),
    None,
    /// Several fields, by its name and its aliases.
    Several,
}

pub(super) fn match_field<'a>(field: &Field, writer: &'a Record) -> Match<'a> {
    steps::count(1 + field.aliases.len() as u64);
    let names = std::iter::once(&field.name).chain(&field.aliases);
    let mut found = names.filter_map(|name| writer.by_name.get(name)).copied();
    match (found.next(), found.find(|_| true)) {
        (None, _) => Match::None,
        (Some(index), None) => Match::Field(index, &writer.fields[index]),
        // An alias may repeat the field's own name.
        (Some(first), Some(second)) if first == second => match found.all(|next| next == first) {
            true => Match::Field(first, &writer.fields[first]),
            false => Match::Several,
        },
        _ => Match::Several,
    }
}

pub(super) fn missing_default(reader: &Reader<'_>, pair: Pair, field: &Field) -> Finding {
    let message = format!(
        "{} need the field {}, which {} doesn't have, and it has no default",
        reader.readers(),
        field.name,
        reader.data()
    );
    let suggestion = if reader.is_new() {
        format!("Give {} a default.", field.name)
    } else {
        format!(
            "Keep {}; old readers can do without it only if their schema has a default.",
            field.name
        )
    };
    Finding {
        suggestion: Some(suggestion),
        ..reader.at_field(pair, field, "reader_field_missing_default_value", message)
    }
}

/// A default that is needed and isn't of the first branch of its union.
pub(super) fn default_of_later_branch(
    reader: &Reader<'_>,
    pair: Pair,
    field: &Field,
) -> Option<Finding> {
    let default = field.default.as_ref()?;
    // Only unions care, and they may be anywhere within the type.
    steps::count(1 + default.text.len() as u64 / 8);
    if defaults::fits_first_branches(reader.schema, field.of.node, &default.value) {
        return None;
    }
    let message = format!(
        "libraries of before Avro 1.12 take the default of {} for its union's first branch, and \
         {} then fail",
        field.name,
        reader.readers()
    );
    Some(Finding {
        certainty: Certainty::Undecided,
        suggestion: Some("Put the branch of the default first in its union.".to_owned()),
        ..reader.at_field(pair, field, "default_of_later_branch", message)
    })
}

pub(super) fn ambiguous_alias(reader: &Reader<'_>, pair: Pair, field: &Field) -> Finding {
    let message = format!(
        "the field {} of {} matches several fields of {} by its aliases",
        field.name,
        reader.readers(),
        reader.data()
    );
    Finding {
        suggestion: Some(format!("Remove aliases from {}.", field.name)),
        ..reader.at_field(pair, field, "ambiguous_field_alias", message)
    }
}

/// Fields of a reader's record that take the same field of the writer's. Libraries that rename the
/// writer's fields first leave nothing for one of them.
pub(super) fn shared_fields(
    reader: &Reader<'_>,
    pair: Pair,
    read: &Record,
    written: &Record,
    taken: &HashMap<usize, Vec<usize>>,
) -> Vec<Finding> {
    let mut shared: Vec<(&usize, &Vec<usize>)> =
        taken.iter().filter(|(_, by)| by.len() > 1).collect();
    shared.sort_unstable();
    let found = shared.into_iter().map(|(index, by)| {
        let name = &written.fields[*index].name;
        let field = by.iter().map(|by| &read.fields[*by]).find(|field| field.name != *name);
        let field = field.unwrap_or(&read.fields[by[0]]);
        let message = format!(
            "two fields of {} take {name} of {}, and libraries differ in what the second gets",
            reader.readers(),
            reader.data()
        );
        Finding {
            certainty: Certainty::Undecided,
            suggestion: Some(format!("Remove the alias {name:?} from {}.", field.name)),
            ..reader.at_field(pair, field, "alias_taken", message)
        }
    });
    found.collect()
}

/// Bytes that are read as text must be UTF-8, which nothing promises.
pub(super) fn bytes_as_string(
    reader: &Reader<'_>,
    pair: Pair,
    read: Primitive,
    written: Primitive,
) -> Option<Finding> {
    if (written, read) != (Primitive::Bytes, Primitive::String) {
        return None;
    }
    let message =
        format!("{} read bytes as text, and fail where they aren't UTF-8", reader.readers());
    let old = if reader.is_new() { "bytes" } else { "string" };
    Some(Finding {
        suggestion: Some(format!("Keep {old}.")),
        ..reader.at_types(pair, "bytes_read_as_string", message)
    })
}

pub(super) fn logical_types(reader: &Reader<'_>, pair: Pair) -> Option<Finding> {
    let (read, written) = (
        reader.schema.node(pair.reader.node).logical,
        reader.writer.node(pair.writer.node).logical,
    );
    let same_kind =
        reader.schema.kind(pair.reader.node).word() == reader.writer.kind(pair.writer.node).word();
    if written.is_some() && read.is_none() && !same_kind {
        let written = reader.written_type(pair);
        let message = format!("some libraries don't read {written} as {}", reader.read_type(pair));
        return Some(Finding {
            certainty: Certainty::Undecided,
            suggestion: Some("Keep the type, and change its logical type alone.".to_owned()),
            ..reader.at_types(pair, "logical_type_promoted", message)
        });
    }
    let (rule, certainty, message) = match (read?, written) {
        (read, Some(written)) if read == written => return None,
        (LogicalType::Decimal { .. }, Some(LogicalType::Decimal { .. })) => (
            "decimal_mismatch",
            Certainty::Broken,
            "have a decimal of another precision or scale, which doesn't match",
        ),
        (_, Some(_)) => (
            "logical_type_mismatch",
            Certainty::Broken,
            "take the values for something else than they are",
        ),
        (LogicalType::Uuid | LogicalType::Decimal { .. } | LogicalType::BigDecimal, None) => (
            "logical_type_added",
            Certainty::Undecided,
            "need values of a certain form, which plain ones may not have",
        ),
        (_, None) => return None,
    };
    let message = format!("{} {message}", reader.readers());
    let old = if reader.is_new() { reader.written_type(pair) } else { reader.read_type(pair) };
    Some(Finding {
        certainty,
        suggestion: Some(format!("Keep {old} here.")),
        ..reader.at_types(pair, rule, message)
    })
}
