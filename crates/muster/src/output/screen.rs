use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use muster_words::{Moment, json::Value};
use time::UtcOffset;

use super::yaml;
use crate::failure::{Failure, OwnCode};

/// The form of results (`--output`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and sentences, for people.
    #[default]
    Table,
    /// One JSON value, or JSON lines for streams: what the API answers.
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
    /// Also into a pipe.
    Always,
    /// Never.
    Never,
}

/// What a piece of text is, for the eye. Colour never says it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// What is added, or went well.
    Added,
    /// What goes away, or went wrong.
    Removed,
    /// What changes, or deserves a look.
    Changed,
    /// For the second glance.
    Dim,
    /// What heads something.
    Heading,
}

/// Where a command's output goes and what may be assumed of it. Made once, at the start.
#[derive(Clone, Debug)]
pub struct Screen {
    /// The form of results.
    pub format: Format,
    /// Whether a person reads standard output: relative times, local times, cut columns.
    pub is_terminal: bool,
    /// Whether a person reads standard error: progress in one line, questions.
    pub error_is_terminal: bool,
    /// Whether somebody can answer a question.
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
    /// What this process has been given.
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

    /// A screen that isn't one.
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
    /// Nobody reads them any more, or they can't be written.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::output_closed(),
            _ => {
                Failure::new(OwnCode::OutputFailed, format!("the output can't be written: {error}"))
            }
        })
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.write(format!("{text}\n").as_bytes())
    }

    /// Writes a value in the form that was asked for; JSON where that is a table.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn value(&self, value: &Value) -> Result<(), Failure> {
        if self.format == Format::Yaml {
            return self.write(yaml::to_yaml(value).as_bytes());
        }
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        self.line(&json)
    }

    /// Writes one of many values as it comes: a line of JSON, or a document of YAML.
    ///
    /// # Errors
    /// See [`Screen::write`].
    pub fn next_value(&self, value: &Value) -> Result<(), Failure> {
        match self.format {
            Format::Yaml => self.write(format!("---\n{}", yaml::to_yaml(value)).as_bytes()),
            Format::Json | Format::Table => self.line(&value.to_string()),
        }
    }

    /// Says something beside the result, on standard error. That nobody hears it is no failure.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Asks a question whose answer is yes or no; no where nobody can answer.
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
    };
    if wanted && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// What the shell says (`COLUMNS`), or what clap would wrap help at.
fn terminal_width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or(measured).unwrap_or(100)
}

/// Text from elsewhere with nothing in it that a terminal would obey, or that would make it look
/// like another text.
#[must_use]
pub fn sanitized(text: &str) -> String {
    let obeyed = |letter: char| letter.is_control() || turns(letter);
    text.chars().map(|letter| if obeyed(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Whether a character changes the direction of those around it (Unicode Annex 9, 2: explicit
/// formatting characters).
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
}
