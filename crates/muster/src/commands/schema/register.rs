use std::path::PathBuf;

use clap::Args;
use muster_client::{
    Client, ClientError, DocumentUpload, ErrorResponse, Precondition, Query, StatusCode, digest_of,
};
use muster_schema::{Level, Policy};
use muster_wire::{
    ErrorCode,
    apply::ApplyRequest,
    schemas::{CompatibilityReport, CompatibilityRequest, SchemaSource},
};
use muster_words::{
    Digest, Xid,
    json::{Map, Value},
};
use serde_json::json;

use super::{check, source::SchemaFlags, stored_format::StoredFormat};
use crate::{
    Context, Failure, OwnCode,
    arguments::Explanation,
    commands::{put, xid},
    plan, suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema register schemagroups/shop/schemas/order order.avsc
  muster schema register schemagroups/shop/schemas/order order.proto --level BACKWARD
  muster schema register schemagroups/shop/schemas/order order.json --dry-run
  muster schema register schemagroups/shop/schemas/order - --format avro < order.txt

";

/// Put a schema as a new version, with its format; the same again makes none
#[derive(Debug, Args)]
pub struct SchemaRegisterArguments {
    /// Where to put it, such as schemagroups/shop/schemas/order
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// The file with the schema; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only if it is compatible with the stored versions: BACKWARD, FORWARD or FULL with the
    /// newest; with _TRANSITIVE behind it with all
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// The rules of --level: sound, confluent-strict or confluent-lenient [default: sound]
    #[arg(long, value_name = "POLICY", requires = "level")]
    policy: Option<Policy>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    schemas: SchemaFlags,
}

/// The default version that is stored, before anything is put.
struct StoredSchema {
    tag: String,
    version: String,
    details: Value,
}

impl SchemaRegisterArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if !matches!(self.xid, Xid::Resource { .. }) {
            let shown = suggest::without_slash(&self.xid);
            return Err(Failure::usage(format!("{shown} can't be registered as a schema"))
                .help("a schema's name has four parts, such as schemagroups/shop/schemas/order"));
        }
        if self.xid.group_ids().is_none_or(|(groups, _)| groups.as_str() != "schemagroups") {
            let shown = suggest::without_slash(&self.xid);
            return Err(Failure::usage(format!("{shown} isn't in a collection of schemas"))
                .help("schemas are in groups of schemas: schemagroups/shop/schemas/order"));
        }
        if self.level.is_none() && self.schemas.has_references() {
            return Err(Failure::usage("--reference without --level has no effect")
                .help("it is for the comparison; register what the schema refers to as well"));
        }
        let client = self.explanation.of(self.schemas.registry(context).await?)?;
        let bytes = put::read_document(&self.file)?;
        let text = String::from_utf8(bytes.clone()).map_err(|_| {
            let what = format!("{} isn't text in UTF-8", self.file.display());
            Failure::new(OwnCode::BadFile, what).help("name a file with a schema")
        })?;
        let format = self.schemas.format_of(&self.file);
        let named = StoredFormat::of(format, &self.file.to_string_lossy(), &text);
        let mut attributes = Map::new();
        attributes.insert("format".to_owned(), named.name.into());
        let mut sent = DocumentUpload {
            content_type: named.content_type.to_owned(),
            attributes,
            bytes: bytes.into(),
            ..DocumentUpload::default()
        };
        let needs_stored = self.dry_run || self.level.is_some();
        let stored = if needs_stored { self.stored(&client).await? } else { None };
        if let Some(level) = self.level {
            // What was checked must still be the newest when it is put.
            sent.precondition = match &stored {
                Some(stored) => Precondition::IfMatch(stored.tag.clone()),
                None => Precondition::Absent,
            };
            if stored.is_some() {
                let new = SchemaSource {
                    schema: Some(text.into()),
                    format: Some(format.to_string()),
                    references: self.schemas.references()?,
                    ..SchemaSource::default()
                };
                self.check(context, &client, (&sent, new), level).await?;
            }
        }
        match self.dry_run {
            true => self.try_out(context, &client, &sent, stored.as_ref()).await,
            false => self.put(context, &client, &sent).await,
        }
    }

    /// What is stored under the name; none if it doesn't exist.
    async fn stored(&self, client: &Client) -> Result<Option<StoredSchema>, Failure> {
        let answer = match client.details(&self.xid, &Query::new()).await {
            Ok(answer) => answer,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        let details = answer.json()?;
        let version = details.get("versionid").and_then(Value::as_str).unwrap_or_default();
        Ok(Some(StoredSchema { tag, version: version.to_owned(), details }))
    }

    /// Refuses it, with the findings, if it isn't compatible with what is stored.
    async fn check(
        &self,
        context: &Context,
        client: &Client,
        (sent, new): (&DocumentUpload, SchemaSource),
        level: Level,
    ) -> Result<(), Failure> {
        let request = CompatibilityRequest {
            new,
            old: Vec::new(),
            against: Some(self.xid.to_string()),
            level: Some(level.to_string()),
            policy: self.policy.map(|policy| policy.to_string()),
        };
        let report: CompatibilityReport = match client.check_schema(&request).await {
            Ok(answer) => answer.read()?,
            Err(error) => return Err(self.refused(client, error, sent).await),
        };
        if report.compatible {
            return Ok(());
        }
        check::show_report(&context.screen, &report, &[])?;
        let what =
            format!("{} isn't {level} compatible; nothing was registered", self.file.display());
        Err(Failure::new(OwnCode::Incompatible, what).help(check::HELP))
    }

    async fn put(
        &self,
        context: &Context,
        client: &Client,
        sent: &DocumentUpload,
    ) -> Result<(), Failure> {
        let file = put::file_name(&self.file);
        match client.put(&self.xid, sent).await {
            Ok(answer) => {
                put::warn(context, &answer, &file, sent);
                put::report(context, &self.xid, &answer, answer.status == StatusCode::OK)
            }
            Err(error) => {
                let failure = self.refused(client, error, sent).await;
                if !failure.is(ErrorCode::PreconditionFailed) {
                    return Err(failure);
                }
                let shown = suggest::without_slash(&self.xid);
                Err(failure
                    .with_message(format!("{shown} changed while it was checked"))
                    .help("run the command again"))
            }
        }
    }

    /// The failure for a refused schema; where its group asks for a level, with how to compare it.
    async fn refused(&self, client: &Client, error: ClientError, sent: &DocumentUpload) -> Failure {
        let found = error.refusal().map(ErrorResponse::violations).unwrap_or_default();
        let is_incompatible =
            found.iter().any(|one| one.message.contains(" compatible with version"));
        let file = put::file_name(&self.file);
        let failure = put::refused(client, &self.xid, error, &file, sent).await;
        if !is_incompatible {
            return failure;
        }
        let (shown, path) = (suggest::without_slash(&self.xid), self.file.display());
        let diff = format!("muster schema diff {shown} {path}");
        failure.help(format!("change it as the findings suggest; {diff} shows what differs"))
    }

    async fn try_out(
        &self,
        context: &Context,
        client: &Client,
        sent: &DocumentUpload,
        stored: Option<&StoredSchema>,
    ) -> Result<(), Failure> {
        let request =
            ApplyRequest { documents: vec![sent.to_apply(&self.xid)], ..ApplyRequest::default() };
        let report = client.try_apply(&request, None).await?.read()?;
        if let Some(refused) = report.refused.into_iter().next() {
            let error = ClientError::Refused(Box::new(ErrorResponse::of_body(refused.error)));
            return Err(self.refused(client, error, sent).await);
        }
        let is_unchanged = stored.is_some_and(|stored| stored.is(sent));
        let version = stored.map(|stored| stored.version.as_str());
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&json!({
                "xid": self.xid.to_string(),
                "versionid": version,
                "unchanged": is_unchanged,
                "failing": report.failing.failing,
                "dry_run": true,
            }));
        }
        let shown = suggest::without_slash(&self.xid);
        let would = match version {
            Some(version) if is_unchanged => format!("would stay unchanged, version {version}"),
            Some(version) => format!("would get a version after {version}"),
            None => "would be created".to_owned(),
        };
        screen.line(&format!("{shown}  {would}"))?;
        plan::failing(&report.failing).iter().try_for_each(|line| screen.line(line))
    }
}

impl StoredSchema {
    /// Whether it is what would be sent.
    fn is(&self, sent: &DocumentUpload) -> bool {
        let text = |name: &str| self.details.get(name).and_then(Value::as_str);
        digest_of(&self.details) == Some(Digest::of(&sent.bytes))
            && text("contenttype") == Some(sent.content_type.as_str())
            && text("format") == sent.attributes.get("format").and_then(Value::as_str)
    }
}
