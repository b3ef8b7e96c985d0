#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

fn key(name: &str) -> LinkKey {
    LinkKey {
        route: format!("/routes/r/entries/{name}").parse().unwrap(),
        target: "/targets/t/entries/hook".parse().unwrap(),
    }
}

fn at(position: u64, index: u32) -> ChangeId {
    ChangeId { position: Position(position), index }
}

fn moment(microseconds: i64) -> Moment {
    Moment::from_microseconds(microseconds).unwrap()
}

fn letter(key: &LinkKey, change: ChangeId) -> DeadLetter {
    DeadLetter {
        id: 0,
        key: key.clone(),
        change,
        resource: "/configs/a/entries/b".parse().unwrap(),
        kind: DocumentChangeKind::Deleted,
        moment: moment(1),
        reason: "the receiver answered 500".to_owned(),
        failed: 5,
        first: moment(2),
        last: moment(3),
    }
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_stored_with_its_dead_letters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.db");
    let registry: Id = "r".parse().unwrap();
    let own = key("a");
    let tries = Tries { failed: 2, first: moment(5), due: moment(6) };
    let mut record = LinkRecord {
        life: "one".to_owned(),
        mark: Position(4),
        ahead: [at(6, 0), at(6, 1)].into(),
        ..LinkRecord::default()
    };
    {
        let store = RelayStore::open(Some(&path), &registry).unwrap();
        assert_eq!(store.load(&own).await.unwrap(), None);
        for change in [at(3, 0), at(5, 0), at(6, 1)] {
            store.note(&own, change, tries).await.unwrap();
        }
        let dead = vec![letter(&own, at(3, 0)), letter(&own, at(4, 0))];
        store.save(&own, record.clone(), dead).await.unwrap();
        // The same letter again is still one.
        store.save(&own, record.clone(), vec![letter(&own, at(3, 0))]).await.unwrap();
    }
    let store = RelayStore::open(Some(&path), &registry).unwrap();
    record.tries = [(at(5, 0), tries)].into();
    assert_eq!(store.load(&own).await.unwrap(), Some(record));
    let letters = store.dead_letters(0, 10, None, None).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0], DeadLetter { id: letters[0].id, ..letter(&own, at(4, 0)) });
    assert_eq!(store.dead_counts().await.unwrap(), [(own.clone(), 2)].into());
    let page = store.dead_letters(letters[0].id, 10, None, None).await.unwrap();
    assert_eq!(page, letters[1..]);
    let of_other = store.dead_letters(0, 10, Some(key("b").route.to_string()), None).await.unwrap();
    assert_eq!(of_other, []);
    assert_eq!(store.bury(vec![letters[0].id, 99]).await.unwrap(), 1);
    assert_eq!(store.dead_letter(letters[1].id).await.unwrap().as_ref(), letters.get(1));
    let stored = StoredLink {
        key: own.clone(),
        life: "one".to_owned(),
        mark: Position(4),
        is_finished: false,
    };
    assert_eq!(store.links().await.unwrap(), [stored]);
    store.forget(&own).await.unwrap();
    assert_eq!(store.load(&own).await.unwrap(), None);
    assert_eq!(store.dead_letters(0, 10, None, None).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_held_stays_held_and_a_file_belongs_to_one_registry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.db");
    let held = Held { reason: "paused".to_owned(), version: String::new() };
    {
        let store = RelayStore::open(Some(&path), &"r".parse().unwrap()).unwrap();
        store.hold("/targets/a/entries/b".to_owned(), Some(held.clone())).await.unwrap();
        store.hold("/targets/a/entries/c".to_owned(), Some(held.clone())).await.unwrap();
        store.hold("/targets/a/entries/c".to_owned(), None).await.unwrap();
    }
    let store = RelayStore::open(Some(&path), &"r".parse().unwrap()).unwrap();
    let expect = [("/targets/a/entries/b".to_owned(), held)].into();
    assert_eq!(store.held().await.unwrap(), expect);
    drop(store);
    let other = RelayStore::open(Some(&path), &"other".parse().unwrap());
    assert!(matches!(other, Err(StoreError::Foreign(_))));
}
