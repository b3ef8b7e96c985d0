//! Sequences over a registry without the built-in model.

use muster_catalog::command::{Action, KeyGrant, KeyManagerRule, Mode, Target};
use proptest::{collection::vec, prelude::*};

use super::*;

/// Models that clients change between.
pub const MODELS: [&str; 4] = [
    r#"{"groups":{"dirs":{"singular":"dir","resources":{
        "files":{"singular":"file","hasdocument":false},
        "docs":{"singular":"doc","maxversions":3}}}}}"#,
    r#"{"groups":{"dirs":{"singular":"dir","attributes":{"note":{"type":"string"}},"resources":{
        "files":{"singular":"file","hasdocument":false,"attributes":{"size":{"type":"uinteger"}}},
        "docs":{"singular":"doc","maxversions":2}}}}}"#,
    r#"{"groups":{"dirs":{"singular":"dir","resources":{
        "files":{"singular":"file","hasdocument":false},
        "docs":{"singular":"doc","versionmode":"createdat"}}},
        "more":{"singular":"one","resources":{}}}}"#,
    r#"{"groups":{"dirs":{"singular":"dir","resources":{
        "docs":{"singular":"doc","maxversions":1,"setdefaultversionsticky":false}}}}}"#,
];

/// What somebody does, by its number.
pub fn command((kind, a, b, c): Step) -> Command {
    let dir = format!("/dirs/{}", ["d1", "d2", "d1", "D1"][usize::from(a % 4)]);
    let file = format!("{dir}/files/{}", ["f1", "f2", "f1", "F1"][usize::from(b % 4)]);
    let doc = format!("{dir}/docs/{}", ["x", "y"][usize::from(b % 2)]);
    let version = format!("v{}", c % 3);
    match kind % 20 {
        0 => put(&doc, &format!("{{\"is\":{c}}}")),
        1 => post(&doc, &format!("[{c}]")),
        2 => tree(Mode::Put, entity(&file), &format!(r#"{{"name":"n{c}"}}"#)),
        3 => patch(&file, &format!(r#"{{"labels":{{"l{}":"{c}"}}}}"#, c % 2)),
        4 => tree(Mode::Put, entity(&dir), &nested(b, c)),
        5 => tree(Mode::Post, entity(&dir), &nested(b, c)),
        6 => tree(Mode::Put, Target::Versions(xid(&file)), &versions(c)).post(),
        7 => delete(&dir),
        8 => delete(&file),
        9 => delete(&doc),
        10 => delete(&format!("{file}/versions/{version}")),
        11 => delete(&format!("{doc}/versions/{}", 1 + c % 4)),
        12 => restore(&[dir, file.clone(), doc.clone()][usize::from(c % 3)]),
        13 => restore(&format!("{file}/versions/{version}")),
        14 => purge(&[dir, file.clone(), doc.clone()][usize::from(c % 3)]),
        15 => purge(&format!("{doc}/versions/{}", 1 + c % 4)),
        16 => model(MODELS[usize::from(c % 4)]),
        17 => patch(&format!("{doc}/meta"), &pin(c)),
        18 => registry(&dir, b, c),
        _ => many(&dir, c),
    }
}

trait ToPostBody {
    fn post(self) -> Self;
}

impl ToPostBody for Command {
    fn post(mut self) -> Self {
        if let Action::Write(write) = &mut self.action {
            write.mode = Mode::Post;
        }
        self
    }
}

fn versions(c: u8) -> String {
    format!(r#"{{"v{}":{{"name":"a{c}"}},"v{}":{{}}}}"#, c % 3, (c % 3 + 1) % 3)
}

/// A group or a map of resources with versions and Meta in it.
fn nested(b: u8, c: u8) -> String {
    let files = format!(
        r#""files":{{"f1":{{"versions":{}}},"f{}":{{"name":"x{c}"}}}}"#,
        versions(c),
        2 + b % 2
    );
    let docs = format!(r#""docs":{{"x":{{"doc":{{"is":{c}}},"meta":{}}}}}"#, pin(c));
    match b % 3 {
        0 => format!("{{{files}}}"),
        1 => format!("{{{docs}}}"),
        _ => format!("{{{files},{docs}}}"),
    }
}

fn pin(c: u8) -> String {
    match c % 3 {
        0 => r#"{"defaultversionsticky":false}"#.to_owned(),
        1 => r#"{"defaultversionid":"1","defaultversionsticky":true}"#.to_owned(),
        _ => format!(r#"{{"labels":{{"l":"{c}"}}}}"#),
    }
}

/// The registry itself, capabilities, and keys.
fn registry(dir: &str, b: u8, c: u8) -> Command {
    let id = format!("k{}", c % 2).parse().unwrap();
    match b % 7 {
        0 => patch("/", &format!(r#"{{"name":"r{c}"}}"#)),
        1 => tree(Mode::Put, entity("/"), &format!(r#"{{"dirs":{{"d1":{}}}}}"#, nested(b, c))),
        2 => tree(Mode::Patch, Target::Capabilities, r#"{"flags":["doc"]}"#),
        3 => {
            let grant = KeyGrant { is_limited: c.is_multiple_of(3), expires: None };
            let record = format!("record {c}").into();
            Command::new(Action::CreateKey { id, record, grant, rule: KeyManagerRule::NotNeeded })
        }
        4 => Command::new(Action::RevokeKey { id, rule: KeyManagerRule::WhileKeys }),
        5 => Command::new(Action::ForgetKey { id }),
        _ => patch(dir, &format!(r#"{{"labels":{{"l":"{c}"}}}}"#)),
    }
}

/// So many documents that their command takes several entries; many of them are equal.
fn many(dir: &str, c: u8) -> Command {
    let files: Vec<String> = (0..120)
        .map(|index| format!(r#""m{index}":{{"name":"n{}","labels":{{"c":"{c}"}}}}"#, index % 7))
        .collect();
    tree(Mode::Post, entity(dir), &format!(r#"{{"files":{{{}}}}}"#, files.join(",")))
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn folding_again_gives_the_same_without_a_built_in_model(
        steps in vec(any::<Step>(), 1..40),
    ) {
        let mut commands = vec![model(MODELS[0])];
        commands.extend(steps.iter().map(|step| command(*step)));
        // A few come twice under one key.
        for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.3 % 5 == 0) {
            let again = keyed(command(*step), &format!("{}", index % 3), &format!("{step:?}"));
            commands.extend([again.clone(), again]);
        }
        if let Err(error) = hold(Foundation::Bare, &commands) {
            return Err(TestCaseError::fail(error));
        }
    }
}

#[test]
fn the_sequences_get_things_done() {
    let all: Vec<Command> =
        (0..20).flat_map(|kind| (0..6).map(move |c| command((kind, c / 2, c, c)))).collect();
    let commands: Vec<Command> = std::iter::once(model(MODELS[0])).chain(all).collect();
    let done = hold(Foundation::Bare, &commands).unwrap();
    assert!(done * 2 > commands.len(), "{done} of {}", commands.len());
}
