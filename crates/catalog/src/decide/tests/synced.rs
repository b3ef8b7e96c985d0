use muster_words::{Id, Position};

use super::*;
use crate::{
    View,
    changes::DocumentSynced,
    state::Stamp,
    sync::{DocumentOrigin, VECTOR_REGISTRIES_MAX, VersionVector, writer_after_restore},
};

const NAME: &str = "/dirs/a/files/x";

fn others(count: usize) -> VersionVector {
    let all = (0..count).map(|number| (format!("r{number}").parse().unwrap(), Position(7)));
    VersionVector::new(all).unwrap()
}

fn origin() -> DocumentOrigin {
    let registry: Id = "r0".parse().unwrap();
    DocumentOrigin { registry, position: Position(7), moment: Moment::EPOCH }
}

fn there() -> TestRegistry {
    let mut registry = TestRegistry::new(&json!({"hasdocument": false}));
    registry.send(Mode::Put, NAME, &json!({})).unwrap();
    registry
}

#[test]
fn a_vector_keeps_a_place_for_the_registry_itself() {
    for (count, expect) in [
        (1, true),
        (VECTOR_REGISTRIES_MAX - 1, true),
        // The next edit here couldn't be written down.
        (VECTOR_REGISTRIES_MAX, false),
    ] {
        for origin in [None, Some(origin())] {
            let mut registry = there();
            let since = View::newest(&registry.catalog).sync_position(&NAME.parse().unwrap());
            let (resource, sync) = (NAME.parse().unwrap(), "s".parse().unwrap());
            let mark = SyncMark { resource, vector: others(count), origin, sync, since };
            let target = Target::Entity(NAME.parse().unwrap());
            let delete = Delete { target, chosen: None, epoch: None, purge: false, force: false };
            let action = PreparedAction::Delete(delete);
            let done = registry
                .decided(&PreparedCommand { sync: Some(mark), ..TestRegistry::prepared(action) });
            assert_eq!(done.is_ok(), expect, "{count}: {done:?}");
            registry.send(Mode::Patch, NAME, &json!({"name": "edited"})).unwrap();
            View::newest(&registry.catalog).vector_of(&NAME.parse().unwrap()).unwrap();
        }
    }
}

#[test]
fn a_vector_without_a_place_is_shown_cut() {
    let mut registry = there();
    let resource: Xid = NAME.parse().unwrap();
    let vector = others(VECTOR_REGISTRIES_MAX - 1).with(&"z".parse().unwrap(), Position(1));
    let (vector, sync) = (vector.unwrap(), "s".parse().unwrap());
    let body = DocumentSynced { resource: resource.clone(), vector, sync, origin: Some(origin()) };
    let position = registry.catalog.position();
    let stamp = Stamp { position: Position(position.0 - 1), ..Stamp::default() };
    assert!(registry.catalog.note_sync(&body, (stamp, Moment::EPOCH)));
    registry.send(Mode::Patch, NAME, &json!({"name": "edited"})).unwrap();
    let view = View::newest(&registry.catalog);
    view.vector_of(&resource).unwrap_err();
    let own = view.last_document_change(&resource);
    let expect = others(VECTOR_REGISTRIES_MAX - 1).with(&registry.catalog.id, own).unwrap();
    assert_eq!(view.known_vector(&resource), expect);
}

#[test]
fn what_is_written_after_a_restore_has_another_name_and_holds_what_was_before() {
    let mut registry = there();
    let resource: Xid = NAME.parse().unwrap();
    let known = |registry: &TestRegistry| View::newest(&registry.catalog).known_vector(&resource);
    let before = known(&registry);
    let mut expect = before.clone();
    for tag in [[1, 2, 3, 4], [0, 0, 0, 9]] {
        let position = registry.catalog.position();
        Arc::make_mut(&mut registry.catalog.restores).push(Stamp { position, tag });
        assert_eq!(known(&registry), expect, "nothing was written yet");
        let writer = writer_after_restore(&registry.catalog.id, tag);
        registry.send(Mode::Patch, NAME, &json!({"name": "edited"})).unwrap();
        let last = View::newest(&registry.catalog).last_document_change(&resource);
        expect = expect.with(&writer, last).unwrap();
        assert_eq!(known(&registry), expect);
        // What two registries said differently and somebody decided is of this life, too.
        let (vector, sync) = (others(1), "s".parse().unwrap());
        let body = DocumentSynced { resource: resource.clone(), vector, sync, origin: None };
        let stamp = Stamp { position: last.next(), ..Stamp::default() };
        let mut decided = registry.catalog.clone();
        assert!(decided.note_sync(&body, (stamp, Moment::EPOCH)));
        let noted = &decided.synced[resource.to_string().as_str()];
        assert_eq!(noted.vector.of(&writer), last.next());
        assert_eq!(noted.origin.registry, writer);
    }
    let view = View::newest(&registry.catalog);
    let (first, _) = view.restores().next().unwrap();
    let then = view.back_to(Stamp { position: first, ..Stamp::default() }, Moment::EPOCH);
    assert_eq!(then.known_vector(&resource), before);
}
