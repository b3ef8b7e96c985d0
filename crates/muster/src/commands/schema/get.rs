use clap::Args;
use muster_client::Query;
use muster_words::Xid;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    commands::{get, past::PastArguments, xid},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema get schemagroups/shop/schemas/order
  muster schema get schemagroups/shop/schemas/order --version 1
  muster schema get schemagroups/shop/schemas/order --at 7d > order.avsc

";

/// Print a schema, byte for byte
#[derive(Debug, Args)]
pub struct SchemaGetArguments {
    /// The schema, such as schemagroups/shop/schemas/order
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// This version instead of the default version
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl SchemaGetArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let xid = get::versioned(&self.xid, self.version.as_deref())?;
        if !matches!(xid, Xid::Resource { .. } | Xid::Version { .. }) {
            let shown = suggest::without_slash(&xid);
            return Err(Failure::usage(format!("{shown} isn't a schema"))
                .help("muster schema list shows the schemas"));
        }
        let query = self.past.add_to(Query::new(), context)?;
        let client = self.connection.client(context).await?;
        get::document(context, &client, (&xid, &self.past), &query).await
    }
}
