use clap::Args;
use muster_client::site::{SiteAnswer, SiteError, Tier};
use serde_json::json;

use super::SiteArguments;
use crate::{Context, Failure, OwnCode};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster client get providers/cms/sanity --url https://cdn.example
  muster client get hugo_template --url http://127.0.0.1:8080/site --key site.pub
  muster client get manifest.json --url /srv/www/site --output json

";

/// Print a document of a site
#[derive(Debug, Args)]
pub struct ClientGetArguments {
    /// A path such as providers/cms/sanity, or the type of a stack
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    site: SiteArguments,
}

impl ClientGetArguments {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let reader = self.site.reader(context)?;
        let name = self.name.trim_matches('/');
        let answer = match name.contains('/') {
            _ if name == "manifest" || name == "manifest.json" => reader.get_manifest().await,
            true => reader.get(&format!("{}.json", name.trim_end_matches(".json"))).await,
            false if name.ends_with(".json") => reader.get(name).await,
            false => reader.get_stack_metadata(name).await,
        };
        let answer = answer.map_err(|error| failure(&error))?;
        show(context, &answer)?;
        if answer.tier != Tier::Degraded {
            return Ok(());
        }
        let why = answer.value.get("reason").and_then(|why| why.as_str()).unwrap_or_default();
        Err(Failure::new(OwnCode::NoServer, format!("there is nothing to answer with: {why}"))
            .help("check the address, or give a --cache or a --snapshot"))
    }
}

fn show(context: &Context, answer: &SiteAnswer) -> Result<(), Failure> {
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&json!({
            "value": &*answer.value,
            "source": answer.tier.name(),
            "age_s": answer.age.map(|age| age.as_secs_f64()),
            "version": answer.version,
        }));
    }
    if answer.tier == Tier::Degraded {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&*answer.value).unwrap_or_default();
    screen.line(&text)?;
    if answer.tier > Tier::Source {
        screen.note(&format!("this is the {} answer: the site can't be read", answer.tier.name()));
    }
    Ok(())
}

pub(in crate::commands) fn failure(error: &SiteError) -> Failure {
    match error {
        SiteError::Absent { .. } => Failure::new(OwnCode::NoFile, error.to_string())
            .help("muster client get manifest.json lists what the site has"),
        SiteError::Unreachable { .. } => {
            Failure::new(OwnCode::NoServer, error.to_string()).help("check the address and the key")
        }
        SiteError::Data { .. } => Failure::new(OwnCode::BadFile, error.to_string())
            .help("only documents in JSON can be read"),
    }
}
