/// A word of a command or a path as a unit of systemd holds it: quoted where it must be, with the
/// signs doubled that systemd would replace (`systemd.service(5)`, "Command lines").
pub(super) fn word(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('%', "%%").replace('$', "$$").replace('\n', "\\n");
    let is_plain = |letter: char| !letter.is_whitespace() && !"'\"\\;".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => escaped,
        false => format!("\"{escaped}\""),
    }
}

/// The words of a line, as [`word`] wrote them.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut one) = (Vec::new(), None::<String>);
    let (mut is_quoted, mut letters) = (false, line.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                one.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(one.take()),
            '\\' => one.get_or_insert_default().extend(letters.next().map(|next| match next {
                'n' => '\n',
                other => other,
            })),
            '%' | '$' => {
                letters.next_if_eq(&letter);
                one.get_or_insert_default().push(letter);
            }
            other => one.get_or_insert_default().push(other),
        }
    }
    words.extend(one);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        for (text, expect) in [
            ("/var/lib/muster", "/var/lib/muster"),
            ("/srv/my registry", "\"/srv/my registry\""),
            ("50%", "50%%"),
            ("$HOME", "$$HOME"),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("", "\"\""),
            ("two\nlines", "\"two\\nlines\""),
        ] {
            assert_eq!(word(text), expect);
            let line = format!("first {} last", word(text));
            assert_eq!(words(&line), ["first", text, "last"], "{line}");
        }
    }
}
