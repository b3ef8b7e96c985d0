use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use muster_client::{Answer, Client, ClientError, DocumentUpload, Precondition};
use muster_words::{
    Xid,
    json::{self, Map, Value},
    limits::DOCUMENT_BYTES_MAX,
};

use super::{get::versioned, xid};
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    folder::{FileName, content_type},
    output::{Finding, findings, numbers::counted},
    shape::ModelShape,
    suggest,
};
use muster_wire::ErrorCode;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster put providers/cms/entries/sanity sanity.json
  muster put providers/cms/entries/sanity - --type application/json < sanity.json
  muster put providers/cms/entries/sanity sanity.json --state draft
  muster put providers/cms/entries/sanity sanity.json --if-match '\"1204.9f3a11c2-d\"'

";

/// Put a document: as the first version, or as a new one
#[derive(Debug, Args)]
pub struct PutArguments {
    /// Where to put it, such as providers/cms/entries/sanity
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// The file with the document; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// This version instead of a new one: its document is replaced
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    /// The document's type; without it by the file's extension
    #[arg(long = "type", value_name = "CONTENT-TYPE")]
    content_type: Option<String>,
    /// Its state: draft, review, stable, deprecated or retired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Attributes to set with it, in a file of JSON
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// Only if nothing of that name is there
    #[arg(long, conflicts_with = "if_match")]
    create: bool,
    /// Only if it is still as it was when it had this ETag
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// A key under which a repeated put takes effect once
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PutArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let xid = versioned(&self.xid, self.version.as_deref())?;
        if !matches!(xid, Xid::Resource { .. } | Xid::Version { .. }) {
            let shown = suggest::without_slash(&xid);
            return Err(Failure::usage(format!("{shown} holds no document"))
                .help("a document's name has four parts, such as providers/cms/entries/sanity"));
        }
        let bytes = read_document(&self.file)?;
        let attributes = self.attributes()?;
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let sent = DocumentUpload {
            content_type: self.content_type.clone().unwrap_or_else(|| type_of(&self.file)),
            singular: self.singular(&client, &attributes).await?,
            attributes,
            precondition: match &self.if_match {
                Some(tag) => Precondition::IfMatch(tag.clone()),
                None if self.create => Precondition::Absent,
                None => Precondition::None,
            },
            idempotency_key: self.idempotency_key.clone(),
            bytes: bytes.into(),
            attributes_alone: false,
        };
        let file = file_name(&self.file);
        match client.put(&xid, &sent).await {
            Ok(answer) => report(context, &xid, &answer, &file, &sent.bytes),
            Err(error) => {
                let failure = refused(&client, &xid, error, &file, &sent.bytes).await;
                let (shown, path) = (suggest::without_slash(&xid), self.file.display());
                Err(if self.create && failure.is(ErrorCode::PreconditionFailed) {
                    failure
                        .with_message(format!("{shown} is there already"))
                        .help("leave --create out to put it as a new version")
                } else if failure.is(ErrorCode::InvalidDocument) {
                    failure.help(format!(
                        "muster validate --catalog FOLDER --as {shown} {path} checks it without a server"
                    ))
                } else {
                    failure
                })
            }
        }
    }

    fn attributes(&self) -> Result<Map<String, Value>, Failure> {
        let mut attributes = match &self.attributes {
            Some(file) => read_object(file)?,
            None => Map::new(),
        };
        if let Some(state) = &self.state {
            attributes.insert("state".to_owned(), state.as_str().into());
        }
        Ok(attributes)
    }

    /// What one document of this type is called, where it travels within JSON.
    async fn singular(
        &self,
        client: &Client,
        attributes: &Map<String, Value>,
    ) -> Result<String, Failure> {
        if attributes.is_empty() {
            return Ok(String::new());
        }
        let shape = ModelShape::read(&client.model().await?.json()?);
        match shape.resource_type(&self.xid) {
            Some(kind) => Ok(kind.singular.clone()),
            None => {
                let shown = suggest::without_slash(&self.xid);
                let parts: Vec<&str> = shown.split('/').take(3).collect();
                Err(suggest::unknown_collection(&shape, &parts))
            }
        }
    }
}

/// Says in one line what is there now; the rules' warnings beside it.
fn report(
    context: &Context,
    xid: &Xid,
    answer: &Answer,
    file: &str,
    bytes: &[u8],
) -> Result<(), Failure> {
    let screen = &context.screen;
    let places = findings::places(bytes);
    let warnings: Vec<Finding> = answer
        .warnings()
        .iter()
        .map(|violation| Finding::of_answer(violation, file, &places))
        .collect();
    for line in findings::render(&warnings, screen, "  ") {
        screen.note(&line);
    }
    let version = version_of(answer).unwrap_or_default();
    let resource = xid.resource().unwrap_or_else(|| xid.clone());
    if screen.is_table() {
        return screen.line(&format!("{}  version {version}", suggest::without_slash(&resource)));
    }
    let position = answer.position().map(|position| position.0);
    let xid = resource.to_string();
    screen.value(&serde_json::json!({"xid": xid, "versionid": version, "position": position}))
}

/// The version that answered: in a header, or in the details.
fn version_of(answer: &Answer) -> Option<String> {
    if let Some(version) = answer.header("xregistry-versionid") {
        return Some(version.to_owned());
    }
    let details = answer.json().ok()?;
    details.get("versionid").and_then(Value::as_str).map(str::to_owned)
}

/// A refusal with each violation at its line of the file.
async fn refused(
    client: &Client,
    xid: &Xid,
    error: ClientError,
    file: &str,
    bytes: &[u8],
) -> Failure {
    let Some(refusal) = error.refusal() else { return error.into() };
    if refusal.violations().is_empty() {
        return super::get::explain(client, xid, error).await;
    }
    let places = findings::places(bytes);
    let found: Vec<Finding> = refusal
        .violations()
        .iter()
        .map(|violation| Finding::of_answer(violation, file, &places))
        .collect();
    let errors = found.iter().filter(|finding| !finding.is_warning).count();
    let count = counted(errors, "violation", "violations");
    Failure::from(error)
        .with_message(format!("refused, nothing changed: {count} in {file}"))
        .findings(found)
}

fn type_of(file: &Path) -> String {
    let name = file_name(file);
    match FileName::read(&name) {
        FileName::Document { extension, .. } => content_type(extension).to_owned(),
        FileName::Attributes { .. } => content_type("json").to_owned(),
    }
}

fn file_name(file: &Path) -> String {
    if file.as_os_str() == "-" {
        return "standard input".to_owned();
    }
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads a document from a file or standard input, and never more than one may have.
pub(super) fn read_document(file: &Path) -> Result<Vec<u8>, Failure> {
    let shown = file.display();
    let unreadable = |error: std::io::Error| {
        Failure::new(OwnCode::NoFile, format!("{shown} can't be read: {error}"))
    };
    let limit = DOCUMENT_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let opened = std::fs::File::open(file).map_err(unreadable)?;
        opened.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let what = format!("{shown} has more than {DOCUMENT_BYTES_MAX} bytes");
        return Err(Failure::new(ErrorCode::DocumentTooLarge, what)
            .help("store large bytes elsewhere, and a document that names them here"));
    }
    Ok(bytes)
}

pub(super) fn read_object(file: &Path) -> Result<Map<String, Value>, Failure> {
    let bytes = read_document(file)?;
    let refused =
        |what: String| Failure::new(OwnCode::BadFile, format!("{}: {what}", file.display()));
    match json::parse(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(refused("it must be a JSON object".to_owned())),
        Err(error) => Err(refused(format!("it is no JSON: {error}"))),
    }
}
