use clap::Args;
use muster_client::{Client, ClientError, FetchedDocument, Query};
use muster_words::{Id, Notation, Xid, json};

use super::{past::PastArguments, put::unquoted, xid};
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    output::{Format, Style, yaml},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster get providers/cms/entries/sanity
  muster get providers/cms/entries/sanity --version 1
  muster get providers/cms/entries/sanity --details
  muster get providers/cms/entries/sanity --at 7d
  muster get providers/cms/entries/sanity --etag
  muster get aliases/prod/entries/limits --alias
  muster get providers/cms

";

/// Print a document byte for byte, or the attributes of a group or a document
#[derive(Debug, Args)]
pub struct GetArguments {
    /// What to print, such as providers/cms/entries/sanity
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// This version instead of the default version
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    /// Print the attributes instead of the document
    #[arg(long)]
    details: bool,
    /// Print only the entity tag, for put --if-match and delete --if-match
    #[arg(long, conflicts_with = "details")]
    etag: bool,
    /// Print an alias itself, instead of the document that it stands for
    #[arg(long)]
    alias: bool,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl GetArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let xid = versioned(&self.xid, self.version.as_deref())?;
        let query = self.past.add_to(Query::new(), context)?;
        let client = self.connection.client(context).await?;
        let has_document = matches!(xid, Xid::Resource { .. } | Xid::Version { .. });
        if self.etag {
            return etag(context, &client, (&xid, &self.past), &query).await;
        }
        if self.details || !has_document {
            return details(context, &client, (&xid, &self.past), &query).await;
        }
        if self.alias {
            let found = client.document_as(&xid, &query).await;
            return print(context, &client, (&xid, &self.past), found).await;
        }
        document(context, &client, (&xid, &self.past), &query).await
    }
}

/// Prints a document, or the one for which an alias stands.
pub(super) async fn document(
    context: &Context,
    client: &Client,
    (xid, past): (&Xid, &PastArguments),
    query: &Query,
) -> Result<(), Failure> {
    match client.document_as(xid, query).await {
        Ok(FetchedDocument { alias_of: Some(target), .. }) => {
            let found = client.document_as(&target, query).await;
            print(context, client, (&target, past), found).await
        }
        found => print(context, client, (xid, past), found).await,
    }
}

/// Prints a document: byte for byte, or in the format that was asked for.
async fn print(
    context: &Context,
    client: &Client,
    (xid, past): (&Xid, &PastArguments),
    found: Result<FetchedDocument, ClientError>,
) -> Result<(), Failure> {
    match found {
        Ok(FetchedDocument { elsewhere: Some(url), .. }) => {
            let shown = suggest::without_slash(xid);
            let what = format!("the document of {shown} is stored at {url}");
            Err(Failure::new(OwnCode::DocumentElsewhere, what)
                .help("get it there; --details shows its attributes"))
        }
        Ok(document) if context.screen.format == Format::Yaml => {
            // A document that isn't JSON is printed as it is.
            match json::parse(&document.bytes) {
                Ok(value) => context.screen.write(yaml::to_yaml(&value).as_bytes()),
                Err(_) => context.screen.write(&document.bytes),
            }
        }
        Ok(document) if context.screen.format == Format::Json => {
            // YAML is printed as JSON, and what isn't data as it is.
            match Notation::of(document.content_type.as_deref()) {
                Notation::Yaml => match Notation::Yaml.parse(&document.bytes) {
                    Ok(value) => context.screen.value(&value),
                    Err(_) => context.screen.write(&document.bytes),
                },
                Notation::Json => context.screen.write(&document.bytes),
            }
        }
        Ok(document) => {
            context.screen.write(&document.bytes)?;
            let ends_line = document.bytes.last().is_none_or(|byte| *byte == b'\n');
            if context.screen.is_terminal && !ends_line {
                context.screen.line("")?;
            }
            Ok(())
        }
        Err(error) => Err(past.explain(client, xid, error).await),
    }
}

async fn details(
    context: &Context,
    client: &Client,
    (xid, past): (&Xid, &PastArguments),
    query: &Query,
) -> Result<(), Failure> {
    match client.details(xid, query).await {
        Ok(answer) => {
            context.screen.json(&answer.text()?)?;
            if let (true, Some(tag)) = (context.screen.is_table(), answer.header("etag")) {
                let note = format!("etag {}", unquoted(tag));
                context.screen.note(&context.screen.paint_error(Style::Dim, &note));
            }
            Ok(())
        }
        Err(error) => Err(past.explain(client, xid, error).await),
    }
}

/// Prints the entity tag: alone, so that it can be used in another command.
async fn etag(
    context: &Context,
    client: &Client,
    (xid, past): (&Xid, &PastArguments),
    query: &Query,
) -> Result<(), Failure> {
    let answer = match client.details(xid, query).await {
        Ok(answer) => answer,
        Err(error) => return Err(past.explain(client, xid, error).await),
    };
    let Some(tag) = answer.header("etag").map(unquoted) else {
        let what = "the server's answer has no entity tag";
        return Err(Failure::new(OwnCode::UnexpectedAnswer, what));
    };
    match context.screen.is_table() {
        true => context.screen.line(tag),
        false => context.screen.value(&serde_json::json!({"etag": tag})),
    }
}

/// Adds to "not found" the name that was probably meant.
pub(super) async fn explain(client: &Client, xid: &Xid, error: ClientError) -> Failure {
    let is_absent = error.is_absent();
    match error {
        ClientError::Refused(refusal) if is_absent => {
            suggest::explain_absent(client, xid, *refusal).await
        }
        error => error.into(),
    }
}

/// The xid of a version of the named document.
pub(super) fn versioned(xid: &Xid, version: Option<&str>) -> Result<Xid, Failure> {
    let Some(text) = version else { return Ok(xid.clone()) };
    let id: Id = text
        .parse()
        .map_err(|error| Failure::usage(format!("{text:?} isn't a version: {error}")))?;
    let named = matches!(xid, Xid::Resource { .. }).then(|| xid.version(id)).flatten();
    named.ok_or_else(|| {
        let shown = suggest::without_slash(xid);
        Failure::usage(format!("{shown} has no versions"))
            .help("--version needs a document, such as providers/cms/entries/sanity")
    })
}
