use std::{collections::BTreeMap, num::NonZeroUsize};

use bytes::Bytes;
use clap::Args;
use muster_client::{Answer, Client, Query};
use muster_history::difference;
use muster_wire::log::{LogAction, LogChange, LogEntry, LogKind, LogPage};
use muster_words::{Digest, Xid};

use super::{position, xid};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Screen, Style, Table, differences::one_line, numbers::separated, times},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster log
  muster log providers/cms/entries/sanity
  muster log providers/cms --limit 10
  muster log --who deploy

";

/// About one screen.
const FIFTY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// Show who changed what and when, newest first
#[derive(Debug, Args)]
pub struct LogArguments {
    /// The entity; without it, everything
    #[arg(value_parser = xid, value_name = "XID", default_value = "/", hide_default_value = true)]
    xid: Xid,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = FIFTY, allow_negative_numbers = true)]
    limit: NonZeroUsize,
    /// Only what happened before this position
    #[arg(long, value_name = "POSITION", value_parser = position)]
    #[arg(allow_negative_numbers = true)]
    before: Option<u64>,
    /// Only what this key did: its name, or its id as in keys list
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LogArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let (page, is_cut) = match &self.who {
            Some(who) => {
                let (page, is_cut) = self.done_by(&client, who).await?;
                if !context.screen.is_table() {
                    return context.screen.value(&serde_json::to_value(&page).unwrap_or_default());
                }
                (page, is_cut)
            }
            None => {
                let answer = self.page(&client, self.limit, self.before).await?;
                if !context.screen.is_table() {
                    return context.screen.json(&answer.text()?);
                }
                let page = answer.read()?;
                let is_cut = page.next.is_some();
                (page, is_cut)
            }
        };
        let mut log = AnnotatedLog::new(&client, &self.xid);
        let table = log.table(&context.screen, &page.entries).await;
        if table.is_empty() {
            context.screen.note("nothing happened");
            return Ok(());
        }
        context.screen.write(table.render(&context.screen).as_bytes())?;
        if is_cut {
            let oldest = page.entries.last().map(|entry| entry.position.to_string());
            let oldest = oldest.unwrap_or_default();
            let of = match &self.xid {
                Xid::Registry => String::new(),
                xid => format!(" {}", suggest::without_slash(xid)),
            };
            let who = self.who.as_ref().map(|who| format!(" --who {who}")).unwrap_or_default();
            let note = format!("muster log{of}{who} --before {oldest} shows earlier commands");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }
}

impl LogArguments {
    async fn page(
        &self,
        client: &Client,
        limit: NonZeroUsize,
        before: Option<u64>,
    ) -> Result<Answer<LogPage>, Failure> {
        let query = Query::new().with("limit", limit).with_some("before", before);
        match client.log(&self.xid, &query).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(super::get::explain(client, &self.xid, error).await),
        }
    }

    /// What somebody did, by the name or the id of the key, and whether there is more. The log is
    /// read until there is enough.
    async fn done_by(&self, client: &Client, who: &str) -> Result<(LogPage, bool), Failure> {
        let mut found = LogPage::default();
        let mut before = self.before;
        loop {
            let page = self.page(client, PAGE_MAX, before).await?.read()?;
            before = page.next.as_deref().and_then(position_of);
            let is_theirs =
                |entry: &LogEntry| entry.name.as_deref() == Some(who) || entry.actor == who;
            for entry in page.entries.into_iter().filter(is_theirs) {
                if found.entries.len() == self.limit.get() {
                    return Ok((found, true));
                }
                found.entries.push(entry);
            }
            if before.is_none() {
                return Ok((found, false));
            }
        }
    }
}

/// The most commands on a page.
const PAGE_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The position in the link to the next page.
fn position_of(link: &str) -> Option<u64> {
    let (_, query) = link.split_once('?')?;
    query.split('&').find_map(|parameter| parameter.strip_prefix("before="))?.parse().ok()
}

/// How many documents are fetched to show how versions differ. Older commands show only the
/// version.
const DOCUMENTS_MAX: usize = 40;

/// The log of an entity, with what each version changed.
pub(super) struct AnnotatedLog<'a> {
    client: &'a Client,
    xid: &'a Xid,
    documents: BTreeMap<String, Option<Bytes>>,
}

impl<'a> AnnotatedLog<'a> {
    pub(super) fn new(client: &'a Client, xid: &'a Xid) -> Self {
        Self { client, xid, documents: BTreeMap::new() }
    }

    async fn table(&mut self, screen: &Screen, entries: &[LogEntry]) -> Table {
        let mut table = Table::new(["position", "when", "who", "what"]).numbers(0);
        for entry in entries {
            let fields = self.fields(entry).await;
            let what = if fields.is_empty() {
                entry.what.clone()
            } else {
                format!("{}: {fields}", entry.what)
            };
            let when = times::at(screen, &entry.time);
            let who = entry.name.as_ref().unwrap_or(&entry.actor).clone();
            let what = match &entry.message {
                Some(message) => format!("{what} ({message})"),
                None => what,
            };
            table.row([separated(entry.position), when, who, what]);
        }
        table
    }

    /// The fields that a new version changed. None if the command made several versions, or if one
    /// of the two documents was replaced since.
    pub(super) async fn fields(&mut self, entry: &LogEntry) -> String {
        let is_version = |change: &&LogChange| change.kind.is(&LogKind::Version);
        let versions: Vec<&LogChange> = entry.changes.iter().filter(is_version).collect();
        let ([version], Xid::Resource { .. }) = (versions.as_slice(), self.xid) else {
            return String::new();
        };
        let (Some(id), Some(ancestor)) = (&version.versionid, &version.ancestor) else {
            return String::new();
        };
        if !version.action.is(&LogAction::Created) || ancestor == id {
            return String::new();
        }
        let digest = version.document.as_ref().map(|document| document.digest.as_str());
        let before = self.document(ancestor).await;
        match (before, self.document(id).await) {
            (Some(before), Some(after)) if digest == Some(&Digest::of(&after).to_string()) => {
                let fields = difference::documents(&before, &after);
                let told = fields
                    .iter()
                    .map(|field| format!("{} {}", field.path, one_line(&field.difference)));
                told.collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        }
    }

    async fn document(&mut self, version: &str) -> Option<Bytes> {
        if let Some(known) = self.documents.get(version) {
            return known.clone();
        }
        if self.documents.len() >= DOCUMENTS_MAX {
            return None;
        }
        let xid = self.xid.version(version.parse().ok()?)?;
        // A document that is stored elsewhere has no bytes to compare.
        let document = self.client.document(&xid).await.ok();
        let document = document.filter(|document| document.elsewhere.is_none());
        let document = document.map(|document| document.bytes);
        self.documents.insert(version.to_owned(), document.clone());
        document
    }
}
