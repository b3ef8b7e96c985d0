mod bundled;
mod manifest;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use muster_catalog::state::Bindings;
use muster_client::Client;
use muster_schema::Violation;
use muster_wire::validation::{DocumentFindings, ValidationPage};
use muster_words::{Places, Xid, json::Value};
use serde_json::json;

use super::{put::read_document, xid};
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    document_set::{BindingOwner, DocumentSet, Judgement},
    folder::{self, FileName, Folder, content_type},
    model::{self, RegistryModel},
    output::{Finding, findings, numbers::counted, progress::ProgressLine},
};
use muster_wire::ErrorCode;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster validate catalog
  muster validate catalog/providers/cms/sanity.json
  muster validate --catalog catalog --as providers/cms/entries/sanity sanity.json
  muster validate catalog --against https://registry.example.org
  muster validate --bundle shop.bundle --schema schemagroups/shop/schemas/order payload.json
  muster validate --server

";

/// Check documents against their schemas and rules, without a server
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Files or folders in the layout of apply; the nearest model.json above them is used
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// The catalog to check against, for files outside it
    #[arg(long, value_name = "FOLDER", requires = "as_xid")]
    catalog: Option<PathBuf>,
    /// The xid that the file would have, such as providers/cms/entries/sanity
    #[arg(long = "as", id = "as_xid", value_parser = xid, value_name = "XID", requires = "catalog")]
    as_xid: Option<Xid>,
    /// A file of schemas that muster schema bundle has written; the files are payloads then
    #[arg(long, value_name = "BUNDLE", requires_all = ["schema", "paths"])]
    #[arg(conflicts_with_all = ["catalog", "against", "server", "data"])]
    bundle: Option<PathBuf>,
    /// The schema in the bundle that the payloads must pass, such as schemagroups/shop/schemas/order
    #[arg(long, value_parser = xid, value_name = "XID", requires = "bundle")]
    schema: Option<Xid>,
    /// The message of a Protobuf schema [default: its first]
    #[arg(long, value_name = "NAME", requires = "bundle")]
    message: Option<String>,
    /// A server to fetch missing schemas and rules from
    #[arg(long, value_name = "URL", conflicts_with_all = ["server", "data"])]
    against: Option<String>,
    /// Check the documents in a registry and list those that no longer pass
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    #[arg(conflicts_with_all = ["paths", "catalog"])]
    server: Option<String>,
    /// The same for a data directory; no server may be using it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["paths", "catalog", "server"])]
    data: Option<PathBuf>,
    /// A file that holds the API key [or MUSTER_API_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A file of certificates that may sign the server's [or MUSTER_CA_CERT]
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// The checked documents and their findings.
#[derive(Default)]
struct Report {
    documents: usize,
    refused: usize,
    /// Documents that couldn't be checked.
    unchecked: usize,
    /// Bindings whose schemas or rules can't be used, or aren't known.
    broken_bindings: usize,
    /// Whether the schemas and rules of all of them are known.
    are_bindings_known: bool,
    findings: Vec<Finding>,
}

impl ValidateArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let report = if let (Some(bundle), Some(schema)) = (&self.bundle, &self.schema) {
            bundled::check(context, bundle, (schema, self.message.as_deref()), &self.paths)?
        } else if self.server.is_some() || self.data.is_some() {
            self.registry(context).await?
        } else if let (Some(catalog), Some(xid)) = (&self.catalog, &self.as_xid) {
            self.as_single_file(context, catalog, xid).await?
        } else {
            self.folders(context).await?
        };
        report.show(context)
    }

    /// Checks files whose paths give their xids.
    async fn folders(&self, context: &Context) -> Result<Report, Failure> {
        let here = [PathBuf::from(".")];
        let paths = if self.paths.is_empty() { &here[..] } else { &self.paths };
        let mut by_root: BTreeMap<PathBuf, Vec<&Path>> = BTreeMap::new();
        for path in paths {
            let root = folder::root_above(path).ok_or_else(|| not_a_catalogue(path))?;
            by_root.entry(root).or_default().push(path);
        }
        let client = self.other(context).await?;
        let mut report = Report::default();
        for (root, paths) in by_root {
            check_folder(&root, &paths, client.as_ref(), &mut report).await?;
        }
        Ok(report)
    }

    /// Checks one file under the given xid.
    async fn as_single_file(
        &self,
        context: &Context,
        catalog: &Path,
        xid: &Xid,
    ) -> Result<Report, Failure> {
        let [file] = self.paths.as_slice() else {
            return Err(Failure::usage("--as needs exactly one file"));
        };
        let xid = xid.resource().ok_or_else(|| {
            Failure::usage(format!("{xid} isn't the name of a document"))
                .help("a document's name has four parts, such as providers/cms/entries/sanity")
        })?;
        let folder = Folder::read(catalog)?;
        let client = self.other(context).await?;
        let model = match (&folder.model, &client) {
            (None, Some(client)) => model::of_registry(client).await?,
            _ => model::of_folder(&folder)?,
        };
        if model::resource_type(&model, &xid).is_none() {
            let shown = crate::suggest::without_slash(&xid);
            let parts: Vec<&str> = shown.split('/').take(3).collect();
            return Err(crate::suggest::unknown_collection(&model, &parts));
        }
        let mut holdings = DocumentSet::of_folder(&folder, model, client.is_some())?;
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let extension = match name.as_deref().map(FileName::read) {
            Some(FileName::Document { extension, .. }) => extension.to_owned(),
            _ => String::new(),
        };
        holdings.add_file(&xid, read_document(file)?.into(), content_type(&extension));
        let mut report = Report::default();
        let documents = [(xid, file.display().to_string())];
        report.judge(&mut holdings, client.as_ref(), &documents).await?;
        Ok(report)
    }

    /// The registry that has what the folder lacks, if one was named.
    async fn other(&self, context: &Context) -> Result<Option<Client>, Failure> {
        let Some(server) = &self.against else { return Ok(None) };
        self.connection(Some(server.clone()), None).client(context).await.map(Some)
    }

    fn connection(&self, server: Option<String>, data: Option<PathBuf>) -> ConnectionArguments {
        let (key_file, ca_cert) = (self.key_file.clone(), self.ca_cert.clone());
        ConnectionArguments { server, data, key_file, ca_cert }
    }

    /// Checks everything in a registry.
    async fn registry(&self, context: &Context) -> Result<Report, Failure> {
        let server = self.server.clone().filter(|server| !server.is_empty());
        let client = self.connection(server, self.data.clone()).client(context).await?;
        let mut report = Report::default();
        let mut progress = ProgressLine::new(&context.screen, "judging documents", 0);
        let mut page: Option<ValidationPage> = None;
        while page.as_ref().is_none_or(|page| page.next.is_some()) {
            let next = client.validate(&Xid::Registry, page.as_ref()).await?.read()?;
            report.documents += usize::try_from(next.documents).unwrap_or(usize::MAX);
            for found in &next.findings {
                report.add_answered(&client, found).await?;
            }
            progress.advance(report.documents);
            page = Some(next);
        }
        Ok(report)
    }
}

impl Report {
    /// Judges documents; each finding names the document's file.
    async fn judge(
        &mut self,
        holdings: &mut DocumentSet,
        client: Option<&Client>,
        documents: &[(Xid, String)],
    ) -> Result<(), Failure> {
        let xids: Vec<Xid> = documents.iter().map(|(xid, _)| xid.clone()).collect();
        let judged = holdings.judge_all(client, &xids).await?;
        for ((xid, file), judgement) in documents.iter().zip(judged) {
            self.add(holdings, xid, file, &judgement);
        }
        Ok(())
    }

    /// Adds what a server found in a document. The document is fetched for the lines of its values.
    async fn add_answered(
        &mut self,
        client: &Client,
        found: &DocumentFindings,
    ) -> Result<(), Failure> {
        let document = match found.xid.parse::<Xid>() {
            Ok(xid) => client.document(&xid).await.ok(),
            Err(_) => None,
        };
        let places = document
            .map(|document| findings::places(document.content_type.as_deref(), &document.bytes));
        let places = places.unwrap_or_default();
        let file = found.xid.trim_start_matches('/');
        let (before, violations) = (self.findings.len(), found.violations.iter());
        self.findings.extend(violations.map(|one| Finding::of_answer(one, file, &places)));
        let is_refused = self.findings[before..].iter().any(|finding| !finding.is_warning);
        self.refused += usize::from(is_refused);
        Ok(())
    }

    /// Judges what the groups and the types of a folder bind.
    async fn judge_bindings(
        &mut self,
        holdings: &mut DocumentSet,
        client: Option<&Client>,
        bindings: &[(BindingOwner, Arc<Bindings>)],
        file_of: impl Fn(&BindingOwner) -> String,
    ) -> Result<(), Failure> {
        let judged = holdings.judge_all_bindings(client, bindings).await?;
        self.are_bindings_known = true;
        for ((owner, _), judgement) in bindings.iter().zip(judged) {
            let file = file_of(owner);
            let before = self.findings.len();
            match judgement {
                Judgement::Found(found) => {
                    let found =
                        found.iter().map(|one| Finding::of_check(one, &file, &Places::default()));
                    self.findings.extend(found);
                }
                Judgement::NotChecked(why) => {
                    self.are_bindings_known = false;
                    self.findings.push(Finding::not_checked(&file, &why));
                }
            }
            self.broken_bindings += usize::from(self.findings.len() > before);
        }
        Ok(())
    }

    fn add(&mut self, holdings: &DocumentSet, xid: &Xid, file: &str, judgement: &Judgement) {
        self.documents += 1;
        match judgement {
            Judgement::Found(violations) if violations.is_empty() => {}
            Judgement::Found(violations) => {
                self.refused += usize::from(violations.iter().any(Violation::is_error));
                let places = holdings.places(xid);
                let found = violations.iter().map(|one| Finding::of_check(one, file, &places));
                self.findings.extend(found);
            }
            Judgement::NotChecked(why) => {
                self.unchecked += 1;
                self.findings.push(Finding::not_checked(file, why));
            }
        }
    }

    /// Adds the manifest of a folder, which counts like a document.
    fn add_manifest(&mut self, is_there: bool, faults: Vec<Finding>) {
        self.documents += usize::from(is_there);
        self.refused += usize::from(faults.iter().any(|finding| !finding.is_warning));
        self.findings.extend(faults);
    }

    /// Prints the findings, which are the result, and says how many documents pass.
    fn show(self, context: &Context) -> Result<(), Failure> {
        let screen = &context.screen;
        let documents = counted(self.documents, "document", "documents");
        if screen.is_table() {
            for line in findings::render(&self.findings, screen, "  ") {
                screen.line(&line)?;
            }
        } else {
            let violations: Vec<Value> = self.findings.iter().map(Finding::json).collect();
            screen.value(&json!({"documents": self.documents, "violations": violations}))?;
        }
        let verb = if self.unchecked == 1 { "isn't" } else { "aren't" };
        let help = "--against URL fetches missing schemas and rules from a server";
        if self.refused > 0 {
            let violations = self.findings.iter().filter(|finding| !finding.is_warning).count();
            let others = self.unchecked + self.broken_bindings;
            let violations = counted(violations.saturating_sub(others), "violation", "violations");
            let what = format!("{violations} in {} of {documents}", self.refused);
            let failure = Failure::new(ErrorCode::InvalidDocument, what.clone());
            return Err(match self.unchecked {
                0 => failure,
                _ => failure
                    .with_message(format!("{what}; {} {verb} checked", self.unchecked))
                    .help(help),
            });
        }
        if self.unchecked > 0 {
            let what = format!("{} of {documents} {verb} checked", self.unchecked);
            return Err(Failure::new(OwnCode::NotChecked, what).help(help));
        }
        if self.broken_bindings > 0 {
            let bindings = counted(self.broken_bindings, "binding", "bindings");
            let what = format!("{bindings} can't be used");
            let failure = match self.are_bindings_known {
                true => Failure::new(ErrorCode::InvalidDocument, what),
                false => Failure::new(OwnCode::NotChecked, what).help(help),
            };
            return Err(failure);
        }
        if screen.is_table() {
            let verb = if self.documents == 1 { "passes" } else { "pass" };
            screen.line(&format!("{documents} {verb}"))?;
        }
        Ok(())
    }
}

fn not_a_catalogue(path: &Path) -> Failure {
    let shown = path.display();
    if !path.exists() {
        return Failure::new(OwnCode::NoFile, format!("there is no file {shown}"));
    }
    let help = match folder::likely_root(path) {
        Some(root) => format!("did you mean {}?", root.display()),
        None => {
            format!("muster validate --catalog FOLDER --as XID {shown} checks it as that document")
        }
    };
    Failure::new(OwnCode::NoCatalog, format!("no folder above {shown} has a model.json")).help(help)
}

async fn check_folder(
    root: &Path,
    paths: &[&Path],
    client: Option<&Client>,
    report: &mut Report,
) -> Result<(), Failure> {
    let folder = Folder::read(root)?;
    let model = match (client, folder.said_model()) {
        (Some(client), Some(mut said)) => RegistryModel::read(client).await?.with(&mut said)?.1,
        (Some(client), None) => model::of_registry(client).await?,
        (None, _) => model::of_folder(&folder)?,
    };
    let files = folder.documents(&model)?;
    let mut holdings = DocumentSet::of_folder(&folder, model, client.is_some())?;
    let wanted: Vec<PathBuf> =
        paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    let manifest = folder.root.join(folder::MANIFEST_FILE);
    let is_manifest = wanted.iter().any(|wanted| manifest.starts_with(wanted));
    let has_manifest = folder.manifest.is_some() && is_manifest;
    let faults = match has_manifest {
        true => {
            let all = files.iter().map(|(xid, file)| (xid, *file));
            manifest::check(&folder, all, &shown(&manifest))
        }
        false => Vec::new(),
    };
    let mut documents = Vec::new();
    for (xid, file) in files {
        let full = folder.root.join(&file.path);
        if wanted.iter().any(|wanted| full.starts_with(wanted)) {
            documents.push((xid, shown(&full)));
        }
    }
    let none = Value::Null;
    let path_of = |owner: &BindingOwner| match owner {
        BindingOwner::Type(_) => folder.root.join(folder::MODEL_FILE),
        BindingOwner::Group(xid) => {
            let attributes = folder.groups.get(xid).and_then(|files| files.attributes.as_ref());
            folder.root.join(attributes.map_or("", |file| file.path.as_str()))
        }
    };
    let is_asked = |owner: &BindingOwner| {
        let path = path_of(owner);
        wanted.iter().any(|wanted| path.starts_with(wanted))
    };
    let mut bindings = holdings.bindings(folder.model.as_ref().unwrap_or(&none));
    bindings.retain(|(owner, _)| is_asked(owner));
    let is_any = !documents.is_empty() || !bindings.is_empty();
    report.judge(&mut holdings, client, &documents).await?;
    report.add_manifest(has_manifest, faults);
    let file_of = |owner: &BindingOwner| shown(&path_of(owner));
    report.judge_bindings(&mut holdings, client, &bindings, file_of).await?;
    if is_any || has_manifest || wanted.iter().any(|path| path.ends_with(folder::MODEL_FILE)) {
        return Ok(());
    }
    let shown = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Err(Failure::new(OwnCode::NoDocuments, format!("there is no document in {shown}"))
        .help("muster apply --help shows the layout of a catalog"))
}

/// A file's path relative to the current folder, if it is inside.
fn shown(full: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    full.strip_prefix(&here).unwrap_or(full).display().to_string()
}
