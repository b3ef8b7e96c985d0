//! Commands in one line each, and what is found of them in a ledger.

use std::{collections::BTreeMap, num::NonZeroU32};

use bytes::Bytes;
use muster_catalog::{
    Reason,
    changes::Change,
    command::{Action, Command, Delete, Mode, SentDocument, Target, Write, WriteBody},
};
use muster_journal::Ledger;
use muster_registry::{CommandOrigin, SubmitError};
use muster_words::{ContentRef, Digest, Position, Xid, json};

pub fn by() -> CommandOrigin {
    CommandOrigin::of_owner()
}

pub fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

pub fn entity(text: &str) -> Target {
    Target::Entity(xid(text))
}

/// Puts a JSON document.
pub fn put(name: &str, document: &str) -> Command {
    document_to(Mode::Put, name, document)
}

/// Adds a version to a document.
pub fn post(name: &str, document: &str) -> Command {
    document_to(Mode::Post, name, document)
}

fn document_to(mode: Mode, name: &str, document: &str) -> Command {
    Command::new(Action::Write(Write {
        mode,
        target: entity(name),
        body: WriteBody::Document(SentDocument {
            bytes: Bytes::from(document.to_owned()),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    }))
}

/// Writes a JSON body.
pub fn tree(mode: Mode, target: Target, body: &str) -> Command {
    let json::Value::Object(map) = json::parse(body.as_bytes()).unwrap() else { panic!("{body}") };
    Command::new(Action::Write(Write { mode, target, body: WriteBody::Tree(map) }))
}

pub fn patch(name: &str, body: &str) -> Command {
    tree(Mode::Patch, entity(name), body)
}

pub fn model(source: &str) -> Command {
    tree(Mode::Put, Target::Model, source)
}

pub fn delete(name: &str) -> Command {
    Command::new(Action::Delete(Delete {
        target: entity(name),
        chosen: None,
        epoch: None,
        purge: false,
        force: false,
    }))
}

pub fn purge(name: &str) -> Command {
    let mut command = delete(name);
    if let Action::Delete(delete) = &mut command.action {
        delete.purge = true;
    }
    command
}

pub fn restore(name: &str) -> Command {
    Command::new(Action::Restore(xid(name)))
}

/// Two documents of the same bytes in one command: it takes two entries.
pub fn pair(left: &str, right: &str, document: &str) -> Command {
    let value = format!(r#"{{"contenttype":"application/json","entry":{document}}}"#);
    let body = format!(r#"{{"entries":{{"{left}":{value},"{right}":{value}}}}}"#);
    tree(Mode::Post, entity("/configs/app"), &body)
}

/// Gives a command an idempotency key.
pub fn keyed(mut command: Command, key: &str, request: &str) -> Command {
    command.idempotency = Some((Digest::of(key.as_bytes()), Digest::of(request.as_bytes())));
    command
}

/// The name of what stood in a refusal's way, or the error's own name.
pub fn code(error: &SubmitError) -> &'static str {
    match error {
        SubmitError::Refused(refusal) => name_of(&refusal.reason),
        SubmitError::Forbidden(_) => "forbidden",
        SubmitError::SecretDenied(_) => "secret denied",
        SubmitError::NameTaken { .. } => "secret denied",
        SubmitError::Busy => "busy",
        SubmitError::Contended => "contended",
        SubmitError::OutcomeUnknown => "outcome_unknown",
        SubmitError::DiskFull => "disk_full",
        SubmitError::CommandTooLarge => "command_too_large",
        SubmitError::TooLong => "too_long",
        SubmitError::Unavailable => "unavailable",
        SubmitError::Closed => "closed",
        SubmitError::Corrupt(_) => "corrupt",
        SubmitError::Missing(_) => "missing",
        SubmitError::Fault => "fault",
    }
}

/// The name of what stood in the way, in small letters; of a model or of attributes, what was wrong
/// with them.
pub fn name_of(reason: &Reason) -> &'static str {
    let debug = format!("{reason:?}");
    let around = ["Model(", "Fault(", "Attribute(", "Version("];
    let name = around.iter().fold(&*debug, |name, around| name.trim_start_matches(around));
    let name = name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake.leak()
}

/// A document as the ledger has it: where its command ended, and its bytes.
pub type Found = BTreeMap<String, Vec<Position>>;

/// Every document that lies in a ledger, by its text: the ends of the commands that brought it.
pub async fn documents(ledger: &dyn Ledger) -> Found {
    documents_after(ledger, Position::ZERO).await
}

/// Every document that lies behind a position at which a command ends.
pub async fn documents_after(ledger: &dyn Ledger, mut after: Position) -> Found {
    let mut found = Found::new();
    let mut command: Vec<ContentRef> = Vec::new();
    loop {
        let page = ledger.read(after, NonZeroU32::new(512).unwrap()).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        for bytes in page {
            let entry = bytes.decode().unwrap();
            for record in &entry.changes {
                let Ok(Change::VersionWritten(body)) = Change::decode(record.kind, &record.body)
                else {
                    continue;
                };
                let new = body.document.filter(|named| named.at.is_none());
                command.extend(new.map(|named| named.resolve(entry.position).reference()));
            }
            if entry.part == entry.parts {
                let contents = ledger.contents(&command).await.unwrap();
                for bytes in contents.into_iter().flatten() {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    found.entry(text).or_default().push(entry.position);
                }
                command.clear();
            }
        }
    }
    assert!(command.is_empty(), "the ledger ends with half a command");
    found
}
