#![expect(clippy::panic, reason = "a test that can't go on fails")]

use super::{pattern::PatternError, *};
use crate::literal::{Language, read_tables};

fn extracted(text: &str, select: &str, name: &str, added: &[(&str, &str)]) -> Extracted {
    extracted_by(text, select, name, added, false)
}

fn extracted_by(
    text: &str,
    select: &str,
    name: &str,
    added: &[(&str, &str)],
    is_partial: bool,
) -> Extracted {
    let source = read_tables(text, Language::Python).unwrap_or_else(|error| panic!("{error}"));
    let pattern = |text: &str| {
        text.parse::<TextTemplate>().unwrap_or_else(|error| panic!("{error} in {text}"))
    };
    let extraction = Extraction {
        selection: select.parse().unwrap_or_else(|error: PatternError| panic!("{error}")),
        name: pattern(name),
        added: added.iter().map(|(name, text)| ((*name).to_owned(), pattern(text))).collect(),
        is_partial,
    };
    extract(&extraction, &source.tables[0], &source)
}

fn names(extracted: &Extracted) -> Vec<String> {
    extracted.documents.iter().map(|document| document.xid.to_string()).collect()
}

/// What doesn't fit: the place in the table, and the reason's name.
fn unfit(extracted: &Extracted) -> Vec<(String, &'static str)> {
    let all = extracted.unfit.iter();
    all.map(|unfit| (format!("{}{}", unfit.entry, unfit.field), unfit.reason.name())).collect()
}

#[test]
fn names_documents_by_their_keys_and_fields() {
    let flat = "{'a': {'type': 'cms', 'meta': {'id': 7}}, 'b': {'type': 'ssg', 'meta': {'id': 8}}}";
    let nested = "T = {'cms': {'a': {}}, 'ssg': {'a': {}, 'b': {}}}";
    for (text, select, name, expect) in [
        (flat, "/*", "p/cms/entries/{key}", &["/p/cms/entries/a", "/p/cms/entries/b"][..]),
        (flat, "/*", "/p/{type}/entries/{/meta/id}", &["/p/cms/entries/7", "/p/ssg/entries/8"]),
        (flat, "/b", "p/x/entries/{key}-{type}", &["/p/x/entries/b-ssg"]),
        (flat, "/*/meta", "p/x/entries/{parent}", &["/p/x/entries/a", "/p/x/entries/b"]),
        (
            nested,
            "/*/*",
            "p/{parent}/entries/{key}",
            &["/p/cms/entries/a", "/p/ssg/entries/a", "/p/ssg/entries/b"],
        ),
        ("[{'id': 'x'}, {'id': 'y'}]", "/*", "p/g/e/{id}", &["/p/g/e/x", "/p/g/e/y"]),
        ("{'id': 'x'}", "", "p/g/e/{id}", &["/p/g/e/x"]),
    ] {
        let found = extracted(text, select, name, &[]);
        assert_eq!(
            (names(&found), unfit(&found)),
            (expect.iter().map(ToString::to_string).collect(), vec![]),
            "{text} {select} {name}"
        );
    }
}

#[test]
fn writes_fields_in_the_order_of_the_table_and_adds_what_is_missing() {
    let text = "{'a': {'z': 1.50, 'b': (1, 'é\"'), 'y': {}, 'x': []}}";
    let added = [("name", "{key}"), ("z", "never"), ("both", "{name}/{z}")];
    let found = extracted(text, "/*", "p/g/e/{name}", &added);
    let expect = "{\n  \"z\": 1.50,\n  \"b\": [\n    1,\n    \"é\\\"\"\n  ],\n  \"y\": {},\n  \"x\": [],\n  \"name\": \"a\",\n  \"both\": \"a/1.50\"\n}\n";
    assert_eq!(found.documents[0].text, expect);
}

#[test]
fn reports_what_does_not_fit_and_extracts_the_rest() {
    let text = "T = {\n 'good': {'id': 1},\n 'text': 'x',\n 'call': make(),\n 'half': {'id': 2, 'at': now(), 'in': [1, X]},\n 'twice': {'id': 3, 'id': 4},\n 'no id': {},\n 'bad': {'id': 'a/b'},\n 'list': {'id': [1]},\n 'same': {'id': 1},\n 'case': {'id': 'ID'},\n 'Case': {'id': 'Id'},\n 'key': {'id': 5},\n 'key': {'id': 6},\n **more,\n}\nT['late'] = {}\nTT = {}\n";
    let reasons = [
        ("/text", "no_object"),
        ("/call", "no_literal"),
        ("/half/at", "no_literal"),
        ("/half/in/1", "no_literal"),
        ("/twice/id", "duplicate_field"),
        ("/no id", "bad_xid"),
        ("/bad", "bad_xid"),
        ("/list", "bad_xid"),
        ("/same", "duplicate_xid"),
        ("/Case", "duplicate_xid"),
        ("/key", "duplicate_field"),
        ("/key", "duplicate_field"),
        ("/…", "no_literal"),
        ("", "changed_later"),
    ];
    let reasons = reasons.map(|(place, reason)| (place.to_owned(), reason)).to_vec();
    let found = extracted(text, "/*", "p/g/e/{id}", &[]);
    assert_eq!(
        (names(&found), unfit(&found)),
        (["1", "ID"].map(|id| format!("/p/g/e/{id}")).to_vec(), reasons.clone())
    );
    let partial = extracted_by(text, "/*", "p/g/e/{id}", &[], true);
    assert_eq!(names(&partial), ["/p/g/e/1", "/p/g/e/2", "/p/g/e/4", "/p/g/e/ID"]);
    assert_eq!(unfit(&partial), reasons);
    assert!(partial.documents[1].text.contains("\"in\": [\n    1\n  ]"));
    assert!(partial.documents[2].text.contains("\"id\": 4"));
}

#[test]
fn refuses_patterns_that_mean_nothing() {
    for (text, is_good) in
        [("a/{b}/c", true), ("{/a/b}", true), ("{", false), ("{}", false), ("a}", true)]
    {
        assert_eq!(text.parse::<TextTemplate>().is_ok(), is_good, "{text}");
    }
    for (text, is_good) in [("", true), ("/*", true), ("/a~1b/*", true), ("a", false)] {
        assert_eq!(text.parse::<TableSelection>().is_ok(), is_good, "{text}");
    }
}
