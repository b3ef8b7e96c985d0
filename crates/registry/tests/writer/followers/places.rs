use muster_registry::{PlaceError, ResumeFrom};

use super::*;

/// A registry whose ledger isn't the one that the marks are of.
async fn restored(count: u32) -> (Registry, Arc<dyn Marks>, FollowerScript) {
    let (before, marks) = begun(8).await;
    let script = FollowerScript::new();
    let running = followers(&before, &marks, &script).await;
    running.start().await;
    caught_up(&running).await;
    running.stop(Duration::from_secs(30)).await;
    before.close().await;
    script.taken.lock().unwrap().clear();
    let (registry, _) = begun(0).await;
    // The same positions, with other entries.
    for number in 0..count {
        let name = format!("/configs/other/entries/e{number}");
        registry.submit(put(&name, "{}"), &by()).await.unwrap();
    }
    (registry, marks, script)
}

#[tokio::test]
async fn a_mark_that_the_ledger_does_not_hold_stops_its_follower() {
    // Shorter than the ledger before, and longer.
    for count in [2, 100] {
        let (registry, marks, script) = restored(count).await;
        let mark = marks.load(&id("search")).await.unwrap().unwrap();
        let running = followers(&registry, &marks, &script).await;
        assert_eq!(status(&running).state, FollowerState::MarkForeign, "known before it runs");
        running.start().await;
        write(&registry, 3).await;
        let found = until(&running, |status| status.state == FollowerState::MarkForeign).await;
        assert_eq!(found.position, mark.position);
        running.stop(Duration::from_secs(30)).await;
        assert_eq!(script.taken(), [], "nothing is taken before somebody says where to go on");
        assert_eq!(marks.load(&id("search")).await.unwrap(), Some(mark), "and the mark stays");
    }
}

/// Where to go on in a ledger whose commands end at these positions.
type ChooseResume = fn(&[Position]) -> ResumeFrom;

#[tokio::test]
async fn goes_on_where_an_operator_says() {
    let cases: [(ChooseResume, usize); 4] = [
        (|_| ResumeFrom::Beginning, 0),
        (|ends| ResumeFrom::Position(ends[0]), 1),
        (|ends| ResumeFrom::Position(ends[4]), 5),
        (|_| ResumeFrom::Now, 10),
    ];
    for (from, index) in cases {
        for is_started in [true, false] {
            let (registry, marks, script) = restored(9).await;
            let ends_before = ends(&registry).await;
            let running = followers(&registry, &marks, &script).await;
            if is_started {
                running.start().await;
            }
            until(&running, |status| status.state == FollowerState::MarkForeign).await;
            let from = from(&ends_before);
            let position = running.resume(&id("search"), from).await.unwrap();
            let expect = index.checked_sub(1).map_or(Position::ZERO, |last| ends_before[last]);
            assert_eq!(position, expect, "{from:?}");
            if !is_started {
                running.start().await;
            }
            write(&registry, 2).await;
            caught_up(&running).await;
            assert_eq!(script.taken(), ends(&registry).await[index..], "{from:?}");
        }
    }
}

#[tokio::test]
async fn refuses_places_at_which_nobody_can_go_on() {
    let (registry, marks, script) = restored(3).await;
    let running = followers(&registry, &marks, &script).await;
    running.start().await;
    until(&running, |status| status.state == FollowerState::MarkForeign).await;
    let begin = registry.view().position();
    // A command of several entries: documents of equal bytes lie in entries of their own.
    registry.submit(pair("a", "b", "1"), &by()).await.unwrap();
    let head = registry.view().position();
    assert!(head.0 - begin.0 > 1, "it has several entries");
    for (position, is_end) in
        [(begin.next(), false), (head.next(), false), (Position(u64::MAX), false), (head, true)]
    {
        let placed = running.resume(&id("search"), ResumeFrom::Position(position)).await;
        match placed {
            Ok(found) => assert!(is_end && found == position, "{position}"),
            Err(PlaceError::NoEnd(named)) => assert!(!is_end && named == position, "{position}"),
            Err(error) => panic!("{position}: {error}"),
        }
    }
    caught_up(&running).await;
    let running_now = running.resume(&id("search"), ResumeFrom::Beginning).await;
    assert!(matches!(running_now, Err(PlaceError::Running(_))), "{running_now:?}");
    let unknown = running.resume(&id("other"), ResumeFrom::Now).await;
    assert!(matches!(unknown, Err(PlaceError::Unknown(_))), "{unknown:?}");
    assert_eq!(script.taken(), [], "no refusal moved it, and nothing came since");
}

#[tokio::test]
async fn a_second_claim_fences_the_first_runner() {
    let (registry, marks) = begun(6).await;
    let (first, second) = (FollowerScript::new(), FollowerScript::new());
    let one = followers(&registry, &marks, &first).await;
    one.start().await;
    caught_up(&one).await;
    let other = followers(&registry, &marks, &second).await;
    other.start().await;
    until(&other, |status| status.state == FollowerState::Running).await;
    write(&registry, 6).await;
    caught_up(&other).await;
    // Its next mark is refused, and it doesn't claim it back.
    until(&one, |status| status.state == FollowerState::Fenced).await;
    let fenced = first.taken().len();
    write(&registry, 6).await;
    caught_up(&other).await;
    assert_eq!(first.taken().len(), fenced);
    one.stop(Duration::from_secs(30)).await;
    other.stop(Duration::from_secs(30)).await;
    let mut all = second.taken();
    let own = all.len();
    all.dedup();
    assert_eq!(all.len(), own, "the second took each once");
    assert!(ends(&registry).await.ends_with(&all));
    let last = marks.load(&id("search")).await.unwrap();
    assert_eq!(last.map(|mark: Head| mark.position), all.last().copied());
}
