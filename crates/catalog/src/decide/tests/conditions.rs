use muster_words::Position;

use super::{lineage::FILE, *};
use crate::{
    View,
    command::{Condition, EntityView, ExpectedTag},
    decide,
    state::Stamp,
};

fn expected(stamp: Stamp, view: EntityView) -> ExpectedTag {
    ExpectedTag { position: stamp.position, tag: stamp.tag, view }
}

/// After a backup was restored, positions repeat; the commands at them don't.
#[test]
fn a_tag_is_of_one_position_one_command_and_one_view() {
    let mut registry = TestRegistry::new(&json!({"hasdocument": false}));
    registry.send(Mode::Put, FILE, &json!({})).unwrap();
    registry.send(Mode::Put, &format!("{FILE}/versions/2"), &json!({})).unwrap();
    let xid = FILE.parse().unwrap();
    // So that the two views have tags of their own.
    registry.send(Mode::Patch, &format!("{FILE}/meta"), &json!({"labels": {"a": "b"}})).unwrap();
    let catalog = &registry.catalog;
    let view = View::newest(catalog);
    let details = view.details_stamp(&xid).unwrap();
    let document = view.document_stamp(&xid).unwrap();
    assert_ne!(details, document);
    let earlier = Position(details.position.0 - 1);
    for (stamp, which, holds) in [
        (details, EntityView::Details, true),
        (document, EntityView::Document, true),
        (details, EntityView::Document, false),
        (document, EntityView::Details, false),
        (Stamp { tag: [9; 4], ..details }, EntityView::Details, false),
        (Stamp { tag: [9; 4], ..document }, EntityView::Document, false),
        (Stamp { position: earlier, ..details }, EntityView::Details, false),
    ] {
        let tags = vec![expected(stamp, which)];
        for (condition, expect) in
            [(Condition::Matches(tags.clone()), holds), (Condition::Differs(tags), !holds)]
        {
            let outcome =
                decide::conditions::check(catalog, &xid, std::slice::from_ref(&condition));
            assert_eq!(outcome.is_ok(), expect, "{condition:?}");
        }
    }
}

/// What a tag stands for: which commands change it, and which leave it as it was.
#[test]
fn the_tags_follow_the_versions_the_default_and_the_model() {
    let files = json!({"hasdocument": false});
    let mut registry = TestRegistry::new(&files);
    registry.send(Mode::Put, &format!("{FILE}/versions/1"), &json!({})).unwrap();
    registry.send(Mode::Put, &format!("{FILE}/versions/2"), &json!({})).unwrap();
    let xid: Xid = FILE.parse().unwrap();
    let meta = format!("{FILE}/meta");
    let pin = |id: &str| json!({"defaultversionid": id, "defaultversionsticky": true});
    let model = json!({"hasdocument": false, "maxversions": 9});
    type Step<'a> = (&'a str, Box<dyn Fn(&mut TestRegistry) + 'a>, bool);
    let steps: [Step<'_>; 5] = [
        ("another default", Box::new(|r| r.send(Mode::Patch, &meta, &pin("1")).unwrap()), true),
        // The same default and the same version as at first, and yet not what a client saw then.
        ("the first one again", Box::new(|r| r.send(Mode::Patch, &meta, &pin("2")).unwrap()), true),
        (
            "labels",
            Box::new(|r| r.send(Mode::Patch, &meta, &json!({"labels": {"a": "b"}})).unwrap()),
            false,
        ),
        ("a model", Box::new(|r| r.set_model(&model).unwrap()), false),
        (
            "the default version",
            Box::new(|r| {
                let version = format!("{FILE}/versions/2");
                r.send(Mode::Patch, &version, &json!({"name": "n"})).unwrap();
            }),
            true,
        ),
    ];
    for (what, step, changes_document) in steps {
        let before = View::newest(&registry.catalog).document_stamp(&xid);
        step(&mut registry);
        let view = View::newest(&registry.catalog);
        let newest = registry.catalog.stamp;
        assert_eq!(view.details_stamp(&xid), Some(newest), "the details after {what}");
        let expect = if changes_document { Some(newest) } else { before };
        assert_eq!(view.document_stamp(&xid), expect, "the document after {what}");
    }
}
