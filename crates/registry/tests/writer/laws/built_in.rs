//! Sequences over the built-in model: bindings, references, states and the user's own types.

use muster_catalog::command::Mode;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::serial::clients::{MODELS, RULES, SCHEMAS};

pub fn command((kind, a, b, c): Step) -> Command {
    let entry = format!("/configs/app/entries/c{}", a % 3);
    let page = format!("/links/g/pages/p{}", a % 3);
    let schema = format!("/schemagroups/own/schemas/s{}", a % 2);
    match kind % 20 {
        0 => put(&entry, &format!(r#"{{"a":{}}}"#, c % 6)),
        1 => put(&page, "{}"),
        2 => put(&page, &format!(r#"{{"to":"p{}","also":"p{}"}}"#, b % 3, c % 3)),
        3 => tree(Mode::Post, entity("/links/g"), &pages(a, b)),
        4 => post(&page, &format!(r#"{{"to":"p{}"}}"#, b % 3)),
        5 => delete(&page),
        6 => delete("/links/g"),
        7 => restore(&page),
        8 => restore("/links/g"),
        9 => purge(&[page, "/links/g".to_owned()][usize::from(c % 2)]),
        10 => put(&schema, SCHEMAS[usize::from(c % 2)]),
        11 => post(&schema, SCHEMAS[usize::from(c % 3)]),
        12 => put(&format!("/rulegroups/own/rules/r{}", a % 2), RULES[usize::from(c % 2)]),
        13 => patch("/configs/app", &bindings(b, c)),
        14 => model(MODELS[usize::from(c % 3)]),
        15 => forced(delete(&[page, schema, entry][usize::from(c % 3)])),
        16 => delete(&format!("{page}/versions/{}", 1 + c % 3)),
        17 => restore(&[format!("{page}/versions/{}", 1 + c % 3), schema][usize::from(b % 2)]),
        18 => patch(&entry, &format!(r#"{{"state":"{}"}}"#, STATES[usize::from(c % 5)])),
        _ => patch(&format!("{page}/meta"), r#"{"defaultversionid":"1"}"#),
    }
}

const STATES: [&str; 5] = ["deprecated", "stable", "draft", "review", "retired"];

/// Two pages that refer to each other, of equal bytes where they can be.
fn pages(a: u8, b: u8) -> String {
    let page =
        |to: u8| format!(r#"{{"contenttype":"application/json","page":{{"to":"p{}"}}}}"#, to % 3);
    let (one, other) = (a % 3, (a % 3 + 1) % 3);
    let (left, right) = if b.is_multiple_of(2) { (other, one) } else { (one, one) };
    format!(r#"{{"pages":{{"p{one}":{},"p{other}":{}}}}}"#, page(left), page(right))
}

fn bindings(b: u8, c: u8) -> String {
    let schema = format!("/schemagroups/own/schemas/s{}", c % 2);
    match b % 4 {
        0 => r#"{"muster":null}"#.to_owned(),
        1 => format!(r#"{{"muster":{{"schema":"{schema}"}}}}"#),
        2 => r#"{"muster":{"rules":["/rulegroups/own"]}}"#.to_owned(),
        _ => format!(r#"{{"muster":{{"schema":"{schema}/versions/1"}}}}"#),
    }
}

fn forced(mut command: Command) -> Command {
    if let muster_catalog::command::Action::Delete(delete) = &mut command.action {
        delete.force = true;
    }
    command
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn folding_again_gives_the_same_under_the_built_in_model(
        steps in vec(any::<Step>(), 1..40),
    ) {
        let mut commands = vec![model(MODELS[0])];
        commands.extend(steps.into_iter().map(command));
        if let Err(error) = hold(Foundation::BuiltIn, &commands) {
            return Err(TestCaseError::fail(error));
        }
    }
}

/// Commands about pages alone, and one in four a model that finds other references in them.
fn about_references((kind, a, b, c): Step) -> Command {
    const KINDS: [u8; 12] = [2, 14, 4, 5, 2, 14, 7, 3, 6, 14, 8, 17];
    command((KINDS[usize::from(kind % 12)], a, b, c))
}

proptest! {
    #![proptest_config(config(401))]

    #[test]
    fn folding_again_gives_the_same_where_models_change_what_documents_refer_to(
        steps in vec(any::<Step>(), 1..40),
    ) {
        let mut commands = vec![model(MODELS[0])];
        commands.extend(steps.into_iter().map(about_references));
        if let Err(error) = hold(Foundation::BuiltIn, &commands) {
            return Err(TestCaseError::fail(error));
        }
    }
}

/// Documents that a model changes, hides or erases are lifted as they were when it was live.
#[test]
fn a_later_model_finds_its_references_in_what_an_earlier_one_lifted() {
    let page = |name: &str| format!("/links/g/pages/{name}");
    let both = r#"{"to":"p0","also":"p1"}"#;
    for (what, commands) in [
        ("more references", vec![put(&page("p2"), both), model(MODELS[1])]),
        ("fewer, then as before", vec![put(&page("p2"), both), model(MODELS[2]), model(MODELS[0])]),
        (
            "hidden while the model changed",
            vec![
                put(&page("p2"), both),
                delete(&page("p2")),
                model(MODELS[1]),
                restore(&page("p2")),
            ],
        ),
        (
            "hidden, brought back, and changed again",
            vec![
                put(&page("p2"), both),
                delete("/links/g"),
                model(MODELS[1]),
                restore("/links/g"),
                model(MODELS[0]),
            ],
        ),
        (
            "an old version that becomes the default",
            vec![
                put(&page("p2"), both),
                post(&page("p2"), "{}"),
                model(MODELS[1]),
                patch(&format!("{}/meta", page("p2")), r#"{"defaultversionid":"1"}"#),
            ],
        ),
        (
            "erased before the next start",
            vec![put(&page("p2"), both), model(MODELS[1]), delete(&page("p2")), purge(&page("p2"))],
        ),
    ] {
        let mut all = vec![model(MODELS[0]), put(&page("p0"), "{}"), put(&page("p1"), "{}")];
        all.extend(commands);
        assert_eq!(hold(Foundation::BuiltIn, &all), Ok(all.len()), "{what}");
    }
}

/// A registry that sees another's new model when it appends knows what that one finds.
#[tokio::test]
async fn catching_up_with_another_model_gives_the_same_as_folding_from_the_start() {
    let (ledger, ticks): (Arc<dyn Ledger>, _) =
        (Arc::new(MemoryLedger::new()), CountingClock::default());
    let one = open(&ledger, &ticks).await;
    for command in [
        model(MODELS[0]),
        put("/links/g/pages/p0", "{}"),
        put("/links/g/pages/p1", r#"{"also":"p0"}"#),
        put("/links/g/pages/p2", r#"{"also":"p0"}"#),
        delete("/links/g/pages/p2"),
    ] {
        one.submit(command, &by()).await.unwrap();
    }
    let other = open(&ledger, &ticks).await;
    for command in [model(MODELS[1]), restore("/links/g/pages/p2")] {
        one.submit(command, &by()).await.unwrap();
    }
    other.submit(put("/configs/app/entries/c", "{}"), &by()).await.unwrap();
    let again = open(&ledger, &ticks).await;
    assert_eq!(difference(&other.catalog(), &again.catalog()), None);
    assert_eq!(other.catalog().referrers_of(&xid("/links/g/pages/p0")).len(), 2);
    for registry in [one, other, again] {
        registry.close().await;
    }
}

#[test]
fn the_sequences_get_things_done() {
    let all = (0..6).flat_map(|c| (0..20).map(move |kind| command((kind, c / 2, c, c))));
    let commands: Vec<Command> = std::iter::once(model(MODELS[0])).chain(all).collect();
    let done = hold(Foundation::BuiltIn, &commands).unwrap();
    assert!(done * 2 > commands.len(), "{done} of {}", commands.len());
}
