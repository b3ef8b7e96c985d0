use std::{fmt, str::FromStr, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_schema::{FormattedSchema, Payload, Violation};
use muster_wire::{
    Problem,
    schemas::{PayloadResult, PayloadsReport, PayloadsRequest},
};
use muster_words::json::Value;

use super::source::Reader;
use crate::xregistry::violations;

/// The most payloads of one request. Each has an answer of its own.
const PAYLOADS_MAX: usize = 10_000;

/// The most violations in one answer; the rest is counted.
const VIOLATIONS_TOTAL_MAX: usize = 10_000;

/// How payloads are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    Binary,
    Confluent,
}

/// A text names no encoding.
#[derive(Debug)]
struct UnknownEncoding;

impl fmt::Display for UnknownEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is one of json, binary and confluent")
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "binary" => Ok(Self::Binary),
            "confluent" => Ok(Self::Confluent),
            _ => Err(UnknownEncoding),
        }
    }
}

/// Checks the payloads of a request.
pub(super) async fn check(
    reader: Reader,
    request: PayloadsRequest,
) -> Result<PayloadsReport, Problem> {
    let began = Instant::now();
    let encoding = reader.word(request.encoding.as_deref(), "encoding", Encoding::Json)?;
    if request.payloads.len() > PAYLOADS_MAX {
        let what = format!("there are more than {PAYLOADS_MAX} payloads; send several requests");
        return Err(reader.refused(what));
    }
    let read = reader.read(&request.schema, "schema", None).await?;
    let message = request.message.as_deref();
    let mut report = PayloadsReport {
        valid: true,
        invalid: 0,
        format: read.schema.format().to_string(),
        xid: read.xid.map(|xid| xid.to_string()),
        results: Vec::with_capacity(request.payloads.len()),
    };
    let mut room = VIOLATIONS_TOTAL_MAX;
    for (index, payload) in request.payloads.iter().enumerate() {
        let checked = reader.work(|| checked(&read.schema, encoding, payload, message))?;
        let found =
            checked.map_err(|error| reader.refused(format!("payloads[{index}]: {error}")))?;
        let valid = !found.iter().any(Violation::is_error);
        report.invalid += u64::from(!valid);
        let mut violations = violations(&found);
        let more = violations.len().saturating_sub(room) as u64;
        violations.truncate(room);
        room -= violations.len();
        report.results.push(PayloadResult { valid, violations, more });
        if index % 64 == 0 {
            // Others have their turn.
            tokio::task::yield_now().await;
        }
    }
    report.valid = report.invalid == 0;
    reader.registry.count_validation(report.valid, began.elapsed());
    Ok(report)
}

fn checked(
    schema: &FormattedSchema,
    encoding: Encoding,
    payload: &Value,
    message: Option<&str>,
) -> Result<Vec<Violation>, String> {
    if encoding == Encoding::Json {
        return schema.check(Payload::Json(payload), message).map_err(|error| error.to_string());
    }
    let text = payload.as_str().ok_or("a payload in bytes is written as base64, in a string")?;
    let Ok(bytes) = STANDARD.decode(text) else {
        return Ok(vec![Violation::keyword("", "base64", "the payload isn't base64")]);
    };
    let payload = match encoding {
        Encoding::Confluent => Payload::Framed(&bytes),
        Encoding::Binary | Encoding::Json => Payload::Binary(&bytes),
    };
    schema.check(payload, message).map_err(|error| error.to_string())
}
