use std::num::NonZeroUsize;

use clap::Args;
use muster_client::{ReceivedChange, StreamItem, StreamStart};
use muster_wire::OrOther;
use muster_words::Position;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Screen, Style, sanitized, table::padded, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster watch
  muster watch providers/cms
  muster watch --after 1204
  muster watch --output json | jq .subject

";

/// Print changes as they happen, until Ctrl-C
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// Only changes to this part, such as providers/cms
    #[arg(value_name = "PART", default_value = "", hide_default_value = true)]
    part: String,
    /// First print the changes after this position; 0 is the beginning
    #[arg(long, value_name = "POSITION", allow_negative_numbers = true)]
    after: Option<u64>,
    /// Stop after this many changes
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl WatchArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let start =
            self.after.map_or(StreamStart::Now, |position| StreamStart::After(Position(position)));
        let mut changes = client.changes(start);
        let mut left = self.limit.map(NonZeroUsize::get);
        let mut is_lost = false;
        let mut was_there = false;
        let mut last = String::new();
        // One listener for the whole loop; a new one per change would miss a Ctrl-C between two
        // changes.
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        while left != Some(0) {
            let step = tokio::select! {
                biased;
                _ = &mut pressed => break,
                step = changes.next_item() => step?,
            };
            match step {
                StreamItem::Change(change) => {
                    (is_lost, was_there) = (false, true);
                    last.clone_from(&change.id);
                    if self.wants(&change) {
                        show(&context.screen, &change)?;
                        left = left.map(|left| left - 1);
                    }
                }
                // The server was never reached, so the refusal is the answer.
                StreamItem::Lost(error) if !was_there && error.has_no_side_effects() => {
                    return Err(error.into());
                }
                StreamItem::Lost(error) => {
                    was_there = true;
                    if !std::mem::replace(&mut is_lost, true) {
                        context.screen.note(&format!("{error}; reconnecting"));
                    }
                }
            }
        }
        if let (true, Some((position, _))) = (context.screen.is_terminal, last.split_once('.')) {
            let note = format!("\nmuster watch --after {position} continues from here");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }

    fn wants(&self, change: &ReceivedChange) -> bool {
        let part = self.part.trim_matches('/');
        let xid = change.event.subject.trim_start_matches('/');
        let rest = xid.strip_prefix(part);
        rest.is_some_and(|rest| part.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

fn show(screen: &Screen, change: &ReceivedChange) -> Result<(), Failure> {
    if screen.is_table() {
        return screen.line(&line(screen, change));
    }
    screen.next_value(&change.json)
}

/// `    1204.1  today 10:12:03  + providers/cms/entries/ghost  version created`
fn line(screen: &Screen, change: &ReceivedChange) -> String {
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
    let who = event.actorname.as_ref().map(|name| format!("  by {name}")).unwrap_or_default();
    let xid = if xid.is_empty() { "/" } else { xid };
    let shown = sanitized(&format!("{sign} {xid}  {what}{who}"));
    let when = times::at(screen, &event.time);
    format!(
        "{:>10}  {}  {}",
        sanitized(&change.id),
        padded(&when, 14),
        screen.paint(style, shown.trim_end())
    )
}

#[cfg(test)]
mod tests {
    use muster_wire::{
        Sample,
        changes::{ChangeEvent, EventType},
    };
    use muster_words::{Moment, json::Value};

    use super::*;

    #[test]
    fn tells_each_change_in_a_line() {
        let event = ChangeEvent {
            event_type: EventType::VersionCreated.into(),
            time: "2026-11-21T10:00:00Z".to_owned(),
            subject: "/providers/cms/entries/a/versions/2".to_owned(),
            ..ChangeEvent::sample()
        };
        let change = ReceivedChange { id: "17.1".to_owned(), event, json: Value::Null };
        let expect = "      17.1  2026-11-21T10:00:00Z  + providers/cms/entries/a/versions/2  version created  by deploy";
        assert_eq!(line(&Screen::plain(Moment::EPOCH), &change), expect);
        let mut newer = change.clone();
        newer.event.event_type = OrOther::Other("io.acme.version.signed".to_owned());
        let expect =
            expect.replace("+ ", "~ ").replace("version created", "io.acme.version.signed");
        assert_eq!(line(&Screen::plain(Moment::EPOCH), &newer), expect);
        for (part, expect) in [
            ("", true),
            ("providers", true),
            ("/providers/cms/", true),
            ("providers/cm", false),
            ("stacks", false),
            ("providers/cms/entries/a/versions/2", true),
        ] {
            let watch = WatchArguments {
                part: part.into(),
                after: None,
                limit: None,
                connection: ConnectionArguments::default(),
            };
            assert_eq!(watch.wants(&change), expect, "{part}");
        }
    }
}
