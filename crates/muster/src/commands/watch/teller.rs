use muster_client::{Client, Query, ReceivedChange};
use muster_wire::{
    OrOther,
    log::{LogAction, LogEntry, LogKind},
};
use muster_words::{Position, Xid};

use crate::{
    Failure,
    commands::log::AnnotatedLog,
    output::{Screen, Style, numbers::separated, sanitized, table::padded, times},
};

/// Tells changes to people, a line for each command, or to programs, a value for each event.
pub(super) struct Teller<'a> {
    screen: &'a Screen,
    client: &'a Client,
    /// The id of the last event.
    pub last: String,
    /// The last command that was told.
    told: Option<Position>,
    /// Whether the log can be read. If not, there is a line for each event.
    has_log: bool,
}

impl<'a> Teller<'a> {
    pub fn new(screen: &'a Screen, client: &'a Client) -> Self {
        Self { screen, client, last: String::new(), told: None, has_log: true }
    }

    /// Tells a change, and whether anything was printed: the events of a command are one line.
    pub async fn tell(&mut self, change: &ReceivedChange) -> Result<bool, Failure> {
        if !self.screen.is_table() {
            self.screen.next_value(&change.json)?;
            return Ok(true);
        }
        let position = change.id.split('.').next().and_then(|text| text.parse().ok()).map(Position);
        if position.is_some() && position == self.told {
            return Ok(false);
        }
        match self.entry(position).await {
            Some(entry) => {
                self.told = position;
                let fields = self.fields(&entry).await;
                self.screen.line(&line_of_command(self.screen, &entry, &fields))?;
            }
            None => self.screen.line(&line_of_event(self.screen, change))?,
        }
        Ok(true)
    }

    /// What the log says about the command; none if it can't be read.
    async fn entry(&mut self, position: Option<Position>) -> Option<LogEntry> {
        let position = position.filter(|_| self.has_log)?;
        let query = Query::new().with("limit", 1).with("before", position.0 + 1);
        let page = self.client.log(&Xid::Registry, &query).await.and_then(|answer| answer.read());
        let page = page.inspect_err(|_| self.has_log = false).ok()?;
        page.entries.into_iter().next().filter(|entry| entry.position == position.0)
    }

    /// The fields that a new version of a document changed.
    async fn fields(&self, entry: &LogEntry) -> String {
        let mut versions = entry.changes.iter().filter(|change| change.kind.is(&LogKind::Version));
        let xid = versions.next_back().and_then(|version| version.xid.parse::<Xid>().ok());
        match xid.and_then(|xid| xid.resource()) {
            Some(resource) => AnnotatedLog::new(self.client, &resource).fields(entry).await,
            None => String::new(),
        }
    }
}

/// `     1,204  today 10:12:03  ~ providers/cms/entries/sanity version 2: monthly [65, 280] → [75, 280]  by admin`
fn line_of_command(screen: &Screen, entry: &LogEntry, fields: &str) -> String {
    let did = |action: LogAction| entry.changes.iter().any(|change| change.action.is(&action));
    let (sign, style) = match () {
        () if did(LogAction::Deleted) || did(LogAction::Purged) => ("-", Style::Removed),
        () if did(LogAction::Created) || did(LogAction::Restored) => ("+", Style::Added),
        () => ("~", Style::Changed),
    };
    let fields = if fields.is_empty() { String::new() } else { format!(": {fields}") };
    let who = entry.name.as_ref().unwrap_or(&entry.actor);
    let why = entry.message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    let shown = sanitized(&format!("{sign} {}{fields}  by {who}{why}", entry.what));
    let when = padded(&times::at(screen, &entry.time), 14);
    format!("{:>10}  {when}  {}", separated(entry.position), screen.paint(style, &shown))
}

/// `    1204.1  today 10:12:03  + providers/cms/entries/ghost  version created`
fn line_of_event(screen: &Screen, change: &ReceivedChange) -> String {
    let event = &change.event;
    let kind = event.event_type.to_string();
    let mut parts = kind.rsplit('.');
    let (deed, thing) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let what = match &event.event_type {
        OrOther::Known(_) => format!("{thing} {deed}"),
        OrOther::Other(text) => text.clone(),
    };
    let (sign, style) = match deed {
        "created" => ("+", Style::Added),
        "deleted" => ("-", Style::Removed),
        _ => ("~", Style::Changed),
    };
    let xid = event.subject.trim_start_matches('/');
    let changed = event.data.changed.join(", ");
    let what = if changed.is_empty() { what } else { format!("{what}: {changed}") };
    let who = event.actorname.as_ref().map(|name| format!("  by {name}")).unwrap_or_default();
    let xid = if xid.is_empty() { "/" } else { xid };
    let shown = sanitized(&format!("{sign} {xid}  {what}{who}"));
    let when = times::at(screen, &event.time);
    format!(
        "{:>10}  {}  {}",
        sanitized(&change.id),
        padded(&sanitized(&when), 14),
        screen.paint(style, shown.trim_end())
    )
}

#[cfg(test)]
mod tests {
    use muster_wire::{
        Sample,
        changes::{ChangeDetail, ChangeEvent, EventType},
        log::LogChange,
    };
    use muster_words::{Moment, json::Value};

    use super::*;

    #[test]
    fn tells_each_command_in_a_line_with_who_and_what() {
        let screen = Screen::plain(Moment::EPOCH);
        let entry = LogEntry { message: None, ..LogEntry::sample() };
        let expect = "     1,204  2026-11-21T10:12:03.000412Z  \
            + /providers/cms/entries/sanity version 2: level 1 → 2  by deploy";
        assert_eq!(line_of_command(&screen, &entry, "level 1 → 2"), expect);
        let gone = LogChange { action: LogAction::Deleted.into(), ..LogChange::sample() };
        let (what, message) = ("providers/cms deleted".to_owned(), Some("old".to_owned()));
        let entry = LogEntry { changes: vec![gone], what, message, name: None, ..entry };
        let expect = "     1,204  2026-11-21T10:12:03.000412Z  \
            - providers/cms deleted  by 9f3a11c2 (old)";
        assert_eq!(line_of_command(&screen, &entry, ""), expect);
    }

    #[test]
    fn tells_an_event_where_the_log_cannot_be_read() {
        let event = ChangeEvent {
            event_type: EventType::VersionCreated.into(),
            time: "2026-11-21T10:00:00Z".to_owned(),
            subject: "/providers/cms/entries/a/versions/2".to_owned(),
            data: ChangeDetail::default(),
            ..ChangeEvent::sample()
        };
        let mut change = ReceivedChange { id: "17.1".to_owned(), event, json: Value::Null };
        let screen = Screen::plain(Moment::EPOCH);
        let expect = "      17.1  2026-11-21T10:00:00Z  + providers/cms/entries/a/versions/2  version created  by deploy";
        assert_eq!(line_of_event(&screen, &change), expect);
        change.event.event_type = OrOther::Other("io.acme.version.signed".to_owned());
        change.event.data.changed = vec!["labels".to_owned(), "name".to_owned()];
        let expect = expect
            .replace("+ ", "~ ")
            .replace("version created", "io.acme.version.signed: labels, name");
        assert_eq!(line_of_event(&screen, &change), expect);
    }
}
