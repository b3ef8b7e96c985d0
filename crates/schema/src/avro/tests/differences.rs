use super::parse;
use crate::avro::difference;

/// An old schema, a new one, and each change: what happened, to what, where, from, to, and class.
#[test]
fn tells_what_was_added_changed_removed_and_deprecated() {
    let of = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let text = |text: &str| text.to_owned();
    let a = r#"{"name":"a","type":"int"}"#;
    for (old, new, expect) in [
        (of(a), of(a), vec![]),
        (text(r#""int""#), text(r#""long""#), vec!["Modified Type  int→long Breaking"]),
        (
            of(a),
            of(r#"{"name":"a","type":"int"},{"name":"b","type":"string","default":""}"#),
            vec!["Added Member /fields/1 →b of the type string NonBreaking"],
        ),
        (
            of(r#"{"name":"b","type":"string"}"#),
            of(a),
            vec![
                "Added Member /fields/0 →a of the type int Breaking",
                "Removed Member /fields/0 b of the type string→ Breaking",
            ],
        ),
        (
            of(r#"{"name":"a","type":"int","default":1}"#),
            of(
                r#"{"name":"b","aliases":["a"],"type":"int","default":2,"doc":"d","order":"ignore","deprecated":true}"#,
            ),
            vec![
                "Modified Member /fields/0/name a→b NonBreaking",
                "Modified Constraint /fields/0/aliases →a NonBreaking",
                "Modified Constraint /fields/0/order ascending→ignore NonBreaking",
                "Modified Default /fields/0/default 1→2 NonBreaking",
                "Added Documentation /fields/0/doc →d Patch",
                "Deprecated Documentation /fields/0 →true Patch",
            ],
        ),
        (
            text(r#"{"type":"enum","name":"E","symbols":["A","B"],"doc":"x"}"#),
            text(r#"{"type":"enum","name":"E","symbols":["A","C"],"default":"A"}"#),
            vec![
                "Removed Documentation /doc x→ Patch",
                "Added Member /symbols/1 →C Breaking",
                "Removed Member /symbols B→ NonBreaking",
                "Added Default /default →A NonBreaking",
            ],
        ),
        (
            text(r#"{"type":"fixed","name":"F","size":1}"#),
            text(r#"{"type":"fixed","name":"G","aliases":["F"],"size":2}"#),
            vec![
                "Modified Type /name F→G Breaking",
                "Modified Constraint /aliases →F NonBreaking",
                "Modified Constraint /size 1→2 Breaking",
            ],
        ),
        (
            of(r#"{"name":"a","type":["null","int","double"]}"#),
            of(r#"{"name":"a","type":["null","string","double"]}"#),
            vec![
                "Added Member /fields/0/type/1 →string Breaking",
                "Removed Member /fields/0/type/1 int→ NonBreaking",
            ],
        ),
        (
            of(a),
            of(r#"{"name":"a","type":["int"]}"#),
            vec!["Modified Type /fields/0/type int→union of int NonBreaking"],
        ),
        (
            text(r#"{"type":"array","items":{"type":"long","logicalType":"timestamp-millis"}}"#),
            text(
                r#"{"type":"array","items":{"type":"long","logicalType":"timestamp-micros"},"x":1}"#,
            ),
            vec![
                "Added Documentation /x →1 Patch",
                "Modified Type /items long as timestamp-millis→long as timestamp-micros Breaking",
            ],
        ),
        // A type that contains itself is compared once.
        (
            of(r#"{"name":"a","type":["null","R"]},{"name":"b","type":"int"}"#),
            of(r#"{"name":"a","type":["null","R"]},{"name":"b","type":"long"}"#),
            vec!["Modified Type /fields/1/type int→long Breaking"],
        ),
    ] {
        let found: Vec<String> = difference(&parse(&old), &parse(&new))
            .into_iter()
            .map(|change| {
                let (was, is) = (change.was.unwrap_or_default(), change.is.unwrap_or_default());
                let (kind, part, class) = (change.kind, change.part, change.class);
                format!("{kind:?} {part:?} {} {was}→{is} {class:?}", change.path)
            })
            .collect();
        assert_eq!(found, expect, "{old} → {new}");
    }
}
