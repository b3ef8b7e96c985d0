use muster_catalog::Content;
use muster_history::{
    CommittedCommand, Edit, EditAction, EditDetail, EditKind, EditSubject, EditWord, LogQuery,
};
use muster_wire::{
    OrOther,
    log::{LogAction, LogChange, LogContent, LogEntry, LogKind},
};
use muster_words::Moment;

/// Facts about a command that its entries don't hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The name of its actor.
    pub name: Option<String>,
    /// The reason that the actor gave.
    pub message: Option<String>,
}

/// What a command did within a query's scope, for the wire, with so many changes at most.
pub(super) fn entry(
    command: &CommittedCommand,
    (query, listed): (&LogQuery, usize),
    told: Told,
) -> LogEntry {
    let last = command.entries.last();
    let summary = query.scope.summary(command, listed, &query.words);
    LogEntry {
        position: command.position().0,
        time: last.map_or(Moment::EPOCH, |entry| entry.moment).to_string(),
        actor: command.actor().to_owned(),
        name: told.name,
        message: told.message,
        command: last.map(|entry| entry.command.to_string()).unwrap_or_default(),
        request: last.and_then(|entry| entry.request.clone()),
        what: summary.what,
        changes: summary.edits.into_iter().map(change).collect(),
        changes_left_out: (summary.left_out > 0).then_some(summary.left_out),
    }
}

fn change(edit: Edit) -> LogChange {
    let mut change = LogChange {
        position: edit.position.0,
        action: action(edit.action).into(),
        kind: kind(edit.subject.kind()).into(),
        xid: edit.subject.xid().to_string(),
        registry: None,
        ledger: None,
        key: None,
        versionid: None,
        epoch: None,
        attributes: None,
        source: None,
        document: None,
        contenttype: None,
        ancestor: None,
        state: None,
        defaultversionid: None,
        defaultversionsticky: None,
    };
    match edit.detail {
        EditDetail::Opened(id) => change.registry = Some(id.to_string()),
        EditDetail::Moved(ledger) => change.ledger = Some(ledger),
        EditDetail::Source(source) => change.source = Some(content(source)),
        EditDetail::Attributes { epoch, attributes } => {
            change.epoch = Some(epoch);
            change.attributes = attributes.map(content);
        }
        EditDetail::Meta { epoch, attributes, default, sticky } => {
            change.epoch = Some(epoch);
            change.attributes = attributes.map(content);
            change.defaultversionid = Some(default.to_string());
            change.defaultversionsticky = Some(sticky);
        }
        EditDetail::Version { epoch, attributes, ancestor, document, content_type, state } => {
            change.versionid = edit.subject.xid().id().map(ToString::to_string);
            change.epoch = Some(epoch);
            change.attributes = attributes.map(content);
            change.document = document.map(content);
            change.contenttype = content_type;
            change.ancestor = Some(ancestor.to_string());
            change.state = Some(state.as_str().to_owned());
        }
        EditDetail::None | EditDetail::Members => {}
    }
    if let EditSubject::Key(id) = edit.subject {
        change.key = Some(id.to_string());
    }
    change
}

const fn action(action: EditAction) -> LogAction {
    match action {
        EditAction::Opened => LogAction::Opened,
        EditAction::Created => LogAction::Created,
        EditAction::Updated => LogAction::Updated,
        EditAction::Deleted => LogAction::Deleted,
        EditAction::Restored => LogAction::Restored,
        EditAction::Purged => LogAction::Purged,
        EditAction::Revoked => LogAction::Revoked,
        EditAction::Forgotten => LogAction::Forgotten,
        EditAction::Moved => LogAction::Moved,
    }
}

/// A word as it is in the members `kind` and `action` of a change.
pub(super) fn name(word: EditWord) -> String {
    match word {
        EditWord::Kind(known) => OrOther::from(kind(known)).to_string(),
        EditWord::Action(known) => OrOther::from(action(known)).to_string(),
    }
}

const fn kind(kind: EditKind) -> LogKind {
    match kind {
        EditKind::Registry => LogKind::Registry,
        EditKind::Model => LogKind::Model,
        EditKind::Capabilities => LogKind::Capabilities,
        EditKind::Key => LogKind::Key,
        EditKind::Group => LogKind::Group,
        EditKind::Resource => LogKind::Resource,
        EditKind::Version => LogKind::Version,
    }
}

fn content(content: Content) -> LogContent {
    LogContent { digest: content.digest.to_string(), size: content.size }
}
