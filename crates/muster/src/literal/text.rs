use super::{
    LiteralFault,
    cursor::{Cursor, Read},
};

/// How a text is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextForm {
    /// What ends it.
    end: &'static str,
    /// Whether it may go over several lines.
    is_long: bool,
    /// Whether a backslash stands for itself.
    is_raw: bool,
    /// Whether `${` begins an expression in it.
    is_template: bool,
}

impl Cursor<'_> {
    /// Goes past what begins a text of the language, if it is here. What is no text of characters,
    /// or has expressions in it, is none: Python's `b""` and `f""`.
    pub fn text_begin(&mut self) -> Option<TextForm> {
        let is_python = self.is_python();
        let rest = self.rest();
        let (prefix, is_raw) = match rest.as_bytes() {
            [b'r' | b'R', b'"' | b'\'', ..] if is_python => (1, true),
            [b'u' | b'U', b'"' | b'\'', ..] if is_python => (1, false),
            _ => (0, false),
        };
        let rest = &rest[prefix..];
        let (end, is_long) = match rest.as_bytes() {
            [b'"', b'"', b'"', ..] if is_python => ("\"\"\"", true),
            [b'\'', b'\'', b'\'', ..] if is_python => ("'''", true),
            [b'"', ..] => ("\"", false),
            [b'\'', ..] => ("'", false),
            [b'`', ..] if !is_python => ("`", true),
            _ => return None,
        };
        self.at += prefix + end.len();
        Some(TextForm { end, is_long, is_raw, is_template: end == "`" })
    }

    /// The text after its beginning; none if it has expressions in it. Texts of Python that stand
    /// side by side are one.
    pub fn text(&mut self, form: TextForm) -> Read<Option<String>> {
        let mut all = String::new();
        if !self.one_text(form, &mut all)? {
            return Ok(None);
        }
        while self.is_python() {
            let at = self.at;
            self.skip_trivia()?;
            match self.text_begin() {
                Some(form) => {
                    self.one_text(form, &mut all)?;
                }
                None => {
                    self.at = at;
                    break;
                }
            }
        }
        Ok(Some(all))
    }

    fn one_text(&mut self, form: TextForm, into: &mut String) -> Read<bool> {
        let begin = self.at;
        let open = |cursor: &Self| cursor.fault(begin, LiteralFault::OpenText);
        loop {
            if self.eat(form.end) {
                return Ok(true);
            }
            if form.is_template && self.rest().starts_with("${") {
                return Ok(false);
            }
            match self.next() {
                None => return open(self),
                Some('\n') if !form.is_long => return open(self),
                // As a line ends, all these languages read one character.
                Some('\r') if form.is_long && self.rest().starts_with('\n') => {}
                Some('\\') if form.is_raw => {
                    into.push('\\');
                    into.extend(self.next());
                }
                Some('\\') => self.escape(into)?,
                Some(other) => into.push(other),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, into: &mut String) -> Read<()> {
        let at = self.at - 1;
        let Some(letter) = self.next() else {
            return self.fault(at, LiteralFault::OpenText);
        };
        let found = match letter {
            '\r' => {
                self.eat("\n");
                return Ok(());
            }
            '\n' => return Ok(()),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'a' if self.is_python() => '\u{7}',
            '0'..='7' if self.is_python() => self.octal(letter),
            '0' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => '\0',
            'x' => self.code_point(at, 2)?,
            'u' if !self.is_python() && self.rest().starts_with('{') => self.braced(at)?,
            'u' => self.unit(at)?,
            'U' if self.is_python() => self.code_point(at, 8)?,
            '0'..='9' if !self.is_python() => return self.fault(at, LiteralFault::Escape),
            // A character of Unicode by its name, which would need their table.
            'N' if self.is_python() => return self.fault(at, LiteralFault::Escape),
            '\\' | '\'' | '"' => letter,
            other if self.is_python() => {
                // Python keeps the backslash before what means nothing.
                into.push('\\');
                other
            }
            other => other,
        };
        into.push(found);
        Ok(())
    }

    fn octal(&mut self, first: char) -> char {
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|next| next.to_digit(8)) else { break };
            self.at += 1;
            code = code * 8 + digit;
        }
        char::from_u32(code).unwrap_or_default()
    }

    fn code_point(&mut self, at: usize, digits: usize) -> Read<char> {
        let code = self.hexadecimal(at, digits)?;
        char::from_u32(code).map_or_else(|| self.fault(at, LiteralFault::Escape), Ok)
    }

    fn hexadecimal(&mut self, at: usize, digits: usize) -> Read<u32> {
        let text = self.rest().get(..digits).unwrap_or_default();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u32::from_str_radix(text, 16) {
            Ok(code) if is_number => {
                self.at += digits;
                Ok(code)
            }
            _ => self.fault(at, LiteralFault::Escape),
        }
    }

    /// `u{1F600}`.
    fn braced(&mut self, at: usize) -> Read<char> {
        self.at += 1;
        let digits = self.rest().find('}').filter(|digits| (1..=6).contains(digits));
        let Some(digits) = digits else { return self.fault(at, LiteralFault::Escape) };
        let found = self.code_point(at, digits)?;
        self.at += 1;
        Ok(found)
    }

    /// `u` with four digits; two of them may be halves of one character.
    fn unit(&mut self, at: usize) -> Read<char> {
        let first = self.hexadecimal(at, 4)?;
        if !(0xD800..0xDC00).contains(&first) || !self.eat("\\u") {
            return char::from_u32(first).map_or_else(|| self.fault(at, LiteralFault::Escape), Ok);
        }
        let second = self.hexadecimal(at, 4)?;
        let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400);
        let code = low.map(|low| 0x10000 + ((first - 0xD800) << 10) + low);
        code.and_then(char::from_u32).map_or_else(|| self.fault(at, LiteralFault::Escape), Ok)
    }
}
