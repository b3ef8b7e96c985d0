#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use proptest::prelude::*;

use super::*;

fn parsed(query: &str) -> Filter {
    read_filter(&Query::parse(query.strip_prefix('?'))).unwrap()
}

#[test]
fn says_what_is_wrong_with_a_parameter() {
    for (query, expect) in [
        ("filter=a..b", Some(("bad_filter", "a..b"))),
        ("filter=count%3Cnull", Some(("bad_filter", "count<null"))),
        ("filter=excludeall,name", Some(("bad_filter", "excludeall"))),
        ("filter=name", None),
        ("sort=", Some(("bad_sort", ""))),
        ("sort=name=up", Some(("bad_sort", "name=up"))),
        ("sort=a..b", Some(("bad_sort", "a..b"))),
        ("sort=a&sort=b", Some(("bad_sort", "a"))),
        ("sort=name=desc", None),
    ] {
        let query = Query::parse(Some(query));
        let problem =
            read_filter(&query).err().or_else(|| read_sort(&query, &Place::Registry).err());
        let found = problem.map(|problem| {
            (problem.code().name().to_owned(), problem.body().args["value"].clone())
        });
        let expect = expect.map(|(code, value)| (code.to_owned(), value.to_owned()));
        assert_eq!(found, expect, "{query:?}");
    }
}

#[test]
fn writes_what_is_left_within_a_collection() {
    for (values, collection, expect) in [
        (&["dirs.files.name=bob"][..], "dirs", Some("?filter=files.name=bob")),
        (&["dirs.files.name!=null"], "dirs", Some("?filter=files.name")),
        (&["dirs.name<>x"], "dirs", Some("?filter=name!=x")),
        (&["dirs.name<=BOB"], "dirs", Some("?filter=name<=BOB")),
        (&["dirs.name=a b&c"], "dirs", Some("?filter=name=a%20b%26c")),
        (&["name=x,dirs.name=y"], "dirs", Some("?filter=name=y")),
        (&["dirs.name=a,dirs.x", "dirs.name=b"], "dirs", Some("?filter=name=a,x&filter=name=b")),
        (&["name=x"], "dirs", None),
        (&["dirs.name=x"], "others", None),
    ] {
        let filter = Filter::parse(values.iter().copied()).unwrap();
        let left = filter.below(collection).map(|left| to_query(&left));
        assert_eq!(left.as_deref(), expect, "{filter:?}");
    }
}

proptest! {
    /// A filter that is written to a URL and parsed again is the same filter.
    #[test]
    fn reads_what_it_wrote(
        names in prop::collection::vec("[a-z][a-z0-9_]{0,5}", 1..4),
        sign in prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
        value in "[ -+./-Z^-~]{0,8}",
    ) {
        let text = format!("{}{sign}{value}", names.join("."));
        let Ok(filter) = Filter::parse([text.as_str()].into_iter()) else { return Ok(()) };
        prop_assert_eq!(parsed(&to_query(&filter)), filter);
    }
}

#[test]
fn says_comparisons_so_that_they_are_read_as_they_were() {
    for (text, expect) in [
        ("a<5", "?filter=a<5"),
        ("a< =5", "?filter=a<%20=5"),
        ("a> =5", "?filter=a>%20=5"),
        ("a< >5", "?filter=a<%20%3E5"),
        ("a<= =5", "?filter=a<=%20=5"),
        ("a<x\\*y", "?filter=a<x%5C*y"),
    ] {
        let filter = Filter::parse([text].into_iter()).unwrap();
        let query = to_query(&filter);
        assert_eq!(query, expect, "{text}");
        assert_eq!(parsed(&query), filter, "{text}");
    }
}
