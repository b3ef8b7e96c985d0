use super::{
    ExpressionError,
    evaluate::Evaluation,
    expression::{Expression, ExpressionVariables},
    limits::{MESSAGE_CHARACTERS_MAX, MESSAGE_EXPRESSIONS_MAX, MESSAGE_VALUE_CHARACTERS_MAX},
};

/// A message for people. `${…}` is replaced with the value of an expression. A `$` without a brace
/// is an ordinary character.
#[derive(Debug)]
pub(super) struct Message {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Message {
    pub(super) fn compile(template: &str) -> Result<Self, ExpressionError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let inner = &rest[start + 2..];
            let end = end_of(inner).ok_or_else(|| {
                let before = template.len() - rest.len() + start;
                ExpressionError::Unclosed { column: template[..before].chars().count() + 1 }
            })?;
            parts.push(Part::Expression(Expression::compile(
                &inner[..end],
                ExpressionVariables::OfRule,
            )?));
            rest = &inner[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let expressions = parts.iter().filter(|part| matches!(part, Part::Expression(_))).count();
        if expressions > MESSAGE_EXPRESSIONS_MAX {
            let (what, limit) = ("expressions", MESSAGE_EXPRESSIONS_MAX);
            return Err(ExpressionError::TooMuch { what, limit });
        }
        Ok(Self { parts })
    }

    /// The message for a document. Values that can't be evaluated appear as `?`, because an
    /// incomplete message is better than none.
    pub(super) fn render<'a>(&'a self, evaluation: &mut Evaluation<'a>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expression(expression) => match evaluation.result(expression) {
                    Ok(value) => out.push_str(&cut(
                        value.show(MESSAGE_VALUE_CHARACTERS_MAX + 1),
                        MESSAGE_VALUE_CHARACTERS_MAX,
                    )),
                    Err(_) => out.push('?'),
                },
            }
        }
        cut(out, MESSAGE_CHARACTERS_MAX)
    }
}

/// The position of the `}` that closes an expression. Braces in CEL texts and of maps don't count.
fn end_of(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if let Some(closing) = quote {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == closing {
                quote = None;
            }
            continue;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn cut(text: String, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
