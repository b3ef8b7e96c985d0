//! Recorded answers of the reference server, if they are available.

use std::{fs, path::PathBuf};

use super::*;

fn recorded() -> Option<String> {
    let here = std::env::var_os("MUSTER_TEST_DATA")
        .map_or_else(|| PathBuf::from("../../../shared/data"), PathBuf::from);
    fs::read_to_string(here.join("xregistry-sample.jsonl")).ok()
}

/// The model in a request's body, if it has one.
fn source_in(step: &Value) -> Option<Value> {
    let body: Value = serde_json::from_str(step["reqb"].as_str()?).ok()?;
    let url = step["url"].as_str()?;
    let written = step["method"] != "GET";
    if written && url.starts_with("/modelsource") {
        Some(body)
    } else {
        body.get("modelsource").cloned()
    }
}

/// The full model in an answer, if it has one.
fn model_in(step: &Value) -> Option<Value> {
    let body: Value = serde_json::from_str(step["resb"].as_str()?).ok()?;
    let is_model = step["url"].as_str()?.trim_end_matches('/') == "/model";
    if is_model { Some(body) } else { body.get("model").cloned() }
}

#[test]
fn prints_the_models_that_the_reference_prints() {
    let Some(recorded) = recorded() else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: the models that the reference prints, because MUSTER_TEST_DATA has no recordings of it\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let (mut compared, mut refused) = (0, 0);
    for line in recorded.lines() {
        let trace: Value = serde_json::from_str(line).unwrap();
        let mut model = bare(json!({})).unwrap();
        for (number, step) in trace["steps"].as_array().unwrap().iter().enumerate() {
            let at = format!("{} step {number}", trace["test"]);
            let succeeded = step["status"].as_u64().unwrap() < 400;
            if let Some(source) = source_in(step) {
                match bare(source) {
                    Ok(newer) if succeeded => model = newer,
                    Ok(_) => {}
                    Err(fault) => {
                        assert!(!succeeded, "{at}: {fault}");
                        let answer = step["resb"].as_str().unwrap();
                        assert!(answer.contains(code(&fault)), "{at}: {fault}");
                        refused += 1;
                    }
                }
            }
            if let Some(expect) = model_in(step).filter(|_| succeeded) {
                assert_eq!(model.to_json(), expect, "{at}");
                compared += 1;
            }
        }
    }
    assert!(compared > 0 && refused > 0, "{compared} compared, {refused} refused");
}
