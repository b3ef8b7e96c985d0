use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_schema::SchemaFormat;
use muster_words::{Notation, json::Value};

/// What the registry is told of a schema's format: the attribute `format` and the media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredFormat {
    /// The name and the version, as xRegistry's schema specification writes them.
    pub name: &'static str,
    pub content_type: &'static str,
}

impl StoredFormat {
    /// Reads it from the file's name and from what the schema says of itself.
    pub(super) fn of(format: SchemaFormat, file: &str, text: &str) -> Self {
        let is_yaml = [".yaml", ".yml"].iter().any(|end| file.to_ascii_lowercase().ends_with(end));
        match format {
            SchemaFormat::JsonSchema => {
                let notation = if is_yaml { Notation::Yaml } else { Notation::Json };
                let content_type =
                    if is_yaml { "application/yaml" } else { "application/schema+json" };
                Self { name: draft(notation, text), content_type }
            }
            // A schema doesn't say which release it is written for; this one's specification is
            // what it is read by.
            SchemaFormat::Avro => {
                Self { name: "Avro/1.12.0", content_type: "application/vnd.apache.avro+json" }
            }
            SchemaFormat::Protobuf => {
                Self { name: syntax(text), content_type: "application/x-protobuf" }
            }
        }
    }
}

/// The draft that a JSON Schema names; without one it is read as the newest.
fn draft(notation: Notation, text: &str) -> &'static str {
    let value = notation.parse(text.as_bytes()).unwrap_or_default();
    let named = value.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let named = named.trim_end_matches('#').trim_end_matches("/schema");
    match named.rsplit_once("//").map_or(named, |(_, rest)| rest) {
        "json-schema.org/draft-04" => "JsonSchema/draft-04",
        "json-schema.org/draft-06" => "JsonSchema/draft-06",
        "json-schema.org/draft-07" => "JsonSchema/draft-07",
        "json-schema.org/draft/2019-09" => "JsonSchema/draft/2019-09",
        _ => "JsonSchema/draft/2020-12",
    }
}

/// The syntax of a Protobuf schema, which is its first statement; without one it is proto2.
fn syntax(text: &str) -> &'static str {
    if let Ok(descriptor) = STANDARD.decode(text.trim()) {
        // The member `syntax` of a FileDescriptorProto: field 12, of six bytes. Proto2 omits it.
        let is_3 = descriptor.windows(8).any(|bytes| bytes == b"\x62\x06proto3");
        return if is_3 { "Protobuf/3" } else { "Protobuf/2" };
    }
    let statement = without_comments(text).split(';').next().unwrap_or_default();
    let quoted = statement.split(['"', '\'']).nth(1).unwrap_or_default();
    match (statement.split(['=', ' ', '\t', '\n', '\r']).next().unwrap_or_default(), quoted) {
        ("syntax", "proto3") => "Protobuf/3",
        ("edition", "2023") => "Protobuf/2023",
        ("edition", "2024") => "Protobuf/2024",
        _ => "Protobuf/2",
    }
}

/// The text from its first statement on.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest.get(..2) {
            Some("//") => rest.find('\n'),
            Some("/*") => rest.find("*/").map(|at| at + 2),
            _ => return rest,
        };
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default().trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_format_by_what_the_schema_says() {
        use SchemaFormat::{Avro, JsonSchema, Protobuf};
        let proto3 = STANDARD.encode(b"\x0a\x07a.proto\x62\x06proto3");
        let proto2 = STANDARD.encode(b"\x0a\x07a.proto");
        for (format, file, text, name, content_type) in [
            (JsonSchema, "a.json", "{}", "JsonSchema/draft/2020-12", "application/schema+json"),
            (
                JsonSchema,
                "a.json",
                r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
                "JsonSchema/draft-07",
                "application/schema+json",
            ),
            (
                JsonSchema,
                "a.YML",
                "$schema: https://json-schema.org/draft/2019-09/schema\n",
                "JsonSchema/draft/2019-09",
                "application/yaml",
            ),
            (JsonSchema, "-", "no", "JsonSchema/draft/2020-12", "application/schema+json"),
            (Avro, "a.avsc", "\"int\"", "Avro/1.12.0", "application/vnd.apache.avro+json"),
            (Protobuf, "", "syntax = \"proto3\";", "Protobuf/3", "application/x-protobuf"),
            (Protobuf, "", "syntax='proto2';", "Protobuf/2", "application/x-protobuf"),
            (Protobuf, "", "message A {}", "Protobuf/2", "application/x-protobuf"),
            (
                Protobuf,
                "",
                "// syntax = \"proto2\";\n/* a\n; */\nedition = \"2023\";",
                "Protobuf/2023",
                "application/x-protobuf",
            ),
            (Protobuf, "", "/* never ends", "Protobuf/2", "application/x-protobuf"),
            (Protobuf, "", "//", "Protobuf/2", "application/x-protobuf"),
            (Protobuf, "", &proto3, "Protobuf/3", "application/x-protobuf"),
            (Protobuf, "", &proto2, "Protobuf/2", "application/x-protobuf"),
        ] {
            let found = StoredFormat::of(format, file, text);
            assert_eq!(found, StoredFormat { name, content_type }, "{file} {text}");
        }
    }
}
