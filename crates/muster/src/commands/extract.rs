use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use muster_model::Model;
use muster_wire::{apply::DocumentToApply, export::ExportLine};
use muster_words::{
    Xid,
    json::{Map, Value},
};
use serde_json::json;

use crate::{
    Context, Failure, OwnCode, bounded_file,
    document_set::{DocumentSet, Judgement},
    extraction::{
        Extracted, Extraction, TableSelection, TextTemplate, Unfit, UnfitReason, extract,
    },
    folder::{Folder, NewFolder},
    literal::{
        FILE_BYTES_MAX, FilePlace, Language, PlaceIndex, SourceTable, SourceTables, read_tables,
    },
    model,
    output::{Style, numbers::counted},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster extract providers.py --as providers/cms/entries/{key} --to extracted
  muster extract stacks.ts --as 'stacks/{category}/entries/{key}' --catalog catalog --dry-run
  muster extract all.json --select '/*/*' --as 'providers/{parent}/entries/{key}' --to extracted
  muster extract list.json --as 'configs/app/entries/{/meta/id}' --add 'name={key}' --to extracted

";

/// What doesn't fit is shown up to so many lines.
const SHOWN_MAX: usize = 20;

/// Make documents of a table in a JSON, Python or TypeScript file
#[derive(Debug, Args)]
pub struct ExtractArguments {
    /// The file with the table; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The documents' xids: {key} is a value's name in the table, {field} one of its fields
    #[arg(long = "as", value_name = "PATTERN")]
    name: TextTemplate,
    /// The folder to make; muster apply reads it
    #[arg(long, value_name = "FOLDER", required_unless_present = "dry_run")]
    to: Option<PathBuf>,
    /// Show what would be extracted, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// The variable that holds the table [default: the only one]
    #[arg(long, value_name = "NAME")]
    variable: Option<String>,
    /// The values that become documents, as a JSON Pointer in which * is any step
    #[arg(long, value_name = "POINTER", default_value = "/*")]
    select: TableSelection,
    /// A field to add where it is missing, such as 'provider_name={key}'
    #[arg(long = "add", value_name = "FIELD=TEXT", value_parser = added_field)]
    added: Vec<(String, TextTemplate)>,
    /// Leave out the fields that don't fit, instead of their documents
    #[arg(long)]
    partial: bool,
    /// A catalog whose schemas and rules the documents must pass
    #[arg(long, value_name = "FOLDER")]
    catalog: Option<PathBuf>,
    /// The file's language: json, python or typescript [default: by its name]
    #[arg(long, value_enum, value_name = "LANGUAGE", hide_possible_values = true)]
    language: Option<FileLanguage>,
}

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileLanguage {
    /// JSON.
    Json,
    /// Python.
    Python,
    /// TypeScript or JavaScript.
    Typescript,
}

/// A file with its name for people.
struct SourceFile {
    shown: String,
    text: String,
    places: PlaceIndex,
}

impl SourceFile {
    /// A place in it, as editors understand it.
    fn place(&self, at: usize) -> String {
        let FilePlace { line, column } = self.places.place(&self.text, at);
        format!("{}:{line}:{column}", self.shown)
    }
}

impl ExtractArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let language = self.language()?;
        let file = self.read(context)?;
        let source = read_tables(&file.text, language).map_err(|error| {
            Failure::new(OwnCode::BadFile, format!("{}: {error}", file.place(error.at)))
                .help("correct the file, or keep nothing but the table in a copy of it")
        })?;
        let table = self.table(&source, &file.shown)?;
        let extraction = Extraction {
            selection: self.select.clone(),
            name: self.name.clone(),
            added: self.added.clone(),
            is_partial: self.partial,
        };
        let mut extracted = extract(&extraction, table, &source);
        let model = self.judge(&mut extracted).await?;
        if let (Some(to), false) = (&self.to, self.dry_run || extracted.documents.is_empty()) {
            write(to, &context.shown(to), model, &extracted)?;
        }
        self.report(context, &file, &extracted)
    }

    fn language(&self) -> Result<Language, Failure> {
        if let Some(language) = self.language {
            return Ok(match language {
                FileLanguage::Json => Language::Json,
                FileLanguage::Python => Language::Python,
                FileLanguage::Typescript => Language::TypeScript,
            });
        }
        let extension = self.file.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json" | "jsonc") => Ok(Language::Json),
            Some("py" | "pyi") => Ok(Language::Python),
            Some("ts" | "mts" | "cts" | "tsx" | "js" | "mjs" | "cjs") => Ok(Language::TypeScript),
            _ => {
                let what = format!("the language of {} isn't known", self.file.display());
                Err(Failure::usage(what).help("add --language json, python or typescript"))
            }
        }
    }

    fn read(&self, context: &Context) -> Result<SourceFile, Failure> {
        let shown = context.shown(&self.file);
        let read = match self.file.as_os_str() == "-" {
            true => standard_input(),
            false => bounded_file::read_text(&self.file, FILE_BYTES_MAX as u64),
        };
        let text = read.map_err(|error| {
            Failure::new(OwnCode::NoFile, format!("{shown}: {error}"))
                .help("name a text file in UTF-8 with a table")
        })?;
        let places = PlaceIndex::of(&text);
        Ok(SourceFile { shown, text, places })
    }

    /// The table that was meant.
    fn table<'a>(&self, source: &'a SourceTables, shown: &str) -> Result<&'a SourceTable, Failure> {
        let tables = &source.tables;
        let names: Vec<&str> = tables.iter().filter_map(|table| table.name.as_deref()).collect();
        let all = names.join(", ");
        match (&self.variable, tables.as_slice()) {
            (Some(wanted), _) => {
                let found = tables.iter().rfind(|table| table.name.as_ref() == Some(wanted));
                found.ok_or_else(|| {
                    let what = format!("{shown} has no table {wanted}");
                    let near = muster_schema::nearest(wanted, names.iter().copied());
                    Failure::new(OwnCode::BadFile, what).help(match near {
                        Some(near) => format!("did you mean {near}?"),
                        None if names.is_empty() => "leave out --variable".to_owned(),
                        None => format!("its tables are {all}"),
                    })
                })
            }
            (None, [only]) => Ok(only),
            (None, []) => Err(Failure::new(OwnCode::BadFile, format!("{shown} has no table"))
                .help("a table is an object or a list that a variable at the outermost level has")),
            (None, _) => Err(Failure::usage(format!("{shown} has {} tables", tables.len()))
                .help(format!("name one with --variable: {all}"))),
        }
    }

    /// Takes out what the catalog's schemas and rules refuse. Answers the catalog's model.
    async fn judge(&self, extracted: &mut Extracted) -> Result<Option<Model>, Failure> {
        let Some(catalog) = &self.catalog else { return Ok(None) };
        let folder = Folder::read(catalog)?;
        let model = model::of_folder(&folder)?;
        let mut set = DocumentSet::of_folder(&folder, model.clone(), true)?;
        for document in &extracted.documents {
            let bytes = document.text.clone().into_bytes();
            set.add_file(&document.xid, bytes.into(), "application/json");
        }
        let xids = extracted.documents.iter().map(|document| document.xid.clone());
        let (known, unknown): (Vec<Xid>, Vec<Xid>) =
            xids.partition(|xid| model::resource_type(&model, xid).is_some());
        let no_collection = |xid: Xid| {
            let reason = UnfitReason::NoCollection(xid.to_string());
            (xid, vec![(String::new(), reason)])
        };
        let mut refused: BTreeMap<_, _> = unknown.into_iter().map(no_collection).collect();
        let judged = set.judge_all(None, &known).await?;
        refused.extend(
            known.into_iter().zip(judged.iter().map(reasons)).filter(|(_, why)| !why.is_empty()),
        );
        extracted.refuse(refused);
        Ok(Some(model))
    }

    fn report(
        &self,
        context: &Context,
        file: &SourceFile,
        extracted: &Extracted,
    ) -> Result<(), Failure> {
        let screen = &context.screen;
        let documents = counted(extracted.documents.len(), "document", "documents");
        let to = self.to.as_ref().map(|to| context.shown(to));
        if screen.is_table() {
            if self.dry_run {
                for document in &extracted.documents {
                    let name = crate::suggest::without_slash(&document.xid);
                    let sign = screen.paint(Style::Added, "+");
                    let place = screen.paint(Style::Dim, &file.place(document.node.at));
                    screen.line(&format!("{sign} {name}  {place}"))?;
                }
                screen.line(&format!("{documents} to extract"))?;
            } else if let Some(to) = to.as_ref().filter(|_| !extracted.documents.is_empty()) {
                screen.line(&format!("extracted {documents} to {to}"))?;
            }
        } else {
            let made = extracted.documents.iter().map(|document| {
                json!({
                    "xid": document.xid.to_string(),
                    "entry": document.entry,
                    "place": file.place(document.node.at),
                })
            });
            let unfit = extracted.unfit.iter().map(|unfit| unfit_json(unfit, file));
            screen.value(&json!({
                "file": file.shown,
                "to": to.filter(|_| !self.dry_run && !extracted.documents.is_empty()),
                "documents": made.collect::<Vec<Value>>(),
                "unfit": unfit.collect::<Vec<Value>>(),
            }))?;
        }
        let unfit = &extracted.unfit;
        if unfit.is_empty() && extracted.documents.is_empty() {
            let what = format!("nothing in the table of {} was selected", file.shown);
            return Err(Failure::new(OwnCode::NoDocuments, what).help(
                "correct --select, which selects all members of the table if it isn't given",
            ));
        }
        if unfit.is_empty() {
            return Ok(());
        }
        let shown = unfit.iter().take(SHOWN_MAX);
        let mut lines: Vec<String> = shown.map(|unfit| unfit_line(unfit, file)).collect();
        if unfit.len() > SHOWN_MAX {
            lines.push(format!("… and {} more", unfit.len() - SHOWN_MAX));
        }
        let count = counted(unfit.len(), "thing doesn't fit", "things don't fit");
        let (code, what) = match extracted.documents.is_empty() {
            true => (OwnCode::NoDocuments, format!("{count}; nothing was extracted")),
            false => (OwnCode::PartlyExtracted, format!("{count}; the rest is {documents}")),
        };
        let help = match self.partial {
            true => "correct them in a copy of the table, or by hand in the folder",
            false => "correct them in a copy of the table; --partial leaves out single fields",
        };
        Err(Failure::new(code, what).lines(lines).help(help))
    }
}

/// Why a document doesn't pass: fields, and what is wrong with them.
fn reasons(judgement: &Judgement) -> Vec<(String, UnfitReason)> {
    match judgement {
        Judgement::Found(violations) => {
            let errors = violations.iter().filter(|violation| violation.is_error());
            let reasons = errors.map(|violation| {
                let (rule, message) = (violation.source.to_string(), violation.message.clone());
                (violation.pointer.clone(), UnfitReason::Violation { rule, message })
            });
            reasons.collect()
        }
        Judgement::NotChecked(why) => vec![(String::new(), UnfitReason::NotChecked(why.clone()))],
    }
}

/// Writes the documents as a folder.
fn write(
    to: &Path,
    shown: &str,
    model: Option<Model>,
    extracted: &Extracted,
) -> Result<(), Failure> {
    let mut folder = NewFolder::create(to, shown)?;
    if let Some(model) = model {
        folder = folder.under(model);
    }
    for document in &extracted.documents {
        let attributes =
            Map::from_iter([("contenttype".to_owned(), Value::from("application/json"))]);
        folder.write(&ExportLine::Document(DocumentToApply::new(
            document.xid.to_string(),
            Some(document.text.as_bytes()),
            attributes,
        )))?;
    }
    folder.finish()
}

fn unfit_line(unfit: &Unfit, file: &SourceFile) -> String {
    let place = file.place(unfit.at);
    let pointer = format!("{}{}", unfit.entry, unfit.field);
    match pointer.is_empty() {
        true => format!("{place}  {}", unfit.reason),
        false => format!("{place}  {pointer}  {}", unfit.reason),
    }
}

fn unfit_json(unfit: &Unfit, file: &SourceFile) -> Value {
    json!({
        "place": file.place(unfit.at),
        "entry": unfit.entry,
        "field": unfit.field,
        "reason": unfit.reason.name(),
        "message": unfit.reason.to_string(),
    })
}

fn standard_input() -> io::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        let larger = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, larger));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it isn't text in UTF-8"))
}

/// A field and the pattern of its text, for clap.
fn added_field(text: &str) -> Result<(String, TextTemplate), String> {
    let (name, pattern) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("it is a field, = and a text, such as 'provider_name={key}'")?;
    let pattern = pattern.parse::<TextTemplate>().map_err(|error| error.to_string())?;
    Ok((name.to_owned(), pattern))
}
