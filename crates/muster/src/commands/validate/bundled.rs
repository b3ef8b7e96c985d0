//! Payloads, checked against a schema of a bundle.

use std::path::{Path, PathBuf};

use muster_schema::{
    BUNDLE_BYTES_MAX, Payload, SchemaBundle, Validator, ValidatorError, Violation, nearest,
};
use muster_wire::ErrorCode;
use muster_words::{Notation, Places, Xid, limits::DOCUMENT_BYTES_MAX};

use super::Report;
use crate::{Context, Failure, OwnCode, bounded_file, output::Finding, suggest};

/// Checks files, each with a payload.
pub(super) fn check(
    context: &Context,
    bundle: &Path,
    (schema, message): (&Xid, Option<&str>),
    payloads: &[PathBuf],
) -> Result<Report, Failure> {
    let validator = Validator::new(read(context, bundle)?);
    let mut report = Report { are_bindings_known: true, ..Report::default() };
    // A schema that can't be used is told before any payload.
    let found = validator.schema(schema);
    let found = found.map_err(|error| unusable(&validator, schema, &error))?;
    for path in payloads {
        let file = context.shown(path);
        let text = bounded_file::read(path, DOCUMENT_BYTES_MAX as u64).map_err(|error| {
            Failure::new(OwnCode::BadFile, format!("{file}: {error}"))
                .help("name a file with a payload")
        })?;
        let (violations, places) = match Notation::Json.parse_with_places(&text) {
            Ok((value, places)) => {
                let checked = found.check(Payload::Json(&value), message);
                let checked = checked.map_err(|error| {
                    Failure::usage(error.to_string()).help("--message names a message that it has")
                })?;
                (checked, places)
            }
            Err(error) => {
                let why = Violation::keyword("", "json", error.to_string());
                (vec![why], Places::default())
            }
        };
        report.documents += 1;
        report.refused += usize::from(violations.iter().any(Violation::is_error));
        let all = violations.iter().map(|one| Finding::of_check(one, &file, &places));
        report.findings.extend(all);
    }
    Ok(report)
}

fn read(context: &Context, path: &Path) -> Result<SchemaBundle, Failure> {
    let shown = context.shown(path);
    let broken = |why: &dyn std::fmt::Display| {
        Failure::new(OwnCode::BadFile, format!("{shown}: {why}"))
            .help("write it again with muster schema bundle")
    };
    let bytes = bounded_file::read(path, BUNDLE_BYTES_MAX as u64);
    let bytes = bytes.map_err(|error| broken(&error))?;
    SchemaBundle::read(&bytes).map_err(|error| broken(&error))
}

fn unusable(validator: &Validator, schema: &Xid, error: &ValidatorError) -> Failure {
    let shown = suggest::without_slash(schema);
    match error {
        ValidatorError::Unknown { .. } => {
            let there: Vec<String> =
                validator.bundle().names().map(|(xid, _)| suggest::without_slash(xid)).collect();
            let failure = Failure::new(
                ErrorCode::NotFound,
                format!("there is no schema {shown} in the bundle"),
            );
            match nearest(&shown, there.iter().map(String::as_str)) {
                Some(near) => failure.help(format!("did you mean {near}?")),
                None => failure.help("choose it when the bundle is written"),
            }
        }
        other => Failure::new(ErrorCode::InvalidDocument, other.to_string())
            .help("correct the schema, and write the bundle again"),
    }
}
