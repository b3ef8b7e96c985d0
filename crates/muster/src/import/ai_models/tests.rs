#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

fn documents(catalogue: ModelCatalogue, text: &str) -> Vec<(String, Value)> {
    let whole = serde_json::from_str(text).unwrap();
    let found = lines(catalogue, &whole).unwrap().into_iter().filter_map(|line| match line {
        ExportLine::Document(document) => {
            Some((document.xid, serde_json::from_str(&document.text.unwrap()).unwrap()))
        }
        _ => None,
    });
    found.collect()
}

#[test]
fn three_catalogues_give_one_form() {
    let models_dev = r#"{"acme":{"id":"acme","name":"Acme","env":["ACME_KEY"],"models":{
        "big/one":{"id":"big/one","name":"Big","cost":{"input":0.132,"output":1.254},
            "limit":{"context":1000,"output":100},"tool_call":true,"reasoning":false}}}}"#;
    let liter_llm = r#"{"providers":{"acme":{"name":"Acme","env":["ACME_KEY"],"models":{
        "big/one":{"id":"big/one","name":"Big",
            "pricing":{"input_cost_per_token":1.32e-07,"output_cost_per_token":1.254e-06},
            "limit":{"context":1000,"output":100},"capabilities":{"function_calling":true}}}}}}"#;
    let litellm = r#"{"sample_spec":{"litellm_provider":"one of"},"big/one":{"name":"Big",
        "litellm_provider":"acme","input_cost_per_token":1.32e-07,
        "output_cost_per_token":1.254e-06,"max_input_tokens":1000,"max_output_tokens":100,
        "supports_function_calling":true}}"#;
    let expect = serde_json::json!({
        "modelid": "big/one", "name": "Big", "context_tokens": 1000, "output_tokens": 100,
        "abilities": ["function_calling"],
        "input_cost": serde_json::from_str::<Value>("0.132").unwrap(),
        "output_cost": serde_json::from_str::<Value>("1.254").unwrap(),
    });
    for (catalogue, text) in [
        (ModelCatalogue::ModelsDev, models_dev),
        (ModelCatalogue::LiterLlm, liter_llm),
        (ModelCatalogue::Litellm, litellm),
    ] {
        let xid = "/modelproviders/acme/models/big~one".to_owned();
        assert_eq!(documents(catalogue, text), [(xid, expect.clone())], "{catalogue:?}");
    }
}

#[test]
fn what_is_no_catalogue_is_refused() {
    for (catalogue, text) in [
        (ModelCatalogue::ModelsDev, "[]"),
        (ModelCatalogue::ModelsDev, r#"{"acme":1}"#),
        (ModelCatalogue::ModelsDev, r#"{"acme":{"name":"no models"}}"#),
        (ModelCatalogue::LiterLlm, "{}"),
        (ModelCatalogue::Litellm, r#"{"a":{"mode":"chat"}}"#),
    ] {
        let whole = serde_json::from_str(text).unwrap();
        assert!(lines(catalogue, &whole).is_err(), "{catalogue:?} {text}");
    }
}
