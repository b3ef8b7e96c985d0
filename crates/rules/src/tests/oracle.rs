//! Compares the evaluation with the interpreter of the `cel` crate, on random expressions: both
//! give the same value, or both fail. Intended differences, such as arithmetic of whole numbers
//! with doubles, are left out.

use cel::{Context, Program, Value as Theirs};
use proptest::prelude::*;

use super::*;
use crate::{evaluate::Evaluation, expression::Expression, limits::STEPS_MAX, value::Cel};

const DOCUMENT: &str = r#"{"n":3,"f":2.5,"z":0,"s":"abc","t":"","l":[1,2.5,"a",null],"m":{"a":1,"b":[true]},"b":true,"v":null}"#;

fn scalar() -> impl Strategy<Value = String> {
    let known = [
        "1",
        "0",
        "-2",
        "2.5",
        "3.0",
        "3u",
        "0u",
        "'a'",
        "'abc'",
        "''",
        "true",
        "false",
        "null",
        "[]",
        "[1, 2, 3]",
        "['a', 'abc']",
        "{}",
        "{'a': 1}",
        "document.n",
        "document.f",
        "document.z",
        "document.s",
        "document.t",
        "document.l",
        "document.m",
        "document.b",
        "document.v",
        "document.m.a",
        "document.l[0]",
        "document.l[9]",
        "document.none",
        "document.m.b[0]",
        "9223372036854775807",
        "int",
        "string",
    ];
    proptest::sample::select(known.to_vec()).prop_map(str::to_owned)
}

fn expression() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 24, 3, |inner| {
        let operators =
            vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"];
        let two = (inner.clone(), proptest::sample::select(operators), inner.clone())
            .prop_map(|(a, operator, b)| format!("({a} {operator} {b})"));
        let one = (
            inner.clone(),
            proptest::sample::select(vec![
                "!(X)",
                "size(X)",
                "string(X)",
                "int(X)",
                "double(X)",
                "type(X)",
                "(X).size()",
                "has(document.m.a)",
                "(X)['a']",
                "(X)[0]",
                "(X).a",
                "[X]",
                "{'k': X}",
                "bool(X)",
                "has(document.none)",
            ]),
        )
            .prop_map(|(a, shape)| shape.replace('X', &a));
        let member = (
            inner.clone(),
            proptest::sample::select(vec!["startsWith", "endsWith", "contains"]),
            inner.clone(),
        )
            .prop_map(|(a, name, b)| format!("({a}).{name}({b})"));
        let each = (
            inner.clone(),
            proptest::sample::select(vec![
                "(R).all(x, P)",
                "(R).exists(x, P)",
                "(R).exists_one(x, P)",
                "(R).map(x, P)",
                "(R).filter(x, P)",
                "(R).map(x, x == 1, P)",
                "[1, 2].all(x, x < 2 || P)",
                "[0, 1].exists(x, x == 1 && P)",
                "(R).exists(x, x == P)",
            ]),
            inner.clone(),
        )
            .prop_map(|(range, shape, p)| shape.replace('R', &range).replace('P', &p));
        let condition = (inner.clone(), inner.clone(), inner)
            .prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))"));
        prop_oneof![3 => two, 2 => one, 1 => member, 2 => each, 1 => condition]
    })
}

fn to_theirs(value: &Value) -> Theirs {
    match value {
        Value::Null => Theirs::Null,
        Value::Bool(value) => Theirs::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Theirs::Int(whole),
            None => Theirs::Float(number.as_f64().unwrap()),
        },
        Value::String(text) => Theirs::String(Arc::new(text.clone())),
        Value::Array(items) => Theirs::List(Arc::new(items.iter().map(to_theirs).collect())),
        Value::Object(map) => {
            let map: std::collections::HashMap<String, Theirs> =
                map.iter().map(|(key, value)| (key.clone(), to_theirs(value))).collect();
            map.into()
        }
    }
}

fn same(ours: &Cel<'_>, theirs: &Theirs) -> bool {
    match (ours, theirs) {
        (Cel::Null, Theirs::Null) => true,
        (Cel::Bool(a), Theirs::Bool(b)) => a == b,
        (Cel::Int(a), Theirs::Int(b)) => a == b,
        (Cel::Uint(a), Theirs::UInt(b)) => a == b,
        (Cel::Double(a), Theirs::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Cel::Text(a), Theirs::String(b)) => a.as_str() == b.as_str(),
        (Cel::List(a), Theirs::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(&a, b))
        }
        (Cel::Map(a), Theirs::Map(b)) => a.len() == b.map.len(),
        (Cel::Type(_), _) => true,
        _ => false,
    }
}

/// The intended difference: arithmetic of whole numbers with doubles.
fn mixes(source: &str) -> bool {
    let doubles = ["2.5", "3.0", "document.f", "document.l", "double("];
    let arithmetic = [" + ", " - ", " * ", " / "];
    doubles.iter().any(|part| source.contains(part))
        && arithmetic.iter().any(|part| source.contains(part))
}

/// Whether the order of a map's keys may matter; in the `cel` crate it is the order of a hash
/// table.
fn walks_a_map(source: &str) -> bool {
    let maps = ["document.m", "{"];
    let walks = [".filter(", ".map("];
    maps.iter().any(|part| source.contains(part)) && walks.iter().any(|part| source.contains(part))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_the_interpreter_of_the_cel_crate(source in expression()) {
        if walks_a_map(&source) {
            return Ok(());
        }
        let Ok(program) = Program::compile(&source) else { return Ok(()) };
        let Ok(compiled) = Expression::compile(&source, ExpressionVariables::OfRule) else { return Ok(()) };
        let document = parse(DOCUMENT);
        let mut context = Context::default();
        context.add_variable_from_value("document", to_theirs(&document));
        let theirs = program.execute(&context);
        let at = sanity();
        let ours = Evaluation::new(PacedDocument::of(&document), &at, STEPS_MAX).result(&compiled);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(ours, theirs), "{source}: {ours:?}, {theirs:?}"),
            (Err(_), Err(_)) => {}
            // Theirs adds a map's keys to a list; CEL has no such `+`.
            (Err(EvaluationFault::Types { operation: "+", .. }), Ok(_)) => {}
            _ => prop_assert!(mixes(&source), "{source}: {ours:?}, {theirs:?}"),
        }
    }

    #[test]
    fn no_text_makes_it_panic(source in "[ -~ü]{0,60}") {
        let _ = Expression::compile(&source, ExpressionVariables::OfRule).map(|compiled| {
            Evaluation::new(PacedDocument::of(&parse(DOCUMENT)), &sanity(), STEPS_MAX).result(&compiled).is_ok()
        });
    }
}
