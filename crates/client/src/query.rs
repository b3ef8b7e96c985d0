use std::fmt::{self, Write as _};

/// The query of a request, percent-encoded (RFC 3986, 2.1) as needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, Option<String>)>);

impl Query {
    /// An empty query.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a name without a value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.0.push((name.to_owned(), None));
        self
    }

    /// Adds a name without a value if `wanted`.
    #[must_use]
    pub fn flag_if(self, name: &str, wanted: bool) -> Self {
        if wanted { self.flag(name) } else { self }
    }

    /// Adds a name with its value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.0.push((name.to_owned(), Some(value.to_string())));
        self
    }

    /// Adds a name with its value, if there is one.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            f.write_char(if index == 0 { '?' } else { '&' })?;
            write_encoded(name, f)?;
            if let Some(value) = value {
                f.write_char('=')?;
                write_encoded(value, f)?;
            }
        }
        Ok(())
    }
}

/// A name as one step of a path, percent-encoded (RFC 3986, 3.3).
#[must_use]
pub fn encoded_step(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Leaves characters as they are that a query may hold and that don't separate its parts.
fn write_encoded(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@/,*'()$!".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_would_end_a_value() {
        for (query, expect) in [
            (Query::new(), ""),
            (Query::new().flag("purge"), "?purge"),
            (Query::new().flag("purge").with("epoch", 3), "?purge&epoch=3"),
            (Query::new().with("filter", "name=a b&c"), "?filter=name%3Da%20b%26c"),
            (Query::new().with("xid", "/a/b/c/d"), "?xid=/a/b/c/d"),
            (Query::new().with("name", "é+%"), "?name=%C3%A9%2B%25"),
            (Query::new().with_some("after", None::<u64>).flag_if("force", false), ""),
        ] {
            assert_eq!(query.to_string(), expect);
        }
    }
}
