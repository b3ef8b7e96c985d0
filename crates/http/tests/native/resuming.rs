//! Where a stream of changes may be resumed, and what its head says.

use muster_catalog::command::Mode;

use crate::harness::{Running, entity, put, tree};

const SANITY: &str = "/providers/cms/entries/sanity";

#[tokio::test]
async fn resumes_only_at_an_id_that_a_stream_has_given() {
    let running = Running::start().await;
    // So many entities that their command takes several entries.
    let all: Vec<String> = (0..6_000).map(|number| format!("\"e{number}\": {{}}")).collect();
    let body = format!(r#"{{"providers": {{"cms": {{"entries": {{{}}}}}}}}}"#, all.join(","));
    let begun = running.registry.view().position();
    let done = running.submit(tree(Mode::Post, entity("/"), &body)).await;
    assert!(done.position > begun.next(), "it takes several entries");
    running.submit(put(SANITY, "{}")).await;
    let head = running.registry.view().position();
    let ask = async |id: &str| {
        let headers = [("last-event-id", id)];
        let (status, body) = running.ask_head("GET /changes", &headers, "").await;
        assert_eq!(status == 400, body.contains("bad_position"), "{id}: {body}");
        status
    };
    for (id, expect) in [
        (format!("{head}.1"), 200),
        (format!("{head}"), 200),
        (format!("{}", done.position), 200),
        (format!("{}.12001", done.position), 200),
        ("0".to_owned(), 200),
        (format!("{head}.0"), 400),
        (format!("{head}.9"), 400),
        (format!("{}.40000", done.position), 400),
        (format!("{}.4294967295", done.position), 400),
        (format!("{}", begun.next()), 400),
        (format!("{}.1", begun.next()), 400),
        (format!("{}", head.next()), 400),
        ("nonsense".to_owned(), 400),
    ] {
        assert_eq!(ask(&id).await, expect, "{id}");
    }
    // A position within a command is good where somebody asks for what came after it.
    let within = format!("GET /changes?after={}", begun.next());
    assert_eq!(running.ask_head(&within, &[], "").await.0, 200);
}

#[tokio::test]
async fn a_head_of_the_stream_has_no_length() {
    let running = Running::start().await;
    let (status, head, body) = running.ask_whole("HEAD /changes", &[], "").await;
    let head = head.to_ascii_lowercase();
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains("text/event-stream") && !head.contains("content-length"), "{head}");
    let (_, head, _) = running.ask_whole("HEAD /status", &[], "").await;
    assert!(head.to_ascii_lowercase().contains("content-length: "), "{head}");
}
