/// The meaning of a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileName<'a> {
    /// A document: its id and its extension.
    Document {
        /// The id.
        id: &'a str,
        /// The extension without its dot; empty if there is none.
        extension: &'a str,
    },
    /// Attributes of the document or the group with this id.
    Attributes {
        /// The id.
        id: &'a str,
        /// The extension without its dot: that of JSON or of YAML.
        extension: &'a str,
    },
}

/// Extensions of two parts. They must be listed, because an id may contain dots.
const DOUBLE: [&str; 3] = ["schema.json", "schema.yaml", "schema.yml"];

/// The extensions of files that hold attributes.
const DATA: [&str; 3] = ["json", "yaml", "yml"];

impl<'a> FileName<'a> {
    /// Parses a file's name.
    #[must_use]
    pub fn read(name: &'a str) -> Self {
        if let Some((rest, extension)) = name.rsplit_once('.')
            && DATA.contains(&extension)
            && let Some(id) = rest.strip_suffix(".attributes")
        {
            return Self::Attributes { id, extension };
        }
        for extension in DOUBLE {
            if let Some(id) = name.strip_suffix(extension).and_then(|id| id.strip_suffix('.')) {
                return Self::Document { id, extension };
            }
        }
        match name.rsplit_once('.') {
            Some((id, extension)) => Self::Document { id, extension },
            None => Self::Document { id: name, extension: "" },
        }
    }
}

/// A document's media type, from its file's extension.
#[must_use]
pub fn content_type(extension: &str) -> &'static str {
    known_content_type(extension).unwrap_or("application/octet-stream")
}

/// The media type of a known extension.
#[must_use]
pub fn known_content_type(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "json" | "schema.json" | "avsc" => "application/json",
        "yaml" | "yml" | "schema.yaml" | "schema.yml" => "application/yaml",
        "toml" => "application/toml",
        "xml" | "xsd" => "application/xml",
        "md" => "text/markdown",
        "txt" | "proto" => "text/plain",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        let document = |id, extension| FileName::Document { id, extension };
        let attributes = |id, extension| FileName::Attributes { id, extension };
        for (name, expect) in [
            ("sanity.json", document("sanity", "json")),
            ("provider.schema.json", document("provider", "schema.json")),
            ("com.example.event.avsc", document("com.example.event", "avsc")),
            ("plain", document("plain", "")),
            ("provider.schema.yml", document("provider", "schema.yml")),
            ("sanity.attributes.json", attributes("sanity", "json")),
            ("sanity.attributes.yaml", attributes("sanity", "yaml")),
            ("sanity.attributes.toml", document("sanity.attributes", "toml")),
            ("a.schema.attributes.yml", attributes("a.schema", "yml")),
            (".json", document("", "json")),
            ("schema.json", document("schema", "json")),
        ] {
            assert_eq!(FileName::read(name), expect, "{name}");
        }
    }
}
