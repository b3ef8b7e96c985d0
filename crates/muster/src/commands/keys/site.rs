use clap::Args;

use crate::{Context, Failure, OwnCode, arguments::ConnectionArguments, composition};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys site
  muster keys site --rotate --data /var/lib/muster

";

/// Print the public key that verifies the published site, or replace the key
#[derive(Debug, Args)]
pub struct SiteKeyArguments {
    /// Make a new key, which the present one signs; the server must be stopped
    #[arg(long, requires = "data")]
    rotate: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl SiteKeyArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let (true, Some(data)) = (self.rotate, &self.connection.data) {
            let key = composition::rotate_site_key(context, data)?;
            return show(context, &key);
        }
        let client = self.connection.client_or_directory(context).await?;
        let report = client.ledger().await?.read()?;
        let Some(key) = report.sitekey else {
            let what = format!("{} signs no site", client.place());
            return Err(Failure::new(OwnCode::NotSigned, what)
                .help("a registry with a data directory signs it; one in memory has no key"));
        };
        show(context, &key)
    }
}

fn show(context: &Context, key: &str) -> Result<(), Failure> {
    match context.screen.is_table() {
        true => context.screen.line(key),
        false => context.screen.value(&serde_json::json!({"key": key})),
    }
}
