use super::*;

const FILE: &str = "/dirs/d/files/f";

/// A resource of this type with the versions 1 to 4, one of them deleted.
fn without(files: &Value, deleted: &str) -> TestRegistry {
    let mut files = files.clone();
    files.as_object_mut().unwrap().insert("hasdocument".to_owned(), json!(false));
    let mut registry = TestRegistry::new(&files);
    for _ in 0..4 {
        registry.send(Mode::Post, FILE, &json!({})).unwrap();
    }
    registry.delete(&version(deleted)).unwrap();
    registry
}

fn version(id: &str) -> String {
    format!("{FILE}/versions/{id}")
}

/// The versions with their ancestors and the default one, as `1<1 2<1 *2`.
fn line(registry: &TestRegistry) -> String {
    let resource = registry.resource(FILE).unwrap();
    let versions = resource.versions.iter();
    let texts = versions.map(|version| format!("{}<{}", version.id, version.ancestor));
    format!("{} *{}", texts.collect::<Vec<_>>().join(" "), resource.meta.default)
}

#[test]
fn a_version_comes_back_to_its_place() {
    let chain = |mode: &str| json!({"versionmode": mode, "singleversionroot": true});
    let cases = [
        (json!({}), "2", "1<1 2<1 3<3 4<3 *4"),
        (json!({}), "4", "1<1 2<1 3<2 4<3 *4"),
        (chain("createdat"), "2", "1<1 2<1 3<2 4<3 *4"),
        (chain("createdat"), "1", "1<1 2<1 3<2 4<3 *4"),
        (chain("lifecycle"), "4", "1<1 2<1 3<2 4<3 *4"),
    ];
    for (files, deleted, expected) in cases {
        let mut registry = without(&files, deleted);
        registry.restore(&version(deleted)).unwrap();
        assert_eq!(line(&registry), expected, "{files} {deleted}");
        let back = registry.catalog.version_at(&version(deleted).parse().unwrap()).unwrap();
        assert_eq!(back.epoch, 2, "{files} {deleted}");
    }
}

#[test]
fn a_version_comes_back_as_a_root_when_its_ancestor_has_gone() {
    let mut registry = without(&json!({}), "3");
    registry.delete(&version("2")).unwrap();
    registry.restore(&version("3")).unwrap();
    assert_eq!(line(&registry), "1<1 3<3 4<4 *4");
    let back = registry.catalog.version_at(&version("3").parse().unwrap()).unwrap();
    assert_eq!((back.epoch, back.modified), (2, registry.catalog.moment));
    // Its former ancestor may be restored too, but isn't its ancestor any more.
    registry.restore(&version("2")).unwrap();
    assert_eq!(line(&registry), "1<1 2<1 3<3 4<4 *4");
}

#[test]
fn a_version_comes_back_only_where_the_model_has_room_for_it() {
    let chain = json!({"versionmode": "createdat", "singleversionroot": true, "maxversions": 4});
    let mut registry = without(&chain, "2");
    registry.send(Mode::Post, FILE, &json!({})).unwrap();
    registry.restore(&version("2")).unwrap();
    assert_eq!(line(&registry), "2<2 3<2 4<3 5<4 *5");
    // The oldest version was pruned for it. If that one were restored, it would be pruned at once.
    assert_eq!(code(registry.restore(&version("1"))), "restore_refused");
    assert_eq!(line(&registry), "2<2 3<2 4<3 5<4 *5");
}

#[test]
fn a_second_root_does_not_come_back() {
    let mut registry = TestRegistry::new(&json!({"hasdocument": false, "singleversionroot": true}));
    for id in ["1", "2"] {
        registry.send(Mode::Put, &version(id), &json!({})).unwrap();
    }
    registry.delete(&version("1")).unwrap();
    assert_eq!(code(registry.restore(&version("1"))), "multiple_roots");
}

#[test]
fn a_version_does_not_come_back_that_differs_from_the_others() {
    let mut registry = TestRegistry::new(&json!({
        "hasdocument": false,
        "attributes": {"unit": {"type": "string", "matchversions": true}},
    }));
    for id in ["1", "2"] {
        registry.send(Mode::Put, &version(id), &json!({"unit": "m"})).unwrap();
    }
    registry.delete(&version("1")).unwrap();
    registry.send(Mode::Put, &version("2"), &json!({"unit": "s"})).unwrap();
    assert_eq!(code(registry.restore(&version("1"))), "versions_differ");
}

#[test]
fn a_resource_comes_back_in_the_order_of_the_model_of_now() {
    let files = |mode: &str| json!({"hasdocument": false, "versionmode": mode});
    let pin = json!({"defaultversionid": "b", "defaultversionsticky": true});
    for (deleted, is_pinned, expected, meta_epoch) in [
        (FILE, false, "a<b b<b *a", 3),
        ("/dirs/d", false, "a<b b<b *a", 3),
        (FILE, true, "a<b b<b *b", 4),
    ] {
        let mut registry = TestRegistry::new(&files("manual"));
        let first = json!({"createdat": "1970-01-01T00:00:05Z"});
        registry.send(Mode::Put, &version("a"), &first).unwrap();
        let second = json!({"createdat": "1970-01-01T00:00:01Z", "ancestorid": "a"});
        registry.send(Mode::Put, &version("b"), &second).unwrap();
        if is_pinned {
            registry.send(Mode::Patch, &format!("{FILE}/meta"), &pin).unwrap();
        }
        assert_eq!(line(&registry), "a<a b<a *b");
        registry.delete(deleted).unwrap();
        registry.set_model(&files("createdat")).unwrap();
        registry.restore(deleted).unwrap();
        assert_eq!(line(&registry), expected, "{deleted} {is_pinned}");
        let back = registry.resource(FILE).unwrap();
        let epochs: Vec<u64> = back.versions.iter().map(|version| version.epoch).collect();
        assert_eq!((epochs, back.meta.epoch), (vec![2, 2], meta_epoch), "{deleted}");
        assert_eq!(back.meta.sticky, is_pinned);
        // The next write finds a valid resource.
        registry.send(Mode::Patch, &version("b"), &json!({"name": "b"})).unwrap();
        assert_eq!(line(&registry), expected);
    }
}

#[test]
fn a_resource_comes_back_with_a_root_for_each_ancestor_that_was_erased() {
    for (has_one_root, outcome) in [(false, ""), (true, "multiple_roots")] {
        for deleted in [FILE, "/dirs/d"] {
            let mut registry = TestRegistry::new(&json!({
                "hasdocument": false, "versionmode": "manual", "singleversionroot": has_one_root,
            }));
            for _ in 0..3 {
                registry.send(Mode::Post, FILE, &json!({})).unwrap();
            }
            registry.delete(deleted).unwrap();
            registry.purge(&version("2")).unwrap();
            assert_eq!(code(registry.restore(deleted)), outcome, "{deleted}");
            if !has_one_root {
                assert_eq!(line(&registry), "1<1 3<3 *3");
            }
        }
    }
}
