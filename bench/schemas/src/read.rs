//! Files of schemas and payloads.

use std::{fs, path::Path};

use muster_words::json::{self, Value};

use crate::Outcome;

/// Published schemas of the usual kinds and sizes (8 to 94 KB, drafts 4 and 7) that refer to no
/// others, because not every library can be given those.
pub(crate) const TEN: [&str; 10] = [
    "chart",
    "codecov",
    "dependabot-2.0",
    "eslintrc",
    "feed-1",
    "geojson",
    "github-action",
    "github-workflow",
    "tsconfig",
    "web-manifest",
];

/// Reads a file of JSON, which may begin with a byte order mark.
pub(crate) fn read(path: &Path) -> Outcome<Value> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(json::parse(text).map_err(|error| format!("{}: {error}", path.display()))?)
}
