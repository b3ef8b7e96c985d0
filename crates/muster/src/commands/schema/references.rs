use clap::Args;

use crate::{Context, Failure, commands::references::ReferencesArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema references schemagroups/shop/schemas/order
  muster schema references schemagroups/shop/schemas/order --output json | jq .referred_by

";

/// Show what refers to a schema or is bound to it, and to what it refers
#[derive(Debug, Args)]
pub struct SchemaReferencesArguments {
    #[command(flatten)]
    references: ReferencesArguments,
}

impl SchemaReferencesArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        self.references.run(context).await
    }
}
