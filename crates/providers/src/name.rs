use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use thiserror::Error;

/// The most letters of a name.
pub const NAME_LENGTH_MAX: usize = 100;

/// Words of the API's own paths below `/providers`, which can't be names.
pub const RESERVED_NAMES: &[&str] = &["select", "chat", "discover", "events"];

/// The name of a live provider: a letter, then letters, digits, `_` and `-`, at most 100.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Arc<str>);

/// The text isn't a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProviderNameError {
    /// It has other letters, or too many.
    #[error(
        "{0:?} isn't a name: begin with a letter, go on with letters, digits, _ and -, at most 100"
    )]
    Form(String),
    /// It is a word of the API.
    #[error("{0:?} is a word of the API's own; choose another name")]
    Reserved(String),
}

impl ProviderName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest name to a text that isn't one, such as the id of a catalogue (`302ai`).
    #[must_use]
    pub fn proposed_for(text: &str) -> Option<Self> {
        let is_taken = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let mapped: String =
            text.chars().map(|letter| if is_taken(letter) { letter } else { '-' }).collect();
        let trimmed = mapped.trim_matches('-');
        let begins = trimmed.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let whole = if begins { trimmed.to_owned() } else { format!("p-{trimmed}") };
        let whole: String = whole.chars().take(NAME_LENGTH_MAX).collect();
        whole.parse().or_else(|_| format!("{whole}-provider").parse()).ok()
    }
}

impl FromStr for ProviderName {
    type Err = ProviderNameError;

    fn from_str(text: &str) -> Result<Self, ProviderNameError> {
        let rest = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let is_name = text.len() <= NAME_LENGTH_MAX
            && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && text.chars().all(rest);
        if !is_name {
            return Err(ProviderNameError::Form(text.chars().take(NAME_LENGTH_MAX).collect()));
        }
        if RESERVED_NAMES.contains(&text) {
            return Err(ProviderNameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for ProviderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_and_refuses_others() {
        let long = "a".repeat(100);
        let longer = "a".repeat(101);
        for (text, expect) in [
            ("local", true),
            ("a", true),
            ("A-b_9", true),
            (&long, true),
            (&longer, false),
            ("", false),
            ("9a", false),
            ("-a", false),
            ("a.b", false),
            ("a b", false),
            ("é", false),
            ("a\n", false),
            ("select", false),
            ("chat", false),
        ] {
            assert_eq!(text.parse::<ProviderName>().is_ok(), expect, "{text:?}");
        }
    }

    #[test]
    fn proposes_names_for_ids_that_are_none() {
        for (text, expect) in [
            ("302ai", Some("p-302ai")),
            ("wafer.ai", Some("wafer-ai")),
            ("chat", Some("chat-provider")),
            ("openai-2", Some("openai-2")),
        ] {
            let proposed = ProviderName::proposed_for(text);
            assert_eq!(proposed.as_ref().map(ProviderName::as_str), expect, "{text}");
        }
    }
}
