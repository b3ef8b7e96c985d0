//! How long a function and a file may be.

use crate::{
    Finding, Kind, Page, Source,
    source::{body, matching},
};

/// Lines of a function, from `fn` to its last brace: what fits a screen.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Lines of a source file: what can be read in one sitting.
pub const FILE_LINES_MAX: usize = 600;

/// Functions that are too long.
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
        let lines = code[matching(code, open)].line - code[at].line + 1;
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
