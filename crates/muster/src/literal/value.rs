use super::{
    DEPTH_MAX, Language, Literal, LiteralFault, LiteralNode, Member, VALUES_MAX,
    cursor::{Cursor, Read},
    skipping::Stops,
};

/// What an element of a list ends with.
const ELEMENT_STOPS: Stops<'static> = Stops { at: &[',', ';'], at_line_end: false, in_type: false };

/// The same outside of all brackets.
const LINE_STOPS: Stops<'static> = Stops { at: &[',', ';'], at_line_end: true, in_type: false };

/// What a type after `as` or `satisfies` ends with, outside of brackets: also with the operators that
/// no type has there.
const TYPE_STOPS: Stops<'static> = Stops {
    at: &[',', ';', '+', '-', '*', '/', '%', '?', ':', '!', '^', '~', '='],
    at_line_end: true,
    in_type: true,
};

/// What a line of TypeScript begins with that goes on with the statement before it (ECMAScript,
/// 12.10).
const CONTINUATIONS: [&str; 17] =
    [".", "(", "[", "`", "+", "-", "*", "/", "%", "?", "&", "|", "^", "<", ">", "=", "!="];

impl Cursor<'_> {
    /// The value that is here: a literal, or any other expression.
    pub fn node(&mut self) -> Read<LiteralNode> {
        self.skip_trivia()?;
        let at = self.at;
        self.values += 1;
        if self.values > VALUES_MAX {
            return self.fault(at, LiteralFault::TooMany);
        }
        let stops = if self.depth == 0 { LINE_STOPS } else { ELEMENT_STOPS };
        if let Some(value) = self.literal()? {
            if self.has_ended()? {
                return Ok(LiteralNode { at, value });
            }
            if self.language == Language::Json {
                return self.unexpected();
            }
        }
        self.at = at;
        let foreign = self.skip_expression(stops)?;
        Ok(LiteralNode { at, value: Literal::Foreign(foreign) })
    }

    /// Whether a value ends here: nothing is done with it, such as an addition.
    fn has_ended(&mut self) -> Read<bool> {
        if self.language == Language::TypeScript && !self.skip_assertions()? {
            return Ok(false);
        }
        match self.depth {
            0 => self.skip_blank()?,
            _ => self.skip_trivia()?,
        }
        if self.peek() == Some('\n') && self.language == Language::TypeScript {
            return self.statement_ends();
        }
        Ok(matches!(self.peek(), None | Some(',' | ';' | ')' | ']' | '}' | '\n')))
    }

    /// Whether the next line doesn't go on with the statement of this one.
    fn statement_ends(&mut self) -> Read<bool> {
        let at = self.at;
        self.skip_trivia()?;
        let goes_on = CONTINUATIONS.iter().any(|text| self.rest().starts_with(text))
            || matches!(self.peek_name(), "in" | "instanceof");
        self.at = at;
        Ok(!goes_on)
    }

    /// Goes past `as const` and `satisfies Type`. No: there is more than a type.
    fn skip_assertions(&mut self) -> Read<bool> {
        let at = self.at;
        match self.depth {
            0 => self.skip_blank()?,
            _ => self.skip_trivia()?,
        }
        if !matches!(self.peek_name(), "as" | "satisfies") {
            self.at = at;
            return Ok(true);
        }
        let begin = self.at;
        self.skip(TYPE_STOPS)?;
        // A union has one bar, and an intersection one ampersand.
        let skipped = &self.text[begin..self.at];
        Ok(!skipped.contains("||") && !skipped.contains("&&"))
    }

    /// A literal; none if what is here is none. Then the cursor is anywhere.
    fn literal(&mut self) -> Read<Option<Literal>> {
        let at = self.at;
        if let Some(form) = self.text_begin() {
            return Ok(self.text(form)?.map(Literal::Text));
        }
        match self.peek() {
            Some('{') => self.within(Self::object),
            Some('[') => self.within(Self::list),
            Some('(') => self.within(Self::parentheses),
            Some('0'..='9' | '.' | '-' | '+') => Ok(self.number()?.map(Literal::Number)),
            _ => {
                let found = self.word();
                self.at = if found.is_some() { self.at } else { at };
                Ok(found)
            }
        }
    }

    /// A value that is a word.
    fn word(&mut self) -> Option<Literal> {
        let is_python = self.is_python();
        Some(match self.name()? {
            "None" if is_python => Literal::Null,
            "True" if is_python => Literal::Bool(true),
            "False" if is_python => Literal::Bool(false),
            "null" if !is_python => Literal::Null,
            "true" if !is_python => Literal::Bool(true),
            "false" if !is_python => Literal::Bool(false),
            "undefined" if !is_python => Literal::Absent,
            _ => return None,
        })
    }

    /// Reads what a bracket holds, one deeper.
    fn within(
        &mut self,
        read: impl FnOnce(&mut Self, usize) -> Read<Option<Literal>>,
    ) -> Read<Option<Literal>> {
        let at = self.at;
        if self.depth == DEPTH_MAX {
            return self.fault(at, LiteralFault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        let read = read(self, at);
        self.depth -= 1;
        read
    }

    fn list(&mut self, begin: usize) -> Read<Option<Literal>> {
        self.elements(begin, '[', "]").map(|elements| Some(Literal::List(elements)))
    }

    /// Elements up to the closing bracket.
    fn elements(&mut self, begin: usize, open: char, close: &str) -> Read<Vec<LiteralNode>> {
        let mut elements = Vec::new();
        loop {
            self.skip_trivia()?;
            if self.eat(close) {
                return Ok(elements);
            }
            elements.push(self.node()?);
            self.end_of_item(begin, open, close)?;
        }
    }

    /// Goes past the comma after an element or a member. Before a closing bracket there is none.
    fn end_of_item(&mut self, begin: usize, open: char, close: &str) -> Read<()> {
        self.skip_trivia()?;
        if self.eat(",") || self.rest().starts_with(close) {
            return Ok(());
        }
        match self.peek() {
            None => self.fault(begin, LiteralFault::Unclosed(open)),
            Some(_) => self.unexpected(),
        }
    }

    /// A value in parentheses, or a tuple.
    fn parentheses(&mut self, begin: usize) -> Read<Option<Literal>> {
        self.skip_trivia()?;
        if self.eat(")") {
            return Ok(self.is_python().then(|| Literal::List(Vec::new())));
        }
        let first = self.node()?;
        self.skip_trivia()?;
        if self.eat(")") {
            return Ok(Some(first.value).filter(|value| !matches!(value, Literal::Foreign(_))));
        }
        if !self.is_python() || !self.eat(",") {
            return match self.peek() {
                None => self.fault(begin, LiteralFault::Unclosed('(')),
                Some(_) => Ok(None),
            };
        }
        let mut elements = self.elements(begin, '(', ")")?;
        elements.insert(0, first);
        Ok(Some(Literal::List(elements)))
    }

    fn object(&mut self, begin: usize) -> Read<Option<Literal>> {
        let mut members = Vec::new();
        loop {
            self.skip_trivia()?;
            if self.eat("}") {
                return Ok(Some(Literal::Object(members)));
            }
            match self.member()? {
                Some(member) => members.push(member),
                None if members.is_empty() && self.is_python() => {
                    self.at = begin + 1;
                    let elements = self.elements(begin, '{', "}")?;
                    return Ok(Some(Literal::List(elements)));
                }
                None => return self.unexpected(),
            }
            self.end_of_item(begin, '{', "}")?;
        }
    }

    /// A member; none if it has no value where it needs one.
    fn member(&mut self) -> Read<Option<Member>> {
        let at = self.at;
        let foreign = |cursor: &mut Self, name| {
            cursor.at = at;
            let value = Literal::Foreign(cursor.skip_expression(ELEMENT_STOPS)?);
            Ok(Some(Member { at, name, node: LiteralNode { at, value } }))
        };
        if self.rest().starts_with("...") || self.rest().starts_with("**") {
            return foreign(self, None);
        }
        let name = self.member_name()?;
        self.skip_trivia()?;
        if self.eat(":") {
            let node = self.node()?;
            return Ok(Some(Member { at, name, node }));
        }
        match self.language {
            Language::TypeScript => foreign(self, name),
            _ => {
                if self.peek().is_none() || self.language == Language::Json {
                    return self.unexpected();
                }
                Ok(None)
            }
        }
    }

    /// A member's name; none if it isn't a literal.
    fn member_name(&mut self) -> Read<Option<String>> {
        let at = self.at;
        let name = match self.literal()? {
            Some(Literal::Text(text)) => Some(text),
            Some(Literal::Number(number)) => {
                // Fractions have several ways to be written, and one name.
                let text = number.to_string();
                Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            }
            _ => {
                self.at = at;
                let name = if self.is_python() { None } else { self.name() };
                name.map(ToOwned::to_owned)
            }
        };
        self.skip_trivia()?;
        let is_json = self.language == Language::Json;
        if name.is_some() && (is_json || matches!(self.peek(), Some(':' | ',' | '}'))) {
            return Ok(name);
        }
        self.at = at;
        let stops = Stops { at: &[',', ';', ':'], ..Stops::default() };
        self.skip_expression(stops)?;
        Ok(None)
    }
}
