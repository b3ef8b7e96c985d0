use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use muster_wire::export::ExportLine;
use muster_words::yaml;

use super::ai_models::{self, ModelCatalogue};
use crate::{Failure, OwnCode};

/// The longest line, or document of YAML, in bytes: the largest document, of which each byte may be
/// escaped.
const LINE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The largest catalogue, in bytes; the largest one known has ten million.
const CATALOGUE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The lines of a file or of standard input.
pub struct ImportSource {
    input: Box<dyn BufRead + Send>,
    is_yaml: bool,
    /// The lines that were made of a whole file.
    made: Option<VecDeque<ExportLine>>,
    shown: String,
    /// The number of the line that was read last.
    line: u64,
}

impl ImportSource {
    /// Opens a file; `-` is standard input. YAML is told by the extension, or by its first line.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn open(path: &Path, shown: &str) -> Result<Self, Failure> {
        let mut input: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(path).map_err(|error| unreadable(shown, &error))?))
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let first = input.fill_buf().map_err(|error| unreadable(shown, &error))?;
        let is_yaml = matches!(extension, Some("yaml" | "yml")) || first.starts_with(b"---");
        Ok(Self { input, is_yaml, made: None, shown: shown.to_owned(), line: 0 })
    }

    /// Reads the whole file as a catalogue of models.
    ///
    /// # Errors
    /// It can't be read, or isn't such a catalogue.
    pub fn into_catalogue(mut self, catalogue: ModelCatalogue) -> Result<Self, Failure> {
        let mut text = Vec::new();
        let mut limited = (&mut self.input).take(CATALOGUE_BYTES_MAX + 1);
        limited.read_to_end(&mut text).map_err(|error| unreadable(&self.shown, &error))?;
        let fault = |what: &str| {
            Failure::new(OwnCode::BadFile, format!("{}: {what}", self.shown))
                .help("get the catalogue again, or choose another --from")
        };
        if text.len() as u64 > CATALOGUE_BYTES_MAX {
            return Err(fault(&format!("it has more than {CATALOGUE_BYTES_MAX} bytes")));
        }
        let whole = serde_json::from_slice(&text).map_err(|error| fault(&error.to_string()))?;
        let made = ai_models::lines(catalogue, &whole).map_err(|what| fault(&what))?;
        self.made = Some(made.into());
        Ok(self)
    }

    /// How many documents the file has, if that is known before it is read.
    pub fn count(&self) -> Option<usize> {
        let is_document = |line: &&ExportLine| matches!(line, ExportLine::Document(_));
        Some(self.made.as_ref()?.iter().filter(is_document).count())
    }

    /// The names of the groups and documents of a catalogue.
    pub fn names(&self) -> BTreeSet<String> {
        let names = self.made.iter().flatten().filter_map(|line| match line {
            ExportLine::Group(group) => Some(group.xid.clone()),
            ExportLine::Document(document) => Some(document.xid.clone()),
            _ => None,
        });
        names.collect()
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// It can't be read, or isn't a line of an export.
    pub fn next_line(&mut self) -> Result<Option<ExportLine>, Failure> {
        if let Some(made) = &mut self.made {
            return Ok(made.pop_front());
        }
        loop {
            let Some(text) = (if self.is_yaml { self.next_yaml()? } else { self.next_text()? })
            else {
                return Ok(None);
            };
            if text.trim_ascii().is_empty() {
                continue;
            }
            return self.parsed(&text).map(Some);
        }
    }

    fn parsed(&self, text: &[u8]) -> Result<ExportLine, Failure> {
        let parsed = if self.is_yaml {
            let value = yaml::parse(text).map_err(|error| self.fault(&error.to_string()))?;
            serde_json::from_value(value)
        } else {
            serde_json::from_slice(text)
        };
        parsed.map_err(|error| self.fault(&format!("it isn't a line of an export: {error}")))
    }

    /// The failure for what was read last.
    pub fn fault(&self, what: &str) -> Failure {
        let place = format!("{}, line {}", self.shown, self.line);
        Failure::new(OwnCode::BadFile, format!("{place}: {what}"))
            .help("muster export writes such a file; muster import --help shows a line")
    }

    fn next_text(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut text = Vec::new();
        let mut limited = (&mut self.input).take(LINE_BYTES_MAX + 1);
        let read = limited.read_until(b'\n', &mut text);
        let read = read.map_err(|error| unreadable(&self.shown, &error))?;
        self.line += 1;
        if text.len() as u64 > LINE_BYTES_MAX {
            return Err(self.fault(&format!("it has more than {LINE_BYTES_MAX} bytes")));
        }
        Ok((read > 0).then_some(text))
    }

    /// The next document of YAML, without the line that separates it from the one before.
    fn next_yaml(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut document: Option<Vec<u8>> = None;
        while let Some(line) = self.next_text()? {
            if line.trim_ascii_end() == b"---" {
                if document.as_ref().is_some_and(|text| !text.trim_ascii().is_empty()) {
                    return Ok(document);
                }
                document = Some(Vec::new());
                continue;
            }
            let text = document.get_or_insert_default();
            text.extend_from_slice(&line);
            if text.len() as u64 > LINE_BYTES_MAX {
                return Err(self.fault(&format!("it has more than {LINE_BYTES_MAX} bytes")));
            }
        }
        Ok(document)
    }
}

fn unreadable(shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(OwnCode::NoFile, format!("there is no {shown}"))
            .help("name the file that muster export wrote"),
        _ => Failure::new(OwnCode::Unreadable, format!("{shown}: {error}"))
            .help("check that you may read the file"),
    }
}
