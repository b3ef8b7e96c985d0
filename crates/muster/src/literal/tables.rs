use super::{
    Language, Literal, LiteralError, LiteralNode,
    cursor::{Cursor, Read},
    skipping::Stops,
};

/// A list or an object that a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceTable {
    /// The variable; none if the file is nothing but the literal.
    pub name: Option<String>,
    /// The literal.
    pub node: LiteralNode,
}

/// What a file holds outside of functions and classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceTables {
    /// The tables, in the order of the file.
    pub tables: Vec<SourceTable>,
    /// The other statements that begin with a name, such as `TABLE["more"] = …`: the name, and the
    /// offset.
    pub others: Vec<(String, usize)>,
}

/// Statements of Python that begin with a name and aren't about it.
const PYTHON_KEYWORDS: [&str; 24] = [
    "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
    "except", "finally", "for", "from", "global", "if", "import", "match", "pass", "raise",
    "return", "try", "while", "with",
];

/// Reads the tables of a file.
///
/// # Errors
/// It isn't well-formed, or beyond a limit.
pub fn read_tables(text: &str, language: Language) -> Result<SourceTables, LiteralError> {
    let mut cursor = Cursor::new(text, language);
    cursor.skip_trivia()?;
    let is_bare = matches!(cursor.peek(), Some('{' | '[' | '('));
    if language == Language::Json || is_bare {
        let begin = cursor.at;
        let node = cursor.node()?;
        cursor.skip_trivia()?;
        if cursor.eat(";") {
            cursor.skip_trivia()?;
        }
        if cursor.peek().is_none() {
            let tables = vec![SourceTable { name: None, node }];
            return Ok(SourceTables { tables, others: Vec::new() });
        }
        if language == Language::Json {
            return cursor.unexpected();
        }
        cursor.at = begin;
    }
    let mut found = SourceTables::default();
    loop {
        cursor.skip_trivia()?;
        if cursor.peek().is_none() {
            return Ok(found);
        }
        match language {
            Language::Python => cursor.python_statement(&mut found)?,
            _ => cursor.script_statement(&mut found)?,
        }
    }
}

impl SourceTables {
    fn add(&mut self, name: &str, node: LiteralNode) {
        match node.value {
            Literal::List(_) | Literal::Object(_) => {
                self.tables.push(SourceTable { name: Some(name.to_owned()), node });
            }
            _ => self.others.push((name.to_owned(), node.at)),
        }
    }
}

impl Cursor<'_> {
    /// Reads a statement of Python. What is indented belongs to another one.
    fn python_statement(&mut self, found: &mut SourceTables) -> Read<()> {
        let begin = self.at;
        let is_at_line_begin = begin == 0 || self.text[..begin].ends_with(['\n', '\u{feff}']);
        let name = if is_at_line_begin { self.path() } else { String::new() };
        if name.is_empty() || PYTHON_KEYWORDS.contains(&name.as_str()) {
            return self.skip_statement(true);
        }
        self.skip_blank()?;
        if self.eat(":") {
            self.skip(Stops { at: &['='], at_line_end: true, in_type: false })?;
        }
        match self.eat_assignment() {
            true => {
                let node = self.node()?;
                found.add(&name, node);
            }
            false => found.others.push((name, begin)),
        }
        self.skip_statement(true)
    }

    /// Reads a statement of TypeScript.
    fn script_statement(&mut self, found: &mut SourceTables) -> Read<()> {
        let (mut begin, mut is_default) = (self.at, false);
        let name = loop {
            let name = self.path();
            match name.as_str() {
                "export" | "declare" => {}
                "default" => is_default = true,
                "const" | "let" | "var" => {
                    self.skip_trivia()?;
                    return self.declarators(found);
                }
                _ => break name,
            }
            self.skip_trivia()?;
            begin = self.at;
        };
        self.skip_blank()?;
        if is_default && name.is_empty() {
            let node = self.node()?;
            found.add("default", node);
        } else if !name.is_empty() && self.eat_assignment() {
            let node = self.node()?;
            found.add(&name, node);
        } else if !name.is_empty() && !is_default {
            found.others.push((name, begin));
        }
        self.skip_statement(true)
    }

    /// Reads what follows `const`: names with types and values.
    fn declarators(&mut self, found: &mut SourceTables) -> Read<()> {
        loop {
            self.skip_trivia()?;
            let name = self.path();
            if name.is_empty() {
                return self.skip_statement(true);
            }
            self.skip_trivia()?;
            if self.eat(":") {
                self.skip(Stops { at: &['=', ';'], at_line_end: false, in_type: true })?;
            }
            if !self.eat_assignment() {
                return self.skip_statement(true);
            }
            let node = self.node()?;
            found.add(&name, node);
            self.skip_blank()?;
            if !self.eat(",") {
                return self.skip_statement(true);
            }
        }
    }

    /// Goes past `=`, if an assignment is here and no comparison.
    fn eat_assignment(&mut self) -> bool {
        let is_other = ["==", "=>"].iter().any(|other| self.rest().starts_with(other));
        !is_other && self.eat("=")
    }

    /// A name, or several with dots between them; empty if there is none.
    fn path(&mut self) -> String {
        let begin = self.at;
        while self.name().is_some() && self.rest().starts_with('.') {
            self.at += 1;
        }
        self.text[begin..self.at].to_owned()
    }

    /// Goes past the rest of a statement.
    fn skip_statement(&mut self, at_line_end: bool) -> Read<()> {
        self.skip(Stops { at: &[';'], at_line_end, in_type: false })?;
        match self.peek() {
            Some(')' | ']' | '}') => self.unexpected(),
            _ => {
                self.next();
                Ok(())
            }
        }
    }
}
