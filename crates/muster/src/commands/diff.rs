use std::fmt::Write as _;

use clap::Args;
use muster_client::{Client, Query};
use muster_wire::{
    OrOther,
    diff::{DiffAct, DiffPage, DiffSide, EntityDiff},
};
use muster_words::Xid;
use serde_json::{Value, json};

use super::{
    get::explain,
    past::{version, when},
};
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    output::{
        Screen, Style,
        differences::field_difference,
        numbers::{counted, separated},
        sanitized,
    },
    plan::render_fields,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster diff providers/cms/entries/sanity
  muster diff providers/cms/entries/sanity --from v1 --to v3
  muster diff providers/cms/entries/sanity --patch
  muster diff providers/cms --from 7d
  muster diff --from 1,204 --to 1,312

";

/// Show what differs between two states of a document, a group or everything
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// A document, a group or a collection; without it, everything
    #[arg(value_name = "XID")]
    place: Option<String>,
    /// The earlier state: a version of the document (v2), a position (1,204 or @1204), a time
    /// (2027-01-31T12:00:00Z), or this long ago (2h, 7d) [default: the one before the last change]
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// The later state [default: now]
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// Print only the JSON Patch (RFC 6902) of one document
    #[arg(long)]
    patch: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl DiffArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let place = self.place.as_deref().map(|place| format!("/{}", place.trim_matches('/')));
        let place = place.filter(|place| place != "/").unwrap_or_default();
        let mut query = self.query(context, &client, &place).await?;
        let mut shown = Shown::default();
        let mut whole = DiffPage::default();
        let mut behind: Option<String> = None;
        loop {
            let asked = query.clone().with_some("after", behind.as_deref());
            let page = match client.diff(&place, &asked).await {
                Ok(answer) => answer.read()?,
                Err(error) => return Err(explained(&client, &place, error).await),
            };
            let next = page.next.as_ref().and(page.changes.last()).map(|last| last.xid.clone());
            if context.screen.is_table() && !self.patch {
                shown.page(&context.screen, &page)?;
                (whole.from, whole.to) = (page.from, page.to);
            } else {
                (whole.from, whole.to) = (page.from, page.to);
                whole.changes.extend(page.changes);
            }
            // A page that leads back to where it was would be read for ever.
            if next.is_none() || next == behind {
                break;
            }
            // The next page is about the same two states, whatever has happened since.
            query = Query::new().with("from", whole.from.position).with("to", whole.to.position);
            behind = next;
        }
        if self.patch {
            return context.screen.value(&patch_of(whole)?);
        }
        if !context.screen.is_table() {
            return context.screen.value(&serde_json::to_value(&whole).unwrap_or_default());
        }
        shown.end(&context.screen, &whole)
    }

    /// The query with the two states.
    async fn query(
        &self,
        context: &Context,
        client: &Client,
        place: &str,
    ) -> Result<Query, Failure> {
        let mut query = Query::new();
        for (flag, of_version, text) in
            [("from", "from_version", &self.from), ("to", "to_version", &self.to)]
        {
            let Some(text) = text else { continue };
            query = match version(client, place, (flag, text)).await? {
                Some(version) => query.with(of_version, version),
                None => query.with(flag, when(flag, text, context)?.text()),
            };
        }
        Ok(query)
    }
}

/// Adds to "not found" the name that was probably meant.
async fn explained(client: &Client, place: &str, error: muster_client::ClientError) -> Failure {
    match place.parse::<Xid>() {
        Ok(xid) => explain(client, &xid, error).await,
        Err(_) => error.into(),
    }
}

/// The patch of the only document that differs.
fn patch_of(page: DiffPage) -> Result<Value, Failure> {
    match page.changes.as_slice() {
        [] => Ok(json!([])),
        [EntityDiff { patch: Some(patch), .. }] => Ok(patch.clone()),
        [one] if matches!(one.act, OrOther::Known(DiffAct::Changed)) && one.lines.is_none() => {
            Ok(json!([]))
        }
        [one] => Err(no_patch(&format!("{} has no two states in JSON", named(one)))),
        many => {
            let many = counted(many.len(), "entity differs", "entities differ");
            Err(no_patch(&format!("{many}, and a patch is of one document")))
        }
    }
}

fn no_patch(what: &str) -> Failure {
    Failure::new(OwnCode::NoPatch, what.to_owned())
        .help("name one document that changed; --output json shows the patches of several")
}

fn named(one: &EntityDiff) -> &str {
    one.xid.trim_start_matches('/')
}

/// What was shown so far.
#[derive(Default)]
struct Shown {
    added: usize,
    removed: usize,
    changed: usize,
}

impl Shown {
    fn page(&mut self, screen: &Screen, page: &DiffPage) -> Result<(), Failure> {
        let mut out = String::new();
        for one in &page.changes {
            let (sign, style, count) = match one.act {
                OrOther::Known(DiffAct::Added) => ('+', Style::Added, &mut self.added),
                OrOther::Known(DiffAct::Removed) => ('-', Style::Removed, &mut self.removed),
                _ => ('~', Style::Changed, &mut self.changed),
            };
            *count += 1;
            let line = sanitized(&format!("{sign} {}{}", named(one), versions(one)));
            let _ = writeln!(out, "{}", screen.paint(style, &line));
            render(one, screen, &mut out);
        }
        screen.write(out.as_bytes())
    }

    fn end(&self, screen: &Screen, page: &DiffPage) -> Result<(), Failure> {
        let between = format!("between {} and {}", side(&page.from), side(&page.to));
        let counts = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", separated(count as u64)))
            .collect();
        match counts.is_empty() {
            true => screen.line(&format!("nothing differs {between}")),
            false => screen.line(&format!("\n{} {between}", counts.join(", "))),
        }
    }
}

fn side(side: &DiffSide) -> String {
    match &side.version {
        Some(version) => format!("version {version}"),
        None => format!("position {}", separated(side.position)),
    }
}

/// The versions that differ: `  version 1 → 2`.
fn versions(one: &EntityDiff) -> String {
    match (&one.from_version, &one.to_version) {
        (Some(from), Some(to)) if from != to => format!("  version {from} → {to}"),
        (Some(only), _) | (None, Some(only)) => format!("  version {only}"),
        (None, None) => String::new(),
    }
}

fn render(one: &EntityDiff, screen: &Screen, out: &mut String) {
    if one.purged {
        let _ = writeln!(out, "    its contents were purged, so they can't be compared");
    }
    let fields = one.fields.iter().cloned().filter_map(field_difference);
    let attributes = one.attributes.iter().cloned().filter_map(field_difference);
    let attributes = attributes.map(|mut field| {
        field.path = format!("attribute {}", field.path);
        field
    });
    render_fields(&fields.chain(attributes).collect::<Vec<_>>(), screen, out);
    for line in one.lines.iter().flat_map(|text| text.lines()) {
        let text = sanitized(line);
        let text = match line.as_bytes().first() {
            Some(b'+') => screen.paint(Style::Added, &text),
            Some(b'-') => screen.paint(Style::Removed, &text),
            Some(b'@') => screen.paint(Style::Dim, &text),
            _ => text,
        };
        let _ = writeln!(out, "    {text}");
    }
}
