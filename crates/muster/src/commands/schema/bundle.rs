use std::path::{Path, PathBuf};

use clap::Args;
use muster_client::{Client, Query};
use muster_schema::{
    BUNDLE_BYTES_MAX, SchemaBundle, Validator, ValidatorError, context_group, subject_ids,
};
use muster_validator::{GatherError, Gathering, RegistrySchemas};
use muster_wire::ErrorCode;
use muster_words::{Xid, XidPattern, XidPatterns};
use serde_json::json;

use super::list::all_collections;
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    backup_file::NewFile,
    bounded_file,
    output::numbers::{counted, size},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema bundle schemagroups/shop/schemas/order --to order.bundle
  muster schema bundle 'schemagroups/shop/schemas/*' --to shop.bundle
  muster schema bundle --subject orders-value --to orders.bundle
  muster validate --bundle order.bundle --schema schemagroups/shop/schemas/order payload.json

";

/// Write schemas and what they refer to into one file for offline checks
#[derive(Debug, Args)]
pub struct SchemaBundleArguments {
    /// Schemas, versions of them, or patterns, such as schemagroups/shop/schemas/order or
    /// 'schemagroups/*/schemas/order-*'
    #[arg(value_name = "NAME", required_unless_present = "subjects")]
    names: Vec<String>,
    /// A subject of Confluent's API, in the group; may be repeated
    #[arg(long = "subject", value_name = "NAME")]
    subjects: Vec<String>,
    /// The group of the subjects [default: that of the context without a name]
    #[arg(long, value_name = "GROUP", requires = "subjects")]
    group: Option<String>,
    /// The file to write, which may replace an earlier bundle
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl SchemaBundleArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let chosen = self.chosen(&client).await?;
        let bundle = match gathered(&client, &chosen).await {
            Ok(bundle) => bundle,
            Err(error) => return Err(ungathered(&client, error).await),
        };
        let bytes = bundle.write().map_err(|error| unwritable(&error))?;
        check(bundle.clone())?;
        let shown = context.shown(&self.to);
        let mut out = match is_bundle(&self.to) {
            true => NewFile::create_over(&self.to, &shown)?,
            false => NewFile::create(&self.to, &shown)?,
        };
        out.write(&bytes, &shown)?;
        out.keep(&shown)?;
        let count = bundle.versions().count();
        if !context.screen.is_table() {
            let schemas: Vec<String> = bundle.versions().map(|(xid, _)| xid.to_string()).collect();
            let to = self.to.display().to_string();
            return context
                .screen
                .value(&json!({"to": to, "schemas": schemas, "bytes": bytes.len()}));
        }
        let (schemas, bytes) = (counted(count, "schema", "schemas"), size(bytes.len() as u64));
        context.screen.line(&format!("wrote {schemas} to {shown}, {bytes}"))
    }

    /// The schemas that were named, each once.
    async fn chosen(&self, client: &Client) -> Result<Vec<Xid>, Failure> {
        let (mut chosen, mut patterns) = (Vec::new(), Vec::new());
        for name in &self.names {
            match Xid::parse_loosely(name) {
                Ok(xid @ (Xid::Resource { .. } | Xid::Version { .. })) => chosen.push(xid),
                _ => patterns.push((name, pattern(name)?)),
            }
        }
        for subject in &self.subjects {
            chosen.push(self.of_subject(client, subject).await?);
        }
        if !patterns.is_empty() {
            let there = all_schemas(client).await?;
            for (name, pattern) in patterns {
                let places = XidPatterns::new(vec![pattern]);
                let found: Vec<Xid> =
                    there.iter().filter(|xid| places.holds(xid)).cloned().collect();
                if found.is_empty() {
                    return Err(Failure::new(
                        ErrorCode::NotFound,
                        format!("no schema matches {name}"),
                    )
                    .help("muster schema list shows the schemas"));
                }
                chosen.extend(found);
            }
        }
        chosen.sort();
        chosen.dedup();
        Ok(chosen)
    }

    /// The schema of a subject: by its name, or by the id that stands for it.
    async fn of_subject(&self, client: &Client, subject: &str) -> Result<Xid, Failure> {
        let group = match &self.group {
            Some(group) => group.trim_matches('/').trim_start_matches("schemagroups/").to_owned(),
            None => context_group("").map(|group| group.to_string()).unwrap_or_default(),
        };
        let (plain, hashed) = subject_ids(subject);
        for id in [plain, hashed].into_iter().flatten() {
            let name = format!("/schemagroups/{group}/schemas/{id}");
            let xid: Xid = name.parse().map_err(|error| {
                Failure::usage(format!("{group} isn't a group of schemas: {error}"))
            })?;
            match client.details(&xid, &Query::new()).await {
                Ok(_) => return Ok(xid),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let what = format!("there is no subject {subject} in the group {group}");
        Err(Failure::new(ErrorCode::NotFound, what)
            .help("muster schema list shows the schemas; --group names the group of a subject"))
    }
}

/// The schemas with everything that they refer to.
async fn gathered(client: &Client, chosen: &[Xid]) -> Result<SchemaBundle, GatherError> {
    let registry = RegistrySchemas::new(client.clone());
    let mut gathering = Gathering::new(&registry);
    for xid in chosen {
        gathering.add_chosen(xid).await?;
    }
    Ok(gathering.finish().await?.bundle)
}

async fn ungathered(client: &Client, error: GatherError) -> Failure {
    match error {
        GatherError::Client(error) => error.into(),
        GatherError::Absent { xid } => match client.details(&xid, &Query::new()).await {
            Err(error) => error.into(),
            // It came back meanwhile.
            Ok(_) => {
                Failure::new(ErrorCode::NotFound, format!("there was no {xid}")).help("try again")
            }
        },
        GatherError::Unusable { xid, why } => {
            let shown = suggest::without_slash(&xid);
            Failure::new(OwnCode::BadFile, format!("{shown} can't be put into a bundle: {why}"))
                .help("choose other schemas")
        }
        error @ (GatherError::TooMany | GatherError::Site(_)) => {
            Failure::new(OwnCode::BadFile, error.to_string()).help("choose fewer schemas")
        }
    }
}

/// Whether a file is an earlier bundle, which a new one may replace.
fn is_bundle(path: &Path) -> bool {
    let bytes = bounded_file::read(path, BUNDLE_BYTES_MAX as u64);
    bytes.is_ok_and(|bytes| SchemaBundle::read(&bytes).is_ok())
}

fn pattern(name: &str) -> Result<XidPattern, Failure> {
    name.parse().map_err(|error| {
        Failure::usage(format!("{name} names no schemas: {error}"))
            .help("name a schema such as schemagroups/shop/schemas/order, or use * in its steps")
    })
}

/// The xids of all schemas.
async fn all_schemas(client: &Client) -> Result<Vec<Xid>, Failure> {
    let mut found = Vec::new();
    for collection in all_collections(client).await? {
        match client.all(&collection, &Query::new()).await {
            Ok(page) => found.extend(
                page.entries.iter().filter_map(|(id, _)| format!("{collection}/{id}").parse().ok()),
            ),
            // A group that is deleted meanwhile has no schemas.
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Whether everything in a bundle can be used as it is: what doesn't work here works nowhere.
fn check(bundle: SchemaBundle) -> Result<(), Failure> {
    let validator = Validator::new(bundle);
    let versions: Vec<Xid> = validator.bundle().versions().map(|(xid, _)| xid.clone()).collect();
    for xid in versions {
        match validator.schema(&xid) {
            Ok(_) => {}
            Err(error @ (ValidatorError::Schema { .. } | ValidatorError::Unknown { .. })) => {
                return Err(Failure::new(ErrorCode::InvalidDocument, error.to_string())
                    .help("register what it refers to, or correct it; nothing was written"));
            }
            Err(error) => return Err(unwritable(&error)),
        }
    }
    Ok(())
}

fn unwritable(error: &impl std::fmt::Display) -> Failure {
    Failure::new(OwnCode::BadFile, format!("the bundle can't be written: {error}"))
        .help("choose fewer schemas")
}
