use super::{
    DEPTH_MAX, LiteralFault,
    cursor::{Cursor, Read},
};

/// The characters of an expression that are shown.
const SHOWN_CHARACTERS: usize = 60;

/// Where skipping stops, outside of all brackets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stops<'a> {
    /// At these characters.
    pub at: &'a [char],
    /// At the end of a line.
    pub at_line_end: bool,
    /// Whether angle brackets are brackets: in types.
    pub in_type: bool,
}

impl Cursor<'_> {
    /// Goes past an expression, and answers its beginning.
    pub fn skip_expression(&mut self, stops: Stops<'_>) -> Read<String> {
        let begin = self.at;
        self.skip(stops)?;
        let text = self.text[begin..self.at].trim();
        if text.is_empty() {
            return self.unexpected();
        }
        let first = text.lines().next().unwrap_or_default();
        let shown: String = first.chars().take(SHOWN_CHARACTERS).collect();
        Ok(if shown.len() < text.len() { format!("{shown}…") } else { shown })
    }

    /// Goes on to where it stops, past texts, comments and pairs of brackets. A closing bracket
    /// without its opening one always stops.
    pub fn skip(&mut self, stops: Stops<'_>) -> Read<()> {
        let mut open: Vec<(char, usize)> = Vec::new();
        loop {
            self.skip_blank()?;
            let at = self.at;
            if self.skip_text()? {
                continue;
            }
            let Some(found) = self.peek() else {
                return match open.pop() {
                    Some((bracket, at)) => self.fault(at, LiteralFault::Unclosed(bracket)),
                    None => Ok(()),
                };
            };
            let is_outside = open.is_empty();
            if is_outside && (stops.at.contains(&found) || found == '\n' && stops.at_line_end) {
                let is_arrow = found == '=' && self.rest().starts_with("=>");
                if !is_arrow {
                    return Ok(());
                }
            }
            if stops.in_type && self.eat("=>") {
                continue;
            }
            match found {
                '(' | '[' | '{' => open.push((found, at)),
                '<' if stops.in_type => open.push((found, at)),
                ')' | ']' | '}' if is_outside => return Ok(()),
                '>' if stops.in_type && is_outside => return Ok(()),
                ')' | ']' | '}' => close(&mut open, found).or_else(|()| self.unexpected())?,
                '>' if stops.in_type => close(&mut open, found).or_else(|()| self.unexpected())?,
                _ => {}
            }
            if open.len() + self.depth > DEPTH_MAX {
                return self.fault(at, LiteralFault::TooDeep);
            }
            self.at += found.len_utf8();
        }
    }

    /// Goes past a text, whatever is in it, if one is here.
    fn skip_text(&mut self) -> Read<bool> {
        let (begin, is_python) = (self.at, self.is_python());
        let quote = match self.peek() {
            Some(quote @ ('"' | '\'')) => quote,
            Some('`') if !is_python => '`',
            _ => return Ok(false),
        };
        let rest = self.rest();
        let long = ["\"\"\"", "'''"].into_iter().find(|long| is_python && rest.starts_with(*long));
        self.at += long.map_or(1, str::len);
        let open = |cursor: &Self| cursor.fault(begin, LiteralFault::OpenText);
        loop {
            if long.map_or_else(|| self.peek() == Some(quote), |long| self.rest().starts_with(long))
            {
                self.at += long.map_or(1, str::len);
                return Ok(true);
            }
            if quote == '`' && self.eat("${") {
                self.skip_substitution(begin)?;
                continue;
            }
            match self.next() {
                None => return open(self),
                Some('\n') if long.is_none() && quote != '`' => return open(self),
                Some('\\') => {
                    self.next();
                }
                Some(_) => {}
            }
        }
    }

    /// Goes past an expression in a template, which may have templates in it.
    fn skip_substitution(&mut self, begin: usize) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fault(begin, LiteralFault::TooDeep);
        }
        self.skip(Stops::default())?;
        self.depth -= 1;
        match self.eat("}") {
            true => Ok(()),
            false => self.fault(begin, LiteralFault::OpenText),
        }
    }
}

/// Closes a bracket.
fn close(open: &mut Vec<(char, usize)>, bracket: char) -> Result<(), ()> {
    let expected = match bracket {
        ')' => '(',
        ']' => '[',
        '}' => '{',
        _ => '<',
    };
    match open.pop() {
        Some((found, _)) if found == expected => Ok(()),
        _ => Err(()),
    }
}
