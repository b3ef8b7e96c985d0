//! Names that say nothing: for rooms, modules, files and types.

use crate::{
    Finding, Kind, Source,
    source::{body, matching},
};

/// Names that say nothing (STYLE.md).
const BANNED: &[&str] = &[
    "util", "utils", "common", "shared", "helper", "helpers", "misc", "core", "base", "types",
    "manager", "service", "handler", "impl", "data",
];

/// Words that a type's name can't end with: `StoreManager`, for example, says no more than `Store`.
const BANNED_ENDS: &[&str] = &["Util", "Utils", "Helper", "Helpers", "Manager", "Handler", "Impl"];

/// Modules and types with such names.
#[must_use]
pub fn items(source: &Source<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut implemented = 0..0;
    for (at, pair) in source.code.windows(2).enumerate() {
        if pair[0].text == "impl"
            && let Some(open) = body(&source.code, at)
        {
            implemented = open..matching(&source.code, open);
        }
        if pair[0].text == "type" && implemented.contains(&at) {
            continue; // The trait chose that name.
        }
        let keyword = pair[0].kind == Kind::Word
            && matches!(pair[0].text, "mod" | "struct" | "enum" | "trait" | "type" | "union");
        let name = pair[1].text;
        if keyword && pair[1].kind == Kind::Word && is_banned(name) {
            let what = format!("`{} {name}` says nothing: find the noun", pair[0].text);
            found.push(Finding::at(source.path, pair[1].line, what));
        }
    }
    found
}

/// Whether a file or one of its folders has such a name.
#[must_use]
pub fn path(path: &str) -> Option<Finding> {
    let parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let name = parts.into_iter().find(|part| BANNED.contains(part))?;
    Some(Finding::of(path, format!("`{name}` says nothing: find the noun")))
}

fn is_banned(name: &str) -> bool {
    BANNED.contains(&name.to_ascii_lowercase().as_str())
        || BANNED_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_says_nothing() {
        for (text, expect) in [
            ("mod util;", 1),
            ("pub struct Data { a: u8 }", 1),
            ("enum StoreManager {}", 1),
            ("trait DoorHandler {}", 1),
            ("struct DataDirectory; mod database; type Bases = u8;", 0),
            ("impl Body for Sent { type Data = Bytes; } type Helpers = u8;", 1),
            ("// mod util\nlet x = \"struct Data\";", 0),
        ] {
            assert_eq!(items(&Source::new("a.rs", text)).len(), expect, "{text}");
        }
        for (file, expect) in [
            ("crates/words/src/util.rs", true),
            ("crates/common/src/lib.rs", true),
            ("crates/muster/src/commands/keys/create.rs", false),
        ] {
            assert_eq!(path(file).is_some(), expect, "{file}");
        }
    }
}
