#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod conditions;
mod keys;
mod lineage;
mod model;
mod plain;
mod restore;
mod synced;

use muster_words::ContentRef;
use serde_json::json;

use super::*;
use crate::{
    apply::RecordedCommand,
    command::{Authority, Mode, NewModel, Target, Write, WriteBody},
    tree,
};
use muster_model::{Foundation, Model};

/// A small registry: decisions are folded at once, and all attributes are in memory.
struct TestRegistry {
    catalog: Catalog,
    kept: BTreeMap<ContentRef, Arc<Map<String, Value>>>,
}

impl StoredAttributes for TestRegistry {
    fn attributes(&self, content: &Content) -> Option<Arc<Map<String, Value>>> {
        self.kept.get(&content.reference()).cloned()
    }
}

impl TestRegistry {
    /// A registry with resources `/dirs/<id>/files` of this type, on the built-in model.
    fn new(files: &Value) -> Self {
        let mut registry = Self {
            catalog: Catalog::empty(Arc::new(
                Model::compile(&json!({}), Foundation::BuiltIn).unwrap(),
            )),
            kept: BTreeMap::new(),
        };
        registry.set_model(files).unwrap();
        registry
    }

    fn set_model(&mut self, files: &Value) -> Result<(), NoDecision> {
        let mut files = files.clone();
        files.as_object_mut().unwrap().insert("singular".to_owned(), json!("file"));
        let source =
            json!({"groups": {"dirs": {"singular": "dir", "resources": {"files": files}}}});
        let model = Arc::new(Model::compile(&source, Foundation::BuiltIn).unwrap());
        let new = NewModel { source: source.to_string().into(), model };
        let write =
            Write { mode: Mode::Put, target: Target::Model, body: WriteBody::Tree(Map::new()) };
        self.write(write, Some(new))
    }

    /// Sends JSON to an entity, or to a resource's `versions`.
    fn send(&mut self, mode: Mode, path: &str, body: &Value) -> Result<(), NoDecision> {
        let target = match path.strip_suffix("/versions") {
            Some(resource) => Target::Versions(resource.parse().unwrap()),
            None => Target::Entity(path.parse().unwrap()),
        };
        let body = WriteBody::Tree(body.as_object().unwrap().clone());
        self.write(Write { mode, target, body }, None)
    }

    fn write(&mut self, write: Write, new_model: Option<NewModel>) -> Result<(), NoDecision> {
        let tree = tree::read(write, &self.catalog.model, new_model)?;
        let action = PreparedWrite {
            tree,
            versions: BTreeMap::new(),
            capabilities: None,
            restored: Vec::new(),
        };
        self.run(PreparedAction::Write(Box::new(action)))
    }

    fn delete(&mut self, xid: &str) -> Result<(), NoDecision> {
        self.take_away(xid, false)
    }

    fn purge(&mut self, xid: &str) -> Result<(), NoDecision> {
        self.take_away(xid, true)
    }

    fn take_away(&mut self, xid: &str, purge: bool) -> Result<(), NoDecision> {
        let target = Target::Entity(xid.parse().unwrap());
        let delete = Delete { target, chosen: None, epoch: None, purge, force: false };
        self.run(PreparedAction::Delete(delete))
    }

    fn restore(&mut self, xid: &str) -> Result<(), NoDecision> {
        let of = self.catalog.hidden.get(xid).map(|hidden| hidden.stamp);
        let xid = xid.parse().unwrap();
        self.run(PreparedAction::Restore(PreparedRestore { xid, of, verdicts: BTreeMap::new() }))
    }

    fn run(&mut self, action: PreparedAction) -> Result<(), NoDecision> {
        self.decided(&Self::prepared(action))
    }

    fn prepared(action: PreparedAction) -> PreparedCommand {
        PreparedCommand {
            action,
            conditions: Vec::new(),
            idempotency: None,
            ignore: Ignore::default(),
            set_default: None,
            succession: Succession::default(),
            stored: BTreeMap::new(),
            authority: Authority::default(),
            changed: ChangedMetadata::default(),
            capabilities_over: None,
            message: None,
            sync: None,
        }
    }

    fn decided(&mut self, prepared: &PreparedCommand) -> Result<(), NoDecision> {
        let now = self.catalog.moment.next();
        let Decided::Changes(decision) = decide(&self.catalog, self, prepared, now)? else {
            panic!("nothing was remembered");
        };
        let position = self.catalog.position().next();
        for (digest, map) in decision.attributes {
            self.kept.insert(ContentRef { position, digest }, map);
        }
        let parts = vec![(position, decision.changes)];
        let recorded = RecordedCommand {
            moment: now,
            tag: [0; 4],
            actor: "admin".into(),
            idempotency: None,
            parts,
        };
        self.catalog.apply(&recorded, &decision.facts).unwrap();
        Ok(())
    }

    fn resource(&self, xid: &str) -> Option<&Arc<crate::state::Resource>> {
        self.catalog.resource_at(&xid.parse().unwrap())
    }
}

fn code(outcome: Result<(), NoDecision>) -> &'static str {
    match outcome {
        Ok(()) => "",
        Err(NoDecision::Refused(refusal)) => name_of(&refusal.reason),
        Err(other) => panic!("{other:?}"),
    }
}

/// The name of the reason for a refusal, in lower case; for a model or attributes, the name of the
/// fault.
fn name_of(reason: &Reason) -> &'static str {
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
