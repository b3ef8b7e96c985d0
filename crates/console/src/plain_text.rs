use std::borrow::Cow;

use maud::{Markup, PreEscaped, html};
use muster_words::json::Value;

/// Bytes of a document's text that a page shows. With its colours it is about three times as much,
/// and a page stays under 100 KB.
const TEXT_BYTES_MAX: usize = 24 * 1024;

/// Text as it can be seen: control characters and those that change the direction of text are
/// written as escapes, so that nothing looks like something else.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_invisible(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// Control characters but line breaks and tabs, and those of Unicode's bidirectional algorithm
/// (UAX 9).
fn is_invisible(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => true,
        '\u{feff}' | '\u{2028}' | '\u{2029}' => true,
        _ => letter.is_control(),
    }
}

/// A text of at most this many letters; what is cut off is shown as an ellipsis.
pub fn shortened(text: &str, letters_max: usize) -> String {
    match text.char_indices().nth(letters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value as text: what isn't a text itself is written as JSON.
pub fn value_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(value.to_string()),
    }
}

/// A document as text, with colours if it is JSON. What is too long is cut, with a link to the
/// whole.
pub fn document_text(bytes: &[u8], media_type: &str, whole: &str) -> Markup {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return html! { p { (bytes.len()) " bytes that aren't text. " a href=(whole) { "Download them" } } };
    };
    let cut = cut(text);
    html! {
        @if cut.len() < text.len() {
            p.dim { "The first " (cut.len()) " of " (text.len()) " bytes. " a href=(whole) { "The whole document" } }
        }
        pre.json tabindex="0" aria-label="The document as text" {
            code {
                @if media_type.contains("json") { (coloured(cut)) } @else { (visible(cut)) }
            }
        }
    }
}

/// The beginning of a text, of whole lines where there are some.
fn cut(text: &str) -> &str {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let mut end = TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let lines = text[..end].rfind('\n').filter(|line| *line > end / 2);
    &text[..lines.unwrap_or(end)]
}

/// JSON with its parts marked. It reads tokens alone, so also what isn't quite JSON is shown.
fn coloured(text: &str) -> Markup {
    let mut html = String::with_capacity(text.len() * 3);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, class) = match first {
            '"' => {
                let length = string_length(rest);
                let is_key = rest[length..].trim_start().starts_with(':');
                (length, if is_key { "key" } else { "string" })
            }
            '-' | '0'..='9' | 'a'..='z' => (word_length(rest), "literal"),
            _ => (plain_length(rest), ""),
        };
        let (token, after) = rest.split_at(length);
        let token = html! { (visible(token)) }.into_string();
        if class.is_empty() {
            html.push_str(&token);
        } else {
            html.push_str(&format!("<span class=\"{class}\">{token}</span>"));
        }
        rest = after;
    }
    // Each token was escaped above.
    PreEscaped(html)
}

/// Bytes of the string that a text begins with, to its closing quote or to the end.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn word_length(text: &str) -> usize {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    text.find(|letter| !is_of_word(letter)).unwrap_or(text.len())
}

fn plain_length(text: &str) -> usize {
    let begins = |letter: char| matches!(letter, '"' | '-' | '0'..='9' | 'a'..='z');
    text.find(begins).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_cannot_be_seen_as_escapes() {
        for (text, expect) in [
            ("plain\n\ttext", "plain\n\ttext"),
            ("a\u{0}b\u{1b}[31m", "a\\u{0}b\\u{1b}[31m"),
            ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
            ("\u{9b}x\r", "\\u{9b}x\\u{d}"),
        ] {
            assert_eq!(visible(text), expect);
        }
    }

    #[test]
    fn marks_the_parts_of_json_and_escapes_all_of_it() {
        for (text, expect) in [
            (
                r#"{"a": [1, "b", null]}"#,
                r#"{<span class="key">&quot;a&quot;</span>: [<span class="literal">1</span>, <span class="string">&quot;b&quot;</span>, <span class="literal">null</span>]}"#,
            ),
            (
                r#""</script>\"x""#,
                r#"<span class="string">&quot;&lt;/script&gt;\&quot;x&quot;</span>"#,
            ),
            (r#"{"open"#, r#"{<span class="string">&quot;open</span>"#),
            ("<b>É", "&lt;<span class=\"literal\">b</span>&gt;É"),
            ("", ""),
        ] {
            assert_eq!(coloured(text).into_string(), expect, "{text}");
        }
    }

    #[test]
    fn cuts_between_lines_and_never_within_a_letter() {
        let lines = "a line\n".repeat(10_000);
        assert!(cut(&lines).len() <= TEXT_BYTES_MAX && cut(&lines).ends_with("a line"));
        let letters = "é".repeat(TEXT_BYTES_MAX);
        assert!(cut(&letters).len() <= TEXT_BYTES_MAX && cut(&letters).ends_with('é'));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn cuts_texts_between_letters() {
        for (text, letters_max, expect) in
            [("abc", 3, "abc"), ("abcd", 3, "abc…"), ("éàü", 2, "éà…"), ("", 0, "")]
        {
            assert_eq!(shortened(text, letters_max), expect);
        }
    }
}
