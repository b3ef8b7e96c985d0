//! Our server as it ships, with a group whose documents are bound to a JSON Schema.

use std::{path::Path, time::Duration};

use crate::{
    Outcome,
    order::Order,
    process::{Running, Start, free_address},
    servers::{Pair, posts},
    talk,
};

/// Bytes of a document.
pub(crate) const DOCUMENT_BYTES: usize = 2_048;

/// The variable with the secret that signs webhooks.
pub(crate) const SECRET_VARIABLE: &str = "HOOK_SECRET";

/// Where the group is.
pub(crate) const GROUP: &str = "/configs/bench";

const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["name", "number", "kind", "owner", "tags", "limits", "text"],
  "properties": {
    "name": {"type": "string", "pattern": "^service-[0-9]+$"},
    "number": {"type": "integer", "minimum": 0},
    "kind": {"enum": ["service", "job", "library"]},
    "owner": {
      "type": "object",
      "required": ["team"],
      "properties": {"team": {"type": "string", "minLength": 1}, "pager": {"type": "boolean"}}
    },
    "tags": {"type": "array", "maxItems": 16, "items": {"type": "string", "maxLength": 32}},
    "limits": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    "text": {"type": "string", "maxLength": 4096}
  },
  "additionalProperties": false
}"#;

/// Starts the server on a data directory, which it makes where there is none.
pub(crate) fn start(order: &Order, folder: &Path, core: Option<usize>) -> Outcome<Running> {
    run(order, folder, &[], Some("/health/ready"), core)
}

/// Starts the server within TLS.
pub(crate) fn start_secure(
    order: &Order,
    folder: &Path,
    pair: &Pair,
    core: Option<usize>,
) -> Outcome<Running> {
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let flags = ["--tls-cert".into(), certificate.to_string(), "--tls-key".into(), key.to_string()];
    run(order, folder, &flags, None, core)
}

/// Starts the server so that it may send to this computer and sign what it sends.
pub(crate) fn start_sending(order: &Order, folder: &Path, core: Option<usize>) -> Outcome<Running> {
    let address = free_address()?;
    let words = [
        "MUSTER_PROPAGATION_ALLOW=127.0.0.0/8".to_owned(),
        format!("{SECRET_VARIABLE}={}", posts::SECRET),
        order.muster.display().to_string(),
        "serve".to_owned(),
        "--data".to_owned(),
        folder.display().to_string(),
        "--listen".to_owned(),
        address.to_string(),
    ];
    Start {
        program: Path::new("/usr/bin/env"),
        arguments: words.into(),
        address,
        probe: Some("/health/ready"),
        core,
        log: folder.with_extension("log"),
        patience: Duration::from_secs(300),
    }
    .run()
}

fn run(
    order: &Order,
    folder: &Path,
    flags: &[String],
    probe: Option<&str>,
    core: Option<usize>,
) -> Outcome<Running> {
    let address = free_address()?;
    let data = folder.display().to_string();
    let arguments = ["serve".into(), "--data".into(), data, "--listen".into(), address.to_string()];
    Start {
        program: &order.muster,
        arguments: arguments.into_iter().chain(flags.iter().cloned()).collect(),
        address,
        probe,
        core,
        log: folder.with_extension("log"),
        patience: Duration::from_secs(300),
    }
    .run()
}

/// Makes the group and binds it to the schema. A document that breaks it must be refused, else
/// nothing that follows measures what it says.
pub(crate) fn bind(server: &Running) -> Outcome {
    talk::put(server.address, "/api/schemagroups/own/schemas/service", SCHEMA.as_bytes())?;
    let binding = br#"{"muster": {"schema": "/schemagroups/own/schemas/service"}}"#;
    talk::put(server.address, &format!("/api{GROUP}"), binding)?;
    let wrong = request(0, br#"{"name": "service-0"}"#, None);
    match talk::ask(server.address, &wrong)?.status {
        422 => Ok(()),
        status => Err(format!("a document that breaks its schema was answered {status}").into()),
    }
}

/// The path of a document.
pub(crate) fn path(number: u64) -> String {
    format!("/api{GROUP}/entries/d{number}")
}

/// A document of [`DOCUMENT_BYTES`], another one for each number.
pub(crate) fn document(number: u64) -> Vec<u8> {
    let mut document = format!(
        r#"{{"name":"service-{number:012}","number":{},"kind":"service","#,
        1_000_000_000_000 + number
    );
    document.push_str(r#""owner":{"team":"platform","pager":true},"#);
    document.push_str(r#""tags":["public","europe","tier-1","http","rust","durable"],"#);
    document.push_str(r#""limits":{"requests":1200,"memory":0.75,"connections":10000},"text":""#);
    let words = "What it does, whom to ask, and what to look at first when it doesn't. ";
    let room = DOCUMENT_BYTES - document.len() - 2;
    document.extend(words.chars().cycle().take(room));
    document.push_str("\"}");
    document.into_bytes()
}

/// The request that puts a document, with a key where one is required.
pub(crate) fn put(number: u64, key: Option<&str>) -> Vec<u8> {
    request(number, &document(number), key)
}

fn request(number: u64, document: &[u8], key: Option<&str>) -> Vec<u8> {
    let mut headers = "content-type: application/json\r\n".to_owned();
    if let Some(key) = key {
        headers.push_str(&talk::authorization(key));
    }
    talk::request("PUT", &path(number), &headers, document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_documents_of_the_length_that_is_compared() {
        for number in [0, 7, 123_456_789] {
            assert_eq!(document(number).len(), DOCUMENT_BYTES);
        }
        assert_ne!(document(1), document(2));
    }
}
