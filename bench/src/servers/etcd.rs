//! etcd with one member, spoken to through its JSON gateway.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::muster;
use crate::{
    Outcome,
    machine::ETCD,
    order::Order,
    process::{Running, Start, free_address},
    talk,
};

/// Starts it on an empty folder.
pub(crate) fn start(order: &Order) -> Outcome<Running> {
    let program = ETCD.find()?;
    let (address, peers) = (free_address()?, free_address()?);
    let flags = [
        ("--name", "bench".to_owned()),
        ("--data-dir", order.scratch.join("etcd").display().to_string()),
        ("--listen-client-urls", format!("http://{address}")),
        ("--advertise-client-urls", format!("http://{address}")),
        ("--listen-peer-urls", format!("http://{peers}")),
        ("--initial-advertise-peer-urls", format!("http://{peers}")),
        ("--initial-cluster", format!("bench=http://{peers}")),
        // Its default of 2 GiB ends a long run.
        ("--quota-backend-bytes", "8589934592".to_owned()),
        ("--logger", "zap".to_owned()),
        ("--log-level", "error".to_owned()),
    ];
    Start {
        program: &program,
        arguments: flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect(),
        address,
        probe: Some("/health"),
        core: None,
        log: order.scratch.join("etcd.log"),
        patience: Duration::from_secs(30),
    }
    .run()
}

/// The request that puts the same document as ours does, under a key of its own.
pub(crate) fn put(number: u64) -> Vec<u8> {
    let key = STANDARD.encode(muster::path(number));
    let value = STANDARD.encode(muster::document(number));
    let body = format!(r#"{{"key":"{key}","value":"{value}"}}"#);
    talk::request("POST", "/v3/kv/put", "content-type: application/json\r\n", body.as_bytes())
}
