use std::path::Path;

use clap::Args;
use muster_catalog::classes::{ClassQuery, known_classes, plain_class};
use muster_client::{Client, DocumentUpload, Query, StatusCode};
use muster_words::{Id, Xid, json};

use super::{ENTITIES, EntityClass};
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    commands::put,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster entities register payments services '{\"owner\": \"team-pay\"}'
  muster entities register payments AppService @payments.yaml
  jq .service all.json | muster entities register payments services -

";

/// Register an entity of a class, or its new version; the same again makes none
#[derive(Debug, Args)]
pub struct EntitiesRegisterArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its class: a known one, or one of your own, which is made if it isn't there
    #[arg(value_name = "CLASS")]
    class: String,
    /// The document: JSON, @ with a file of JSON or YAML, or - for JSON on standard input
    #[arg(value_name = "JSON")]
    document: String,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl EntitiesRegisterArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = id("name", &self.name)?;
        let (sent, file) = self.upload()?;
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let group = group_of(&client, &self.class).await?;
        let xid: Xid = format!("{ENTITIES}/{group}/entries/{name}")
            .parse()
            .map_err(|error| Failure::usage(format!("{name} can't be a name: {error}")))?;
        match client.put(&xid, &sent).await {
            Ok(answer) => {
                put::warn(context, &answer, &file, &sent);
                put::report(context, &xid, &answer, answer.status == StatusCode::OK)
            }
            Err(error) => Err(put::refused(&client, &xid, error, &file, &sent).await),
        }
    }

    /// The document to put, and what messages call it.
    fn upload(&self) -> Result<(DocumentUpload, String), Failure> {
        if let Some(file) = self.document.strip_prefix('@') {
            let file = Path::new(file);
            let bytes = put::read_document(file)?.into();
            let content_type = put::type_of(file);
            let content_type =
                if content_type.is_empty() { "application/json".to_owned() } else { content_type };
            let sent = DocumentUpload { content_type, bytes, ..DocumentUpload::default() };
            return Ok((sent, put::file_name(file)));
        }
        let (bytes, named) = match self.document.as_str() {
            "-" => (put::read_document(Path::new("-"))?, "standard input"),
            text => (text.as_bytes().to_vec(), "the document"),
        };
        json::parse(&bytes).map_err(|error| {
            Failure::new(OwnCode::BadFile, format!("{named} isn't JSON: {error}"))
                .help("put it in quotes, '{\"owner\": \"me\"}', or name a file: @payments.yaml")
        })?;
        let content_type = "application/json".to_owned();
        let sent =
            DocumentUpload { content_type, bytes: bytes.into(), ..DocumentUpload::default() };
        Ok((sent, named.to_owned()))
    }
}

fn id(what: &str, text: &str) -> Result<Id, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("{text:?} can't be the {what} of an entity: {error}"))
            .help("letters, digits and - . _ ~ : @, such as payment-service")
    })
}

/// The group of a class: the one that is there or known in any spelling, or else one of this name.
async fn group_of(client: &Client, class: &str) -> Result<Id, Failure> {
    let plain = plain_class(class);
    let query = ClassQuery::new(class);
    if let Ok(xid) = format!("{ENTITIES}/{class}").parse::<Xid>()
        && client.details(&xid, &Query::new()).await.is_ok()
    {
        return id("class", class);
    }
    if plain.is_empty() {
        return id("class", class);
    }
    let mut known = known_classes();
    if let Some((name, _)) = known.find(|(name, _)| plain_class(name) == plain) {
        return id("class", name);
    }
    let all = EntityClass::all(client).await?;
    if let Some(own) = all.iter().find(|one| plain_class(&one.name) == plain) {
        return id("class", &own.name);
    }
    let of_family: Vec<&str> =
        all.iter().filter(|one| one.is_meant(&query)).map(|one| one.name.as_str()).collect();
    if !of_family.is_empty() {
        return Err(Failure::usage(format!("{class} is a family of classes"))
            .help(format!("one of its classes: {}", of_family.join(", "))));
    }
    id("class", &class.split_whitespace().collect::<Vec<_>>().join("_"))
}
