//! What is bound in Avro and Protobuf.

use serde_json::{Value, json};

use super::{
    Case, Gone, Group, Model, PART, Put, RULE, SCHEMA_A, SCHEMA_B, Text, bind, case, rule,
};

const AVRO: &str = "Avro/1.12.0";
const PROTOBUF: &str = "Protobuf/3";

const RECORD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},
    {"name":"b","type":["null","string"],"default":null}]}"#;

pub(super) fn avro() -> Vec<Case> {
    let record = || Text(SCHEMA_A, AVRO, RECORD, Value::Null);
    let by_group = || Group("/parts/a", json!({"muster": {"schema": SCHEMA_A}}));
    vec![
        case(
            "a type binds an Avro schema",
            vec![record(), bind(SCHEMA_A)],
            vec![
                (PART, r#"{"a":1,"b":{"string":"x"}}"#, vec![]),
                (PART, r#"{"a":1,"b":null}"#, vec![]),
                (
                    PART,
                    r#"{"a":"x","b":"y"}"#,
                    vec![
                        "error /a type \"x\" is not a whole number of 32 bits",
                        "error /b union \"y\" names no branch of the union; write {\"string\": \"y\"}",
                    ],
                ),
            ],
        ),
        case(
            "a group binds a version of it",
            vec![
                record(),
                Group("/parts/a", json!({"muster": {"schema": format!("{SCHEMA_A}/versions/1")}})),
            ],
            vec![(PART, "7", vec!["error  type 7 is not a record R"])],
        ),
        case(
            "what the schema and a rule find",
            vec![
                record(),
                by_group(),
                Put(RULE, rule("document.a < 5", "error")),
                Model(json!({"rules": [RULE]})),
            ],
            vec![(PART, r#"{"a":6,"b":null}"#, vec!["error /a x a is wrong"])],
        ),
        case(
            "a schema of two formats is read as the one that it says",
            vec![Text(SCHEMA_A, AVRO, r#"{"type":"string"}"#, Value::Null), bind(SCHEMA_A)],
            vec![(PART, "7", vec!["error  type 7 is not a text"])],
        ),
        case(
            "a bound schema is gone",
            vec![record(), bind(SCHEMA_A), Gone(SCHEMA_A)],
            vec![(PART, "{}", vec!["missing /schemagroups/s/schemas/a"])],
        ),
    ]
}

const MESSAGES: &str = "syntax = \"proto3\";\npackage p;\nmessage First { int32 a = 1; }\nmessage Second { string s = 1; }\n";

pub(super) fn protobuf() -> Vec<Case> {
    let messages = || Text(SCHEMA_A, PROTOBUF, MESSAGES, Value::Null);
    vec![
        case(
            "a type binds a Protobuf schema: its first message",
            vec![messages(), bind(SCHEMA_A)],
            vec![
                (PART, r#"{"a":1}"#, vec![]),
                (PART, r#"{"a":"x"}"#, vec![NO_INT]),
                (PART, r#"{"a":1,"s":"x"}"#, vec![NO_FIELD]),
            ],
        ),
        case(
            "a group names another message",
            vec![
                messages(),
                Group("/parts/a", json!({"muster": {"schema": SCHEMA_A, "message": "Second"}})),
            ],
            vec![
                (PART, r#"{"s":"x"}"#, vec![]),
                (PART, r#"{"s":1}"#, vec!["error /s type 1 isn't a value of string"]),
            ],
        ),
        case(
            "a type and a group bind two messages of it",
            vec![
                messages(),
                Model(json!({"schema": SCHEMA_A, "message": "p.First"})),
                Group("/parts/a", json!({"muster": {"schema": SCHEMA_A, "message": "p.Second"}})),
            ],
            vec![(
                PART,
                r#"{"a":"x","s":1}"#,
                vec![NO_INT, NO_FIELD, "error /s type 1 isn't a value of string", NO_OTHER_FIELD],
            )],
        ),
    ]
}

const NO_INT: &str = "error /a type \"x\" isn't an integer";
const NO_FIELD: &str = "warning /s unknownField p.First has no field \"s\"; is \"a\" meant?";
const NO_OTHER_FIELD: &str = "warning /a unknownField p.Second has no field \"a\"; is \"s\" meant?";

pub(super) fn texts_that_refer_to_others() -> Vec<Case> {
    let refers = |name: &str| json!([{"name": name, "subject": "b", "version": 1}]);
    let id = r#"{"type":"fixed","name":"Id","size":2}"#;
    let holder = r#"{"type":"record","name":"H","fields":[{"name":"id","type":"Id"}]}"#;
    let money = "syntax = \"proto3\";\nmessage Money { int64 cents = 1; }\n";
    let order =
        "syntax = \"proto3\";\nimport \"money.proto\";\nmessage Order { Money total = 1; }\n";
    vec![
        case(
            "an Avro schema names a type of another one",
            vec![
                Text(SCHEMA_B, AVRO, id, Value::Null),
                Text(SCHEMA_A, AVRO, holder, refers("Id")),
                bind(SCHEMA_A),
            ],
            vec![
                (PART, r#"{"id":"ab"}"#, vec![]),
                (PART, r#"{"id":"abc"}"#, vec!["error /id size 3 bytes; 2 are needed"]),
            ],
        ),
        case(
            "a Protobuf schema imports another one",
            vec![
                Text(SCHEMA_B, PROTOBUF, money, Value::Null),
                Text(SCHEMA_A, PROTOBUF, order, refers("money.proto")),
                bind(SCHEMA_A),
            ],
            vec![
                (PART, r#"{"total":{"cents":"5"}}"#, vec![]),
                (
                    PART,
                    r#"{"total":{"cents":true}}"#,
                    vec!["error /total/cents type true isn't an integer"],
                ),
            ],
        ),
        case(
            "what a bound schema names is gone",
            vec![
                Text(SCHEMA_B, AVRO, id, Value::Null),
                Text(SCHEMA_A, AVRO, holder, refers("Id")),
                bind(SCHEMA_A),
                Gone(SCHEMA_B),
            ],
            vec![(
                PART,
                r#"{"id":"ab"}"#,
                vec!["missing /schemagroups/s/schemas/a → /schemagroups/s/schemas/b/versions/1"],
            )],
        ),
    ]
}
