use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use muster_words::{
    Moment,
    json::{self, Value},
};
use time::UtcOffset;

use super::{indented, yaml};
use crate::failure::Failure;

/// The format of results (`--output`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and sentences, for people.
    #[default]
    Table,
    /// One JSON value, or JSON Lines for streams: the API's answer.
    Json,
    /// The same as YAML.
    Yaml,
}

/// When to use colour (`--color`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, also into a pipe.
    Always,
    /// Never.
    Never,
}

/// The meaning of a piece of text, for its colour. The text must be clear without colour, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Added, or successful.
    Added,
    /// Removed, or failed.
    Removed,
    /// Changed, or worth a look.
    Changed,
    /// Less important.
    Dim,
    /// A heading.
    Heading,
    /// A word that was searched for.
    Match,
}

/// Where a command's output goes, and what is known about that place. Made once, at the start.
#[derive(Clone, Debug)]
pub struct Screen {
    /// The form of results.
    pub format: Format,
    /// Whether a person reads standard output: relative times, local times, cut columns.
    pub is_terminal: bool,
    /// Whether a person reads standard error: progress in one line, questions.
    pub error_is_terminal: bool,
    /// Whether a person can answer a question.
    pub can_ask: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// When the command started.
    pub now: Moment,
    /// How local time differs from UTC.
    pub offset: UtcOffset,
    /// Whether to colour standard output.
    pub colour: bool,
    /// Whether to colour standard error.
    pub error_colour: bool,
}

impl Screen {
    /// The screen of this process.
    #[must_use]
    pub fn of_process(format: Format, color: ColorChoice, no_color: bool) -> Self {
        let (out, error) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let paints = |terminal| match color {
            ColorChoice::Auto => terminal && !no_color,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self {
            format,
            is_terminal: out,
            error_is_terminal: error,
            can_ask: error && io::stdin().is_terminal(),
            width: terminal_width(),
            now: super::times::now(),
            offset: super::times::local_offset(),
            colour: paints(out),
            error_colour: paints(error),
        }
    }

    /// A screen without a terminal.
    #[cfg(test)]
    pub const fn plain(now: Moment) -> Self {
        Self {
            format: Format::Table,
            is_terminal: false,
            error_is_terminal: false,
            can_ask: false,
            width: 100,
            now,
            offset: UtcOffset::UTC,
            colour: false,
            error_colour: false,
        }
    }

    /// Text for standard output in a style.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.colour, style, text)
    }

    /// Text for standard error in a style.
    #[must_use]
    pub fn paint_error(&self, style: Style, text: &str) -> String {
        paint(self.error_colour, style, text)
    }

    /// Whether results are for people.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Writes bytes to standard output as they are.
    ///
    /// # Errors
    /// The reader has left, or the output can't be written.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// Writes a value in the requested format; as JSON if that format is a table.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn value(&self, value: &Value) -> Result<(), Failure> {
        if self.format == Format::Yaml {
            return self.write(yaml::to_yaml(value).as_bytes());
        }
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        self.line(&escaped(&json))
    }

    /// Writes JSON text in the requested format; as JSON, its members keep their order.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn json(&self, text: &str) -> Result<(), Failure> {
        match (self.format, json::parse(text.as_bytes())) {
            (Format::Yaml, Ok(value)) => self.write(yaml::to_yaml(&value).as_bytes()),
            _ => self.line(&escaped(&indented(text))),
        }
    }

    /// Writes the next of many values: a line of JSON, or a document of YAML.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn next_value(&self, value: &Value) -> Result<(), Failure> {
        match self.format {
            Format::Yaml => self.write(format!("---\n{}", yaml::to_yaml(value)).as_bytes()),
            Format::Json | Format::Table => self.line(&escaped(&value.to_string())),
        }
    }

    /// Prints a note on standard error. If it can't be printed, that isn't a failure.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Asks a yes-or-no question. The answer is no if there is nobody to ask.
    #[must_use]
    pub fn ask(&self, question: &str) -> bool {
        if !self.can_ask {
            return false;
        }
        let mut error = io::stderr().lock();
        let _ = write!(error, "{question} [y/N] ").and_then(|()| error.flush());
        drop(error);
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

fn paint(wanted: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Added => "32",
        Style::Removed => "31",
        Style::Changed => "33",
        Style::Dim => "2",
        Style::Heading => "1",
        Style::Match => "1;33",
    };
    if wanted && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The width from `COLUMNS`, or the width at which clap wraps its help.
fn terminal_width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or(measured).unwrap_or(100)
}

/// Removes control characters from foreign text, and characters that make it look like another
/// text.
#[must_use]
pub fn sanitized(text: &str) -> String {
    let obeyed = |letter: char| letter.is_control() || turns(letter);
    text.chars().map(|letter| if obeyed(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Escapes in JSON text what a terminal would obey and what changes the direction of text. Both can
/// only be in its strings, so it says the same.
#[must_use]
pub fn escaped(json: &str) -> String {
    let is_obeyed = |letter: char| matches!(letter, '\u{7f}'..='\u{9f}') || turns(letter);
    if !json.chars().any(is_obeyed) {
        return json.to_owned();
    }
    let escape = |letter: char| match is_obeyed(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    };
    json.chars().map(escape).collect()
}

/// Whether a character changes the direction of text (Unicode Annex 9, 2: explicit formatting
/// characters).
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_text_from_elsewhere_as_what_it_is() {
        for (text, expect) in [
            ("a b\u{e9}\u{5d0}", "a b\u{e9}\u{5d0}"),
            ("\x1b[31mred", "\u{fffd}[31mred"),
            ("a\u{202e}nimda\u{202c}", "a\u{fffd}nimda\u{fffd}"),
            ("\u{2066}x\u{2069}", "\u{fffd}x\u{fffd}"),
        ] {
            assert_eq!(sanitized(text), expect, "{text:?}");
        }
    }

    #[test]
    fn escapes_in_json_what_a_terminal_would_obey() {
        for (text, expect) in [
            ("{\"a\": \"\u{e9}\u{5d0}\"}", "{\"a\": \"\u{e9}\u{5d0}\"}"),
            ("\"\u{9b}31mred\"", "\"\\u009b31mred\""),
            ("\"a\u{202e}b\u{7f}\"", "\"a\\u202eb\\u007f\""),
        ] {
            let shown = escaped(text);
            assert_eq!(shown, expect, "{text:?}");
            let (shown, said) = (json::parse(shown.as_bytes()), json::parse(text.as_bytes()));
            assert_eq!(shown.ok(), said.ok(), "{text:?}");
        }
    }
}
