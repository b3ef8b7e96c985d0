use muster_words::json::{Map, Value};
use serde_json::json;

/// Random numbers from a seed (SplitMix64), so that each pair can be made again.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.below(all.len())]
    }
}

const NAMES: [&str; 5] = ["a", "b", "ab", "kind", "x"];
const PATTERNS: [&str; 4] = ["^a", "b$", "x", "^[ab]+$"];
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
const FORMATS: [&str; 3] = ["date", "ipv4", "unheard-of"];

fn constant(dice: &mut Dice) -> Value {
    match dice.below(9) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!("a"),
        3 => json!("ab"),
        4 => json!(dice.below(4)),
        5 => serde_json::from_str("1.0").unwrap_or_default(),
        6 => json!([1]),
        7 => json!({"a": 1}),
        _ => json!("2026-01-01"),
    }
}

/// A schema; in those of some depth, a reference to a definition may stand.
pub fn schema(dice: &mut Dice, depth: usize) -> Value {
    let mut root = part(dice, depth);
    let refers = root.to_string().contains("$ref");
    if let (Value::Object(members), true) = (&mut root, refers) {
        let definitions = json!({"d": part(dice, 1), "tree": {
            "type": "object", "properties": {"x": {"$ref": "#/definitions/tree"}, "a": part(dice, 1)}
        }});
        members.insert("definitions".into(), definitions);
    }
    root
}

fn part(dice: &mut Dice, depth: usize) -> Value {
    if dice.one_in(14) {
        return json!(!dice.one_in(4));
    }
    let mut members = Map::new();
    if dice.one_in(8) && depth > 0 {
        members.insert("$ref".into(), json!(dice.of(&["#/definitions/d", "#/definitions/tree"])));
        if dice.one_in(2) {
            return Value::Object(members);
        }
    }
    let kind = TYPES[dice.below(7)];
    if !dice.one_in(4) {
        let types = match dice.one_in(4) {
            true => json!([kind, TYPES[dice.below(7)]]),
            false => json!(kind),
        };
        let twice = types.as_array().is_some_and(|all| all[0] == all[1]);
        members.insert("type".into(), if twice { json!(kind) } else { types });
    }
    for _ in 0..=dice.below(3) {
        let (keyword, value) = keyword(dice, kind, depth);
        members.insert(keyword.into(), value);
    }
    Value::Object(members)
}

fn keyword(dice: &mut Dice, kind: &str, depth: usize) -> (&'static str, Value) {
    if dice.one_in(5) {
        return match dice.below(3) {
            0 => ("const", constant(dice)),
            _ => {
                let mut list: Vec<Value> = (0..=dice.below(3)).map(|_| constant(dice)).collect();
                list.dedup();
                list.truncate(if list.len() > 1 && list[0] == list[list.len() - 1] {
                    1
                } else {
                    9
                });
                ("enum", Value::Array(list))
            }
        };
    }
    if depth > 0 && dice.one_in(3) {
        return logic(dice, depth - 1);
    }
    let count = json!(dice.below(4));
    match kind {
        "integer" | "number" => match dice.below(5) {
            0 => ("minimum", count),
            1 => ("maximum", count),
            2 => ("exclusiveMinimum", count),
            3 => ("exclusiveMaximum", count),
            _ => ("multipleOf", json!(1 + dice.below(4))),
        },
        "string" => match dice.below(4) {
            0 => ("minLength", count),
            1 => ("maxLength", count),
            2 => ("pattern", json!(dice.of(&PATTERNS))),
            _ => ("format", json!(dice.of(&FORMATS))),
        },
        "array" if depth > 0 => items(dice, depth - 1, count),
        "object" if depth > 0 => members(dice, depth - 1, count),
        _ => ("title", json!("t")),
    }
}

fn items(dice: &mut Dice, depth: usize, count: Value) -> (&'static str, Value) {
    match dice.below(9) {
        0 => ("minItems", count),
        1 => ("maxItems", count),
        2 => ("uniqueItems", json!(true)),
        3 => {
            ("prefixItems", Value::Array((0..=dice.below(2)).map(|_| part(dice, depth)).collect()))
        }
        4 => ("contains", part(dice, depth)),
        5 => ("minContains", count),
        6 => ("unevaluatedItems", json!(false)),
        7 if dice.one_in(2) => {
            ("items", Value::Array((0..=dice.below(2)).map(|_| part(dice, depth)).collect()))
        }
        7 => ("additionalItems", part(dice, depth)),
        _ => ("items", part(dice, depth)),
    }
}

fn members(dice: &mut Dice, depth: usize, count: Value) -> (&'static str, Value) {
    let named = |dice: &mut Dice, names: &[&str]| {
        let all = (0..=dice.below(2)).map(|_| (dice.of(names).to_owned(), part(dice, depth)));
        Value::Object(all.collect())
    };
    match dice.below(12) {
        0 => ("minProperties", count),
        1 => ("maxProperties", count),
        2 | 3 => ("required", json!([dice.of(&NAMES)])),
        4 => ("patternProperties", named(dice, &PATTERNS)),
        5 => ("additionalProperties", part(dice, depth)),
        6 => ("additionalProperties", json!(false)),
        7 => ("propertyNames", part(dice, depth)),
        8 => ("dependencies", json!({*dice.of(&NAMES): [dice.of(&NAMES)]})),
        9 => ("dependentSchemas", named(dice, &NAMES)),
        10 if dice.one_in(3) => ("unevaluatedProperties", json!(false)),
        _ => ("properties", named(dice, &NAMES)),
    }
}

fn logic(dice: &mut Dice, depth: usize) -> (&'static str, Value) {
    let list =
        |dice: &mut Dice| Value::Array((0..=dice.below(3)).map(|_| part(dice, depth)).collect());
    match dice.below(8) {
        0 => ("allOf", list(dice)),
        1 | 2 => ("anyOf", list(dice)),
        3 | 4 => ("oneOf", list(dice)),
        5 => ("if", part(dice, depth)),
        6 => (if dice.one_in(2) { "then" } else { "else" }, part(dice, depth)),
        _ => ("not", part(dice, depth)),
    }
}

/// A schema with one or two changes.
pub fn edited(dice: &mut Dice, schema: &Value) -> Value {
    let mut changed = schema.clone();
    for _ in 0..=dice.below(2) {
        let mut places = Vec::new();
        collect(&changed, String::new(), &mut places);
        let place = places[dice.below(places.len())].clone();
        let Some(part) = changed.pointer_mut(&place) else { continue };
        *part = edit(dice, part);
    }
    changed
}

fn edit(dice: &mut Dice, place: &Value) -> Value {
    let Value::Object(members) = place else { return part(dice, 1) };
    let mut members = members.clone();
    let keys: Vec<String> = members.keys().cloned().collect();
    match dice.below(12) {
        0 | 1 if !keys.is_empty() => {
            let key = &keys[dice.below(keys.len())];
            if key != "definitions" {
                members.remove(key);
            }
        }
        2 => {
            let kind = TYPES[dice.below(7)];
            let (keyword, value) = keyword(dice, kind, 1);
            members.insert(keyword.into(), value);
        }
        3..=6 => {
            let kind = members.get("type").and_then(Value::as_str).unwrap_or("object").to_owned();
            let (keyword, value) = keyword(dice, &kind, 1);
            members.insert(keyword.into(), value);
        }
        7 => return json!({"anyOf": [place.clone(), part(dice, 1)]}),
        8 => return json!({"oneOf": [place.clone(), part(dice, 1)]}),
        9 => return json!({"allOf": [place.clone()]}),
        _ => tune(dice, &mut members),
    }
    Value::Object(members)
}

/// Changes a number or a list a little.
fn tune(dice: &mut Dice, members: &mut Map<String, Value>) {
    let keys: Vec<String> = members.keys().cloned().collect();
    for key in keys {
        let Some(value) = members.get_mut(&key) else { continue };
        match value {
            Value::Number(number) if key != "const" && key != "multipleOf" => {
                let old = number.as_u64().unwrap_or(1);
                *value = json!(if dice.one_in(2) { old + 1 } else { old.saturating_sub(1) });
                return;
            }
            Value::Array(list) if key == "enum" && list.len() > 1 => {
                list.pop();
                return;
            }
            Value::Array(list) if matches!(key.as_str(), "anyOf" | "oneOf" | "allOf") => {
                list.push(part(dice, 1));
                return;
            }
            Value::Object(named) if key == "properties" => {
                named.insert(dice.of(&NAMES).to_owned(), part(dice, 1));
                return;
            }
            _ => {}
        }
    }
}

fn collect(value: &Value, pointer: String, places: &mut Vec<String>) {
    places.push(pointer.clone());
    let Value::Object(members) = value else { return };
    for (key, below) in members {
        match (key.as_str(), below) {
            (
                "properties" | "patternProperties" | "definitions" | "dependentSchemas",
                Value::Object(named),
            ) => {
                for (name, one) in named {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    collect(one, format!("{pointer}/{key}/{name}"), places);
                }
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                for (index, one) in list.iter().enumerate() {
                    collect(one, format!("{pointer}/{key}/{index}"), places);
                }
            }
            (
                "items"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "additionalProperties"
                | "propertyNames",
                Value::Object(_),
            ) => {
                collect(below, format!("{pointer}/{key}"), places);
            }
            _ => {}
        }
    }
}

/// Values to try: plain ones, those that the schemas name with their neighbours, and objects and
/// arrays of them.
pub fn values(dice: &mut Dice, schemas: &[&Value]) -> Vec<Value> {
    let mut simple = vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.5),
        serde_json::from_str("1.0").unwrap_or_default(),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("b"),
        json!("xb"),
        json!("aaaa"),
        json!("2026-01-01"),
        json!("1.2.3.4"),
        json!([]),
        json!({}),
    ];
    schemas.iter().for_each(|schema| constants(schema, &mut simple));
    simple.sort_by_key(Value::to_string);
    simple.dedup();
    let mut all = simple.clone();
    for round in 0..60 {
        let pool = if round < 30 { &simple } else { &all };
        let pick = |dice: &mut Dice| pool[dice.below(pool.len())].clone();
        let made = match dice.one_in(3) {
            true => Value::Array((0..dice.below(4)).map(|_| pick(dice)).collect()),
            false => {
                let size = dice.below(4);
                Value::Object((0..size).map(|_| (dice.of(&NAMES).to_owned(), pick(dice))).collect())
            }
        };
        all.push(made);
    }
    all
}

fn constants(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("const", one) => found.push(one.clone()),
                    ("enum", Value::Array(list)) => found.extend(list.iter().cloned()),
                    (_, Value::Number(number)) => {
                        let near = number.as_i64().unwrap_or(0);
                        found.extend([near - 1, near, near + 1].map(Value::from));
                        let count = usize::try_from(near.clamp(0, 5)).unwrap_or(0);
                        found.extend([Value::from("a".repeat(count)), json!(vec![1; count])]);
                        found.push(json!((0..count).collect::<Vec<_>>()));
                    }
                    _ => constants(member, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|one| constants(one, found)),
        _ => {}
    }
}
