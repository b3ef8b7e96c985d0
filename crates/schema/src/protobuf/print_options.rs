//! Prints options, as they were written or as they were understood.

use prost_reflect::{
    DynamicMessage, Kind, MapKey, Value,
    prost_types::{
        EnumOptions, EnumValueOptions, FieldOptions, FileOptions, MessageOptions, MethodOptions,
        OneofOptions, ServiceOptions, UninterpretedOption,
    },
};

/// Options by their name, with the value as it is printed.
#[derive(Clone, Default)]
pub(super) struct Options(Vec<(String, String)>);

/// What may have options that were written and aren't understood yet.
pub(super) trait HasOptions {
    /// They, in their order.
    fn as_written(&self) -> &[UninterpretedOption];
}

macro_rules! has_options {
    ($($name:ident)*) => { $(
        impl HasOptions for $name {
            fn as_written(&self) -> &[UninterpretedOption] {
                &self.uninterpreted_option
            }
        }
    )* };
}

has_options! {
    FileOptions MessageOptions FieldOptions OneofOptions EnumOptions EnumValueOptions
    ServiceOptions MethodOptions
}

impl Options {
    /// The options of something: in the order in which they were written, or else by number.
    pub(super) fn of(
        options: Option<&impl HasOptions>,
        understood: impl FnOnce() -> DynamicMessage,
    ) -> Self {
        match options.map(HasOptions::as_written) {
            None => Self::default(),
            Some([]) => Self::understood(&understood()),
            Some(written) => {
                let understood = understood();
                Self(written.iter().map(|option| as_written(option, &understood)).collect())
            }
        }
    }

    fn understood(options: &DynamicMessage) -> Self {
        let mut all = Vec::new();
        let mut add = |name: &str, value: &Value, kind: &Kind| {
            if let Value::List(values) = value {
                all.extend(values.iter().map(|value| (name.to_owned(), printed(value, kind))));
            } else {
                all.push((name.to_owned(), printed(value, kind)));
            }
        };
        for (field, value) in options.fields() {
            if field.name() != "map_entry" && field.name() != "uninterpreted_option" {
                add(field.name(), value, &field.kind());
            }
        }
        for (field, value) in options.extensions() {
            add(&format!("({})", field.full_name()), value, &field.kind());
        }
        Self(all)
    }

    pub(super) fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// In their order, or sorted by name. Values of one name keep theirs.
    pub(super) fn in_order(&self, sorted: bool) -> Vec<(String, String)> {
        let mut all = self.0.clone();
        if sorted {
            all.sort_by(|left, right| left.0.cmp(&right.0));
        }
        all
    }
}

/// An option as a statement of its own.
pub(super) fn statement((name, value): &(String, String)) -> String {
    format!("option {name} = {value};\n")
}

/// Options behind a field or a value.
pub(super) fn bracketed(options: &[(String, String)]) -> String {
    match options {
        [] => String::new(),
        [(name, value)] => format!(" [{name} = {value}]"),
        options => {
            let lines: Vec<String> =
                options.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!(" [\n{}]", indented(&lines))
        }
    }
}

fn indented(items: &[String]) -> String {
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        for line in item.split('\n') {
            out.push_str("\n  ");
            out.push_str(line);
        }
        if index + 1 < items.len() {
            out.push(',');
        }
    }
    out.remove(0);
    out.push('\n');
    out
}

fn as_written(option: &UninterpretedOption, understood: &DynamicMessage) -> (String, String) {
    let parts = option.name.iter().map(|part| match part.is_extension {
        true => format!("({})", part.name_part),
        false => part.name_part.clone(),
    });
    let name = parts.collect::<Vec<_>>().join(".");
    let value = if let Some(value) = &option.identifier_value {
        value.clone()
    } else if let Some(value) = option.positive_int_value {
        value.to_string()
    } else if let Some(value) = option.negative_int_value {
        value.to_string()
    } else if let Some(value) = option.double_value {
        double(value)
    } else if let Some(value) = &option.string_value {
        format!("\"{}\"", escaped(value))
    } else {
        let text = option.aggregate_value.clone().unwrap_or_default();
        aggregate(option, understood).unwrap_or_else(|| format!("{{ {text} }}"))
    };
    (name, value)
}

/// A message that was written as the value of an option, as it was understood. An option that is
/// set in several statements is printed as it was written, since each gives a part.
fn aggregate(option: &UninterpretedOption, understood: &DynamicMessage) -> Option<String> {
    let [part] = option.name.as_slice() else { return None };
    if !part.is_extension {
        return None;
    }
    let name = part.name_part.trim_start_matches('.');
    let mut named = understood.extensions().filter(|(field, _)| {
        let full = field.full_name();
        full == name || full.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    });
    let (field, value) = named.next()?;
    match value {
        Value::Message(_) if named.next().is_none() => Some(printed(value, &field.kind())),
        _ => None,
    }
}

/// A value as the text format has it.
fn printed(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => float(*value),
        Value::F64(value) => double(*value),
        Value::String(value) => format!("\"{}\"", escaped(value.as_bytes())),
        Value::Bytes(value) => format!("\"{}\"", escaped(value)),
        Value::EnumNumber(number) => {
            let value = kind.as_enum().and_then(|of| of.get_value(*number));
            value.map_or_else(|| number.to_string(), |value| value.name().to_owned())
        }
        Value::Message(message) => printed_message(message),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(|value| printed(value, kind)).collect();
            match values.is_empty() {
                true => "[]".to_owned(),
                false => format!("[\n{}]", indented(&values)),
            }
        }
        Value::Map(values) => printed_map(values, kind),
    }
}

fn printed_message(message: &DynamicMessage) -> String {
    let mut members: Vec<String> = message
        .fields()
        .map(|(field, value)| {
            format!("{}: {}", name_in_text(&field), printed(value, &field.kind()))
        })
        .collect();
    members.extend(message.extensions().map(|(field, value)| {
        format!("[{}]: {}", field.full_name(), printed(value, &field.kind()))
    }));
    match members.is_empty() {
        true => "{\n}".to_owned(),
        false => format!("{{\n{}}}", indented(&members)),
    }
}

/// A group is named for its message in the text format.
fn name_in_text(field: &prost_reflect::FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(message) if field.is_group() => message.name().to_owned(),
        _ => field.name().to_owned(),
    }
}

fn printed_map(values: &std::collections::HashMap<MapKey, Value>, kind: &Kind) -> String {
    let Some(entry) = kind.as_message() else { return "[]".to_owned() };
    let (key_kind, value_kind) =
        (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
    let mut entries: Vec<String> = values
        .iter()
        .map(|(key, value)| {
            let key = printed(&key.clone().into(), &key_kind);
            let members =
                [format!("key: {key}"), format!("value: {}", printed(value, &value_kind))];
            format!("{{\n{}}}", indented(&members))
        })
        .collect();
    entries.sort_unstable();
    match entries.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n{}]", indented(&entries)),
    }
}

pub(super) fn double(value: f64) -> String {
    match value {
        value if value.is_nan() => "nan".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        value => format!("{value:?}"),
    }
}

fn float(value: f32) -> String {
    match value {
        value if value.is_finite() => format!("{value:?}"),
        value => double(f64::from(value)),
    }
}

/// Bytes as they stand between quotation marks.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{b}' => out.push_str("\\v"),
                '\\' => out.push_str("\\\\"),
                '\'' => out.push_str("\\'"),
                '"' => out.push_str("\\\""),
                letter if letter < ' ' || letter == '\u{7f}' => {
                    out.push_str(&format!("\\{:03o}", u32::from(letter)));
                }
                letter => out.push(letter),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\{byte:03o}"));
        }
    }
    out
}
