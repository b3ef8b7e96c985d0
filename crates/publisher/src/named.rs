use std::collections::BTreeMap;

use muster_wire::manifest::{self, OBJECTS};

use crate::FileHeaders;

/// How long a reader may use an object: for ever, because it is named after its digest.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// How long a reader may use any other file, and a shared cache before it asks again. If the origin
/// can't be reached, both go on with what they have.
const SHORTLY: &str = "public, max-age=60, s-maxage=1, stale-if-error=86400";

/// The other spellings of the documents' names, by path: `-` and `_` stand for each other. A
/// document's own spelling wins over another document's other one.
#[must_use]
pub fn aliases<'a>(
    paths: impl Iterator<Item = &'a str> + Clone,
    is_own: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in paths {
        // Only documents lie in folders.
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        for spelling in [name.replace('-', "_"), name.replace('_', "-")] {
            let alias = format!("{folder}/{spelling}");
            if alias != path && !is_own(&alias) {
                found.entry(alias).or_insert_with(|| path.to_owned());
            }
        }
    }
    found
}

/// With which headers a file is served.
#[must_use]
pub fn headers_of(path: &str) -> FileHeaders {
    let (plain, content_encoding) = match path.rsplit_once('.') {
        Some((plain, "gz")) => (plain, Some("gzip")),
        Some((plain, "br")) => (plain, Some("br")),
        _ => (path, None),
    };
    let is_object = plain.starts_with(OBJECTS);
    let is_history = plain.starts_with(manifest::HISTORY);
    FileHeaders {
        content_type: "application/json",
        cache_control: if is_object || is_history { FOR_EVER } else { SHORTLY },
        content_encoding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_lead_to_a_document_and_its_own_wins() {
        let paths =
            ["stacks/t/a-b_c.json", "stacks/t/x_y.json", "stacks/t/x-y.json", "fall_b.json"];
        let found = aliases(paths.into_iter(), |path| paths.contains(&path));
        let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let own = "stacks/t/a-b_c.json";
        assert_eq!(found, [("stacks/t/a-b-c.json", own), ("stacks/t/a_b_c.json", own)]);
    }

    #[test]
    fn only_what_never_changes_is_kept_for_ever() {
        for (path, is_kept, encoding) in [
            ("objects/sha256/aa", true, None),
            ("objects/sha256/aa.gz", true, Some("gzip")),
            ("history/17.json", true, None),
            ("manifest.json", false, None),
            ("providers/cms/sanity.json.br", false, Some("br")),
        ] {
            let headers = headers_of(path);
            assert_eq!(headers.cache_control.contains("immutable"), is_kept, "{path}");
            assert_eq!(headers.content_encoding, encoding, "{path}");
        }
    }
}
