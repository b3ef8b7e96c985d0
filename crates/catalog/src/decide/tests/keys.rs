//! What a key may become, and who may have one.

use muster_words::limits::KEYS_MAX;

use super::*;

/// A registry with a key for each letter: `a` an admin's, `l` a limited one, `x` an admin's that
/// has expired, `r` one that was revoked.
fn with_keys(letters: &str) -> TestRegistry {
    let mut registry = TestRegistry::new(&json!({}));
    for (index, letter) in letters.chars().enumerate() {
        let id: Id = format!("k{index}").parse().unwrap();
        let grant = KeyGrant {
            is_limited: letter == 'l',
            expires: (letter == 'x').then_some(Moment::EPOCH),
        };
        let (record, rule) = (format!("{index}").into(), KeyManagerRule::NotNeeded);
        registry.run(PreparedAction::CreateKey { id: id.clone(), record, grant, rule }).unwrap();
        if letter == 'r' {
            registry
                .run(PreparedAction::RevokeKey { id, rule: KeyManagerRule::NotNeeded })
                .unwrap();
        }
    }
    registry
}

#[test]
fn keeps_a_key_that_can_make_others_where_one_is_needed() {
    use KeyManagerRule::{Always, NotNeeded, WhileKeys};
    for (letters, rule, expect) in [
        ("a", NotNeeded, ""),
        ("a", WhileKeys, ""),
        ("a", Always, "last_key"),
        ("ar", Always, "last_key"),
        ("aa", WhileKeys, ""),
        ("aa", Always, ""),
        ("al", NotNeeded, ""),
        ("al", WhileKeys, "last_key"),
        ("al", Always, "last_key"),
        ("ax", Always, "last_key"),
        ("l", WhileKeys, ""),
        ("l", Always, "last_key"),
        ("la", Always, ""),
        ("ll", WhileKeys, ""),
        ("x", Always, "last_key"),
        ("xl", Always, ""),
        ("r", NotNeeded, "not_found"),
    ] {
        let id = "k0".parse().unwrap();
        let revoked = with_keys(letters).run(PreparedAction::RevokeKey { id, rule });
        assert_eq!(code(revoked), expect, "{letters} {rule:?}");
    }
}

#[test]
fn the_first_key_can_make_others_or_nobody_could() {
    use KeyManagerRule::{Always, NotNeeded, WhileKeys};
    let (admin, limited, expired) = ((false, false), (true, false), (false, true));
    for (letters, (is_limited, is_expired), rule, expect) in [
        ("", admin, WhileKeys, ""),
        ("", limited, WhileKeys, "no_key_manager"),
        ("", limited, Always, "no_key_manager"),
        ("", limited, NotNeeded, ""),
        ("", expired, WhileKeys, "no_key_manager"),
        ("a", limited, WhileKeys, ""),
        ("a", expired, Always, ""),
        ("l", limited, WhileKeys, "no_key_manager"),
        ("l", admin, Always, ""),
        ("xr", limited, WhileKeys, "no_key_manager"),
        ("lxa", limited, WhileKeys, ""),
    ] {
        let create = PreparedAction::CreateKey {
            id: "n".parse().unwrap(),
            record: "n".into(),
            grant: KeyGrant { is_limited, expires: is_expired.then_some(Moment::EPOCH) },
            rule,
        };
        let created = with_keys(letters).run(create);
        assert_eq!(code(created), expect, "{letters} {is_limited} {is_expired} {rule:?}");
    }
}

#[test]
fn forgets_what_opens_nothing_any_more() {
    for (letters, expect) in
        [("a", "key_in_force"), ("l", "key_in_force"), ("x", ""), ("r", ""), ("", "not_found")]
    {
        let mut registry = with_keys(letters);
        let id: Id = "k0".parse().unwrap();
        assert_eq!(
            code(registry.run(PreparedAction::ForgetKey { id: id.clone() })),
            expect,
            "{letters}"
        );
        if expect.is_empty() {
            assert!(registry.catalog.keys[&id].is_forgotten);
            // Again there is nothing to do.
            let position = registry.catalog.position();
            let prepared = TestRegistry::prepared(PreparedAction::ForgetKey { id });
            let decided =
                decide(&registry.catalog, &registry, &prepared, registry.catalog.moment.next());
            let Ok(Decided::Changes(decision)) = decided else { panic!("{letters}") };
            assert!(decision.changes.is_empty());
            assert_eq!(registry.catalog.position(), position);
        }
    }
}

#[test]
fn counts_keys_where_each_is_made() {
    let mut registry = with_keys(&"l".repeat(KEYS_MAX));
    let make = |number: usize| PreparedAction::CreateKey {
        id: format!("n{number}").parse().unwrap(),
        record: "n".into(),
        grant: KeyGrant::default(),
        rule: KeyManagerRule::WhileKeys,
    };
    assert_eq!(code(registry.run(make(1))), "too_many_keys");
    let id = "k7".parse().unwrap();
    registry.run(PreparedAction::RevokeKey { id, rule: KeyManagerRule::NotNeeded }).unwrap();
    assert_eq!(code(registry.run(make(1))), "");
    assert_eq!(code(registry.run(make(2))), "too_many_keys");
}

#[test]
fn prepares_capabilities_again_that_were_merged_with_others_than_are_in_force() {
    let mut registry = TestRegistry::new(&json!({}));
    let write = |registry: &TestRegistry, over| {
        let body = json!({"pagination": true}).as_object().unwrap().clone();
        let write =
            Write { mode: Mode::Put, target: Target::Capabilities, body: WriteBody::Tree(body) };
        let tree = tree::read(write, &registry.catalog.model, None).unwrap();
        let capabilities = tree.capabilities.clone().map(Arc::new);
        let work =
            PreparedWrite { tree, versions: BTreeMap::new(), capabilities, restored: Vec::new() };
        let work = PreparedAction::Write(Box::new(work));
        PreparedCommand { capabilities_over: Some(over), ..TestRegistry::prepared(work) }
    };
    let before = registry.catalog.capabilities_stamp;
    let first = write(&registry, before);
    let second = write(&registry, before);
    registry.decided(&first).unwrap();
    assert!(matches!(registry.decided(&second), Err(NoDecision::Stale)));
    let again = write(&registry, registry.catalog.capabilities_stamp);
    registry.decided(&again).unwrap();
}
