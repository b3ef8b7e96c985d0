use std::{fs, io, path::Path};

use super::{FolderError, FolderFault};
use crate::bounded_file;

/// The file at the root of a catalog with the names to ignore.
pub const IGNORE_FILE: &str = ".musterignore";

/// The maximum size of that file, in bytes, and of a pattern in it, in characters. Matching takes
/// time with the length of a pattern.
const IGNORE_BYTES_MAX: u64 = 64 * 1024;
const PATTERN_LENGTH_MAX: usize = 256;

/// The names that a catalog ignores: `README.md`, and what `.musterignore` says. Its lines are
/// patterns as in `.gitignore`: the last one that matches decides, `!` takes a name back, `/` at
/// the end means folders, `/` elsewhere means a path from the root; `*`, `?` and `**` stand for
/// anything, `#` begins a comment.
#[derive(Clone, Debug, Default)]
pub(super) struct IgnoredNames(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    letters: Vec<char>,
    is_kept: bool,
    only_folders: bool,
    /// Whether it describes a path from the root, not a name at any depth.
    is_path: bool,
}

impl IgnoredNames {
    /// Reads the file of the catalog, if it has one.
    pub(super) fn read(root: &Path) -> Result<Self, FolderError> {
        let refused = |why: String| FolderError::of(IGNORE_FILE, FolderFault::Unreadable(why));
        let path = root.join(IGNORE_FILE);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::of("")),
            Err(error) => return Err(refused(error.to_string())),
            Ok(_) => {}
        }
        let text = bounded_file::read_text(&path, IGNORE_BYTES_MAX)
            .map_err(|error| refused(error.to_string()))?;
        match text.lines().find(|line| line.chars().count() > PATTERN_LENGTH_MAX) {
            Some(_) => {
                Err(refused(format!("a line has more than {PATTERN_LENGTH_MAX} characters")))
            }
            None => Ok(Self::of(&text)),
        }
    }

    fn of(text: &str) -> Self {
        let lines = std::iter::once("README.md").chain(text.lines().map(str::trim_end));
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.filter_map(Pattern::read).collect())
    }

    /// Whether the file or folder at a path from the root is ignored.
    pub(super) fn has(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let matches = |pattern: &&Pattern| {
            let text: Vec<char> = if pattern.is_path { path } else { name }.chars().collect();
            (is_folder || !pattern.only_folders) && fits(&pattern.letters, &text)
        };
        self.0.iter().rev().find(matches).is_some_and(|pattern| !pattern.is_kept)
    }
}

impl Pattern {
    fn read(line: &str) -> Option<Self> {
        let (is_kept, rest) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix('\\').unwrap_or(line)),
        };
        let only_folders = rest.ends_with('/');
        let rest = rest.trim_end_matches('/');
        let is_path = rest.contains('/');
        let letters: Vec<char> = rest.trim_start_matches('/').chars().collect();
        (!letters.is_empty()).then_some(Self { letters, is_kept, only_folders, is_path })
    }
}

/// Whether a text fits a pattern. Each star keeps the places that it can lead to, so the time is
/// the product of both lengths.
fn fits(pattern: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some((&letter, after)) = rest.split_first() {
        rest = after;
        if letter == '*' {
            let crosses = rest.first() == Some(&'*');
            if crosses {
                rest = &rest[1..];
                // `**/` also stands for nothing.
                if rest.first() == Some(&'/') {
                    rest = &rest[1..];
                    let before = reached.clone();
                    for (at, found) in text.iter().enumerate() {
                        let is_begin = *found == '/' && before[..=at].contains(&true);
                        reached[at + 1] = before[at + 1] || is_begin;
                    }
                    continue;
                }
            }
            for (at, found) in text.iter().enumerate() {
                reached[at + 1] |= reached[at] && (crosses || *found != '/');
            }
            continue;
        }
        let is = |found: char| if letter == '?' { found != '/' } else { found == letter };
        for at in (0..text.len()).rev() {
            reached[at + 1] = reached[at] && is(text[at]);
        }
        reached[0] = false;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_what_the_patterns_say() {
        for (lines, path, is_folder, expect) in [
            ("", "providers/README.md", false, true),
            ("", "providers/cms/readme.json", false, false),
            ("!README.md", "README.md", false, false),
            ("*.bak", "providers/cms/a.bak", false, true),
            ("*.bak", "providers/cms/a.bak.json", false, false),
            ("# *.json\n\n", "providers/cms/a.json", false, false),
            ("drafts/", "providers/drafts", true, true),
            ("drafts/", "providers/drafts", false, false),
            ("/drafts", "drafts", true, true),
            ("/drafts", "providers/drafts", true, false),
            ("providers/*/old.json", "providers/cms/old.json", false, true),
            ("providers/*/old.json", "providers/a/b/old.json", false, false),
            ("providers/**/old.json", "providers/a/b/old.json", false, true),
            ("providers/**/old.json", "providers/old.json", false, true),
            ("**/old.json", "old.json", false, true),
            ("**/old.json", "a/cold.json", false, false),
            ("stacks/**", "stacks/a/b", false, true),
            ("?.json", "providers/cms/a.json", false, true),
            ("?.json", "providers/cms/ab.json", false, false),
            ("*.json\n!a.json", "providers/cms/a.json", false, false),
            ("*.json\n!a.json\na.*", "providers/cms/a.json", false, true),
            ("\\!a", "!a", false, true),
        ] {
            assert_eq!(IgnoredNames::of(lines).has(path, is_folder), expect, "{lines:?} {path}");
        }
    }
}
