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
    model,
    output::{Finding, findings, numbers::counted},
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

/// Put a document, as its first or as a new version
#[derive(Debug, Args)]
pub struct PutArguments {
    /// Where to put it, such as providers/cms/entries/sanity
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// The file with the document; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the document of this version, instead of making a new version
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    /// The document's media type [default: by the file's extension]
    #[arg(long = "type", value_name = "CONTENT-TYPE")]
    content_type: Option<String>,
    /// The version's state: draft, review, stable, deprecated or retired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// A JSON file with attributes to set
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// Only if the document doesn't exist yet
    #[arg(long, conflicts_with = "if_match")]
    create: bool,
    /// Only if the document still has this ETag
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// A key that makes it safe to repeat the command
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
            return Err(Failure::usage(format!("{shown} can't hold a document"))
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
                        .with_message(format!("{shown} already exists"))
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

    /// The singular name of the resource type, which is the document's member in JSON.
    async fn singular(
        &self,
        client: &Client,
        attributes: &Map<String, Value>,
    ) -> Result<String, Failure> {
        if attributes.is_empty() {
            return Ok(String::new());
        }
        let model = model::of_registry(client).await?;
        match model::resource_type(&model, &self.xid) {
            Some(kind) => Ok(kind.singular.clone()),
            None => {
                let shown = suggest::without_slash(&self.xid);
                let parts: Vec<&str> = shown.split('/').take(3).collect();
                Err(suggest::unknown_collection(&model, &parts))
            }
        }
    }
}

/// Prints the new version in one line, and the rules' warnings.
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

/// The version in the answer, from a header or from the details.
fn version_of(answer: &Answer) -> Option<String> {
    if let Some(version) = answer.header("xregistry-versionid") {
        return Some(version.to_owned());
    }
    let details = answer.json().ok()?;
    details.get("versionid").and_then(Value::as_str).map(str::to_owned)
}

/// The failure for a refused document, with the line of each violation in the file.
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

/// Reads a document from a file or standard input, up to the size limit of a document.
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
            .help("store the large content elsewhere, and put a document that refers to it"));
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
        Err(error) => Err(refused(format!("it isn't JSON: {error}"))),
    }
}
