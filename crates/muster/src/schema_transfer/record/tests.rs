#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use super::*;

const DUMP: &str = r#"
{"keytype":"NOOP","magic":0}	null
{"keytype":"CONFIG","subject":null,"magic":0}	{"compatibilityLevel":"FULL"}
{"keytype":"SCHEMA","subject":"b","version":1,"magic":1}	{"subject":"b","version":1,"id":1,"references":[{"name":"A","subject":"a","version":1}],"schema":"\"A\"","deleted":false}
{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}	{"subject":"a","version":1,"id":2,"schema":"\"int\"","deleted":false}
{"keytype":"SCHEMA","subject":"c","version":1,"magic":1}	{"subject":"c","version":1,"id":3,"schema":"\"long\"","deleted":false}
{"keytype":"DELETE_SUBJECT","subject":"c","magic":0}	{"subject":"c","version":1}
{"keytype":"SCHEMA","subject":"d","version":1,"magic":1}	{"subject":"d","version":1,"id":4,"schema":"\"long\"","deleted":false}
{"keytype":"SCHEMA","subject":"d","version":1,"magic":1}	null
{"keytype":"MODE","subject":":.team:","magic":0}	{"mode":"READONLY"}
"#;

#[test]
fn reads_a_dump_of_the_topic_and_its_own_lines_alike() {
    let records = SchemaRecords::read(DUMP).unwrap();
    let names: Vec<_> = records.schemas.keys().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(records.schemas[&("c".to_owned(), 1)].deleted, Some(true));
    assert_eq!(records.modes[&Some(":.team:".to_owned())], "READONLY");
    let lines: Vec<String> = records.all().map(|record| record.line()).collect();
    assert_eq!(SchemaRecords::read(&lines.join("\n")), Ok(records));
}

#[test]
fn what_is_referred_to_comes_first() {
    let records = SchemaRecords::read(DUMP).unwrap();
    let order: Vec<_> = records.in_order().iter().map(|one| one.subject.clone().unwrap()).collect();
    assert_eq!(order, ["a", "c", "b"]);
}

#[test]
fn a_line_that_is_no_record_is_named() {
    for (text, line) in [
        ("\n{", 2),
        ("{}", 1),
        (r#"{"key":{"keytype":"SCHEMA","subject":"a"},"value":{}}"#, 1),
        (r#"{"key":{"keytype":"SCHEMA","subject":"a","version":1},"value":{"id":1}}"#, 1),
    ] {
        assert_eq!(SchemaRecords::read(text).unwrap_err().line, line, "{text}");
    }
}

#[test]
fn the_context_of_a_subject_is_before_its_name() {
    for (subject, context) in
        [("a", ""), (":.team:a", ":.team:"), (":.team:", ":.team:"), (":", "")]
    {
        assert_eq!(context_of(subject), context, "{subject}");
    }
}
