/// The kind of a token, as far as the rules need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a keyword; `r#` is cut off.
    Word,
    /// One character of punctuation, brackets among them.
    Mark,
    /// A string, character or number.
    Literal,
    /// A lifetime or a label.
    Lifetime,
    /// A comment or doc comment, with its slashes.
    Comment,
}

/// A piece of Rust source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text as written.
    pub text: &'a str,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// Cuts Rust source into tokens. It recognizes everything that hides text from a rule (comments,
/// strings, raw strings, characters as opposed to lifetimes) but no grammar, so it also accepts
/// invalid source.
#[must_use]
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let (kind, length) = piece(&source[at..], first);
        let text = &source[at..at + length];
        if let Some(kind) = kind {
            let text = if kind == Kind::Word { text.trim_start_matches("r#") } else { text };
            found.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        at += length;
    }
    found
}

fn piece(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Some(Kind::Literal), length);
    }
    if first == '\'' {
        return quote(rest);
    }
    if first.is_ascii_digit() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return (Some(Kind::Literal), end);
    }
    if first.is_alphabetic() || first == '_' {
        let start = if rest.starts_with("r#") { 2 } else { 0 };
        return (Some(Kind::Word), start + word(&rest[start..]));
    }
    (Some(Kind::Mark), first.len_utf8())
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a string literal of any kind, if one begins here.
fn string(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(rest.len());
    if prefix > 2 {
        return None;
    }
    let (letters, body) = rest.split_at(prefix);
    let hashes = body.len() - body.trim_start_matches('#').len();
    let raw = letters.ends_with('r');
    if !body[hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    let start = prefix + hashes + 1;
    if raw {
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&close).map_or(rest.len(), |at| start + at + close.len()));
    }
    Some(start + closing(&rest[start..], b'"'))
}

/// The distance to the end of the closing quote; escaped characters are skipped.
fn closing(rest: &str, quote: u8) -> usize {
    let mut bytes = rest.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// A character or a lifetime: `'a'` is a character, `'a` a lifetime.
fn quote(rest: &str) -> (Option<Kind>, usize) {
    let mut after = rest[1..].chars();
    match (after.next(), after.next()) {
        (Some('\\'), _) => (Some(Kind::Literal), 1 + closing(&rest[1..], b'\'')),
        (Some(one), Some('\'')) => (Some(Kind::Literal), 2 + one.len_utf8()),
        _ => (Some(Kind::Lifetime), 1 + word(&rest[1..]).max(1).min(rest.len() - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_words_and_hides_what_comments_and_strings_say() {
        for (source, expect) in [
            ("fn a() {}", vec!["fn", "a"]),
            ("// fn a\nfn b", vec!["fn", "b"]),
            ("/* x /* y */ z */ w", vec!["w"]),
            (r##"let s = r#"fn " x"# ; t"##, vec!["let", "s", "t"]),
            (r#"b"fn \" x" y"#, vec!["y"]),
            ("'a' b 'c '\\'' d", vec!["b", "d"]),
            ("r#type 1_000u64 x", vec!["type", "x"]),
            ("'é' br\"x\" z", vec!["z"]),
            ("brr rb cr", vec!["brr", "rb", "cr"]),
            ("\"unfinished", vec![]),
        ] {
            let words: Vec<&str> = tokens(source)
                .iter()
                .filter(|token| token.kind == Kind::Word)
                .map(|token| token.text)
                .collect();
            assert_eq!(words, expect, "{source}");
        }
    }

    #[test]
    fn counts_lines_through_strings_and_comments() {
        let found = tokens("a\n\"x\ny\" b /*\n*/ c");
        let lines: Vec<usize> = found.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 3, 3, 4]);
    }
}
