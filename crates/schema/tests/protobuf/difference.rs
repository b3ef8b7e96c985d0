use muster_schema::protobuf::difference;

use crate::schema;

#[test]
fn lists_what_changed_with_its_weight() {
    let old = schema(
        "syntax = \"proto2\"; package p;
         message M { optional int32 a = 1; optional string b = 2; optional int32 c = 3;
             optional int32 d = 4; required int32 e = 5; optional int32 f = 6; }
         enum E { X = 0; Y = 1; } message Gone {} service S { rpc Get (M) returns (M); }",
    );
    let new = schema(
        "syntax = \"proto2\"; package p;
         message M { optional int64 a = 1; optional string bb = 2; reserved 3;
             optional int32 d = 4 [deprecated = true]; optional int32 e = 5;
             optional int32 f = 6 [default = 1]; repeated M g = 7; }
         enum E { X = 0; Z = 2; } message Fresh {} service S { rpc Get (M) returns (stream M); }",
    );
    let found: Vec<String> = difference(&old, &new)
        .into_iter()
        .map(|change| {
            let text = |side: Option<String>| side.unwrap_or_else(|| "-".into());
            format!(
                "{} {:?} {:?} {:?}: {} -> {}",
                change.path,
                change.kind,
                change.part,
                change.class,
                text(change.was),
                text(change.is)
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ".p.E.Y Removed Member NonBreaking: 1 -> -",
            ".p.E.Z Added Member NonBreaking: - -> 2",
            ".p.Fresh Added Member NonBreaking: - -> message Fresh",
            ".p.Gone Removed Member Breaking: message Gone -> -",
            ".p.M Added Constraint NonBreaking: - -> reserved 3",
            ".p.M.a Modified Type Breaking: optional int32 -> optional int64",
            ".p.M.bb Modified Member NonBreaking: b -> bb",
            ".p.M.c Removed Member NonBreaking: optional int32 -> -",
            ".p.M.d Deprecated Documentation Patch: in use -> deprecated",
            ".p.M.e Modified Required Breaking: required -> optional",
            ".p.M.f Modified Default Breaking: 0 -> 1",
            ".p.M.g Added Member NonBreaking: - -> repeated .p.M",
            ".p.S.Get Modified Type NonBreaking: (M) returns (M) -> (M) returns (stream M)",
        ]
    );
    assert_eq!(difference(&new, &new), []);
}
