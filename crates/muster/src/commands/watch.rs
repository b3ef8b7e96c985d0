mod teller;

use std::num::NonZeroUsize;

use clap::Args;
use muster_client::{Client, ReceivedChange, StreamItem, StreamStart};
use muster_model::Model;
use muster_wire::{ErrorCode, changes::EventId};
use muster_words::{Coverage, Position, Xid, XidPattern, XidPatterns};

use self::teller::Teller;
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    model,
    output::{Style, sanitized},
    suggest,
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
    after: Option<String>,
    /// Stop after this many changes
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl WatchArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        if !self.part.trim_matches('/').is_empty() {
            can_exist(&model::of_registry(&client).await?, &self.part)?;
            self.in_scope(&client).await?;
        }
        let start = self
            .after
            .as_deref()
            .map_or(Ok(StreamStart::Now), |text| place(text).map(StreamStart::After))?;
        let mut changes = client.changes(start);
        let mut left = self.limit.map(NonZeroUsize::get);
        let mut is_lost = false;
        let mut was_there = false;
        let mut teller = Teller::new(&context.screen, &client);
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
                StreamItem::Connected => {
                    self.greet(context, &client, std::mem::take(&mut is_lost), was_there);
                    was_there = true;
                }
                StreamItem::Change(change) => {
                    teller.last.clone_from(&change.id);
                    if self.wants(&change) && teller.tell(&change).await? {
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
        if let (true, Some((position, _))) =
            (context.screen.is_terminal, teller.last.split_once('.'))
        {
            let note = format!("\nmuster watch --after {position} continues from here");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }

    /// Refuses a part of which the key would never see a change.
    async fn in_scope(&self, client: &Client) -> Result<(), Failure> {
        let own = match client.own_access().await {
            Ok(answer) => answer.read()?,
            // An older server doesn't tell.
            Err(error) if error.is("api_not_found") || error.is("action_not_supported") => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let Some(scope) = own.scope else { return Ok(()) };
        let places: Vec<XidPattern> = scope.iter().filter_map(|place| place.parse().ok()).collect();
        let path = format!("/{}", self.part.trim_matches('/'));
        if XidPatterns::new(places).coverage(&path) != Coverage::Outside {
            return Ok(());
        }
        let what = format!("{path} is outside the key's scope, {}", scope.join(" "));
        Err(Failure::new(ErrorCode::OutOfScope, what).help(
            "watch a part within the scope, or use another key; muster keys show tells the scope",
        ))
    }

    /// Says what is watched, and where.
    fn greet(&self, context: &Context, client: &Client, was_lost: bool, was_there: bool) {
        if was_there && !was_lost {
            return;
        }
        let place = client.place();
        let note = match self.part.trim_matches('/') {
            _ if was_lost => format!("connected to {place} again"),
            "" => format!("watching all changes at {place}; Ctrl-C ends it"),
            part => format!("watching changes to {part} at {place}; Ctrl-C ends it"),
        };
        context.screen.note(&context.screen.paint_error(Style::Dim, &sanitized(&note)));
    }

    fn wants(&self, change: &ReceivedChange) -> bool {
        let part = self.part.trim_matches('/');
        let xid = change.event.subject.trim_start_matches('/');
        let rest = xid.strip_prefix(part);
        rest.is_some_and(|rest| part.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

/// A position, or the id of an event as this command prints it.
fn place(text: &str) -> Result<Position, Failure> {
    let whole = text.replace(',', "");
    let position = match whole.parse::<EventId>() {
        Ok(id) => Ok(id.position),
        Err(_) => whole.parse().map(Position),
    };
    position.map_err(|_| {
        Failure::usage(format!("--after needs a position, not {text:?}"))
            .help("muster log shows positions; 0 is the beginning")
    })
}

/// Refuses a part that no entity can have as its name.
fn can_exist(model: &Model, part: &str) -> Result<(), Failure> {
    let trimmed = part.trim_matches('/');
    if trimmed.parse::<Xid>().or_else(|_| Xid::parse_loosely(trimmed)).is_ok() {
        let types: Vec<&str> = trimmed.split('/').take(3).step_by(2).collect();
        let whole: Vec<&str> = trimmed.split('/').take(3).collect();
        let groups = model.group_type(types[0]);
        let has = |name: &&str| groups.is_some_and(|kind| kind.resources.contains_key(*name));
        return match (groups, types.get(1)) {
            (None, _) => Err(suggest::unknown_collection(model, &whole)),
            (Some(_), Some(name)) if !has(name) => Err(suggest::unknown_collection(model, &whole)),
            _ => Ok(()),
        };
    }
    super::list::level(model, part).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_model::Foundation;
    use muster_wire::{Sample, changes::ChangeEvent};
    use muster_words::json::Value;

    use super::*;

    #[test]
    fn shows_changes_to_a_part() {
        let event = ChangeEvent {
            subject: "/providers/cms/entries/a/versions/2".to_owned(),
            ..ChangeEvent::sample()
        };
        let change = ReceivedChange { id: "17.1".to_owned(), event, json: Value::Null };
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

    #[test]
    fn takes_positions_as_they_are_printed() {
        for (text, expect) in [
            ("0", Some(0)),
            ("1204", Some(1204)),
            ("1,204", Some(1204)),
            ("1204.2", Some(1204)),
            ("x", None),
            ("-1", None),
        ] {
            assert_eq!(place(text).ok().map(|position| position.0), expect, "{text}");
        }
    }

    #[test]
    fn refuses_a_part_that_nothing_can_have() {
        let model = Model::compile(&serde_json::json!({}), Foundation::BuiltIn).unwrap();
        for (part, expect) in [
            ("providers", ""),
            ("providers/cms", ""),
            ("providers/cms/entries", ""),
            ("/providers/cms/entries/not-yet", ""),
            ("providers/cms/entries/not-yet/versions/9", ""),
            ("provders", "there is no collection provders"),
            ("provders/cms", "there is no collection provders/cms"),
            ("providers/cms/entris/a", "there is no collection providers/cms/entris"),
            ("providers/c m", "\"providers/c m\" isn't a collection: \"c m\": "),
        ] {
            let found = can_exist(&model, part).err().map(|failure| failure.what().to_owned());
            let found = found.unwrap_or_default();
            assert!(found.starts_with(expect) && found.is_empty() == expect.is_empty(), "{found}");
        }
    }
}
