#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use muster_words::Xid;

use super::*;
use crate::{Principal, Role, addresses::Destination};

fn list(items: &[&str]) -> SecretList {
    let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
    let variable = |name: &str| (name == "HOOK_SECRET").then(|| "whsec_abc".to_owned());
    SecretList::read(&items, SecretSources { variable: Arc::new(variable) }).unwrap()
}

fn host(url: &str) -> crate::addresses::Host {
    Destination::parse(url).unwrap().host
}

#[test]
fn a_reference_is_a_variable_or_an_absolute_path() {
    for (text, expect) in [
        ("env:HOOK_SECRET", Ok(())),
        ("env:_a1", Ok(())),
        ("file:/run/secrets/hook", Ok(())),
        ("env:", Err(SecretReferenceError::Variable)),
        ("env:1A", Err(SecretReferenceError::Variable)),
        ("env:A B", Err(SecretReferenceError::Variable)),
        ("file:hook", Err(SecretReferenceError::Path)),
        ("file:///hook", Err(SecretReferenceError::Path)),
        ("file:/run/../etc/shadow", Err(SecretReferenceError::Path)),
        ("vault:kv/hook", Err(SecretReferenceError::Vault)),
        ("HOOK_SECRET", Err(SecretReferenceError::Prefix)),
        ("ENV:HOOK_SECRET", Err(SecretReferenceError::Prefix)),
    ] {
        let found = text.parse::<SecretReference>();
        assert_eq!(found.clone().map(|_| ()), expect, "{text}");
        if let Ok(reference) = found {
            assert_eq!(reference.to_string(), text);
        }
    }
}

#[test]
fn the_list_of_the_settings_names_each_secret_with_its_hosts() {
    let read = |item: &str| {
        SecretList::read(&[item.to_owned()], SecretSources::default()).map(|_| ()).map_err(
            |error| match error {
                SecretListError::Reference { .. } => "reference",
                SecretListError::NoHost { .. } => "no host",
                SecretListError::Host { .. } => "host",
            },
        )
    };
    for (item, expect) in [
        ("env:A hooks.example", Ok(())),
        ("env:A hooks.example *.hooks.example 10.0.0.1 ::1", Ok(())),
        ("env:A", Err("no host")),
        ("", Err("reference")),
        ("vault:A hooks.example", Err("reference")),
        ("env:A https://hooks.example", Err("host")),
        ("env:A hooks.example:443", Err("host")),
        ("env:A *", Err("host")),
        ("env:A *.", Err("host")),
    ] {
        assert_eq!(read(item), expect, "{item}");
    }
}

#[test]
fn a_listed_secret_goes_to_its_hosts_and_nowhere_else() {
    let list = list(&["env:HOOK_SECRET hooks.example *.cloud.example 127.0.0.1 ::1"]);
    for (url, expect) in [
        ("https://hooks.example/in", true),
        ("https://HOOKS.example./in", true),
        ("https://a.cloud.example/", true),
        ("https://a.b.cloud.example/", true),
        ("https://127.0.0.1:9/", true),
        ("https://0x7f000001/", true),
        ("https://[::1]/", true),
        ("https://cloud.example/", false),
        ("https://evilcloud.example/", false),
        ("https://hooks.example.evil/", false),
        ("https://a.hooks.example/", false),
    ] {
        match list.resolve("env:HOOK_SECRET", &host(url)) {
            Ok(secret) => {
                assert!(expect, "{url}");
                assert_eq!(secret.expose(), "whsec_abc");
                assert!(!format!("{secret:?}").contains("abc"));
            }
            Err(SecretError::OtherHost { .. }) => assert!(!expect, "{url}"),
            Err(error) => panic!("{url}: {error}"),
        }
    }
}

#[test]
fn a_secret_that_is_not_there_says_so_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("file:{}", folder.path().join(name).display());
    std::fs::write(folder.path().join("key"), "value\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    std::fs::write(folder.path().join("large"), vec![b'a'; 70_000]).unwrap();
    let resolve = |text: &str| list(&[]).resolve(text, &host("https://a.example"));
    assert_eq!(resolve(&at("key")).unwrap().expose(), "value");
    for text in [at("empty"), at("large"), at("absent"), at("")] {
        assert!(matches!(resolve(&text), Err(SecretError::Unreadable { .. })), "{text}");
    }
    assert!(matches!(resolve("env:OTHER"), Err(SecretError::NotSet { .. })));
    assert!(matches!(resolve("vault:a"), Err(SecretError::Reference(_))));
}

#[test]
fn only_an_admin_may_name_a_secret_that_the_settings_do_not_list() {
    let list = list(&["env:HOOK_SECRET hooks.example"]);
    let admin = Principal::owner();
    let publisher = Principal::new("a", Role::Publisher);
    let within = Principal { scope: Some(Arc::default()), ..Principal::owner() };
    let target = r#"{"kind": "webhook", "url": "https://a.example", "secret": "#;
    for (place, document, expect) in [
        ("/targets/ops/entries/a", format!(r#"{target}"env:HOOK_SECRET"}}"#), None),
        ("/targets/ops/entries/a", format!(r#"{target}"env:TOKEN"}}"#), Some("/secret env:TOKEN")),
        ("/targets/ops/entries/a", format!(r#"{target}"ENV:TOKEN"}}"#), Some("/secret ENV:TOKEN")),
        ("/targets/ops/entries/a", format!(r#"{target}"file:/a"}}"#), Some("/secret file:/a")),
        ("/targets/ops/entries/a", format!(r#"{target}"vault:a"}}"#), Some("/secret vault:a")),
        ("/targets/ops/entries/a", format!(r#"{target}"\u0065nv:A"}}"#), Some("/secret env:A")),
        (
            "/targets/ops/entries/a",
            r#"{"headers": [{"x/y": " env:A"}]}"#.to_owned(),
            Some("/headers/0/x~1y  env:A"),
        ),
        ("/targets/ops/entries/a", "headers:\n  a: env:A\n".to_owned(), Some("/headers/a env:A")),
        ("/targets/ops/entries/a", "not: [json".to_owned(), None),
        ("/configs/ops/entries/a", r#"{"secret": "env:TOKEN"}"#.to_owned(), None),
    ] {
        let xid: Xid = place.parse().unwrap();
        let check = |who: &Principal| {
            let checked = list.check_document(who, &xid, document.as_bytes());
            checked.err().map(|denied| format!("{} {}", denied.pointer, denied.reference))
        };
        assert_eq!(check(&admin), None, "{document}");
        for who in [&publisher, &within] {
            assert_eq!(check(who).as_deref(), expect, "{document}");
        }
    }
}
