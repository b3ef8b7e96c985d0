use muster_catalog::{
    changes::Outcome,
    command::{Command, Condition, EntityView, ExpectedTag, Mode},
    decide::AnswerSubject,
};
use muster_registry::CommandOrigin;
use muster_words::Position;

use super::*;

/// Models that the clients change between: documents of one group refer to each other, or don't.
pub const MODELS: [&str; 3] = [
    r#"{"groups":{"links":{"singular":"link","resources":{"pages":{"singular":"page","muster":
        {"references":[{"field":"/to","collection":"/links/pages","group":"g"}]}}}}}}"#,
    r#"{"groups":{"links":{"singular":"link","attributes":{"note":{"type":"string"}},
        "resources":{"pages":{"singular":"page","muster":{"references":[
            {"field":"/to","collection":"/links/pages","group":"g"},
            {"field":"/also","collection":"/links/pages","group":"g"}]}}}}}}"#,
    r#"{"groups":{"links":{"singular":"link","resources":{"pages":{"singular":"page"}}}}}"#,
];

/// Two schemas that no document of ours passes both of, and one that is none.
pub const SCHEMAS: [&str; 3] = [
    r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}"#,
    r#"{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}"#,
    r#"{"type":"no such type"}"#,
];

pub const RULES: [&str; 2] = [
    r#"{"expression":"document.a < 5","severity":"error","message":"large","pointer":"/a"}"#,
    r#"{"expression":"document.a != 2","severity":"error","message":"two","pointer":"/a"}"#,
];

/// A command as it was sent, and what became of it.
pub struct Sent {
    /// The request's id, by which the ledger knows it.
    pub label: String,
    pub command: Command,
    /// The newest position before it was sent, and after it was answered.
    pub window: (Position, Position),
    pub answer: Result<(Position, Outcome, AnswerSubject), &'static str>,
}

/// The origin of a labelled command.
pub fn labelled(label: &str) -> CommandOrigin {
    CommandOrigin { request: Some(label.to_owned()), ..CommandOrigin::of_owner() }
}

pub async fn send(registry: &Registry, label: String, command: Command) -> Sent {
    let before = registry.view().position();
    let answer = registry.submit(command.clone(), &labelled(&label)).await;
    let answer = match answer {
        Ok(done) => Ok((done.position, done.outcome, done.shows)),
        Err(error) => Err(code(&error)),
    };
    Sent { label, command, window: (before, registry.view().position()), answer }
}

/// Sends a client's commands one after another.
pub async fn client(registry: Registry, index: u64, commands: u64, seed: u64) -> Vec<Sent> {
    let mut dice = SeededRandom::new(seed);
    let mut sent = Vec::new();
    for number in 0..commands {
        let label = format!("{index}-{number}");
        let command = choose(&registry, &mut dice, &label);
        sent.push(send(&registry, label, command).await);
    }
    sent
}

fn page(dice: &mut SeededRandom) -> String {
    format!("/links/g/pages/p{}", dice.below(5))
}

fn choose(registry: &Registry, dice: &mut SeededRandom, label: &str) -> Command {
    match dice.below(100) {
        0..20 => write_page(dice, label),
        20..32 => put_if_match(registry, dice, label),
        32..38 => patch_with_epoch(registry, dice, label),
        38..48 => delete(&page(dice)),
        48..54 => restore(&page(dice)),
        54..56 => purge(&page(dice)),
        56..62 => versions(dice, label),
        62..78 => config(dice, label),
        78..84 => bind(dice),
        84..92 => behind(dice),
        92..97 => model(MODELS[usize::try_from(dice.below(3)).unwrap()]),
        _ => group(dice, label),
    }
}

/// A page that refers to another, to two, or to none; or two that refer to each other.
fn write_page(dice: &mut SeededRandom, label: &str) -> Command {
    let own = dice.below(5);
    let other = (own + 1 + dice.below(4)) % 5;
    let name = format!("/links/g/pages/p{own}");
    match dice.below(4) {
        0 => put(&name, &format!(r#"{{"is":"{label}"}}"#)),
        1 => put(&name, &format!(r#"{{"is":"{label}","to":"p{other}"}}"#)),
        2 => put(&name, &format!(r#"{{"is":"{label}","to":"p{other}","also":"p{own}"}}"#)),
        _ => {
            let body = format!(
                r#"{{"pages":{{"p{own}":{{"page":{{"to":"p{other}"}}}},"p{other}":{{"page":{{"to":"p{own}"}}}}}}}}"#
            );
            tree(Mode::Post, entity("/links/g"), &body)
        }
    }
}

/// A put that holds only for the state that is seen now.
fn put_if_match(registry: &Registry, dice: &mut SeededRandom, label: &str) -> Command {
    let name = page(dice);
    let mut command = put(&name, &format!(r#"{{"is":"{label}"}}"#));
    command.conditions = match registry.view().document_stamp(&xid(&name)) {
        Some(stamp) => {
            let (position, tag, view) = (stamp.position, stamp.tag, EntityView::Document);
            vec![Condition::Matches(vec![ExpectedTag { position, tag, view }])]
        }
        None => vec![Condition::Absent],
    };
    command
}

fn patch_with_epoch(registry: &Registry, dice: &mut SeededRandom, label: &str) -> Command {
    let name = page(dice);
    let epoch = registry.view().version_at(&xid(&name)).map_or(1, |version| version.epoch);
    patch(&name, &format!(r#"{{"epoch":{epoch},"labels":{{"is":"{label}"}}}}"#))
}

fn versions(dice: &mut SeededRandom, label: &str) -> Command {
    let name = page(dice);
    match dice.below(3) {
        0 => post(&name, &format!(r#"{{"is":"{label}"}}"#)),
        1 => delete(&format!("{name}/versions/{}", 1 + dice.below(3))),
        _ => {
            let pin = 1 + dice.below(2);
            let body = format!(r#"{{"defaultversionid":"{pin}","defaultversionsticky":true}}"#);
            patch(&format!("{name}/meta"), &body)
        }
    }
}

/// A document that schema and rules may bind.
fn config(dice: &mut SeededRandom, label: &str) -> Command {
    let name = format!("/configs/app/entries/c{}", dice.below(6));
    let number = dice.below(8);
    match dice.below(8) {
        0 => delete(&name),
        1 => restore(&name),
        2 => put(&name, &format!(r#"{{"a":"{label}"}}"#)),
        _ => put(&name, &format!(r#"{{"a":{number},"is":"{label}"}}"#)),
    }
}

fn bind(dice: &mut SeededRandom) -> Command {
    let schema = r#"{"muster":{"schema":"/schemagroups/own/schemas/s"}}"#;
    let both = r#"{"muster":{"schema":"/schemagroups/own/schemas/s","rules":["/rulegroups/own"]}}"#;
    let rule = r#"{"muster":{"rules":["/rulegroups/own/rules/r0"]}}"#;
    let none = r#"{"muster":null}"#;
    let body = [schema, both, rule, none, none][usize::try_from(dice.below(5)).unwrap()];
    patch("/configs/app", body)
}

/// Changes what binds.
fn behind(dice: &mut SeededRandom) -> Command {
    let index = usize::try_from(dice.below(3)).unwrap();
    match dice.below(8) {
        0..4 => post("/schemagroups/own/schemas/s", SCHEMAS[index]),
        4 => delete("/schemagroups/own/schemas/s"),
        5 => post("/rulegroups/own/rules/r0", RULES[index % 2]),
        6 => put("/rulegroups/own/rules/r1", RULES[index % 2]),
        _ => delete(&format!("/rulegroups/own/rules/r{}", index % 2)),
    }
}

fn group(dice: &mut SeededRandom, label: &str) -> Command {
    match dice.below(6) {
        0 => delete("/links/g"),
        1..4 => restore("/links/g"),
        4 => patch("/", &format!(r#"{{"name":"{label}"}}"#)),
        _ => patch("/links/g", &format!(r#"{{"name":"{label}"}}"#)),
    }
}
