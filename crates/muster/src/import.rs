//! Imports: lines of an export become requests of many entities. What a request refuses is taken
//! out of it, and tried again at the end, because it may refer to something that came later.

mod ai_models;
mod source;

use std::collections::{BTreeSet, HashSet, VecDeque};

pub use self::{ai_models::ModelCatalogue, source::ImportSource};
use muster_client::{Client, ClientError, ErrorResponse, Query};
use muster_wire::{
    Violation, ViolationCause,
    apply::{ApplyRequest, DocumentToApply, GroupToApply},
    export::ExportLine,
};
use muster_words::{
    json::{Map, Value},
    limits::{BODY_BYTES_MAX, COMMAND_ENTITIES_MAX},
};
use serde_json::json;

use crate::{Failure, OwnCode, model};

/// The most items of one request: enough that a request's own cost doesn't count, and few enough
/// that the others of the server wait for a moment only.
const ITEMS_MAX: usize = 4_000;

/// The bytes of one request.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The bytes of a request that must hold everything, without the brackets and names around its
/// parts.
const ATOMIC_BYTES_MAX: usize = BODY_BYTES_MAX - 1024;

/// The most refused items that are held to be tried again, and their bytes.
const REFUSED_MAX: usize = 20_000;
const REFUSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How often refused items are taken out of a request, which is then sent again, before the rest is
/// cut in halves.
const TAKEN_OUT_MAX: u32 = 8;

/// The collections to which others are bound: they belong into the request of the model.
const BOUND: [&str; 2] = ["/schemagroups/", "/rulegroups/"];

/// What was imported.
#[derive(Debug, Default)]
pub struct Imported {
    /// The documents.
    pub documents: usize,
    /// The groups.
    pub groups: usize,
    /// Whether the model was changed.
    pub has_model: bool,
    /// The groups and documents that were deleted.
    pub deleted: usize,
    /// Whether the registry's position moved: else everything was there already.
    pub has_changed: bool,
    /// What was refused.
    pub refused: Vec<RefusedItem>,
}

/// An item that was refused, with the reason.
#[derive(Debug)]
pub struct RefusedItem {
    xid: String,
    error: Box<ErrorResponse>,
}

impl RefusedItem {
    /// The item and the reason, for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("  {}  {}  [{}]", self.xid, self.error, self.error.code())];
        lines.extend(
            self.error
                .violations()
                .iter()
                .take(3)
                .map(|violation| format!("    {}  {}", violation.pointer, violation.message)),
        );
        lines
    }

    /// The item and the reason, for programs.
    pub fn value(&self) -> Value {
        json!({
            "xid": self.xid,
            "reason": self.error.code(),
            "message": self.error.to_string(),
            "violations": self.violations().collect::<Vec<_>>(),
        })
    }

    /// The violations of the item itself: a refusal names those of others as well.
    fn violations(&self) -> impl Iterator<Item = &Violation> {
        let is_own = |violation: &&Violation| {
            violation.subject.as_ref().is_none_or(|subject| *subject == self.xid)
        };
        self.error.violations().iter().filter(is_own)
    }
}

/// A group or a document.
#[derive(Clone, Debug)]
enum Item {
    Group(GroupToApply),
    Document(DocumentToApply),
}

impl Item {
    fn xid(&self) -> &str {
        match self {
            Self::Group(group) => &group.xid,
            Self::Document(document) => &document.xid,
        }
    }

    fn is_bound_to(&self) -> bool {
        BOUND.iter().any(|prefix| self.xid().starts_with(prefix))
    }

    /// About as many bytes as it has in a request.
    fn bytes(&self) -> usize {
        match self {
            Self::Group(group) => size(group),
            Self::Document(document) => size(document),
        }
    }
}

fn size(value: &impl serde::Serialize) -> usize {
    struct Counted(usize);
    impl std::io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(1);
    // Counting can't fail.
    let _ = serde_json::to_writer(&mut counted, value);
    counted.0
}

/// Sends what it is given, in requests of a good size.
pub struct Importer {
    client: Client,
    is_atomic: bool,
    /// The registry's own model, which the imported one is merged into.
    there: Value,
    /// The model that wasn't sent yet.
    model: Option<Value>,
    pending: Vec<Item>,
    /// Their names: a request may name an entity once only.
    pending_names: HashSet<String>,
    pending_bytes: usize,
    deferred: Vec<(Item, Box<ErrorResponse>)>,
    deferred_bytes: usize,
    /// Whether only what was refused before is left.
    is_last_round: bool,
    /// The registry's position before the import.
    begun: u64,
    imported: Imported,
}

impl Importer {
    /// Begins an import.
    ///
    /// # Errors
    /// The registry doesn't answer.
    pub async fn begin(client: Client, is_atomic: bool) -> Result<Self, Failure> {
        let (there, _) = model::source_of(&client).await?;
        let begun = client.model_source().await?.position().map_or(0, |position| position.0);
        Ok(Self {
            client,
            is_atomic,
            there,
            model: None,
            pending: Vec::new(),
            pending_names: HashSet::new(),
            pending_bytes: 0,
            deferred: Vec::new(),
            deferred_bytes: 0,
            is_last_round: false,
            begun,
            imported: Imported::default(),
        })
    }

    /// How many documents were sent.
    pub const fn sent(&self) -> usize {
        self.imported.documents
    }

    /// Takes a line.
    ///
    /// # Errors
    /// The registry doesn't answer, or refuses everything.
    pub async fn add(&mut self, line: ExportLine) -> Result<(), Failure> {
        let item = match line {
            ExportLine::Registry(_) | ExportLine::End(_) => return Ok(()),
            ExportLine::Model(said) => {
                let merged = merged(&self.there, &said);
                self.model = Some(merged).filter(|merged| *merged != self.there);
                return Ok(());
            }
            ExportLine::Group(group) => Item::Group(group),
            ExportLine::Document(document) => Item::Document(document),
        };
        let bytes = item.bytes();
        if self.is_atomic {
            let is_over = self.pending.len() >= COMMAND_ENTITIES_MAX
                || self.pending_bytes + bytes > ATOMIC_BYTES_MAX;
            if is_over {
                return Err(too_large());
            }
            if self.pending_names.contains(item.xid()) {
                let what = format!("{} is named twice; nothing was imported", item.xid());
                return Err(Failure::new(OwnCode::BadFile, what)
                    .help("name it once, or leave out --atomic: then the later one counts"));
            }
        } else if self.must_send(&item, bytes) {
            self.send_pending().await?;
        }
        self.pending_bytes += bytes;
        self.pending_names.insert(item.xid().to_owned());
        self.pending.push(item);
        Ok(())
    }

    /// Whether what is pending must be sent before this item is added. Schemas and rules stay
    /// together with the model, which may bind them.
    fn must_send(&self, next: &Item, bytes: usize) -> bool {
        let is_full = self.pending.len() >= ITEMS_MAX || self.pending_bytes + bytes > BYTES_MAX;
        is_full
            || self.pending_names.contains(next.xid())
            || (self.model.is_some() && !next.is_bound_to())
    }

    /// Deletes the providers and models of other catalogues, and of earlier ones, that aren't in
    /// this one.
    async fn prune(&mut self, kept: &BTreeSet<String>) -> Result<usize, Failure> {
        let mut gone = Vec::new();
        let groups = format!("/{}", ai_models::GROUPS);
        for (group, _) in self.client.all(&groups, &Query::new()).await?.entries {
            let group = format!("{groups}/{group}");
            if !kept.contains(&group) {
                gone.push(group);
                continue;
            }
            let models = format!("{group}/models");
            let there = self.client.all(&models, &Query::new()).await?;
            let names = there.entries.iter().map(|(name, _)| format!("{models}/{name}"));
            gone.extend(names.filter(|name| !kept.contains(name)));
        }
        for part in gone.chunks(ITEMS_MAX) {
            let request = ApplyRequest { delete: part.to_vec(), ..ApplyRequest::default() };
            self.client.apply(&request, None).await?;
        }
        Ok(gone.len())
    }

    /// Sends what is left. With the names of a catalogue, other names of its type are deleted.
    ///
    /// # Errors
    /// The registry doesn't answer, or an import of everything or nothing was refused.
    pub async fn end(mut self, kept: Option<&BTreeSet<String>>) -> Result<Imported, Failure> {
        self.send_pending().await?;
        self.is_last_round = true;
        self.try_again().await?;
        if let Some(kept) = kept {
            self.imported.deleted = self.prune(kept).await?;
            // A name may differ only in upper and lower case from one that was there.
            self.try_again().await?;
        }
        let refused = self.deferred.into_iter();
        self.imported.refused = refused
            .map(|(item, error)| RefusedItem { xid: item.xid().to_owned(), error })
            .collect();
        Ok(self.imported)
    }

    /// Sends what was refused again, as long as that makes some of it pass: it may refer to what
    /// came later.
    async fn try_again(&mut self) -> Result<(), Failure> {
        loop {
            let left = std::mem::take(&mut self.deferred);
            self.deferred_bytes = 0;
            let count = left.len();
            let mut parts: Vec<(Vec<Item>, usize)> = Vec::new();
            for (item, _) in left {
                let bytes = item.bytes();
                match parts.last_mut() {
                    Some((part, sum))
                        if part.len() < COMMAND_ENTITIES_MAX
                            && *sum + bytes <= ATOMIC_BYTES_MAX =>
                    {
                        part.push(item);
                        *sum += bytes;
                    }
                    _ => parts.push((vec![item], bytes)),
                }
            }
            for (part, _) in parts {
                self.send(None, part).await?;
            }
            if self.deferred.is_empty() || self.deferred.len() == count {
                break;
            }
        }
        Ok(())
    }

    async fn send_pending(&mut self) -> Result<(), Failure> {
        let items = std::mem::take(&mut self.pending);
        self.pending_names.clear();
        self.pending_bytes = 0;
        let model = self.model.take();
        if items.is_empty() && model.is_none() {
            return Ok(());
        }
        self.send(model, items).await
    }

    /// Sends items, without those that are refused. Those that a refusal names are taken out; after
    /// some refusals the items are cut in halves.
    async fn send(&mut self, mut model: Option<Value>, items: Vec<Item>) -> Result<(), Failure> {
        let mut left = VecDeque::from([(items, 0)]);
        while let Some((items, taken_out)) = left.pop_front() {
            if items.is_empty() && model.is_none() {
                continue;
            }
            let refused = match self.client.apply(&request(model.as_ref(), &items), None).await {
                Ok(answer) => {
                    self.imported.has_changed |= answer.read()?.position > self.begun;
                    self.count(&items);
                    self.imported.has_model |= model.take().is_some();
                    continue;
                }
                Err(ClientError::Refused(error)) if self.may_cut(&error, model.is_some()) => error,
                Err(error) => return Err(error.into()),
            };
            let (named, rest): (Vec<Item>, Vec<Item>) =
                items.into_iter().partition(|item| is_named(&refused, item));
            match (named.is_empty(), rest.len()) {
                (false, _) if taken_out < TAKEN_OUT_MAX => {
                    named.into_iter().try_for_each(|item| self.defer(item, refused.clone()))?;
                    left.push_front((rest, taken_out + 1));
                }
                // It is alone, and the refusal is about something else that it needs.
                (true, 1) => {
                    rest.into_iter().try_for_each(|item| self.defer(item, refused.clone()))?
                }
                _ if !self.is_last_round && is_about_references(&refused) => {
                    // They refer to what comes later, so they wait for it together.
                    let all = named.into_iter().chain(rest);
                    all.into_iter().try_for_each(|item| self.defer(item, refused.clone()))?;
                }
                _ => {
                    let mut first: Vec<Item> = named.into_iter().chain(rest).collect();
                    let second = first.split_off(first.len() / 2);
                    left.push_front((second, 0));
                    left.push_front((first, 0));
                }
            }
        }
        Ok(())
    }

    /// Whether the refusal is about an item, so that the others may pass. A model without its
    /// schemas isn't tried.
    fn may_cut(&self, error: &ErrorResponse, has_model: bool) -> bool {
        let is_about_items = error.status.is_client_error()
            && !matches!(error.status.as_u16(), 401 | 403 | 408 | 429);
        is_about_items && !self.is_atomic && !has_model
    }

    fn count(&mut self, items: &[Item]) {
        let documents = items.iter().filter(|item| matches!(item, Item::Document(_))).count();
        self.imported.documents += documents;
        self.imported.groups += items.len() - documents;
    }

    fn defer(&mut self, item: Item, error: Box<ErrorResponse>) -> Result<(), Failure> {
        self.deferred_bytes += item.bytes();
        self.deferred.push((item, error));
        if self.deferred.len() <= REFUSED_MAX && self.deferred_bytes <= REFUSED_BYTES_MAX {
            return Ok(());
        }
        let first = self
            .deferred
            .first()
            .map(|(item, error)| RefusedItem { xid: item.xid().to_owned(), error: error.clone() });
        Err(Failure::new(OwnCode::PartlyApplied, "too much is refused, so the import stops")
            .lines(first.iter().flat_map(RefusedItem::lines))
            .help("correct what is refused, and import the file again"))
    }
}

/// Whether a refusal names the item.
fn is_named(refused: &ErrorResponse, item: &Item) -> bool {
    let mut subjects =
        refused.violations().iter().filter_map(|violation| violation.subject.as_deref());
    refused.subject() == Some(item.xid()) || subjects.any(|subject| subject == item.xid())
}

/// Whether a document refers to something that isn't there, and nothing else is wrong with it.
fn is_about_references(refused: &ErrorResponse) -> bool {
    let violations = refused.violations();
    !violations.is_empty()
        && violations
            .iter()
            .all(|violation| matches!(violation.violated, ViolationCause::Reference(_)))
}

fn request(model: Option<&Value>, items: &[Item]) -> ApplyRequest {
    let mut request = ApplyRequest {
        model: model.and_then(Value::as_object).cloned(),
        ..ApplyRequest::default()
    };
    for item in items {
        match item {
            Item::Group(group) => request.groups.push(group.clone()),
            Item::Document(document) => request.documents.push(document.clone()),
        }
    }
    request
}

fn too_large() -> Failure {
    Failure::usage(format!(
        "--atomic takes at most {COMMAND_ENTITIES_MAX} groups and documents and {BODY_BYTES_MAX} \
         bytes, because they are one command; nothing was imported"
    ))
    .help("leave out --atomic: a file that was imported in part can be imported again")
}

/// The registry's model with the types of another one.
fn merged(there: &Value, said: &Map<String, Value>) -> Value {
    let mut all = there.as_object().cloned().unwrap_or_default();
    for (name, member) in said {
        match (all.get_mut(name), member) {
            (Some(Value::Object(groups)), Value::Object(said)) if name == "groups" => {
                groups.extend(said.clone());
            }
            _ => {
                all.insert(name.clone(), member.clone());
            }
        }
    }
    Value::Object(all)
}
