#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::sync::Arc;

use muster_catalog::{Catalog, View};
use muster_model::Foundation;
use serde_json::json;

use super::*;
use crate::xregistry::capabilities;

fn read(method: &Method, target: &str, bare: bool) -> Result<Flags, Problem> {
    let files = json!({"singular": "file"});
    let source = json!({"groups": {"dirs": {"singular": "dir", "resources": {"files": files}}}});
    let model = Model::compile(&source, Foundation::Bare).unwrap();
    let view = View::newest(Arc::new(Catalog::empty(Arc::new(model.clone()))));
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let address = Address::parse(path, &model, false)?;
    let capabilities = capabilities::of(&view, bare);
    let reading = FlagReader {
        method,
        address: &address,
        query,
        model: &model,
        capabilities: &capabilities,
        bare,
    };
    reading.flags()
}

#[test]
fn names_each_fault_and_its_subject() {
    for (method, target, code, subject) in [
        (Method::GET, "/dirs?collections", "bad_flag", "/dirs"),
        (
            Method::GET,
            "/dirs/d1/files/f1$details?collections",
            "bad_flag",
            "/dirs/d1/files/f1$details",
        ),
        (Method::GET, "/?inline=xxx&a", "inline_noninlineable", "/?inline=xxx&a"),
        (Method::GET, "/?inline=dirs*", "bad_inline", "/?inline=dirs*"),
        (Method::GET, "/dirs?filter=count%3Cnull", "bad_filter", "/dirs?filter=count<null"),
        (Method::GET, "/?sort=name", "sort_noncollection", "/?sort=name"),
        (Method::GET, "/dirs?sort=name=up", "bad_sort", "/dirs?sort=name=up"),
        (
            Method::POST,
            "/dirs/d1/files/f1?setdefaultversionid",
            "bad_defaultversionid",
            "/dirs/d1/files/f1?setdefaultversionid",
        ),
        (Method::POST, "/dirs?setdefaultversionid=1", "bad_flag", "/dirs"),
        (Method::PUT, "/dirs/d1?ignore=foo", "bad_ignore", "/dirs/d1?ignore=foo"),
        (Method::DELETE, "/dirs/d1?epoch=x", "bad_flag", "/dirs/d1"),
        (Method::GET, "/?specversion=0.5", "unsupported_specversion", "/"),
        (Method::PUT, "/dirs/d1?at=5", "bad_flag", "/dirs/d1"),
        (Method::GET, "/dirs?purge", "bad_flag", "/dirs"),
        (Method::GET, "/dirs/d1?deleted", "bad_flag", "/dirs/d1"),
        (Method::GET, "/dirs?limit=0", "bad_flag", "/dirs"),
        (Method::GET, "/dirs?offset=x", "bad_cursor", "/dirs?offset=x"),
    ] {
        let problem = read(&method, target, false).err().unwrap();
        assert_eq!((problem.code().name(), problem.subject_text()), (code, Some(subject)));
    }
}

#[test]
fn passes_over_what_is_unknown_and_what_is_ours_in_a_bare_registry() {
    for target in ["/dirs?at=5&foo&limit=x", "/?specversion=1.0.7-RC4&oneline", "/dirs?purge"] {
        assert!(read(&Method::GET, target, true).is_ok(), "{target}");
    }
}

#[test]
fn reads_what_each_flag_says() {
    let flags = read(&Method::PUT, "/dirs/d1?ignore=epoch,id&doc&inline&binary", true).unwrap();
    assert!(flags.ignore.epoch && flags.ignore.id && !flags.ignore.readonly);
    assert!(flags.doc && flags.binary && flags.inline.all);
    let all = read(&Method::PUT, "/dirs/d1?ignore", true).unwrap().ignore;
    assert!(all.capabilities && all.readonly && all.default_version_sticky);
    let flags = read(&Method::DELETE, "/dirs/d1?epoch=7&purge", false).unwrap();
    assert_eq!((flags.epoch, flags.purge), (Some(7), true));
    let target = "/dirs/d1/files/f1?setdefaultversionid=";
    for (value, expect) in [
        ("null", SetDefault::Newest),
        ("request", SetDefault::Request),
        ("v1", SetDefault::Version("v1".parse().unwrap())),
    ] {
        let flags = read(&Method::POST, &format!("{target}{value}"), true).unwrap();
        assert_eq!(flags.set_default, Some(expect));
    }
}
