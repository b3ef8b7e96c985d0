/// Positions up to which a pattern counts as one that an automaton runs in no time.
const SIMPLE_MAX: u64 = 16;

/// The positions of a pattern at which a text may be at once, if those are many; else nothing.
///
/// The engine takes time in proportion to the text, and at worst to these as well: of
/// `a[ab]{5000}c` every letter of a text can be the beginning, so that each one moves thousands of
/// positions on. Counted from what is written, so that it is known before anything is matched: a
/// letter or a class is one position, and what is repeated counts as often as it may be.
pub(crate) fn work_of(pattern: &str) -> u64 {
    let positions = positions_of(pattern);
    if positions > SIMPLE_MAX { positions } else { 0 }
}

fn positions_of(pattern: &str) -> u64 {
    let mut letters = pattern.chars().peekable();
    // What the groups around have so far, and the last part of each, which a repetition repeats.
    let mut around: Vec<u64> = Vec::new();
    let (mut sum, mut last) = (0_u64, 0_u64);
    while let Some(letter) = letters.next() {
        match letter {
            '(' => {
                around.push(sum);
                (sum, last) = (0, 0);
            }
            ')' => {
                last = sum;
                sum = around.pop().unwrap_or_default().saturating_add(last);
            }
            '{' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                let times = times_of(&inside);
                sum = (sum - last).saturating_add(last.saturating_mul(times));
                last = last.saturating_mul(times);
            }
            '*' | '+' | '?' | '|' | '^' | '$' => {}
            _ => {
                match letter {
                    '[' => skip_class(&mut letters),
                    '\\' => skip_escape(&mut letters),
                    _ => {}
                }
                last = 1;
                sum = sum.saturating_add(1);
            }
        }
    }
    around.into_iter().fold(sum, u64::saturating_add)
}

/// How often `{3}`, `{3,}` and `{3,7}` repeat at most, what is without end counting once more.
fn times_of(inside: &str) -> u64 {
    let numbers = inside.split(',').map(|number| number.trim().parse::<u64>());
    let largest = numbers.filter_map(Result::ok).max().unwrap_or(1);
    largest.saturating_add(u64::from(inside.ends_with(','))).max(1)
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Goes behind a class, in which others may lie.
fn skip_class(letters: &mut Letters<'_>) {
    let mut depth = 1;
    // A bracket that closes is a letter where it stands first.
    letters.next_if_eq(&'^');
    letters.next_if_eq(&']');
    while depth > 0 {
        match letters.next() {
            Some('\\') => drop(letters.next()),
            Some('[') => depth += 1,
            Some(']') => depth -= 1,
            Some(_) => {}
            None => return,
        }
    }
}

/// Goes behind what a backslash begins: `\\d`, `\\p{Letter}`, `\\u{1f600}`.
fn skip_escape(letters: &mut Letters<'_>) {
    let named = matches!(letters.next(), Some('p' | 'P' | 'u' | 'x'));
    if named && letters.next_if_eq(&'{').is_some() {
        letters.by_ref().take_while(|letter| *letter != '}').for_each(drop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_repeated_as_often_as_it_may_be() {
        for (pattern, expect) in [
            ("", 0),
            ("^[a-z0-9-]+$", 1),
            ("^\\w{1,64}$", 64),
            ("[ab]*a[ab]{5000}c", 5_003),
            ("((a{10}b){20}c){3}", 663),
            ("(?:a|b){4,}", 15),
            ("a{2}{3}", 6),
            (r"\p{Letter}{9}\u{61}\{\d{2}", 13),
            ("[]{99}x]{3}", 3),
            (r"[[a]\]{7}]{3}", 3),
            ("a{99999999999999999999}", 1),
            ("(((", 0),
            (")))", 0),
            ("a{", 1),
            ("{5}", 0),
        ] {
            assert_eq!(positions_of(pattern), expect, "{pattern}");
        }
        assert_eq!(work_of("(a{4}){4}"), 0);
        assert_eq!(work_of("(a{4}){5}"), 20);
        assert_eq!(positions_of(&"(a{1000}".repeat(9)), 9_000);
        assert_eq!(positions_of(&format!("a{}", "{1000}".repeat(30))), u64::MAX);
    }
}
