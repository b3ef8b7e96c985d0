use muster_wire::log::LogEntry;

use super::AnnotatedLog;
use crate::{
    Failure,
    output::{Format, Screen, escaped, indented},
};

/// What was printed of a log. It is printed page by page, so that it may have any length.
pub(super) struct ShownLog<'a> {
    screen: &'a Screen,
    pub count: usize,
    oldest: Option<u64>,
    /// Entries of a format that is printed as a whole.
    kept: Vec<LogEntry>,
}

impl<'a> ShownLog<'a> {
    pub const fn new(screen: &'a Screen) -> Self {
        Self { screen, count: 0, oldest: None, kept: Vec::new() }
    }

    pub async fn page(
        &mut self,
        log: &mut AnnotatedLog<'_>,
        entries: &[LogEntry],
    ) -> Result<(), Failure> {
        let Some(last) = entries.last() else { return Ok(()) };
        self.oldest = Some(last.position);
        match self.screen.format {
            Format::Table => {
                let table = log.table(self.screen, entries).await;
                let text = table.render(self.screen);
                // Further pages continue the same table.
                let rows = text.split_once('\n').map_or("", |(_, rows)| rows);
                let text = if self.count == 0 { text.as_str() } else { rows };
                self.screen.write(text.as_bytes())?;
            }
            Format::Json => self.json(entries)?,
            Format::Yaml => self.kept.extend_from_slice(entries),
        }
        self.count += entries.len();
        Ok(())
    }

    fn json(&self, entries: &[LogEntry]) -> Result<(), Failure> {
        let mut text = String::new();
        for (index, entry) in entries.iter().enumerate() {
            let is_first = self.count == 0 && index == 0;
            text.push_str(if is_first { "{\n  \"entries\": [\n    " } else { ",\n    " });
            let entry = serde_json::to_value(entry).unwrap_or_default();
            text.push_str(
                indented(&escaped(&entry.to_string())).trim_end().replace('\n', "\n    ").as_str(),
            );
        }
        self.screen.write(text.as_bytes())
    }

    /// Ends the output. Answers the position of the last printed command.
    pub fn end(self) -> Result<Option<u64>, Failure> {
        match self.screen.format {
            Format::Table if self.count == 0 => self.screen.note("nothing happened"),
            Format::Table => {}
            Format::Json if self.count > 0 => self.screen.write(b"\n  ]\n}\n")?,
            Format::Json | Format::Yaml => {
                self.screen.value(&serde_json::json!({"entries": self.kept}))?;
            }
        }
        Ok(self.oldest)
    }
}
