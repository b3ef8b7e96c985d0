use super::*;

const DOCUMENT: &str = r#"{
    "category": "cms", "cms_type": "git_based", "empty": "", "name": "Zürich",
    "monthly_cost_range": [75, 75.5], "wrong_range": [280, 65], "free": [0, 0.0],
    "key_features": ["visual_editing", "preview", "roles"], "none": [], "nothing": null,
    "engines": [{"id": "hugo", "speed": 3}, {"id": "gatsby", "speed": 1.5}],
    "nested": {"a": {"b": {"c": 1}}, "x-y": true}, "big": 18446744073709551615,
    "bigger": 123456789012345678901234567890, "precise": 9007199254740993, "open": true
}"#;

#[test]
fn says_what_cel_says() {
    let document = parse(DOCUMENT);
    for expression in [
        "true",
        "document.category == 'cms'",
        r#"document.category == "cms" && xid == "/providers/cms/entries/sanity""#,
        "group == 'cms' && id == 'sanity'",
        "has(document.cms_type) && !has(document.ssg_engine)",
        "has(document.nested.a.b.c)",
        "document.category != 'cms' || has(document.cms_type)",
        "document['category'] == 'cms' && document.nested['x-y']",
        // Numbers of different types are compared by value.
        "document.monthly_cost_range[0] <= document.monthly_cost_range[1]",
        "!(document.wrong_range[0] <= document.wrong_range[1])",
        "document.monthly_cost_range[0] == 75 && document.monthly_cost_range[0] == 75.0",
        "document.monthly_cost_range[1] > 75 && document.monthly_cost_range[1] < 76u",
        "document.free[0] == document.free[1]",
        "document.monthly_cost_range.all(cost, cost >= 0 && cost <= 100000)",
        "document.precise == 9007199254740993 && document.precise != 9007199254740992",
        "document.precise > 9007199254740992.0",
        "document.big > 9223372036854775807 && document.big == 18446744073709551615u",
        "document.bigger > document.big && document.bigger > 1e29",
        "-1 < 1u && 1u > -1.5 && -0.0 == 0",
        "1 < 1.5 && 2 > 1.5 && -2 < -1.5 && -1 > -1.5",
        // Arithmetic.
        "7 / 2 == 3 && 7 % 3 == 1 && -7 / 2 == -3 && 7.0 / 2.0 == 3.5 && 2 * 3 - 1 == 5",
        "document.monthly_cost_range[1] - document.monthly_cost_range[0] == 0.5",
        "document.engines[0].speed + 0.5 == 3.5",
        "1.0 / 0.0 > 1e300",
        // Texts.
        "document.category + '_' + document.cms_type == 'cms_git_based'",
        "size(document.name) == 6 && document.name.size() == 6 && size(document.empty) == 0",
        "document.cms_type.startsWith('git') && document.cms_type.endsWith('based')",
        "document.cms_type.contains('_') && !document.cms_type.contains('-')",
        "document.cms_type.matches('^[a-z]+_[a-z]+$') && !matches(document.category, '^ms')",
        "document.name.matches('^Z.rich$') && document.cms_type.matches('it')",
        "document.cms_type.matches('^' + 'git')",
        "'a' < 'b' && 'abc' < 'abd' && 'Z' < 'a'",
        "document.name.lowerAscii() == 'zürich' && ' x '.trim() == 'x' && 'x'.upperAscii() == 'X'",
        "document.key_features.join(', ') == 'visual_editing, preview, roles'",
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join() == 'ab'",
        r#"r'\d' == '\\d' && "\u00fc" == 'ü' && '''a"b''' == "a\"b""#,
        // Lists and maps.
        "size(document.key_features) == 3 && 'roles' in document.key_features",
        "!('none' in document.key_features) && 'category' in document && !('x' in document)",
        "75 in document.monthly_cost_range && 75.0 in document.monthly_cost_range",
        "document.none == [] && document.nothing == null && document.none != null",
        "document.free == [0, 0] && document.monthly_cost_range == [75, 75.5]",
        "document.nested.a == {'b': {'c': 1.0}} && {'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
        "{'a': 1}.a == 1 && {1: 'x'}[1.0] == 'x' && {true: 1}[true] == 1",
        "[1, 2] + [3] == [1, 2, 3] && size({'a': 1}) == 1",
        "document.key_features[2] == 'roles' && document.key_features[1u] == 'preview'",
        "document.key_features[2.0] == 'roles'",
        // Loops.
        "document.engines.all(e, has(e.id)) && document.engines.exists(e, e.speed < 2)",
        "document.engines.exists_one(e, e.id == 'hugo') && !document.engines.exists_one(e, true)",
        "document.engines.map(e, e.id) == ['hugo', 'gatsby']",
        "document.engines.map(e, e.speed > 2, e.id) == ['hugo']",
        "document.engines.filter(e, e.speed < 2)[0].id == 'gatsby'",
        "document.none.all(x, false) && !document.none.exists(x, true)",
        "document.nested.all(key, key in ['a', 'x-y'])",
        "[1, 2].all(x, [3, 4].all(y, x < y)) && [1, 2].exists(x, [2].exists(y, x == y))",
        "[1, 2].map(x, [x].map(x, x * 10)) == [[10], [20]]",
        "[[1, 2], [3]].map(xs, size(xs)) == [2, 1]",
        "[1].all(document, document == 1)",
        // A side that decides the result wins over a fault.
        "true || document.no_such",
        "document.no_such == 1 || true",
        "!(false && document.no_such)",
        "!(document.no_such == 1 && false)",
        "[1, 0].exists(x, 1 / x == 1)",
        "!([0, 2].all(x, 1 / x == 1))",
        "document.open ? true : document.no_such",
        // Types and conversions.
        "type(document.precise) == int && type(1.5) == double && type('') == string",
        "type(document.big) == uint && type(null) == null_type && type([]) == list",
        "type(document) == map && type(true) == bool && type(int) == type",
        "int('12') == 12 && int(1.9) == 1 && int(-1.9) == -1 && uint(3) == 3u && int(3u) == 3",
        "double('1.5') == 1.5 && double(2) == 2.0 && string(75) == '75' && string(75.5) == '75.5'",
        "string(1.0) == '1' && string(true) == 'true' && bool('true') && dyn(1) == 1",
        "1 != '1' && null != 0 && [] != {}",
    ] {
        assert_eq!(holds(expression, &document), Ok(true), "{expression}");
    }
}

#[test]
fn says_why_it_cannot_say() {
    let document = parse(DOCUMENT);
    for (expression, expect) in [
        ("document.no_such == 1", "there is no no_such"),
        ("document.nested.q.c == 1", "there is no q"),
        ("document['no such'] == 1", "there is no no such"),
        ("has(document.no_such.c)", "there is no no_such"),
        ("document.category.x == 1", ". isn't defined for string"),
        ("document.key_features[3] == ''", "there is no value at index 3 in a list of 3"),
        ("document.key_features[-1] == ''", "there is no value at index -1 in a list of 3"),
        ("document.key_features[0.5] == ''", "there is no value at index 0.5 in a list of 3"),
        ("document.key_features['0'] == ''", "[] isn't defined for list and string"),
        ("document.category > 1", "> isn't defined for string and int"),
        ("document.nothing < 1", "< isn't defined for null_type and int"),
        ("document.category + 1 == ''", "+ isn't defined for string and int"),
        ("1 + 1u == 2", "+ isn't defined for int and uint"),
        ("5.5 % 2.0 == 1.5", "% isn't defined for double and double"),
        ("size(1) == 1", "size isn't defined for int"),
        ("size(document.open) == 1", "size isn't defined for bool"),
        ("document.precise.matches('1')", "matches isn't defined for int"),
        ("document.precise.startsWith('1')", "startsWith isn't defined for int and string"),
        ("1 in 'a'", "in isn't defined for int and string"),
        ("!document.category", "! isn't defined for string"),
        ("document.category && true", "&& isn't defined for string"),
        ("document.category ? true : false", "?: isn't defined for string"),
        ("document.open.all(x, true)", "all isn't defined for bool"),
        ("[1].all(x, x)", "all isn't defined for int"),
        ("9223372036854775807 + 1 > 0", "+ gives a number that is too large"),
        ("-(-9223372036854775807 - 1) > 0", "- gives a number that is too large"),
        ("(-9223372036854775807 - 1) / -1 > 0", "/ gives a number that is too large"),
        ("1 / 0 == 1", "it divides by zero"),
        ("1u % 0u == 1u", "it divides by zero"),
        ("int('x') == 1", "\"x\" can't be converted to int"),
        ("int(1e300) == 1", "int gives a number that is too large"),
        ("uint(-1) == 1u", "uint gives a number that is too large"),
        ("{'a': 1, 'a': 2} == {}", "a map has the same key twice"),
        ("{1.5: 1} == {}", "{} isn't defined for double"),
        ("document.category.matches('(' + '')", "the pattern \"(\" can't be used: unclosed group"),
        ("1", "its result is int, not true or false"),
        ("document.category", "its result is string, not true or false"),
        ("document.no_such || false", "there is no no_such"),
        ("[0].exists(x, 1 / x == 1)", "it divides by zero"),
        ("[1, 2].join('') == ''", "join isn't defined for int"),
    ] {
        let fault = holds(expression, &document).unwrap_err();
        assert_eq!(fault.to_string(), expect, "{expression}");
    }
}

#[test]
fn refuses_what_can_never_be_evaluated_and_says_where() {
    for (expression, expect) in [
        ("document.a ==", "line 1, column 14: "),
        ("", "line 1, column 1: "),
        ("a b", "line 1, column 3: "),
        ("'unclosed", "line 1, column 1: "),
        ("document.a &&\n  )", "line 2, column 3: "),
        (
            "documnet.a == 1",
            "column 1: there is no documnet; the variables are document, xid, group and id",
        ),
        (
            "document.a == now",
            "column 15: there is no now; the variables are document, xid, group and id",
        ),
        (
            "[1].all(x, true) && x == 1",
            "column 9: there is no x; the variables are document, xid, group and id",
        ),
        (
            "document.a.startswith('x')",
            "column 12: there is no function startswith; did you mean startsWith?",
        ),
        ("timestamp('2026-11-21T00:00:00Z') > 1", "column 1: there is no function timestamp"),
        ("size(document, 1) == 1", "column 1: size must be called as size(x)"),
        ("startsWith('a', 'b')", "column 1: startsWith must be called as text.startsWith(start)"),
        ("document.all(x)", "column 10: all must be called as list.all(x, test)"),
        ("document.a.matches('(')", "the pattern \"(\": unclosed group"),
        (
            "document.a.matches('(?=a)')",
            "the pattern \"(?=a)\": look-around, including look-ahead and look-behind, is not supported",
        ),
        ("b'abc' == b'abc'", "an expression can't contain bytes"),
        ("a.B{c: 1} == 1", "an expression can't contain messages"),
    ] {
        let error = refused(expression).to_string();
        assert!(error.starts_with(expect), "{expression}: {error}");
    }
}
