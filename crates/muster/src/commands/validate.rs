use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;
use muster_model::{Foundation, Model};
use muster_words::{
    Xid,
    json::{Map, Value},
};
use serde_json::json;

use super::{put::read_document, xid};
use crate::{
    Context, Failure,
    arguments::Reach,
    check::{Checker, Held, Holdings},
    folder::{self, FileName, Folder, content_type},
    output::{Finding, findings, numbers::counted},
    registry_holdings,
    shape::Shape,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster validate catalog
  muster validate catalog/providers/cms/sanity.json
  muster validate --catalog catalog --as providers/cms/entries/sanity sanity.json
  muster validate --server

";

/// Check documents against their schemas and rules, without a server
#[derive(Debug, Args)]
pub struct Validate {
    /// Files or folders in the layout of apply; the folder above that has model.json is used
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// The catalogue to check against, for files that lie elsewhere
    #[arg(long, value_name = "FOLDER", requires = "as_xid")]
    catalog: Option<PathBuf>,
    /// What the file would be, such as providers/cms/entries/sanity
    #[arg(long = "as", id = "as_xid", value_parser = xid, value_name = "XID", requires = "catalog")]
    as_xid: Option<Xid>,
    /// List what is in a registry and no longer passes
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    #[arg(conflicts_with_all = ["paths", "catalog"])]
    server: Option<String>,
    /// The same, of a data directory that no server has open
    #[arg(long, value_name = "DIR", conflicts_with_all = ["paths", "catalog", "server"])]
    data: Option<PathBuf>,
    /// A file that holds the API key to send [or MUSTER_API_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// What was checked and what was found.
#[derive(Default)]
struct Report {
    documents: usize,
    refused: usize,
    findings: Vec<Finding>,
}

impl Validate {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let report = if self.server.is_some() || self.data.is_some() {
            self.registry(context).await?
        } else if let (Some(catalog), Some(xid)) = (&self.catalog, &self.as_xid) {
            self.as_one(catalog, xid)?
        } else {
            self.folders()?
        };
        report.show(context)
    }

    /// Files that say by where they lie what they are.
    fn folders(&self) -> Result<Report, Failure> {
        let here = [PathBuf::from(".")];
        let paths = if self.paths.is_empty() { &here[..] } else { &self.paths };
        let mut by_root: BTreeMap<PathBuf, Vec<&Path>> = BTreeMap::new();
        for path in paths {
            let root = folder::root_above(path).ok_or_else(|| no_root(path))?;
            by_root.entry(root).or_default().push(path);
        }
        let mut report = Report::default();
        for (root, paths) in by_root {
            check_folder(&root, &paths, &mut report)?;
        }
        Ok(report)
    }

    /// One file, as what it would be in a catalogue.
    fn as_one(&self, catalog: &Path, xid: &Xid) -> Result<Report, Failure> {
        let [file] = self.paths.as_slice() else {
            return Err(Failure::usage("--as goes with one file"));
        };
        let xid = xid.resource().ok_or_else(|| {
            Failure::usage(format!("{xid} is no document's name"))
                .help("one has four parts, such as providers/cms/entries/sanity")
        })?;
        let folder = Folder::read(catalog)?;
        let model = model_of(&folder)?;
        let shape = Shape::read(&model.to_json());
        if shape.resource_type(&xid).is_none() {
            let shown = crate::suggest::without_slash(&xid);
            let parts: Vec<&str> = shown.split('/').take(3).collect();
            return Err(crate::suggest::unknown_collection(&shape, &parts));
        }
        let mut holdings = holdings_of(&folder, &shape)?;
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let extension = match name.as_deref().map(FileName::read) {
            Some(FileName::Document { extension, .. }) => extension.to_owned(),
            _ => String::new(),
        };
        let held = Held {
            bytes: read_document(file)?.into(),
            content_type: content_type(&extension).to_owned(),
        };
        holdings.documents.insert(xid.clone(), held.clone());
        let mut report = Report::default();
        let shown = file.display().to_string();
        report.add(&mut Checker::new(&model, &holdings), &xid, &held, &shown);
        Ok(report)
    }

    /// Everything in a registry.
    async fn registry(&self, context: &Context) -> Result<Report, Failure> {
        let server = self.server.clone().filter(|server| !server.is_empty());
        let (data, key_file) = (self.data.clone(), self.key_file.clone());
        let client = Reach { server, data, key_file }.client(context).await?;
        let source = client.model_source().await?.json()?;
        let model = compile(&source)?;
        let shape = Shape::read(&model.to_json());
        let holdings = registry_holdings::read(context, &client, &shape).await?;
        let mut checker = Checker::new(&model, &holdings);
        let mut report = Report::default();
        for (xid, held) in &holdings.documents {
            report.add(&mut checker, xid, held, xid.to_string().trim_start_matches('/'));
        }
        Ok(report)
    }
}

impl Report {
    fn add(&mut self, checker: &mut Checker<'_>, xid: &Xid, held: &Held, file: &str) {
        let violations = checker.check(xid, held);
        self.documents += 1;
        if violations.is_empty() {
            return;
        }
        self.refused += usize::from(violations.iter().any(muster_schema::Violation::is_error));
        let places = findings::places(&held.bytes);
        let found = violations.iter().map(|one| Finding::of_check(one, file, &places));
        self.findings.extend(found);
    }

    fn show(self, context: &Context) -> Result<(), Failure> {
        let screen = &context.screen;
        let documents = counted(self.documents, "document", "documents");
        if self.refused > 0 {
            let errors = self.findings.iter().filter(|finding| !finding.is_warning).count();
            let violations = counted(errors, "violation", "violations");
            let what = format!("{violations} in {} of {documents}", self.refused);
            return Err(Failure::new("invalid_document", what).findings(self.findings));
        }
        if !screen.is_table() {
            let answer = json!({"documents": self.documents, "violations": []});
            return screen.value(&answer);
        }
        for line in findings::render(&self.findings, screen, "  ") {
            screen.note(&line);
        }
        let verb = if self.documents == 1 { "passes" } else { "pass" };
        screen.line(&format!("{documents} {verb}"))
    }
}

fn no_root(path: &Path) -> Failure {
    let shown = path.display();
    if !path.exists() {
        return Failure::new("no_file", format!("there is no file {shown}"));
    }
    let help = match folder::likely_root(path) {
        Some(root) => format!("did you mean {}?", root.display()),
        None => format!("muster validate --catalog FOLDER --as XID {shown} says what it is"),
    };
    Failure::new("no_catalog", format!("no folder above {shown} has a model.json")).help(help)
}

fn check_folder(root: &Path, paths: &[&Path], report: &mut Report) -> Result<(), Failure> {
    let folder = Folder::read(root)?;
    let model = model_of(&folder)?;
    let shape = Shape::read(&model.to_json());
    let holdings = holdings_of(&folder, &shape)?;
    let mut checker = Checker::new(&model, &holdings);
    let wanted: Vec<PathBuf> =
        paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    let mut is_any = false;
    for (xid, file) in folder.documents(&shape)? {
        let full = folder.root.join(&file.path);
        if wanted.iter().any(|wanted| full.starts_with(wanted)) {
            is_any = true;
            report.add(&mut checker, &xid, &holdings.documents[&xid], &shown(&full));
        }
    }
    if is_any || wanted.iter().any(|path| path.ends_with(folder::MODEL_FILE)) {
        return Ok(());
    }
    let shown = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Err(Failure::new("no_documents", format!("there is no document in {shown}"))
        .help("muster apply --help shows the layout of a catalogue"))
}

/// A file's path from where the command runs, if it lies below.
fn shown(full: &Path) -> String {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    full.strip_prefix(&here).unwrap_or(full).display().to_string()
}

/// The model of a folder, over what is built in.
pub(super) fn model_of(folder: &Folder) -> Result<Model, Failure> {
    compile(&folder.model.clone().unwrap_or_else(|| Value::Object(Map::new())))
}

pub(super) fn compile(source: &Value) -> Result<Model, Failure> {
    Model::compile(source, Foundation::BuiltIn).map_err(|fault| {
        Failure::new("model_error", format!("the model can't be used: {fault}"))
            .help("muster model get shows the one in force")
    })
}

/// What a folder has, for the checks.
pub(super) fn holdings_of(folder: &Folder, shape: &Shape) -> Result<Holdings, Failure> {
    let mut holdings = Holdings::default();
    for (xid, file) in folder.documents(shape)? {
        let held = Held { bytes: file.bytes.clone(), content_type: file.content_type.clone() };
        holdings.documents.insert(xid, held);
    }
    for (xid, files) in &folder.groups {
        let attributes = files.attributes.as_ref().map(|file| file.members.clone());
        holdings.groups.insert(xid.clone(), Value::Object(attributes.unwrap_or_default()));
    }
    Ok(holdings)
}
