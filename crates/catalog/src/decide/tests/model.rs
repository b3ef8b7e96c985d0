use super::*;
use crate::{ModelRefusal, Reason, VersionRefusal};

const FILES: [&str; 2] = ["/dirs/d/files/f", "/dirs/d/files/g"];

/// Two resources, each with the versions 1 to 4, of a type without rules.
fn grown() -> TestRegistry {
    let mut registry = TestRegistry::new(&json!({"hasdocument": false}));
    for file in FILES {
        for _ in 0..4 {
            registry.send(Mode::Post, file, &json!({})).unwrap();
        }
    }
    registry
}

fn line(registry: &TestRegistry) -> String {
    let resource = registry.resource(FILES[0]).unwrap();
    let versions = resource.versions.iter();
    let texts = versions.map(|version| format!("{}<{}", version.id, version.ancestor));
    format!("{} *{}", texts.collect::<Vec<_>>().join(" "), resource.meta.default)
}

#[test]
fn a_new_model_brings_versions_into_its_order() {
    let chain = |mode: &str, max: u64| {
        json!({
            "hasdocument": false,
            "versionmode": mode,
            "singleversionroot": true,
            "maxversions": max,
        })
    };
    let cases = [
        (json!({"hasdocument": false}), "1<1 2<1 3<2 4<1 *4"),
        (json!({"hasdocument": false, "maxversions": 2}), "3<3 4<4 *4"),
        (json!({"hasdocument": false, "maxversions": 1}), "4<4 *4"),
        (chain("createdat", 0), "1<1 2<1 3<2 4<3 *4"),
        (chain("lifecycle", 3), "2<2 3<2 4<3 *4"),
    ];
    for (files, expected) in cases {
        let mut registry = grown();
        registry
            .send(Mode::Patch, &format!("{}/versions/4", FILES[0]), &json!({"ancestorid": "1"}))
            .unwrap();
        let epoch = registry.resource(FILES[1]).unwrap().meta.epoch;
        registry.set_model(&files).unwrap();
        assert_eq!(line(&registry), expected, "{files}");
        // A resource that already complies isn't written.
        let is_same = registry.resource(FILES[1]).unwrap().meta.epoch == epoch;
        assert_eq!(is_same, files.get("maxversions").is_none_or(|max| *max == 0), "{files}");
        // A pruned version is kept like a deleted one.
        let gone = registry.catalog.hides(&format!("{}/versions/1", FILES[1]).parse().unwrap());
        assert_eq!(gone, !is_same, "{files}");
    }
}

#[test]
fn a_new_model_is_refused_that_what_is_there_breaks() {
    let mut registry = grown();
    for file in FILES {
        let version = format!("{file}/versions/3");
        registry.send(Mode::Patch, &version, &json!({"ancestorid": "request"})).unwrap();
        let meta = json!({"defaultversionid": "2"});
        registry.send(Mode::Patch, &format!("{file}/meta"), &meta).unwrap();
    }
    let cases = [
        (
            json!({"hasdocument": false, "singleversionroot": true}),
            ("several_roots", "/model".to_owned()),
        ),
        (
            json!({"hasdocument": false, "maxversions": 1}),
            ("nothing_to_pin", format!("{}/meta", FILES[0])),
        ),
    ];
    for (files, expected) in cases {
        let Err(NoDecision::Refused(refusal)) = registry.set_model(&files) else {
            panic!("{files}")
        };
        assert_eq!((name_of(&refusal.reason), refusal.subject.clone()), expected);
        let named = match *refusal.reason {
            Reason::Version(VersionRefusal::NothingToPin { pinned }) => pinned,
            Reason::Model(ModelRefusal::SeveralRoots(forked)) => forked,
            other => panic!("{other:?}"),
        };
        let files = FILES.map(|file| file.parse::<Xid>().unwrap());
        assert!(files.iter().all(|file| named.shown.contains(file)), "{named:?}");
    }
}

#[test]
fn a_resource_comes_back_only_as_the_model_of_now_allows() {
    let cases = [
        (json!({"hasdocument": false, "maxversions": 3}), "restore_refused"),
        (json!({"hasdocument": false, "singleversionroot": true}), "multiple_roots"),
        (json!({"hasdocument": false, "maxversions": 4}), ""),
    ];
    for (files, expected) in cases {
        for deleted in ["/dirs/d", FILES[0]] {
            let mut registry = grown();
            let version = format!("{}/versions/3", FILES[0]);
            registry.send(Mode::Patch, &version, &json!({"ancestorid": "request"})).unwrap();
            registry.delete(deleted).unwrap();
            registry.set_model(&files).unwrap();
            assert_eq!(code(registry.restore(deleted)), expected, "{files} {deleted}");
        }
    }
}
