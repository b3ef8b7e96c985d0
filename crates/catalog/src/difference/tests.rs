#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_words::{Digest, Id, Moment, Position};
use serde_json::{Map, Value};

use super::*;
use crate::{
    Content, Lifecycle,
    changes::{Outcome, RecordedAnswerSubject},
    facts::VersionFacts,
    state::{Bindings, Earlier, FormerCapabilities, FormerModel, Past, Stamp, Versions},
};
use muster_model::{Foundation, Model};

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn content(number: u8) -> Content {
    Content { position: Position(u64::from(number)), digest: Digest([number; 32]), size: 1 }
}

fn version() -> Version {
    Version {
        id: id("1"),
        attributes: Some(content(1)),
        epoch: 1,
        created: Moment::EPOCH,
        modified: Moment::EPOCH,
        ancestor: id("1"),
        document: Some(content(2)),
        content_type: None,
        state: Lifecycle::Stable,
        stamp: Stamp::default(),
        facts: VersionFacts::default(),
        labels: Arc::default(),
        former: None,
        earlier: Earlier::default(),
    }
}

fn resource(version: Version) -> Resource {
    let meta = Meta {
        attributes: None,
        epoch: 1,
        created: Moment::EPOCH,
        modified: Moment::EPOCH,
        default: id("1"),
        sticky: false,
        settings: None,
        last_number: 1,
        pointer: Position::ZERO,

        stamp: Stamp::default(),
        earlier: Earlier::default(),
    };
    let mut versions = Versions::default();
    versions.insert(Arc::new(version));
    Resource {
        id: id("f1"),
        meta: Arc::new(meta),
        pointer: Stamp::default(),
        any: Stamp::default(),
        versions,
        indexed: Arc::new([]),
        addresses: None,
        searched: None,
        number: 0,
        past: None,
        maker: "admin".into(),
    }
}

fn group() -> Group {
    let own = GroupState {
        attributes: Some(content(3)),
        bindings: Arc::new(Bindings::default()),
        created: Moment::EPOCH,
        stamp: Stamp::default(),
        earlier: Earlier::default(),
    };
    Group {
        id: id("d1"),
        own: Arc::new(own),
        epoch: 1,
        modified: Moment::EPOCH,
        members: Stamp::default(),
        resources: OrdMap::new(),
        past: Arc::default(),
    }
}

fn hidden(what: Subtree) -> HiddenEntity {
    HiddenEntity { stamp: Stamp::default(), what, before: None }
}

fn key() -> RegisteredKey {
    RegisteredKey {
        record: content(4),
        created: Moment::EPOCH,
        revoked: None,
        is_limited: false,
        expires: None,
        is_forgotten: false,
    }
}

fn remembered() -> RememberedAnswer {
    RememberedAnswer {
        request: Digest([5; 32]),
        position: Position(5),
        outcome: Outcome::Created,
        subject: Xid::Registry,
        shown: None,
        moment: Moment::EPOCH,
    }
}

/// A catalog with one of everything besides the groups.
fn catalog() -> Catalog {
    let model = Model::compile(&Value::Object(Map::new()), Foundation::Bare);
    let mut catalog = Catalog::empty(Arc::new(model.unwrap()));
    let resource = Subtree::Resource(Arc::new(resource(version())));
    catalog.hidden.insert("/dirs/d1/files/f1".into(), Arc::new(hidden(resource)));
    catalog.hidden.insert("/dirs/d1".into(), Arc::new(hidden(Subtree::Group(Arc::new(group())))));
    catalog.purged.insert("/dirs/d2".into(), Stamp::default());
    catalog.keys.insert(id("k1"), Arc::new(key()));
    catalog.remembered.insert(Digest([6; 32]), Arc::new(remembered()));
    catalog.remembered_order.push_back(Digest([6; 32]));
    catalog
}

fn hide(catalog: &mut Catalog, name: &str, hidden: HiddenEntity) {
    catalog.hidden.insert(name.into(), Arc::new(hidden));
}

fn hide_version(catalog: &mut Catalog, change: impl Fn(&mut Version)) {
    let mut version = version();
    change(&mut version);
    let what = Subtree::Resource(Arc::new(resource(version)));
    hide(catalog, "/dirs/d1/files/f1", hidden(what));
}

fn later() -> Stamp {
    Stamp { position: Position(9), ..Stamp::default() }
}

fn moved_once<T: Clone>() -> Past<T> {
    let mut past = Past::default();
    past.supersede(group().moved(), later());
    past
}

fn deleted_once() -> Past<Group> {
    let mut past = Past::default();
    past.end(&id("dirs"), &id("d1"), Arc::new(group()), 1, later());
    past
}

type Change = fn(&mut Catalog);

#[test]
fn tells_two_catalogs_apart_by_each_thing_that_they_hold() {
    assert_eq!(catalog().first_difference(&catalog()), None);
    let cases: [(Change, &str); 27] = [
        (|c| c.moment = Moment::EPOCH.next(), "/"),
        (|c| c.id = id("other"), "/"),
        (|c| c.model_stamp.position = Position(9), "/model"),
        (|c| c.capabilities_stamp.position = Position(9), "/capabilities"),
        (|c| c.capabilities = Some(Arc::new(Value::Null)), "/capabilities"),
        (|c| Arc::make_mut(&mut c.past).groups = moved_once(), "the registry's past"),
        (|c| Arc::make_mut(&mut c.past).groups = deleted_once(), "the registry's past"),
        (
            |c| {
                let (stamp, model, source) = (Stamp::default(), c.model.clone(), None);
                let former = FormerModel { stamp, model, source };
                Arc::make_mut(&mut c.past).models.push(former);
            },
            "the registry's past",
        ),
        (
            |c| {
                let former = FormerCapabilities { stamp: Stamp::default(), capabilities: None };
                Arc::make_mut(&mut c.past).capabilities.push(former);
            },
            "the registry's past",
        ),
        (
            |c| {
                let other = Group { past: Arc::new(moved_once()), ..group() };
                hide(c, "/dirs/d1", hidden(Subtree::Group(Arc::new(other))));
            },
            "the deleted states of /dirs/d1",
        ),
        (
            |c| {
                let mut other = resource(version());
                other.touch(later());
                other.any = Stamp::default();
                hide(c, "/dirs/d1/files/f1", hidden(Subtree::Resource(Arc::new(other))));
            },
            "the deleted states of /dirs/d1/files/f1",
        ),
        (|c| c.purged = OrdMap::unit("/dirs/d3".into(), Stamp::default()), "the purged names"),
        (|c| c.purged.clear(), "the purged names"),
        (|c| c.remembered_order.clear(), "the order of remembered answers"),
        (|c| answer(c, |own| own.request = Digest([7; 32])), "the remembered answer of 0606"),
        (|c| answer(c, |own| own.position = Position(7)), "the remembered answer of 0606"),
        (
            |c| answer(c, |own| own.shown = Some(RecordedAnswerSubject::Model)),
            "the remembered answer of 0606",
        ),
        (|c| drop(c.remembered.remove(&Digest([6; 32]))), "the remembered answer of 0606"),
        (|c| lock(c, |own| own.record = content(9)), "/keys/k1"),
        (|c| lock(c, |own| own.revoked = Some(Moment::EPOCH)), "/keys/k1"),
        (|c| drop(c.keys.insert(id("k0"), Arc::new(key()))), "/keys/k0"),
        (|c| hide_version(c, |own| own.document = None), "the deleted states of /dirs/d1/files/f1"),
        (|c| hide_version(c, |own| own.epoch = 2), "the deleted states of /dirs/d1/files/f1"),
        (
            |c| hide_version(c, |own| own.earlier = Arc::new(version()).into()),
            "the deleted states of /dirs/d1/files/f1",
        ),
        (
            |c| {
                let version = Subtree::Version(Arc::new(version()));
                hide(c, "/dirs/d1/files/f1", hidden(version));
            },
            "the deleted states of /dirs/d1/files/f1",
        ),
        (
            |c| {
                let other = Group { epoch: 2, ..group() };
                hide(c, "/dirs/d1", hidden(Subtree::Group(Arc::new(other))));
            },
            "the deleted states of /dirs/d1",
        ),
        (
            |c| {
                let mut again = hidden(Subtree::Group(Arc::new(group())));
                again.before = c.hidden.get("/dirs/d1").cloned();
                hide(c, "/dirs/d1", again);
            },
            "the deleted states of /dirs/d1",
        ),
    ];
    for (number, (change, expect)) in cases.into_iter().enumerate() {
        let mut other = catalog();
        change(&mut other);
        for (one, other) in [(&catalog(), &other), (&other, &catalog())] {
            let found = one.first_difference(other).unwrap();
            assert!(found.starts_with(expect), "{number}: {found}");
        }
    }
}

fn answer(catalog: &mut Catalog, change: fn(&mut RememberedAnswer)) {
    let mut own = remembered();
    change(&mut own);
    catalog.remembered.insert(Digest([6; 32]), Arc::new(own));
}

fn lock(catalog: &mut Catalog, change: fn(&mut RegisteredKey)) {
    let mut own = key();
    change(&mut own);
    catalog.keys.insert(id("k1"), Arc::new(own));
}

#[test]
fn facts_of_what_is_hidden_are_not_compared() {
    let mut other = catalog();
    hide_version(&mut other, |own| own.facts.references = Arc::new([Xid::Registry]));
    assert_eq!(catalog().first_difference(&other), None);
}
