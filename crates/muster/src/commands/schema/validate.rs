use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use muster_wire::schemas::{PayloadResult, PayloadsReport, PayloadsRequest};
use muster_words::{json, limits::DOCUMENT_BYTES_MAX};
use serde_json::Value;

use super::source::{Named, SchemaFlags, read};
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
    /// How the payloads are written
    #[arg(long, value_enum, default_value = "json", conflicts_with = "lines")]
    encoding: PayloadEncoding,
    /// The message of a Protobuf schema [default: its first]
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaValidateArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let named = Named::parse(&self.schema)?;
        let client = self.schemas.client(context, &[&named]).await?;
        let (mut names, mut payloads) = (Vec::new(), Vec::new());
        for path in &self.payloads {
            let shown = path.display().to_string();
            if self.encoding != PayloadEncoding::Json {
                let bytes = bounded_file::read(path, DOCUMENT_BYTES_MAX as u64);
                let bytes = bytes.map_err(|error| unreadable(&shown, &error.to_string()))?;
                names.push(shown);
                payloads.push(Value::String(STANDARD.encode(bytes)));
                continue;
            }
            let text = read(path)?;
            let texts: Vec<(String, &str)> = match self.lines {
                false => vec![(shown, text.as_str())],
                true => text
                    .lines()
                    .enumerate()
                    .filter(|(_, line)| !line.trim().is_empty())
                    .map(|(index, line)| (format!("{shown}:{}", index + 1), line))
                    .collect(),
            };
            for (name, text) in texts {
                let value = json::parse(text.as_bytes());
                payloads.push(value.map_err(|error| unreadable(&name, &error.to_string()))?);
                names.push(name);
            }
        }
        let encoding = match self.encoding {
            PayloadEncoding::Json => "json",
            PayloadEncoding::Binary => "binary",
            PayloadEncoding::Confluent => "confluent",
        };
        let request = PayloadsRequest {
            schema: self.schemas.source(&named)?,
            payloads,
            encoding: Some(encoding.to_owned()),
            message: self.message.clone(),
        };
        let report: PayloadsReport = client.validate_payloads(&request).await?.read()?;
        let screen = &context.screen;
        if screen.is_table() {
            for (name, result) in names.iter().zip(&report.results) {
                show(screen, name, result)?;
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

fn show(screen: &Screen, name: &str, result: &PayloadResult) -> Result<(), Failure> {
    let verdict = match result.valid {
        true => screen.paint(Style::Added, "passes"),
        false => screen.paint(Style::Removed, "doesn't pass"),
    };
    screen.line(&format!("{name} {verdict}"))?;
    let places = muster_words::Places::default();
    let found: Vec<Finding> =
        result.violations.iter().map(|one| Finding::of_answer(one, name, &places)).collect();
    findings::render(&found, screen, "  ").iter().try_for_each(|line| screen.line(line))
}

fn unreadable(name: &str, why: &str) -> Failure {
    Failure::new(OwnCode::BadFile, format!("{name}: {why}"))
        .help("name a file with one payload; --lines takes one in each line")
}
