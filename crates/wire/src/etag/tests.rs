#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use http::header::{IF_MATCH, IF_NONE_MATCH};
use proptest::prelude::*;

use super::*;

fn tag(position: u64, rendition: Rendition) -> EntityTag {
    EntityTag {
        position: Position(position),
        tag: [0xab, 0x34, 0xcd, 0x06],
        rendition,
        weak: false,
    }
}

#[test]
fn writes_a_tag_with_its_view_and_encoding() {
    let strong = tag(1204, Rendition::Document);
    assert_eq!(strong.to_string(), r#""1204.ab34cd06-d""#);
    let packed = with_encoding(&strong.to_string(), "gzip");
    assert_eq!(packed.as_deref(), Some(r#""1204.ab34cd06-d-gzip""#));
    assert_eq!(with_encoding("1204", "gzip"), None);
    let weak = EntityTag { weak: true, rendition: Rendition::Collection, ..strong };
    assert_eq!(weak.to_string(), r#"W/"1204.ab34cd06-c""#);
}

#[test]
fn reads_its_own_tags_and_no_others() {
    for (opaque, expect) in [
        ("7.ab34cd06-m", true),
        ("7.ab34cd06-m-gzip", true),
        ("0.ab34cd06-m", true),
        ("07.ab34cd06-m", false),
        ("+7.ab34cd06-m", false),
        ("7.AB34CD06-m", false),
        ("7.ab34cd0-m", false),
        ("7.ab34cd06", false),
        ("7.ab34cd06-x", false),
        ("7.ab34cd06-mm", false),
        ("7.ab34cd06-m-", false),
        ("7.ab34cd06-m-gzip-x", false),
        ("99999999999999999999.ab34cd06-m", false),
        ("", false),
        ("é", false),
    ] {
        assert_eq!(EntityTag::read(opaque, false).is_some(), expect, "{opaque}");
    }
}

#[test]
fn reads_lists_strictly() {
    let ours = Some(tag(7, Rendition::Details));
    let weak = ours.map(|tag| EntityTag { weak: true, ..tag });
    for (value, expect) in [
        ("*", Some(EntityTagCondition::Any)),
        (" * ", Some(EntityTagCondition::Any)),
        (r#""7.ab34cd06-m""#, Some(EntityTagCondition::Tags(vec![ours]))),
        (r#"W/"7.ab34cd06-m""#, Some(EntityTagCondition::Tags(vec![weak]))),
        (r#""7.ab34cd06-m-gzip", "other""#, Some(EntityTagCondition::Tags(vec![ours, None]))),
        (r#","a" ,, "b","#, Some(EntityTagCondition::Tags(vec![None, None]))),
        (r#""a,b""#, Some(EntityTagCondition::Tags(vec![None]))),
        (r#""""#, Some(EntityTagCondition::Tags(vec![None]))),
        ("", None),
        (",", None),
        ("a", None),
        (r#""a"#, None),
        (r#""a" "b""#, None),
        (r#"w/"a""#, None),
        (r#"W/ "a""#, None),
        (r#""a b""#, None),
        (r#"*, "a""#, None),
    ] {
        assert_eq!(EntityTagCondition::parse(value.as_bytes()).ok(), expect, "{value}");
    }
}

#[test]
fn reads_several_lines_as_one_list() {
    for (lines, expect) in [
        (&[][..], Ok(None)),
        (&[r#""a""#, r#""b""#], Ok(Some(EntityTagCondition::Tags(vec![None, None])))),
        (&["*"], Ok(Some(EntityTagCondition::Any))),
        (&["*", r#""a""#], Err(ConditionError)),
        (&["a"], Err(ConditionError)),
    ] {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        assert_eq!(EntityTagCondition::from_headers(&headers, &IF_MATCH), expect, "{lines:?}");
        assert_eq!(EntityTagCondition::from_headers(&headers, &IF_NONE_MATCH), Ok(None));
    }
}

#[test]
fn compares_strongly_for_if_match_and_weakly_for_if_none_match() {
    // The document was last changed at 5, the details at 7.
    let there = |rendition| match rendition {
        Rendition::Document => Some(tag(5, Rendition::Document)),
        Rendition::Details => Some(tag(7, Rendition::Details)),
        Rendition::Collection => Some(EntityTag { weak: true, ..tag(9, Rendition::Collection) }),
    };
    for (value, matches, named) in [
        (r#""7.ab34cd06-m""#, true, true),
        (r#""5.ab34cd06-d""#, true, true),
        (r#""5.ab34cd06-d-gzip""#, true, true),
        (r#""6.ab34cd06-m""#, false, false),
        (r#""5.ab34cd06-m""#, false, false),
        (r#""7.00000000-m""#, false, false),
        (r#"W/"7.ab34cd06-m""#, false, true),
        (r#"W/"9.ab34cd06-c""#, false, true),
        (r#""9.ab34cd06-c""#, false, true),
        (r#""x", "7.ab34cd06-m""#, true, true),
        (r#""x""#, false, false),
        ("*", true, true),
    ] {
        let condition = EntityTagCondition::parse(value.as_bytes()).unwrap();
        assert_eq!(condition.if_match(there), matches, "{value}");
        assert_eq!(condition.if_none_match_names(there), named, "{value}");
        assert!(!condition.if_match(|_| None) && !condition.if_none_match_names(|_| None));
    }
}

proptest! {
    #[test]
    fn reads_what_it_wrote(position: u64, tag: [u8; 4], rendition in 0..3_usize, weak: bool) {
        let rendition = [Rendition::Document, Rendition::Details, Rendition::Collection][rendition];
        let tag = EntityTag { position: Position(position), tag, rendition, weak };
        let plain = tag.to_string();
        for text in with_encoding(&plain, "gzip").into_iter().chain([plain]) {
            let expect = EntityTagCondition::Tags(vec![Some(tag)]);
            prop_assert_eq!(EntityTagCondition::parse(text.as_bytes()), Ok(expect));
        }
    }

    #[test]
    fn takes_any_bytes(value in any::<Vec<u8>>()) {
        let _ = EntityTagCondition::parse(&value);
    }
}
