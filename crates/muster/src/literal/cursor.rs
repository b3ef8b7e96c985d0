use super::{Language, LiteralError, LiteralFault};

/// Where the reader is in a file.
pub(super) struct Cursor<'a> {
    pub text: &'a str,
    pub at: usize,
    pub language: Language,
    /// How many brackets are open.
    pub depth: usize,
    /// How many values were read.
    pub values: usize,
}

pub(super) type Read<T> = Result<T, LiteralError>;

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, language: Language) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at, language, depth: 0, values: 0 }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.at += found.len_utf8();
        Some(found)
    }

    /// Goes past this text, if it is here.
    pub fn eat(&mut self, text: &str) -> bool {
        let is_here = self.rest().starts_with(text);
        self.at += if is_here { text.len() } else { 0 };
        is_here
    }

    pub fn is_python(&self) -> bool {
        self.language == Language::Python
    }

    pub fn fault<T>(&self, at: usize, fault: LiteralFault) -> Read<T> {
        Err(LiteralError { at, fault })
    }

    /// What is here isn't expected.
    pub fn unexpected<T>(&self) -> Read<T> {
        let found = match self.peek() {
            Some(found) => format!("{found:?}"),
            None => "the end of the file".to_owned(),
        };
        self.fault(self.at, LiteralFault::Unexpected { found })
    }

    /// Goes past white space, line ends and comments.
    pub fn skip_trivia(&mut self) -> Read<()> {
        loop {
            self.skip_blank()?;
            match self.peek() {
                Some('\n') => self.at += 1,
                _ => return Ok(()),
            }
        }
    }

    /// Goes past white space and comments, up to the end of the line.
    pub fn skip_blank(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") {
                self.at += rest.find('\n').map_or(1, |end| end + 1);
                continue;
            }
            match self.peek() {
                Some('\n') | None => return Ok(()),
                Some(space) if space.is_whitespace() || space == '\u{feff}' => {
                    self.at += space.len_utf8();
                }
                _ if !self.skip_comment()? => return Ok(()),
                _ => {}
            }
        }
    }

    /// Goes past a comment. Its line end stays.
    fn skip_comment(&mut self) -> Read<bool> {
        let (rest, at) = (self.rest(), self.at);
        let is_line = match self.is_python() {
            true => rest.starts_with('#'),
            false => rest.starts_with("//"),
        };
        if is_line {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(true);
        }
        if self.is_python() || !rest.starts_with("/*") {
            return Ok(false);
        }
        match rest.find("*/") {
            Some(end) if end > 1 => self.at += end + 2,
            _ => match rest[2..].find("*/") {
                Some(end) => self.at += end + 4,
                None => return self.fault(at, LiteralFault::OpenComment),
            },
        }
        Ok(true)
    }

    /// A name, if one is here.
    pub fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let is_first = |letter: char| letter.is_alphabetic() || "_$".contains(letter);
        let end = rest
            .char_indices()
            .find(|(at, letter)| !is_first(*letter) && (*at == 0 || !letter.is_numeric()))
            .map_or(rest.len(), |(at, _)| at);
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    /// The name that is here, without going past it.
    pub fn peek_name(&mut self) -> &'a str {
        let at = self.at;
        let name = self.name().unwrap_or_default();
        self.at = at;
        name
    }
}
