//! Rollbacks: afterwards everything says what it said then, except what was purged.

use std::cell::Cell;

use muster_catalog::{
    Lifecycle, View,
    command::{Action, Delete, Mode, RegistryPart, Rollback, RollbackTarget, Succession, Target},
    state::Stamp,
};
use muster_history::{ResourceState, changed_entities};
use muster_words::Xid;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use super::{built_in, *};

fn rollback(place: RegistryPart, to: &View) -> Command {
    let to = RollbackTarget::At { stamp: to.stamp(), moment: to.moment() };
    let action = Action::Rollback(Rollback { place, to, unchanged_since: None });
    Command { succession: Succession::AsSent, ..Command::new(action) }
}

/// The documents that a view shows: the bytes' digests, by xid.
fn documents(view: &View) -> Vec<(Xid, String)> {
    let nothing = view.back_to(Stamp::default(), muster_words::Moment::EPOCH);
    let all = changed_entities(&nothing, view, &RegistryPart::All);
    all.filter_map(|one| {
        let version = view.version_at(&one.xid)?;
        Some((one.xid, format!("{:?}", version.document.map(|content| content.digest))))
    })
    .collect()
}

/// Does the commands, then rolls back to what was after some of them. Answers whether the rollback
/// was done.
async fn hold(commands: &[Command], to: usize, place: RegistryPart) -> Result<bool, String> {
    let (ledger, ticks): (Arc<dyn Ledger>, _) =
        (Arc::new(MemoryLedger::new()), CountingClock::default());
    let registry = open(&ledger, &ticks).await;
    let mut positions = vec![registry.view().position()];
    for command in commands {
        // Refusals are part of a history.
        let _ = registry.submit(command.clone(), &by()).await;
        positions.push(registry.view().position());
    }
    let then = positions[to % positions.len()];
    let then = registry.view_at(then).await.map_err(|error| error.to_string())?;
    let tried = registry.try_rollback(rollback(place.clone(), &then), &by()).await;
    let done = registry.submit(rollback(place.clone(), &then), &by()).await;
    let view = match (&done, tried) {
        (Ok(done), Ok(tried)) if tried.trial.refused.is_empty() => &done.view,
        (Err(SubmitError::Refused(_)), Ok(tried)) if !tried.trial.refused.is_empty() => {
            return Ok(false);
        }
        (Err(SubmitError::Refused(_)), Err(SubmitError::Refused(_))) => return Ok(false),
        (done, tried) => return Err(format!("the trial says {tried:?}, and then {:?}", done)),
    };
    if let Some(fault) = soundness::fault(view.catalog()) {
        return Err(fault);
    }
    let then = view.back_to(then.stamp(), then.moment());
    let left: Vec<_> = changed_entities(view, &then, &place)
        .filter(|one| {
            then.erased(&one.xid).is_none() && !differs_only_in_pin(view, &then, &one.xid)
        })
        .collect();
    if let Some(one) = left.first() {
        let [now, was] = [view, &then].map(|view| view.resource_at(&one.xid));
        let [now, was] = [now, was].map(|one| one.and_then(|one| ResourceState::of(&one)));
        return Err(format!("still different: {left:?}\nnow {now:?}\nthen {was:?}"));
    }
    if place == RegistryPart::All && documents(view) != documents(&then) {
        let lost = documents(&then).into_iter().all(|(xid, _)| then.erased(&xid).is_none());
        if lost {
            return Err("documents differ, and nothing was purged".to_owned());
        }
    }
    // What was made since is gone, and was never there then.
    let is_gone = match &place {
        RegistryPart::Entity(xid) | RegistryPart::Resources { group: xid, .. } => {
            !view.has(xid) && !then.has(xid)
        }
        _ => false,
    };
    let again = registry.submit(rollback(place, &then), &by()).await;
    if !is_gone && again.as_ref().map(|done| done.command).ok() != Some(None) {
        return Err(format!("a second rollback isn't nothing: {again:?}"));
    }
    registry.verify(|_| {}).await.map_err(|error| format!("{error:?}"))?;
    let live = registry.catalog();
    registry.close().await;
    let again = open(&ledger, &ticks).await;
    match difference(&live, &again.catalog()) {
        Some(place) => Err(format!("folded again it differs at {place}")),
        None => Ok(true),
    }
}

/// A version in draft, in review or retired is shown only if it is pinned.
fn differs_only_in_pin(now: &View, then: &View, xid: &Xid) -> bool {
    let [now, then] = [now, then].map(|view| ResourceState::of(&view.resource_at(xid)?));
    now.zip(then).is_some_and(|(now, then)| {
        let is_hidden = !matches!(then.state, Lifecycle::Stable | Lifecycle::Deprecated);
        is_hidden && now.sticky && now.is_like(&ResourceState { sticky: true, ..then })
    })
}

fn places() -> impl Strategy<Value = RegistryPart> {
    let xid = |text: &str| RegistryPart::Entity(text.parse().unwrap());
    prop_oneof![
        4 => Just(RegistryPart::All),
        1 => Just(RegistryPart::Groups("links".parse().unwrap())),
        1 => Just(xid("/links/g")),
        1 => Just(xid("/links/g/pages/p0")),
        1 => Just(RegistryPart::Resources {
            group: "/links/g".parse().unwrap(),
            resources: "pages".parse().unwrap(),
        }),
    ]
}

#[test]
fn everything_says_what_it_said_then() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (done, all) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(config(420));
    let histories = (vec(any::<Step>(), 1..40), any::<usize>(), places());
    let ran = runner.run(&histories, |(steps, to, place)| {
        let mut commands = vec![model(crate::serial::clients::MODELS[0])];
        commands.extend(steps.into_iter().map(built_in::command));
        let held = runtime.block_on(hold(&commands, to, place));
        let is_done = held.map_err(TestCaseError::fail)?;
        done.set(done.get() + u32::from(is_done));
        all.set(all.get() + 1);
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    assert!(done.get() * 2 > all.get(), "{} of {} rollbacks were done", done.get(), all.get());
}

/// What an overwritten version said comes back as a new one, with the attributes of then.
#[tokio::test]
async fn brings_back_what_was_overwritten_deleted_or_created_since() {
    let (ledger, ticks): (Arc<dyn Ledger>, _) =
        (Arc::new(MemoryLedger::new()), CountingClock::default());
    let registry = open(&ledger, &ticks).await;
    let entry = |name: &str| format!("/configs/app/entries/{name}");
    for command in [
        put(&entry("kept"), "1"),
        put(&entry("gone"), "2"),
        put("/configs/lost/entries/one", "3"),
        patch("/configs/app", r#"{"name":"App","labels":{"a":"b"}}"#),
        patch(&entry("kept"), r#"{"name":"Kept"}"#),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
    let then = registry.view();
    for command in [
        put(&entry("kept"), "10"),
        patch(&entry("kept"), r#"{"name":"Other","description":"new"}"#),
        delete(&entry("gone")),
        delete("/configs/lost"),
        put(&entry("new"), "4"),
        put("/configs/made/entries/one", "5"),
        patch("/configs/app", r#"{"name":"Apps","labels":null}"#),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
    let done = registry.submit(rollback(RegistryPart::All, &then), &by()).await.unwrap();
    let now = &done.view;
    assert_eq!(changed_entities(&then, now, &RegistryPart::All).collect::<Vec<_>>(), []);
    assert_eq!(documents(now), documents(&then));
    // What was deleted is there again with its versions, and their epochs count on.
    for (name, epoch) in [(entry("gone"), 2), ("/configs/lost/entries/one".to_owned(), 2)] {
        let version = now.version_at(&name.parse().unwrap()).unwrap();
        assert_eq!((version.id.as_str(), version.epoch), ("1", epoch), "{name}");
    }
    let kept = now.resource_at(&entry("kept").parse().unwrap()).unwrap();
    assert_eq!((kept.version_count(), kept.meta().default.as_str()), (2, "2"));
    registry.close().await;
}

/// Groups come back one after another, whatever refers to what, and the steps are sorted.
#[tokio::test]
async fn many_groups_come_back_that_refer_to_each_other() {
    const MANY: usize = 60;
    let (ledger, ticks): (Arc<dyn Ledger>, _) =
        (Arc::new(MemoryLedger::new()), CountingClock::default());
    let registry = open(&ledger, &ticks).await;
    let submit = async |command| registry.submit(command, &by()).await.unwrap();
    let model = r#"{"groups":{"parts":{"singular":"part","resources":{"entries":{
        "singular":"entry",
        "muster":{"references":[{"field":"/needs/*","collection":"/parts/entries"}]}}}}}}"#;
    submit(crate::commands::model(model)).await;
    let page = |number: usize| format!("/parts/g{number:02}/entries/e");
    for number in 0..MANY {
        submit(put(&page(number), "{}")).await;
    }
    // A ring: each needs the next one.
    for number in 0..MANY {
        let next = page((number + 1) % MANY);
        submit(put(&page(number), &format!(r#"{{"needs":["{next}"]}}"#))).await;
    }
    let then = registry.view();
    let target = Target::Groups("parts".parse().unwrap());
    let all = Delete { target, chosen: None, epoch: None, purge: false, force: false };
    submit(Command::new(Action::Delete(all))).await;
    assert_eq!(registry.catalog().documents, 0);
    let tried = registry.try_rollback(rollback(RegistryPart::All, &then), &by()).await.unwrap();
    let steps: Vec<String> = tried.steps.iter().map(|step| step.xid.to_string()).collect();
    let expected = (0..MANY).flat_map(|number| [format!("/parts/g{number:02}"), page(number)]);
    assert_eq!(steps, expected.collect::<Vec<_>>());
    let done = submit(rollback(RegistryPart::All, &then)).await;
    assert_eq!(documents(&done.view), documents(&then));
    registry.close().await;
}

/// Where little happened, only what the entries name is compared: that is all that differs.
#[tokio::test]
async fn what_entries_name_is_all_that_differs() {
    let (ledger, ticks): (Arc<dyn Ledger>, _) =
        (Arc::new(MemoryLedger::new()), CountingClock::default());
    let registry = open(&ledger, &ticks).await;
    let many: Vec<String> = (0..900).map(|number| format!(r#""m{number}":{{}}"#)).collect();
    let many = format!(r#"{{"entries":{{{}}}}}"#, many.join(","));
    registry.submit(tree(Mode::Post, entity("/configs/many"), &many), &by()).await.unwrap();
    let mut positions = Vec::new();
    for round in 0..4_u8 {
        for kind in 0..20_u8 {
            let _ = registry.submit(built_in::command((kind, round, kind, round)), &by()).await;
            positions.push(registry.view().position());
        }
    }
    let now = registry.view();
    let everything = |_: &Xid| true;
    let mut compared = 0;
    for (index, from) in positions.iter().enumerate() {
        for to in positions.iter().skip(index).take(15) {
            let before = registry.view_at(*from).await.unwrap();
            let after = registry.view_at(*to).await.unwrap();
            for place in [RegistryPart::All, RegistryPart::Entity("/links/g".parse().unwrap())] {
                let walked: Vec<_> = changed_entities(&before, &after, &place).collect();
                let views = (&before, &after);
                let read = registry.changed_between(views, &place, &everything, usize::MAX);
                assert_eq!(read.await.unwrap(), walked, "{from} to {to}, {place}");
                compared += walked.len();
            }
        }
    }
    assert!(compared > 100 && now.catalog().documents > 900, "{compared}");
    registry.close().await;
}
