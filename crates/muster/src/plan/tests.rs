#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use muster_words::Moment;
use proptest::prelude::*;
use serde_json::json;

use super::{current::CurrentDocument, desired::DesiredDocument, order::strongly_connected, *};
use crate::output::Screen;

fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

fn document(text: &str, refers_to: &[&str]) -> DesiredDocument {
    let sent = DocumentUpload {
        bytes: text.to_owned().into(),
        content_type: "application/json".to_owned(),
        singular: "entry".to_owned(),
        ..DocumentUpload::default()
    };
    let refers_to = refers_to.iter().map(|text| xid(text)).collect();
    DesiredDocument { path: String::new(), sent, refers_to, findings: Vec::new() }
}

fn present(text: &str) -> CurrentDocument {
    let details = json!({"versionid": "1", "versionscount": 1, "contenttype": "application/json"});
    let bytes = Some(text.to_owned().into());
    CurrentDocument {
        details,
        digest: Some(Digest::of(text.as_bytes())),
        bytes,
        refers_to: Vec::new(),
    }
}

fn lines(wanted: &DesiredState, there: &CurrentState, prune: bool) -> String {
    render(&Plan::compute(wanted, there, prune), &Screen::plain(Moment::EPOCH))
}

/// The state after a plan was applied.
fn applied(wanted: &DesiredState) -> CurrentState {
    let groups = wanted.groups.iter();
    let documents = wanted.documents.iter().map(|(xid, document)| {
        let mut present = present(std::str::from_utf8(&document.sent.bytes).unwrap());
        for (name, value) in &document.sent.attributes {
            present.details[name] = value.clone();
        }
        (xid.clone(), present)
    });
    CurrentState {
        model_source: wanted.model.clone().unwrap_or_else(|| json!({})),
        model_tag: None,
        groups: groups.map(|(xid, set)| (xid.clone(), set.clone().into())).collect(),
        documents: documents.collect(),
    }
}

fn example() -> DesiredState {
    let mut documents = BTreeMap::from([
        (
            xid("/providers/cms/entries/sanity"),
            document(r#"{"range":[75,280],"f":["a","b"]}"#, &[]),
        ),
        (xid("/providers/cms/entries/ghost"), document("{}", &["/providers/ssg/entries/hugo"])),
        (xid("/providers/ssg/entries/hugo"), document("{}", &[])),
        (xid("/schemagroups/w/schemas/provider"), document("{\"type\":\"object\"}", &[])),
    ]);
    let sanity = documents.get_mut(&xid("/providers/cms/entries/sanity")).unwrap();
    sanity.sent.attributes = json!({"name": "Sanity"}).as_object().unwrap().clone();
    DesiredState {
        model: Some(json!({"groups": {"providers": {}}})),
        groups: BTreeMap::from([
            (xid("/providers/cms"), json!({"name": "CMS"}).as_object().unwrap().clone()),
            (xid("/providers/ssg"), Map::new()),
            (xid("/schemagroups/w"), Map::new()),
        ]),
        documents,
        group_types: BTreeSet::from(["providers".to_owned(), "schemagroups".to_owned()]),
        ..DesiredState::default()
    }
}

#[test]
fn shows_what_is_added_changed_and_deleted() {
    let mut there = CurrentState::default();
    let mut sanity = present(r#"{"range":[65,280],"f":["a"]}"#);
    sanity.details["name"] = "Sanity".into();
    there.documents.insert(xid("/providers/cms/entries/sanity"), sanity);
    there.documents.insert(xid("/providers/cms/entries/old"), present("{}"));
    there.documents.insert(xid("/stacks/cms/entries/left_alone"), present("{}"));
    there.groups.insert(xid("/providers/cms"), json!({"name": "C"}));
    let expect = r#"+ schemagroups/w/schemas/provider  version 1
+ the model
~ providers/cms
    name  "C" → "CMS"
+ providers/ssg/entries/hugo       version 1
~ providers/cms/entries/sanity     version 2
    f      + "b"
    range  [65, 280] → [75, 280]
+ providers/cms/entries/ghost      version 1
- providers/cms/entries/old
"#;
    assert_eq!(lines(&example(), &there, true), expect);
    let plan = Plan::compute(&example(), &there, true);
    let expect = "3 to add, 1 to change, 1 to delete; also the model and 1 group";
    assert_eq!(summary(&plan), expect);
}

#[test]
fn a_second_run_changes_nothing() {
    let plan = Plan::compute(&example(), &applied(&example()), true);
    assert_eq!(lines(&example(), &applied(&example()), true), "");
    assert!(plan.is_empty());
    assert_eq!(summary(&plan), "4 unchanged");
}

#[test]
fn sends_attributes_alone_where_the_document_is_the_same() {
    let mut there = applied(&example());
    let sanity = xid("/providers/cms/entries/sanity");
    let details = &mut there.documents.get_mut(&sanity).unwrap().details;
    details["name"] = "Old".into();
    details["description"] = "somebody else's".into();
    let plan = Plan::compute(&example(), &there, false);
    let steps: Vec<&Step> = plan.steps().collect();
    let Request::Patch(patch) = &steps[0].request else { unreachable!("a patch") };
    assert_eq!((steps.len(), Value::Object(patch.clone())), (1, json!({"name": "Sanity"})));
}

#[test]
fn compares_attributes_alone_where_resources_have_no_documents() {
    let mut wanted = example();
    let hugo = wanted.documents.get_mut(&xid("/providers/ssg/entries/hugo")).unwrap();
    let attributes = json!({"name": "Hugo", "level": 2}).as_object().unwrap().clone();
    hugo.sent = DocumentUpload { attributes, attributes_alone: true, ..DocumentUpload::default() };
    for (details, expect) in [
        (json!({"versionid": "1", "name": "Hugo", "level": 2, "epoch": 7}), ""),
        (json!({"versionid": "1", "name": "Hugo", "level": 1}), "level"),
    ] {
        let mut there = applied(&example());
        let present = CurrentDocument { details, ..CurrentDocument::default() };
        there.documents.insert(xid("/providers/ssg/entries/hugo"), present);
        let plan = Plan::compute(&wanted, &there, false);
        let fields: Vec<&str> =
            plan.steps().flat_map(|step| &step.fields).map(|field| field.path.as_str()).collect();
        assert_eq!(fields.concat(), expect);
        assert!(plan.steps().all(|step| matches!(step.request, Request::Patch(_))));
    }
}

#[test]
fn makes_a_new_version_where_only_the_layout_or_the_type_differs() {
    for (text, content_type, expect) in [
        ("{ }", "application/json", "layout"),
        ("{}", "text/plain", "contenttype"),
        ("{}", "application/json", ""),
    ] {
        let mut there = applied(&example());
        let mut other = present(text);
        other.details["contenttype"] = content_type.into();
        there.documents.insert(xid("/providers/ssg/entries/hugo"), other);
        let plan = Plan::compute(&example(), &there, false);
        let fields: Vec<&str> =
            plan.steps().flat_map(|step| &step.fields).map(|field| field.path.as_str()).collect();
        assert_eq!(fields.concat(), expect, "{text} {content_type}");
    }
}

#[test]
fn prunes_only_the_types_that_the_folder_has() {
    let mut there = applied(&example());
    for text in ["/providers/old/entries/a", "/stacks/x/entries/b"] {
        there.documents.insert(xid(text), present("{}"));
        there.groups.insert(xid(text).group().unwrap(), json!({}));
    }
    assert_eq!(lines(&example(), &there, true), "- providers/old/entries/a\n- providers/old\n");
    assert_eq!(lines(&example(), &there, false), "");
}

#[test]
fn finds_circles_in_long_chains_without_a_deep_stack() {
    let count = 200_000;
    let ring: Vec<Vec<usize>> = (0..count).map(|node| vec![(node + 1) % count]).collect();
    assert_eq!(strongly_connected(&ring).len(), 1);
    let chain: Vec<Vec<usize>> =
        (0..count).map(|node| if node + 1 < count { vec![node + 1] } else { vec![] }).collect();
    let order: Vec<usize> = strongly_connected(&chain).concat();
    assert_eq!((order[0], order[count - 1]), (count - 1, 0));
}

/// Random references between a few documents.
fn references() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1_usize..12)
        .prop_flat_map(|count| prop::collection::vec(prop::collection::vec(0..count, 0..4), count))
}

fn named(at: usize) -> Xid {
    xid(&format!("/providers/cms/entries/e{at}"))
}

fn reaches(edges: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = edges[from].clone();
    while let Some(node) = left.pop() {
        if seen.insert(node) {
            left.extend(&edges[node]);
        }
    }
    seen.contains(&to)
}

proptest! {
    #[test]
    fn everything_resolves_in_the_order_in_which_it_is_applied(edges in references()) {
        let mut wanted = DesiredState::default();
        for (at, targets) in edges.iter().enumerate() {
            let targets: Vec<String> = targets.iter().map(|to| named(*to).to_string()).collect();
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            wanted.documents.insert(named(at), document("{}", &targets));
        }
        let plan = Plan::compute(&wanted, &CurrentState::default(), false);
        // A wave's results are available to later waves, but not within the wave.
        let mut there = BTreeSet::new();
        for wave in plan.units.chunk_by(|one, other| one.wave == other.wave) {
            for unit in wave {
                let own: BTreeSet<&Xid> = unit.steps.iter().filter_map(Step::xid).collect();
                for target in unit.steps.iter().flat_map(|step| &step.refers_to) {
                    prop_assert!(own.contains(target) || there.contains(target));
                }
            }
            let brought = wave.iter().flat_map(|unit| &unit.steps);
            there.extend(brought.filter_map(|step| step.xid().cloned()));
        }
        prop_assert_eq!(there.len(), edges.len());
        prop_assert!(plan.units.is_sorted_by_key(|unit| unit.wave));
    }

    #[test]
    fn only_what_refers_to_each_other_goes_together(edges in references()) {
        for component in strongly_connected(&edges) {
            for one in &component {
                for other in &component {
                    prop_assert!(one == other || reaches(&edges, *one, *other));
                }
            }
        }
    }

    #[test]
    fn what_is_deleted_is_no_longer_referred_to(edges in references()) {
        let mut there = CurrentState::default();
        for (at, targets) in edges.iter().enumerate() {
            let refers_to = targets.iter().map(|to| named(*to)).collect();
            there.documents.insert(named(at), CurrentDocument { refers_to, ..present("{}") });
        }
        let wanted = DesiredState {
            group_types: BTreeSet::from(["providers".to_owned()]),
            ..DesiredState::default()
        };
        let plan = Plan::compute(&wanted, &there, true);
        let mut left: BTreeSet<Xid> = there.documents.keys().cloned().collect();
        for wave in plan.units.chunk_by(|one, other| one.wave == other.wave) {
            // In any order within a wave, nothing that remains refers to what was deleted.
            for unit in wave {
                let gone: BTreeSet<&Xid> = unit.steps.iter().filter_map(Step::xid).collect();
                for xid in left.iter().filter(|xid| !gone.contains(xid)) {
                    let refers_to = &there.documents[xid].refers_to;
                    prop_assert!(refers_to.iter().all(|target| !gone.contains(target)));
                }
            }
            let gone = wave.iter().flat_map(|unit| &unit.steps).filter_map(Step::xid);
            gone.for_each(|xid| { left.remove(xid); });
        }
        prop_assert!(left.is_empty());
    }
}
