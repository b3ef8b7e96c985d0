//! The longest allowed functions and files.

use crate::{
    Finding, Kind, Page, Source, Token,
    source::{body, matching},
};

/// Lines of a function, from `fn` to its last brace: a function should fit on a screen.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Lines of a source file: a file should be readable in one sitting.
pub const FILE_LINES_MAX: usize = 600;

/// Functions that are too long. The cases of a test, as an array after `in` or `=`, don't count:
/// they are data.
#[must_use]
pub fn functions(source: &Source<'_>) -> Vec<Finding> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in 0..code.len() {
        let named = code.get(at + 1).is_some_and(|token| token.kind == Kind::Word);
        if code[at].text != "fn" || code[at].kind != Kind::Word || !named {
            continue;
        }
        let Some(open) = body(code, at + 1) else { continue };
        let close = matching(code, open);
        let cases = if source.in_test(at) { cases(code, open, close) } else { 0 };
        let lines = code[close].line - code[at].line + 1 - cases;
        if lines > FUNCTION_LINES_MAX {
            let name = code[at + 1].text;
            let what = format!(
                "`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}: find the noun in it"
            );
            found.push(Finding::at(source.path, code[at].line, what));
        }
    }
    found
}

/// Lines between the brackets of arrays that follow `in` or `=`, with or without a `&`.
fn cases(code: &[Token<'_>], from: usize, to: usize) -> usize {
    let (mut at, mut lines) = (from, 0);
    while at < to {
        let before = if code[at - 1].text == "&" { at - 2 } else { at - 1 };
        if code[at].text == "[" && matches!(code[before].text, "in" | "=") {
            let close = matching(code, at);
            lines += code[close].line - code[at].line;
            at = close;
        }
        at += 1;
    }
    lines
}

/// Whether a file is too long.
#[must_use]
pub fn file(page: &Page) -> Option<Finding> {
    let lines = page.text.lines().count();
    (lines > FILE_LINES_MAX).then(|| {
        let what = format!("{lines} lines, more than {FILE_LINES_MAX}: it holds two things");
        Finding::of(&page.path, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_function_of_one_line_too_many() {
        for (lines, expect) in [(2, 0), (70, 0), (71, 1)] {
            let text = format!("fn long(a: [u8; 2]) -> u8 {{{}}}", "\n".repeat(lines - 1));
            assert_eq!(functions(&Source::new("a.rs", &text)).len(), expect, "{lines}");
        }
    }

    #[test]
    fn counts_no_cases_in_a_test() {
        let array = format!("[{}]", "\n1,".repeat(80));
        for (text, expect) in [
            (format!("#[test] fn t() {{ for a in {array} {{ }} }}"), 0),
            (format!("#[test] fn t() {{ let a = &{array}; }}"), 0),
            (format!("#[test] fn t() {{ call({array}) }}"), 1),
            (format!("fn ships() {{ for a in {array} {{ }} }}"), 1),
        ] {
            let source = Source::new("crates/a/src/b.rs", &text);
            assert_eq!(functions(&source).len(), expect, "{text}");
        }
    }

    #[test]
    fn takes_a_function_without_a_body_and_a_function_pointer() {
        let text = format!("trait T {{ fn a(&self); }} type F = fn(u8) -> u8;{}", "\n".repeat(90));
        assert_eq!(functions(&Source::new("a.rs", &text)), []);
    }

    #[test]
    fn names_a_file_of_one_line_too_many() {
        for (lines, expect) in [(600, false), (601, true)] {
            let page = Page { path: "a.rs".into(), text: "\n".repeat(lines) };
            assert_eq!(file(&page).is_some(), expect, "{lines}");
        }
    }
}
