use muster_words::json::Number;

use super::{
    LiteralFault,
    cursor::{Cursor, Read},
};

impl Cursor<'_> {
    /// A number; none if what is here isn't one of JSON's, such as `-Infinity` or `3j`.
    pub fn number(&mut self) -> Read<Option<Number>> {
        let at = self.at;
        let sign = match self.peek() {
            Some('-') => "-",
            _ => "",
        };
        if matches!(self.peek(), Some('-' | '+')) {
            self.at += 1;
        }
        let bad = |cursor: &Self| cursor.fault(at, LiteralFault::Number);
        let digits = match self.radix() {
            Some(radix) => {
                let Some(digits) = self.digits(radix) else { return bad(self) };
                match u128::from_str_radix(&digits, radix) {
                    Ok(number) => number.to_string(),
                    // JSON could hold it, but nobody writes data with so many digits.
                    Err(_) => return Ok(None),
                }
            }
            None => match self.decimal() {
                Some(Some(digits)) => digits,
                Some(None) => return bad(self),
                None => return Ok(None),
            },
        };
        let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !self.is_python() && is_integer {
            // A big integer is one among others in JSON.
            self.eat("n");
        }
        if self.peek().is_some_and(|next| next.is_alphanumeric() || next == '_') {
            return Ok(None);
        }
        match format!("{sign}{digits}").parse::<Number>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => bad(self),
        }
    }

    fn radix(&mut self) -> Option<u32> {
        let prefix = self.rest().get(..2)?.to_ascii_lowercase();
        let radix = match prefix.as_str() {
            "0x" => 16,
            "0o" => 8,
            "0b" => 2,
            _ => return None,
        };
        self.at += 2;
        Some(radix)
    }

    /// Digits, in which single underscores may stand; none: they are missing or wrongly placed.
    fn digits(&mut self, radix: u32) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_digit(radix) && letter != '_');
        let digits = &rest[..end.unwrap_or(rest.len())];
        self.at += digits.len();
        let is_well_formed = !digits.is_empty() && digits.split('_').all(|part| !part.is_empty());
        is_well_formed.then(|| digits.replace('_', ""))
    }

    /// A decimal number as JSON writes it. None: there are no digits; within: they are malformed.
    fn decimal(&mut self) -> Option<Option<String>> {
        let begins = |rest: &str| rest.starts_with(|letter: char| letter.is_ascii_digit());
        let rest = self.rest();
        if !begins(rest) && !rest.strip_prefix('.').is_some_and(begins) {
            return None;
        }
        Some(self.well_formed_decimal())
    }

    fn well_formed_decimal(&mut self) -> Option<String> {
        let mut written = match self.peek() {
            Some('.') => "0".to_owned(),
            _ => self.digits(10)?,
        };
        if self.is_python() && written.bytes().all(|digit| digit == b'0') {
            "0".clone_into(&mut written);
        }
        if written.len() > 1 && written.starts_with('0') {
            // One language reads it as octal, another refuses it.
            return None;
        }
        if self.eat(".") {
            written.push('.');
            match self.peek().is_some_and(|next| next.is_ascii_digit()) {
                true => written.push_str(&self.digits(10)?),
                false => written.push('0'),
            }
        }
        if self.eat("e") || self.eat("E") {
            written.push('e');
            if self.eat("-") {
                written.push('-');
            } else {
                self.eat("+");
            }
            written.push_str(&self.digits(10)?);
        }
        Some(written)
    }
}
