use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use muster_wire::{
    Severity, Violation, ViolationCause,
    schemas::{PayloadResult, PayloadsReport, PayloadsRequest},
};
use muster_words::{Notation, Places, json, limits::DOCUMENT_BYTES_MAX};
use serde_json::Value;

use super::{
    ci_report::{CheckedCase, CiReport, Remark},
    source::{Named, SchemaFlags, read, told},
};
use crate::{
    Context, Failure, OwnCode, bounded_file,
    output::{Finding, Screen, Style, findings, numbers::counted},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema validate order.json payload.json
  muster schema validate schemagroups/shop/schemas/order events.jsonl --lines
  muster schema validate order.avsc payload.bin --encoding binary
  muster schema validate order.proto payload.bin --encoding confluent
  muster schema validate order.json payloads/*.json --report junit > report.xml

";

/// How payloads are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PayloadEncoding {
    /// JSON
    Json,
    /// Avro's or Protobuf's binary encoding
    Binary,
    /// The same behind the bytes that name its schema, as Confluent's serializers write it
    Confluent,
}

/// Check payloads against a schema
#[derive(Debug, Args)]
pub struct SchemaValidateArguments {
    /// The schema: a file, or the xid of a stored schema
    #[arg(value_name = "SCHEMA")]
    schema: String,
    /// Files with a payload each
    #[arg(value_name = "FILE", required = true)]
    payloads: Vec<PathBuf>,
    /// Each line of the files is a payload
    #[arg(long)]
    lines: bool,
    /// How the payloads are written: json, binary, or confluent for binary behind the id of its schema
    #[arg(long, value_enum, value_name = "ENCODING", default_value = "json")]
    #[arg(conflicts_with = "lines", hide_possible_values = true)]
    encoding: PayloadEncoding,
    /// The message of a Protobuf schema [default: its first]
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    /// Print the results for a CI system: junit or github
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true)]
    report: Option<CiReport>,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaValidateArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let named = Named::parse(&self.schema)?;
        let client = self.schemas.client(context, &[&named]).await?;
        let mut sent = self.payloads()?;
        let encoding = match self.encoding {
            PayloadEncoding::Json => "json",
            PayloadEncoding::Binary => "binary",
            PayloadEncoding::Confluent => "confluent",
        };
        let request = PayloadsRequest {
            schema: self.schemas.source(&named)?,
            payloads: sent
                .iter_mut()
                .filter(|one| one.unreadable.is_none())
                .map(|one| std::mem::take(&mut one.value))
                .collect(),
            encoding: Some(encoding.to_owned()),
            message: self.message.clone(),
        };
        let names = [("schema", named.shown())];
        let answer = client.validate_payloads(&request).await;
        let mut report: PayloadsReport = answer.map_err(|error| told(error, &names))?.read()?;
        for (index, one) in sent.iter().enumerate() {
            if let Some(why) = &one.unreadable {
                let at = index.min(report.results.len());
                report.results.insert(at, not_read(why));
                (report.valid, report.invalid) = (false, report.invalid + 1);
            }
        }
        let screen = &context.screen;
        if let Some(form) = self.report {
            let by = named.shown();
            let cases =
                sent.iter().zip(&report.results).map(|(one, result)| case(&by, one, result));
            form.write(screen, "muster schema validate", &cases.collect::<Vec<_>>())?;
        } else if screen.is_table() {
            for (one, result) in sent.iter().zip(&report.results) {
                show(screen, one, result)?;
            }
        } else {
            screen.value(&serde_json::to_value(&report).unwrap_or_default())?;
        }
        if report.valid {
            return Ok(());
        }
        let of = counted(report.results.len(), "payload", "payloads");
        Err(Failure::new(
            OwnCode::InvalidPayloads,
            format!("{} of {of} don't pass", report.invalid),
        )
        .help("the findings name each place and what must be there"))
    }
}

impl SchemaValidateArguments {
    /// Reads the payloads.
    fn payloads(&self) -> Result<Vec<SentPayload>, Failure> {
        let mut sent = Vec::new();
        for path in &self.payloads {
            let file = path.display().to_string();
            if self.encoding != PayloadEncoding::Json {
                let bytes = bounded_file::read(path, DOCUMENT_BYTES_MAX as u64);
                let bytes = bytes.map_err(|error| unreadable(&file, &error.to_string()))?;
                let value = Value::String(STANDARD.encode(bytes));
                let places = Places::default();
                sent.push(SentPayload { file, line: None, value, places, unreadable: None });
                continue;
            }
            let text = read(path)?;
            if !self.lines {
                let parsed = Notation::Json.parse_with_places(text.as_bytes());
                let (parsed, unreadable) = match parsed {
                    Ok(parsed) => (parsed, None),
                    Err(error) => ((Value::Null, Places::default()), Some(error.to_string())),
                };
                let (value, places) = parsed;
                sent.push(SentPayload { file, line: None, value, places, unreadable });
                continue;
            }
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            for (index, line) in lines {
                let number = index + 1;
                let (value, unreadable) = match json::parse(line.as_bytes()) {
                    Ok(value) => (value, None),
                    Err(error) => (Value::Null, Some(error.to_string())),
                };
                let (file, places) = (file.clone(), Places::default());
                sent.push(SentPayload { file, line: Some(number), value, places, unreadable });
            }
        }
        Ok(sent)
    }
}

/// A payload, and where it was read.
struct SentPayload {
    file: String,
    /// Its line, where each line is a payload.
    line: Option<usize>,
    value: Value,
    /// The lines of its values, if it is a whole file.
    places: Places,
    /// Why it can't be sent: it isn't JSON.
    unreadable: Option<String>,
}

/// The result for a payload that isn't JSON.
fn not_read(why: &str) -> PayloadResult {
    let violation = Violation {
        subject: None,
        pointer: String::new(),
        violated: ViolationCause::Keyword("json".to_owned()),
        severity: Severity::Error.into(),
        message: why.to_owned(),
        line: None,
        column: None,
    };
    PayloadResult { valid: false, violations: vec![violation], more: 0 }
}

impl SentPayload {
    fn name(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }
}

/// A payload as a CI system reads it.
fn case(by: &str, sent: &SentPayload, result: &PayloadResult) -> CheckedCase {
    let remark = |violation| {
        let found = Finding::of_answer(violation, &sent.file, &sent.places);
        let place = if found.pointer.is_empty() { "the payload" } else { &found.pointer };
        Remark {
            message: format!("{place} {}", found.message),
            file: Some(found.file),
            line: sent.line.or(found.line),
            rule: found.rule,
            is_warning: found.is_warning,
        }
    };
    let remarks = result.violations.iter().map(remark).collect();
    CheckedCase { by: by.to_owned(), name: sent.name(), remarks }
}

fn show(screen: &Screen, sent: &SentPayload, result: &PayloadResult) -> Result<(), Failure> {
    let name = sent.name();
    let verdict = match result.valid {
        true => screen.paint(Style::Added, "passes"),
        false => screen.paint(Style::Removed, "doesn't pass"),
    };
    screen.line(&format!("{name} {verdict}"))?;
    let finding = |one| Finding::of_answer(one, &name, &sent.places);
    let found: Vec<Finding> = result.violations.iter().map(finding).collect();
    findings::render(&found, screen, "  ").iter().try_for_each(|line| screen.line(line))
}

fn unreadable(name: &str, why: &str) -> Failure {
    Failure::new(OwnCode::BadFile, format!("{name}: {why}"))
        .help("name a file with one payload; --lines takes one in each line")
}
