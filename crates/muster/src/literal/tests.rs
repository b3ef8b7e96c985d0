#![expect(clippy::panic, reason = "a test that can't go on fails")]

use muster_words::json::{Map, Value};
use proptest::prelude::*;

use super::*;

/// The JSON of a literal; expressions become texts that say so.
fn json(node: &LiteralNode) -> Value {
    match &node.value {
        Literal::Null => Value::Null,
        Literal::Absent => "<absent>".into(),
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Number(number) => Value::Number(number.clone()),
        Literal::Text(text) => Value::String(text.clone()),
        Literal::Foreign(text) => format!("<{text}>").into(),
        Literal::List(elements) => elements.iter().map(json).collect(),
        Literal::Object(members) => {
            let members = members.iter().map(|member| {
                (member.name.clone().unwrap_or_else(|| "<?>".to_owned()), json(&member.node))
            });
            Value::Object(members.collect())
        }
    }
}

fn only(text: &str, language: Language) -> Result<Value, String> {
    let read = read_tables(text, language).map_err(|error| {
        let FilePlace { line, column } = PlaceIndex::of(text).place(text, error.at);
        format!("{line}:{column} {error}")
    })?;
    match read.tables.as_slice() {
        [table] => Ok(json(&table.node)),
        tables => Err(format!("{} tables", tables.len())),
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn reads_values_as_each_language_means_them() {
    use Language::{Json, Python, TypeScript};
    for (language, text, expect) in [
        (
            Json,
            "[null, true, 1.50, -2e+3, \"a\\u00e9\\ud83d\\ude00\\/\"]",
            r#"[null,true,1.50,-2e3,"aé😀/"]"#,
        ),
        (Json, "// why\n{\"a\": [1, 2,], /* b */ \"c\": {},}\n", r#"{"a":[1,2],"c":{}}"#),
        (Python, "{'a': None, \"b\": True, 'c': False}", r#"{"a":null,"b":true,"c":false}"#),
        (Python, "[(), (1,), (1, 2), (3), ('a' 'b'\n 'c')]", r#"[[],[1],[1,2],3,"abc"]"#),
        (Python, "{1, 2, 3}", "[1,2,3]"),
        (Python, "{1: 'a', 'b': {2, }}", r#"{"1":"a","b":[2]}"#),
        (
            Python,
            r"[r'\d', u'é', '\d', '\x41\101\u00e9\U0001F600', '\
']",
            r#"["\\d","é","\\d","AAé😀",""]"#,
        ),
        (Python, "['''a\n'b' ''', \"\"\"c\"\"\"]", r#"["a\n'b' ","c"]"#),
        (
            Python,
            "[0x1F, 0o17, 0b11, 1_000, .5, 5., 1e3, +1, -1]",
            "[31,15,3,1000,0.5,5.0,1e3,1,-1]",
        ),
        (
            TypeScript,
            "({a: 1, 'b': `x\ny`, 3: undefined, $_: null})",
            r#"{"a":1,"b":"x\ny","3":"<absent>","$_":null}"#,
        ),
        (
            TypeScript,
            r"['\x41\u{1F600}\u00e9\0\q\
']",
            r#"["A😀é\u0000q"]"#,
        ),
        (TypeScript, "[10n, 0xffn, 1_0.5]", "[10,255,10.5]"),
        (
            TypeScript,
            "const A = {b: [1, 'c'] as const, d: {} satisfies D<E, F>} as const;",
            r#"{"b":[1,"c"],"d":{}}"#,
        ),
        (
            TypeScript,
            "[10 as number * 2, 'a' as string + 'b', null as X ?? 1, false as boolean ? 1 : 2, 1 as A || 2, 2 as A | B]",
            r#"["<10 as number * 2>","<'a' as string + 'b'>","<null as X ?? 1>","<false as boolean ? 1 : 2>","<1 as A || 2>",2]"#,
        ),
        (
            Python,
            "[00, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF]",
            r#"[0,"<0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF>"]"#,
        ),
        // What is no literal is kept as its text, and doesn't hide what is beside it.
        (
            Python,
            "[f(1, 2), a.B, 1 + 2, f'{x}', b'x', -x, 3j, float('nan'), 1]",
            r#"["<f(1, 2)>","<a.B>","<1 + 2>","<f'{x}'>","<b'x'>","<-x>","<3j>","<float('nan')>",1]"#,
        ),
        (
            Python,
            "{'a': x if y else z, **b, c: 1, (1, 2): 3}",
            r#"{"a":"<x if y else z>","<?>":3}"#,
        ),
        (
            Python,
            "['a' if b else 'c', [x for x in y], (x for x in y)]",
            r#"["<'a' if b else 'c'>",["<x for x in y>"],"<(x for x in y)>"]"#,
        ),
        (
            TypeScript,
            "[`a${b}`, `${`x${1}`}`, f(')'), (a) => { return [1, 2] }, new X(), -Infinity]",
            r#"["<`a${b}`>","<`${`x${1}`}`>","<f(')')>","<(a) => { return [1, 2] }>","<new X()>","<-Infinity>"]"#,
        ),
        (
            TypeScript,
            "({a, ...b, [c]: 1, d() { return 1; }, e: f})",
            r#"{"a":"<a>","<?>":"<d() { return 1; }>","e":"<f>"}"#,
        ),
    ] {
        assert_eq!(only(text, language), Ok(value(expect)), "{language:?} {text}");
    }
}

#[test]
fn finds_tables_among_other_statements() {
    let python = "\"\"\"Doc: {'x': 1}\"\"\"\nfrom __future__ import annotations\nimport os  # {\n\nPLAIN = {'a': 1}\nTYPED: dict[str, Any] = {\n    # a comment\n    'b': 2,\n}\n\ndef f(x={'c': 3}):\n    INNER = {'d': 4}\n    return '''\nFAKE = {}\n'''\n\nclass K:\n    IN_CLASS = {'e': 5}\n\nCALL = load()\nPLAIN['more'] = {'f': 6}\nPLAIN.update(x=1)\nif PLAIN == {}:\n    pass\nLIST = [1, \\\n  2]\n";
    let typescript = "import { a } from \"b\";\nimport type { C } from 'c'\n\n/** {} */\ninterface I { x: 'y' }\ntype T = { a: string; b: Array<{ c: 1 }> };\nexport const PLAIN = { a: 1 };\nexport const TYPED: Record<string, { a: string }> = { b: 2 } as const\nconst LAMBDA: (a: string) => void = (a) => { const x = { y: 1 } }\nfunction f() {\n  const INNER = { d: 4 }\n}\nclass K { static s = { e: 5 }; }\nlet one = [1], two = [2];\nmodule.exports = { g: 7 }\nPLAIN.more = 1\nconst GOES_ON = [1]\n  // all but one\n  .filter((one) => one)\nexport default PLAIN;\nexport default { h: 8 }\n";
    for (text, language, tables, others) in [
        (
            python,
            Language::Python,
            vec![("PLAIN", r#"{"a":1}"#), ("TYPED", r#"{"b":2}"#), ("LIST", "[1,2]")],
            vec!["CALL", "PLAIN", "PLAIN.update"],
        ),
        (
            typescript,
            Language::TypeScript,
            vec![
                ("PLAIN", r#"{"a":1}"#),
                ("TYPED", r#"{"b":2}"#),
                ("one", "[1]"),
                ("two", "[2]"),
                ("module.exports", r#"{"g":7}"#),
                ("default", r#"{"h":8}"#),
            ],
            vec![
                "import",
                "import",
                "interface",
                "type",
                "LAMBDA",
                "function",
                "class",
                "PLAIN.more",
                "GOES_ON",
            ],
        ),
    ] {
        let found = read_tables(text, language).unwrap_or_else(|error| panic!("{error:?}"));
        let names: Vec<_> = found
            .tables
            .iter()
            .map(|table| (table.name.as_deref().unwrap_or_default(), json(&table.node)))
            .collect();
        let expect: Vec<_> = tables.into_iter().map(|(name, text)| (name, value(text))).collect();
        assert_eq!(names, expect, "{language:?}");
        let names: Vec<_> = found
            .others
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| language == Language::Python || *name != "export")
            .collect();
        assert_eq!(names, others, "{language:?}");
    }
}

#[test]
fn names_the_line_and_the_column_of_a_fault() {
    use Language::{Json, Python, TypeScript};
    let deep = "[".repeat(DEPTH_MAX + 1);
    let deep_templates = format!("[{}", "`${".repeat(DEPTH_MAX + 1));
    for (language, text, expect) in [
        (Json, "", "1:1 the end of the file isn't expected here"),
        (Json, "{\"a\": 1} x", "1:10 'x' isn't expected here"),
        (Json, "{\n  \"a\" 1}", "2:7 '1' isn't expected here"),
        (Json, "[1, , 2]", "1:5 ',' isn't expected here"),
        (Json, "[1\n", "1:1 the bracket [ isn't closed"),
        (Json, "{\"é\": [1}", "1:9 '}' isn't expected here"),
        (Json, "[\"a\n\"]", "1:3 the text that begins here isn't ended"),
        (Json, "[\"\\ud83d\"]", "1:3 the escape sequence has no meaning"),
        (Json, "[\"\\u12\"]", "1:3 the escape sequence has no meaning"),
        (Json, "/* x", "1:1 the comment that begins here isn't ended"),
        (Json, "[012]", "1:2 the number isn't well-formed"),
        (Json, "[1__0]", "1:2 the number isn't well-formed"),
        (Json, "[1e]", "1:2 the number isn't well-formed"),
        (Python, "A = {'a': '''x}", "1:14 the text that begins here isn't ended"),
        (Python, "A = 'x\n", "1:6 the text that begins here isn't ended"),
        (Python, "A = {'a': f(}", "1:13 '}' isn't expected here"),
        (Python, "A = ['\\N{BULLET}']", "1:7 the escape sequence has no meaning"),
        (TypeScript, "const a = {b: `x${`}", "1:19 the text that begins here isn't ended"),
        (TypeScript, "const a = [1}\n", "1:13 '}' isn't expected here"),
        (Json, &deep, "1:101 brackets are nested more than 100 deep"),
        (TypeScript, &deep_templates, "1:299 brackets are nested more than 100 deep"),
    ] {
        assert_eq!(only(text, language), Err(expect.to_owned()), "{language:?} {text:.40}");
    }
}

#[test]
fn places_count_characters_also_in_long_lines() {
    let text = format!("{}\né{}x\n", "y".repeat(3000), "ü".repeat(2000));
    let index = PlaceIndex::of(&text);
    for (at, line, column) in [
        (0, 1, 1),
        (2999, 1, 3000),
        (3001, 2, 1),
        (3003, 2, 2),
        (3003 + 4000, 2, 2002),
        (usize::MAX, 3, 1),
    ] {
        assert_eq!(index.place(&text, at), FilePlace { line, column }, "{at}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        (any::<i32>(), 0_u32..1_000).prop_map(|(whole, part)| {
            let text = format!("{whole}.{part}");
            serde_json::from_str(&text).unwrap_or(Value::Null)
        }),
    ];
    let text = prop_oneof![
        any::<String>(),
        "[a-z'\"`$\\\\{}\\n\\r\\t#/*,:\\x00-\\x1f]{0,12}",
        Just("line\r\nline\u{2028}\u{feff}😀".to_owned()),
    ];
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number,
        text.clone().prop_map(Value::String),
    ];
    plain.prop_recursive(5, 60, 6, move |below| {
        prop_oneof![
            prop::collection::vec(below.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(text.clone(), below, 0..6)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// Choices of how something is written, one after the other.
struct Style<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Style<'_> {
    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::from(*self.0.next().unwrap_or(&0)) % among.len()]
    }

    fn space(&mut self, language: Language) -> &'static str {
        match language {
            Language::Python => self.pick(&["", " ", "\n  ", " # ' [ {\n", "\\\n"]),
            _ => self.pick(&["", " ", "\n\t", " // ' [ `\n", "/* } \" */", "\r\n"]),
        }
    }

    fn text(&mut self, text: &str, language: Language) -> String {
        let quote = match language {
            Language::Json => "\"",
            Language::Python => self.pick(&["'", "\"", "'''", "\"\"\""]),
            Language::TypeScript => self.pick(&["'", "\"", "`"]),
        };
        let mut written = String::new();
        for letter in text.chars() {
            let code = u32::from(letter);
            match letter {
                '\\' | '\'' | '"' | '`' | '$' if language != Language::Python => {
                    let plain = matches!(letter, '\'' | '`' | '$') && language == Language::Json;
                    written.push_str(if plain { "" } else { "\\" });
                    written.push(letter);
                }
                '\\' | '\'' | '"' => written.extend(['\\', letter]),
                '\n' => written.push_str("\\n"),
                '\r' => written.push_str("\\r"),
                _ if code < 32 || self.pick(&[false, false, false, true]) => {
                    let units = letter.encode_utf16(&mut [0; 2]).to_vec();
                    written.push_str(&match language {
                        Language::Python => format!("\\U{code:08x}"),
                        Language::TypeScript if self.pick(&[true, false]) => {
                            format!("\\u{{{code:x}}}")
                        }
                        _ => units.iter().map(|unit| format!("\\u{unit:04X}")).collect(),
                    });
                }
                _ => written.push(letter),
            }
        }
        format!("{quote}{written}{quote}")
    }

    fn value(&mut self, value: &Value, language: Language) -> String {
        let is_python = language == Language::Python;
        match value {
            Value::Null => (if is_python { "None" } else { "null" }).to_owned(),
            Value::Bool(true) => (if is_python { "True" } else { "true" }).to_owned(),
            Value::Bool(false) => (if is_python { "False" } else { "false" }).to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => self.text(text, language),
            Value::Array(elements) => {
                let round = is_python && self.pick(&[true, false]);
                let (open, close) = if round { ("(", ")") } else { ("[", "]") };
                let mut written = open.to_owned();
                for (index, element) in elements.iter().enumerate() {
                    written.push_str(self.space(language));
                    written.push_str(&self.value(element, language));
                    written.push_str(self.space(language));
                    let is_needed = index + 1 < elements.len() || round && index == 0;
                    written.push_str(if is_needed || self.pick(&[true, false]) { "," } else { "" });
                }
                written + self.space(language) + close + self.assertion(language)
            }
            Value::Object(members) => {
                let mut written = "{".to_owned();
                for (index, (name, member)) in members.iter().enumerate() {
                    written.push_str(self.space(language));
                    written.push_str(&self.text(name, language));
                    written.push_str(self.space(language));
                    written.push(':');
                    written.push_str(self.space(language));
                    written.push_str(&self.value(member, language));
                    written.push_str(self.space(language));
                    let is_needed = index + 1 < members.len();
                    written.push_str(if is_needed || self.pick(&[true, false]) { "," } else { "" });
                }
                written + self.space(language) + "}" + self.assertion(language)
            }
        }
    }

    fn assertion(&mut self, language: Language) -> &'static str {
        match language {
            Language::TypeScript => self.pick(&["", " as const", " satisfies A<'b', C[]>"]),
            _ => "",
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_as_a_literal_comes_back(
        value in values(),
        style in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        for language in [Language::Json, Language::Python, Language::TypeScript] {
            let table = Value::Array(vec![value.clone()]);
            let mut style = Style(style.iter().cycle());
            let written = style.value(&table, language);
            let (before, after) = match language {
                Language::Json => style.pick(&[("", ""), ("\u{feff} ", "\n")]),
                Language::Python => style.pick(&[
                    ("", "\n"),
                    ("import a\nT = ", "\n"),
                    ("T: dict[str, list] = ", "\n\ndef f():\n    return {}\n"),
                ]),
                Language::TypeScript => style.pick(&[
                    ("", ";"),
                    ("import { a } from 'b'\nexport const T: Record<string, A[]> = ", ";\n"),
                    ("export default ", "\nfunction f() { return [] }"),
                    ("module.exports = ", ""),
                ]),
            };
            // Python knows no parentheses of one value without a comma as a tuple.
            let text = format!("{before}{written}{after}");
            prop_assert_eq!(only(&text, language), Ok(table.clone()), "{:?} {}", language, text);
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), at in any::<usize>()) {
        for language in [Language::Json, Language::Python, Language::TypeScript] {
            if let Err(error) = read_tables(&text, language) {
                prop_assert!(text.is_char_boundary(error.at), "{:?}", error);
            }
        }
        prop_assert!(PlaceIndex::of(&text).place(&text, at).line > 0);
    }

    #[test]
    fn nothing_like_code_makes_it_panic_or_last(
        text in "([\\[\\](){}<>,:;='\"`#/*\\\\$ \\n]|const |as |None|1|a|\\$\\{|\"\"\"|\\.\\.\\.|é){0,60}",
    ) {
        for language in [Language::Json, Language::Python, Language::TypeScript] {
            if let Err(error) = read_tables(&text, language) {
                prop_assert!(text.is_char_boundary(error.at), "{:?}", error);
            }
        }
    }
}
