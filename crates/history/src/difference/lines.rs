use std::{collections::VecDeque, fmt::Write as _};

/// A line in a comparison of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// In both texts.
    Kept(&'a str),
    /// Only in the old text.
    Removed(&'a str),
    /// Only in the new text.
    Added(&'a str),
}

/// The maximum number of added and removed lines, without common lines at both ends. The memory of
/// the search grows with its square: 8 MiB. If texts differ more, all lines in between count as
/// different.
const EDITS_MAX: usize = 1_000;

/// Compares two texts by lines, with as few added and removed lines as possible. Lines include
/// their line feed; the last one may have none.
#[must_use]
pub fn lines<'a>(before: &'a str, after: &'a str) -> Vec<Line<'a>> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let alike = |(one, other): &(&&str, &&str)| one == other;
    let begin = old.iter().zip(&new).take_while(alike).count();
    let end = old[begin..].iter().rev().zip(new[begin..].iter().rev()).take_while(alike).count();
    let middle = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
    let mut found: Vec<Line<'a>> = old[..begin].iter().map(|line| Line::Kept(line)).collect();
    found.extend(shortest(middle.0, middle.1));
    found.extend(old[old.len() - end..].iter().map(|line| Line::Kept(line)));
    found
}

/// How many common lines are shown around different ones.
const CONTEXT_LINES: usize = 3;

/// The different lines of two texts with those around them, each with its sign: a space, `-` or `+`.
/// A line `@@ -1,7 +1,8 @@` before each place says where it is, as in a unified diff.
#[must_use]
pub fn unified(before: &str, after: &str) -> String {
    let all = lines(before, after);
    let differs = |line: &Line<'_>| !matches!(line, Line::Kept(_));
    let near = |at: usize| {
        let (from, to) =
            (at.saturating_sub(CONTEXT_LINES), (at + CONTEXT_LINES + 1).min(all.len()));
        all[from..to].iter().any(differs)
    };
    let shown: Vec<bool> = (0..all.len()).map(near).collect();
    let mut out = String::new();
    let (mut old, mut new, mut at) = (1, 1, 0);
    while at < all.len() {
        if !shown[at] {
            (old, new, at) = (old + 1, new + 1, at + 1);
            continue;
        }
        let end = (at..all.len()).find(|index| !shown[*index]).unwrap_or(all.len());
        let place = &all[at..end];
        let olds = place.iter().filter(|line| !matches!(line, Line::Added(_))).count();
        let news = place.iter().filter(|line| !matches!(line, Line::Removed(_))).count();
        let _ = writeln!(out, "@@ -{},{olds} +{},{news} @@", start(old, olds), start(new, news));
        for line in place {
            let (sign, text) = match line {
                Line::Kept(text) => (' ', text),
                Line::Removed(text) => ('-', text),
                Line::Added(text) => ('+', text),
            };
            let _ = writeln!(out, "{sign}{}", text.strip_suffix('\n').unwrap_or(text));
            if !text.ends_with('\n') {
                out.push_str("\\ No newline at end of file\n");
            }
        }
        (old, new, at) = (old + olds, new + news, end);
    }
    out
}

/// The first line of a place; the one before it if the place is empty.
const fn start(line: usize, count: usize) -> usize {
    if count == 0 { line - 1 } else { line }
}

/// The shortest edit script between two lists of lines (Myers, "An O(ND) Difference Algorithm and
/// Its Variations", 1986). `furthest[k]` is the number of old lines that the furthest path has
/// passed after this many edits, with `k` more removals than additions.
fn shortest<'a>(old: &[&'a str], new: &[&'a str]) -> VecDeque<Line<'a>> {
    let reach = EDITS_MAX.min(old.len() + new.len());
    let at = |k: isize| usize::try_from(k + reach.cast_signed() + 1).unwrap_or_default();
    let mut furthest = vec![0_usize; 2 * reach + 3];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for steps in 0..=reach.cast_signed() {
        let round = furthest[at(-steps - 1)..=at(steps + 1)].to_vec();
        rounds.push(round);
        for k in (-steps..=steps).step_by(2) {
            let comes = k == -steps || k != steps && furthest[at(k - 1)] < furthest[at(k + 1)];
            let mut x = if comes { furthest[at(k + 1)] } else { furthest[at(k - 1)] + 1 };
            let mut y = usize::try_from(x.cast_signed() - k).unwrap_or(usize::MAX);
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[at(k)] = x;
            if x >= old.len() && y >= new.len() {
                return back(old, new, &rounds);
            }
        }
    }
    let (gone, come) = (old.iter().map(|line| Line::Removed(line)), new.iter());
    gone.chain(come.map(|line| Line::Added(line))).collect()
}

/// Follows the path back from its end. `rounds[steps]` is the search's state before that many
/// edits, beginning with `k = -steps - 1`.
fn back<'a>(old: &[&'a str], new: &[&'a str], rounds: &[Vec<usize>]) -> VecDeque<Line<'a>> {
    let mut found = VecDeque::new();
    let (mut x, mut y) = (old.len(), new.len());
    for (steps, round) in rounds.iter().enumerate().rev() {
        let steps = steps.cast_signed();
        let k = x.cast_signed() - y.cast_signed();
        let known = |k: isize| round[usize::try_from(k + steps + 1).unwrap_or_default()];
        let comes = k == -steps || k != steps && known(k - 1) < known(k + 1);
        let (from_x, from_k) = if comes { (known(k + 1), k + 1) } else { (known(k - 1), k - 1) };
        let from_y = usize::try_from(from_x.cast_signed() - from_k).unwrap_or_default();
        let (kept_x, kept_y) = if steps == 0 {
            (0, 0)
        } else if comes {
            (from_x, from_y + 1)
        } else {
            (from_x + 1, from_y)
        };
        while x > kept_x && y > kept_y {
            (x, y) = (x - 1, y - 1);
            found.push_front(Line::Kept(old[x]));
        }
        if steps > 0 {
            found.push_front(if comes {
                Line::Added(new[from_y])
            } else {
                Line::Removed(old[from_x])
            });
        }
        (x, y) = (from_x, from_y);
    }
    found
}
