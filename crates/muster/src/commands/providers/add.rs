use clap::Args;
use muster_client::{Client, DocumentUpload, Precondition};
use muster_providers::{KnownType, ProviderName, configuration_violations};
use muster_words::{Xid, json::Value};
use serde_json::json;

use super::named;
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers add local --type openai-compatible --base-url http://127.0.0.1:9000/v1 --model tiny
  muster providers add mistral --type mistral --credentials env:MISTRAL_API_KEY
  muster providers add azure --type azure --base-url https://mine.openai.azure.com --credentials env:AZURE_API_KEY

";

/// Declare a live AI provider: writes its document
#[derive(Debug, Args)]
pub struct ProviderAddArguments {
    /// The provider's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its type, such as openai, anthropic, gemini, ollama or openai-compatible [default: the name]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Where it is, if its type doesn't say
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Where its key is: env:NAME or file:/path; never the key [default: the variable of its type]
    #[arg(long, value_name = "REFERENCE")]
    credentials: Option<String>,
    /// A model that it has; may be repeated; without it, whatever it lists itself
    #[arg(long, value_name = "ID")]
    model: Vec<String>,
    /// A smaller number is preferred
    #[arg(long, value_name = "NUMBER")]
    priority: Option<u64>,
    /// The region, for Bedrock
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The group of the document
    #[arg(long, value_name = "GROUP", default_value = "default")]
    group: String,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderAddArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = named(&self.name)?;
        let document = self.document();
        let violations = configuration_violations(&document);
        if !violations.is_empty() {
            let said: Vec<&str> = violations.iter().map(|one| one.message.as_str()).collect();
            return Err(
                Failure::usage(said.join("; ")).help("muster providers add --help shows examples")
            );
        }
        let text = format!("/aiproviders/{}/entries/{name}", self.group);
        let xid: Xid = text.parse().map_err(|error| {
            Failure::usage(format!("{:?} can't be a group: {error}", self.group))
        })?;
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let sent = DocumentUpload {
            content_type: "application/json".to_owned(),
            bytes: serde_json::to_vec_pretty(&document).unwrap_or_default().into(),
            precondition: Precondition::Absent,
            ..DocumentUpload::default()
        };
        let shown = suggest::without_slash(&xid);
        let answer = match client.put(&xid, &sent).await {
            Ok(answer) => answer,
            Err(error) if error.is("precondition_failed") => {
                return same_as_there(context, &client, &xid, &document, &name).await;
            }
            Err(error) => return Err(error.into()),
        };
        if !context.screen.is_table() {
            let xid = xid.to_string();
            return context.screen.value(&json!({ "xid": xid, "status": answer.status.as_u16() }));
        }
        context.screen.line(&format!("declared {name} in {shown}"))
    }

    fn document(&self) -> Value {
        let kind = self.kind.as_deref().unwrap_or(&self.name);
        let mut document = json!({ "type": kind });
        let known = KnownType::find(kind);
        let usual = known.filter(|known| known.base_url.is_some() && !known.key_optional);
        let usual =
            usual.and_then(|known| known.variables().next()).map(|name| format!("env:{name}"));
        for (member, value) in [
            ("base_url", self.base_url.clone()),
            ("credentials", self.credentials.clone().or(usual)),
            ("region", self.region.clone()),
        ] {
            if let Some(value) = value {
                document[member] = value.into();
            }
        }
        if !self.model.is_empty() {
            document["models"] = self.model.clone().into();
        }
        if let Some(priority) = self.priority {
            document["priority"] = priority.into();
        }
        document
    }
}

/// What is declared already stays as it is; something else under the name isn't overwritten.
async fn same_as_there(
    context: &Context,
    client: &Client,
    xid: &Xid,
    document: &Value,
    name: &ProviderName,
) -> Result<(), Failure> {
    let shown = suggest::without_slash(xid);
    let there = client.document(xid).await?;
    if muster_words::json::parse(&there.bytes).ok().as_ref() != Some(document) {
        let what = format!("{shown} already exists, and says something else");
        return Err(Failure::usage(what).help(format!("muster put {shown} FILE changes it")));
    }
    if !context.screen.is_table() {
        return context.screen.value(&json!({ "xid": xid.to_string(), "status": 200 }));
    }
    context.screen.line(&format!("{shown} declares {name} already"))
}
