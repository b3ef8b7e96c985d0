#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use muster_words::{
    Xid,
    json::{self, Value},
};
use serde_json::json;

use super::*;
use crate::{Severity, StopSign, Stopped, Violation, ViolationSource, limits, stoppable};

mod compiling;
mod drafts;
mod hostile;
mod naming;
mod numbers;
mod ordinary;
mod vocabularies;
mod wording;

fn parse(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap_or_else(|error| unreachable!("{error}: {text}"))
}

fn compile(schema: &str) -> Schema {
    Schema::compile(&parse(schema), &NoSources)
        .unwrap_or_else(|error| unreachable!("{error}: {:?}: {schema}", error.violations()))
}

fn refused(schema: &str) -> CompileError {
    match Schema::compile(&parse(schema), &NoSources) {
        Ok(_) => unreachable!("compiles: {schema}"),
        Err(error) => error,
    }
}

fn family(members: &[(&str, &str)]) -> BTreeMap<Xid, Arc<Value>> {
    members.iter().map(|(xid, schema)| (xid.parse().unwrap(), Arc::new(parse(schema)))).collect()
}

/// Violations as `pointer keyword message`, for comparisons.
fn lines(schema: &Schema, value: &str) -> Vec<String> {
    let line = |v: Violation| match v.source {
        ViolationSource::Keyword(keyword) => format!("{} {keyword} {}", v.pointer, v.message),
        other => unreachable!("{other:?}"),
    };
    schema.validate(&parse(value)).into_iter().map(line).collect()
}

#[test]
fn writes_a_violation_as_the_contract_says_and_reads_it_back() {
    let rule = Violation {
        place: None,
        pointer: "/monthly_cost_range".into(),
        source: ViolationSource::Rule("cost-range-ordered".into()),
        severity: Severity::Warning,
        message: "the lower end is above the upper end".into(),
    };
    for (violation, expect) in [
        (
            Violation::keyword("/cms_type", "enum", "no"),
            json!({"pointer": "/cms_type", "keyword": "enum", "severity": "error", "message": "no"}),
        ),
        (
            rule,
            json!({"pointer": "/monthly_cost_range", "rule": "cost-range-ordered",
                "severity": "warning", "message": "the lower end is above the upper end"}),
        ),
        (
            Violation::reference("/engine", "there is no hugo"),
            json!({"pointer": "/engine", "reference": true, "severity": "error",
                "message": "there is no hugo"}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&violation).unwrap(), expect);
        assert_eq!(serde_json::from_value::<Violation>(expect).unwrap(), violation);
    }
    for broken in [
        json!({"pointer": "", "severity": "error", "message": ""}),
        json!({"pointer": "", "rule": "a", "keyword": "b", "severity": "error", "message": ""}),
    ] {
        assert!(serde_json::from_value::<Violation>(broken).is_err());
    }
}

#[test]
fn a_violation_touches_its_place_and_what_lies_above_and_below() {
    for (at, pointer, expect) in [
        ("/a/b", "/a/b", true),
        ("/a/b", "/a", true),
        ("/a/b", "", true),
        ("", "/a", true),
        ("/a/b", "/a/b/0", true),
        ("/a/b", "/a/bc", false),
        ("/a/bc", "/a/b", false),
        ("/a/b", "/a/c", false),
    ] {
        assert_eq!(Violation::keyword(at, "type", "").touches(pointer), expect, "{at} {pointer}");
    }
}
