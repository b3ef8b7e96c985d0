use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use muster_client::{Answer, Client, ClientError, DocumentUpload, Precondition, Query, StatusCode};
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
    limits::DOCUMENT_BYTES_MAX,
};

use super::{get::versioned, xid};
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    folder::{FileName, content_type, known_content_type},
    model,
    output::{Finding, findings, numbers::counted},
    suggest,
};
use muster_wire::ErrorCode;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster put providers/cms/entries/sanity sanity.json
  muster get providers/cms/entries/sanity | muster put providers/cms/entries/sanity -
  muster put providers/cms/entries/sanity sanity.json --state draft
  muster put providers/cms/entries/sanity sanity.json --if-match 1204.9f3a11c2-d

";

/// Put a document, as its first or as a new version; the same again makes none
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
    /// The document's media type [default: by the file's extension, or the one that it has]
    #[arg(long = "type", value_name = "CONTENT-TYPE")]
    content_type: Option<String>,
    /// The version's state: draft, review, stable, deprecated or retired
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// A file with attributes to set, in JSON or YAML
    #[arg(long, value_name = "FILE")]
    attributes: Option<PathBuf>,
    /// Only if the document doesn't exist yet
    #[arg(long, conflicts_with = "if_match")]
    create: bool,
    /// Only if the document still has this entity tag, which put and get --etag print
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// Only if this is the current epoch
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["create", "if_match"])]
    epoch: Option<u64>,
    /// Make a new version even if nothing differs from the present one
    #[arg(long, conflicts_with = "version")]
    new_version: bool,
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
        let mut sent = DocumentUpload {
            content_type: self.content_type.clone().unwrap_or_else(|| type_of(&self.file)),
            attributes,
            precondition: self.precondition(&client, &xid).await?,
            idempotency_key: self.idempotency_key.clone(),
            bytes: bytes.into(),
            always_new: self.new_version,
            ..DocumentUpload::default()
        };
        if sent.attribute_headers().is_none() {
            sent.singular = self.singular(&client).await?;
        }
        let file = file_name(&self.file);
        match client.put(&xid, &sent).await {
            Ok(answer) => {
                warn(context, &answer, &file, &sent);
                let posted = matches!(xid, Xid::Resource { .. }) && !self.create;
                report(context, &xid, &answer, posted && answer.status == StatusCode::OK)
            }
            Err(error) => {
                let failure = refused(&client, &xid, error, &file, &sent).await;
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

    async fn precondition(&self, client: &Client, xid: &Xid) -> Result<Precondition, Failure> {
        if let Some(epoch) = self.epoch {
            return at_epoch(client, xid, epoch).await;
        }
        Ok(match &self.if_match {
            Some(tag) => Precondition::IfMatch(quoted(tag)),
            None if self.create => Precondition::Absent,
            None => Precondition::None,
        })
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
    async fn singular(&self, client: &Client) -> Result<String, Failure> {
        let model = model::to_show(client).await?;
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

/// Prints the rules' warnings.
pub(super) fn warn(context: &Context, answer: &Answer, file: &str, sent: &DocumentUpload) {
    let screen = &context.screen;
    let places = findings::places(Some(&sent.content_type), &sent.bytes);
    let warnings: Vec<Finding> = answer
        .warnings()
        .iter()
        .map(|violation| Finding::of_answer(violation, file, &places))
        .collect();
    for line in findings::render(&warnings, screen, "  ") {
        screen.note(&line);
    }
}

/// Prints the version in one line, with the document's entity tag.
pub(super) fn report(
    context: &Context,
    xid: &Xid,
    answer: &Answer,
    is_unchanged: bool,
) -> Result<(), Failure> {
    let screen = &context.screen;
    let version = version_of(answer).unwrap_or_default();
    let resource = xid.resource().unwrap_or_else(|| xid.clone());
    let tag = answer.header("etag").map(unquoted);
    if screen.is_table() {
        let shown = suggest::without_slash(&resource);
        let still = if is_unchanged { "unchanged, still " } else { "" };
        let tag = tag.map(|tag| format!("  etag {tag}")).unwrap_or_default();
        return screen.line(&format!("{shown}  {still}version {version}{tag}"));
    }
    let position = answer.position().map(|position| position.0);
    let xid = resource.to_string();
    screen.value(&serde_json::json!({
        "xid": xid,
        "versionid": version,
        "position": position,
        "etag": tag,
        "unchanged": is_unchanged,
    }))
}

/// The condition that the entity still is what it is at this epoch: its entity tag.
async fn at_epoch(client: &Client, xid: &Xid, epoch: u64) -> Result<Precondition, Failure> {
    let answer = match client.details(xid, &Query::new()).await {
        Ok(answer) => answer,
        Err(error) => return Err(super::get::explain(client, xid, error).await),
    };
    let current = answer.json()?.get("epoch").and_then(Value::as_u64).unwrap_or_default();
    if current != epoch {
        let shown = suggest::without_slash(xid);
        let what = format!("{shown} has epoch {current}, not {epoch}");
        return Err(Failure::new(ErrorCode::MismatchedEpoch, what)
            .help("read it again, then put what you want it to be"));
    }
    let tag = answer.header("etag").unwrap_or_default();
    Ok(Precondition::IfMatch(tag.to_owned()))
}

/// An entity tag as people copy it: without its quotes.
pub(super) fn unquoted(tag: &str) -> &str {
    tag.trim_matches('"')
}

/// Entity tags as a header holds them. Tags that are quoted already, and `*`, stay.
pub(super) fn quoted(tags: &str) -> String {
    if tags.contains('"') || tags == "*" { tags.to_owned() } else { format!("\"{tags}\"") }
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
pub(super) async fn refused(
    client: &Client,
    xid: &Xid,
    error: ClientError,
    file: &str,
    sent: &DocumentUpload,
) -> Failure {
    let Some(refusal) = error.refusal() else { return error.into() };
    if refusal.violations().is_empty() {
        return super::get::explain(client, xid, error).await;
    }
    let places = findings::places(Some(&sent.content_type), &sent.bytes);
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

/// The media type by the file's extension; empty for standard input and for an unknown extension,
/// so that the registry decides.
pub(super) fn type_of(file: &Path) -> String {
    if file.as_os_str() == "-" {
        return String::new();
    }
    let name = file_name(file);
    match FileName::read(&name) {
        FileName::Document { extension, .. } => {
            known_content_type(extension).unwrap_or_default().to_owned()
        }
        FileName::Attributes { extension, .. } => content_type(extension).to_owned(),
    }
}

pub(super) fn file_name(file: &Path) -> String {
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
    let notation = Notation::of(Some(&type_of(file)));
    match notation.parse(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(refused("it must be an object".to_owned())),
        Err(error) => Err(refused(format!("it isn't {}: {error}", notation.name().to_uppercase()))),
    }
}
