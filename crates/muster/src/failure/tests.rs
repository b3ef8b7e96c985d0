#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_client::StatusCode;
use muster_words::Moment;

use super::*;
use crate::output::Format;

fn refusal(status: u16, body: &str) -> Failure {
    ErrorResponse::read(StatusCode::from_u16(status).unwrap(), body.as_bytes()).into()
}

#[test]
fn says_what_happened_where_and_what_to_do() {
    let screen = Screen::plain(Moment::EPOCH);
    let violations = r#"{"type":"urn:muster:error:invalid_document","code":422,"reason":"invalid_document",
        "title":"The document was refused: 1 violation.","subject":"/providers/cms/entries/sanity",
        "violations":[{"pointer":"/a","rule":"r","severity":"error","message":"m"}]}"#;
    for (failure, expect) in [
        (
            Failure::new(FailureCode::named("a_code"), "it broke").help("mend it"),
            "error: it broke  [a_code]\nhelp: mend it",
        ),
        (
            Failure::new(FailureCode::named("a"), "x").lines(["one".into(), "two\x1b[0m".into()]),
            "error: x  [a]\n  one\n  two\u{fffd}[0m",
        ),
        (
            refusal(422, violations),
            "error: the document was refused: 1 violation  [invalid_document]\n\
             \x20 providers/cms/entries/sanity  /a  r  m\n\
             help: correct the listed violations; muster validate checks a document without a server",
        ),
    ] {
        assert_eq!(failure.render(&screen).unwrap(), expect);
    }
    assert_eq!(Failure::output_closed().render(&screen), None);
}

#[test]
fn gives_programs_what_the_server_answered() {
    let screen = Screen { format: Format::Json, ..Screen::plain(Moment::EPOCH) };
    let answer = r#"{"code":404,"extra":1,"reason":"not_found","title":"T.","type":"x#not_found"}"#;
    assert_eq!(refusal(404, answer).render(&screen).unwrap(), answer);
    let own = Failure::new(OwnCode::NoFile, "there is no a.json").help("look");
    let expect = r#"{"help":"look","reason":"no_file","title":"there is no a.json","type":"urn:muster:error:no_file"}"#;
    assert_eq!(own.render(&screen).unwrap(), expect);
}

#[test]
fn tells_what_refers_to_what_cannot_be_deleted() {
    let body =
        r#"{"type":"urn:muster:error:referenced","title":"Can't.","references":["/a/b/c/d"]}"#;
    assert_eq!(refusal(409, body).0.lines, ["/a/b/c/d"]);
}
