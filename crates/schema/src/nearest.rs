use crate::steps;

/// The candidate that was probably meant: the one with the fewest edits, if they are few enough for
/// its length to make a sensible guess.
#[must_use]
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if written.chars().count() > LENGTH_MAX {
        return None;
    }
    let written_folded: Vec<char> = fold(written);
    candidates
        .into_iter()
        .take(CANDIDATES_MAX)
        .filter(|candidate| candidate.len() <= LENGTH_MAX * 4 && *candidate != written)
        .filter_map(|candidate| {
            let folded = fold(candidate);
            steps::count((1 + written_folded.len() * folded.len() / 32) as u64);
            let edits = distance(&written_folded, &folded);
            let allowed = 1 + written_folded.len().min(folded.len()) / 4;
            if edits <= allowed {
                Some((edits, candidate))
            } else {
                begins(&written_folded, &folded).then_some((edits.max(allowed + 1), candidate))
            }
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// The longest name to guess, in characters: the cost grows with the product of both lengths.
const LENGTH_MAX: usize = 64;

/// The most candidates to compare; a longer list isn't one that somebody misread.
const CANDIDATES_MAX: usize = 4_096;

/// `git` for `git_based`: the beginning of exactly one candidate, up to a word boundary.
fn begins(written: &[char], candidate: &[char]) -> bool {
    written.len() >= 3
        && candidate.starts_with(written)
        && candidate.get(written.len()) == Some(&'_')
}

/// Differences in case and between `-`, `_` and a space are so common that they don't count as
/// edits.
fn fold(text: &str) -> Vec<char> {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|character| if matches!(character, '-' | ' ') { '_' } else { character })
        .collect()
}

/// The number of edits between two texts; swapping two neighbouring letters is one edit (optimal
/// string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for (column, b) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                best = best.min(before_last[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before_last = last;
        last = current;
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_likely_meant() {
        let types = ["git_based", "api_based", "hybrid", "headless"];
        for (written, expect) in [
            ("git", Some("git_based")),
            ("gitbased", Some("git_based")),
            ("Git-Based", Some("git_based")),
            ("hybird", Some("hybrid")),
            ("headles", Some("headless")),
            ("zebra", None),
            ("", None),
            ("g", None),
        ] {
            assert_eq!(nearest(written, types), expect, "{written}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), types), None);
        assert_eq!(nearest("santy", ["sanity", "tina"]), Some("sanity"));
    }
}
