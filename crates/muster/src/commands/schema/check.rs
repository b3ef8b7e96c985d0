use clap::Args;
use muster_schema::{Level, Policy, SchemaFormat};
use muster_wire::{
    OrOther,
    schemas::{
        CompatibilityFinding, CompatibilityReport, CompatibilityRequest, FindingCertainty,
        FindingDirection, VersionComparison,
    },
};

use super::{
    ci_report::{CheckedCase, CiReport, Remark},
    source::{Named, SchemaFlags, read, told},
    stored_format::StoredFormat,
};
use crate::{
    Context, Failure, OwnCode,
    output::{Screen, Style, findings, numbers::counted, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema check order-2.json --old order-1.json
  muster schema check order.avsc --against schemagroups/shop/schemas/order
  muster schema check order.proto --old order-old.proto --level FULL
  muster schema check new.avsc --old v2.avsc --old v1.avsc --level BACKWARD_TRANSITIVE
  muster schema check order-2.json --old order-1.json --report github

";

/// Say whether a new version of a schema is compatible with earlier ones
#[derive(Debug, Args)]
pub struct SchemaCheckArguments {
    /// The new version: a file, or the xid of a stored schema
    #[arg(value_name = "NEW")]
    new: String,
    /// An earlier version: a file, or the xid of a stored version; may be repeated, newest first
    #[arg(long, value_name = "OLD", required_unless_present = "against")]
    old: Vec<String>,
    /// A stored schema, all of whose versions are the earlier ones
    #[arg(long, value_name = "XID", conflicts_with = "old")]
    against: Option<String>,
    /// NONE, BACKWARD, FORWARD, FULL, or one of the three with _TRANSITIVE for all earlier versions
    #[arg(long, value_name = "LEVEL", default_value = "BACKWARD")]
    level: Level,
    /// The rules: sound, confluent-strict or confluent-lenient
    #[arg(long, value_name = "POLICY", default_value = "sound")]
    policy: Policy,
    /// Print the results for a CI system: junit or github
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true)]
    report: Option<CiReport>,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaCheckArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let new = Named::parse(&self.new)?;
        let old: Vec<Named> =
            self.old.iter().map(|text| Named::parse(text)).collect::<Result<_, _>>()?;
        let against = self.against.as_deref().map(Named::parse).transpose()?;
        let against = match against {
            Some(Named::File(path)) => {
                return Err(Failure::usage(format!("--against {} is a file", path.display()))
                    .help("--old names an earlier version in a file"));
            }
            Some(Named::Stored(xid)) => Some(xid),
            None => None,
        };
        let stored = against.clone().map(Named::Stored);
        let named: Vec<&Named> = old.iter().chain([&new]).chain(&stored).collect();
        let client = self.schemas.client(context, &named).await?;
        let request = CompatibilityRequest {
            new: self.schemas.source(&new)?,
            old: old.iter().map(|old| self.schemas.source(old)).collect::<Result<_, _>>()?,
            against: against.map(|xid| xid.to_string()),
            level: Some(self.level.to_string()),
            policy: Some(self.policy.to_string()),
        };
        let olds = (0..old.len()).map(|index| format!("old[{index}]")).collect::<Vec<_>>();
        let mut names = vec![("new", new.shown())];
        names.extend(olds.iter().map(String::as_str).zip(old.iter().map(Named::shown)));
        let answer = client.check_schema(&request).await.map_err(|error| told(error, &names))?;
        let report: CompatibilityReport = answer.read()?;
        let screen = &context.screen;
        let names: Vec<String> = old.iter().map(Named::shown).collect();
        match self.report {
            Some(form) => {
                form.write(screen, "muster schema check", &cases(&new, &report, &names)?)?;
            }
            None => show_report(screen, &report, &names)?,
        }
        if report.compatible {
            return Ok(());
        }
        let what = format!("{} isn't {} compatible", new.shown(), report.level);
        Err(Failure::new(OwnCode::Incompatible, what).help(HELP))
    }
}

/// What to do about a version that isn't compatible.
pub(super) const HELP: &str = "change it as the findings suggest, or put it under a new name";

/// Shows what was compared. `names` are those of versions that aren't stored.
pub(super) fn show_report(
    screen: &Screen,
    report: &CompatibilityReport,
    names: &[String],
) -> Result<(), Failure> {
    if !screen.is_table() {
        return screen.value(&serde_json::to_value(report).unwrap_or_default());
    }
    for (index, compared) in report.compared.iter().enumerate() {
        show(screen, &name_of(index, compared, names), compared)?;
    }
    if report.compared.is_empty() {
        screen.line("there is nothing to compare with")?;
    }
    Ok(())
}

/// The name of an earlier version: its xid, or else the one that the caller gave it.
fn name_of(index: usize, compared: &VersionComparison, names: &[String]) -> String {
    let stored = compared.xid.as_deref().map(|xid| xid.trim_start_matches('/'));
    stored.or(names.get(index).map(String::as_str)).unwrap_or_default().to_owned()
}

/// The comparisons as a CI system reads them, with the lines of the new version's file.
fn cases(
    new: &Named,
    report: &CompatibilityReport,
    names: &[String],
) -> Result<Vec<CheckedCase>, Failure> {
    let (file, places) = match new {
        Named::File(path) => {
            let shown = path.display().to_string();
            let text = read(path)?;
            let named = StoredFormat::of(SchemaFormat::of_file(&shown), &shown, &text);
            let places = findings::places(Some(named.content_type), text.as_bytes());
            (Some(shown), places)
        }
        Named::Stored(_) => (None, muster_words::Places::default()),
    };
    let remark = |finding: &CompatibilityFinding| {
        let mut parts = lines(finding);
        // The rule is the remark's own.
        parts[0] = place_of(finding).to_owned();
        let parts: Vec<&str> = parts.iter().map(|part| part.trim()).collect();
        Remark {
            file: file.clone(),
            line: places.of(&finding.path).map(|place| place.line),
            rule: finding.rule.clone(),
            message: parts.join("; "),
            is_warning: false,
        }
    };
    let case = |(index, compared): (usize, &VersionComparison)| CheckedCase {
        by: format!("with {}", name_of(index, compared, names)),
        name: new.shown(),
        remarks: compared.findings.iter().map(remark).collect(),
    };
    Ok(report.compared.iter().enumerate().map(case).collect())
}

fn show(screen: &Screen, name: &str, compared: &VersionComparison) -> Result<(), Failure> {
    if compared.compatible {
        return screen.line(&format!("{} with {name}", screen.paint(Style::Added, "compatible")));
    }
    let count = counted(compared.findings.len(), "finding", "findings");
    screen.line(&format!(
        "{} with {name}: {count}",
        screen.paint(Style::Removed, "not compatible")
    ))?;
    compared.findings.iter().try_for_each(|finding| {
        lines(finding).iter().try_for_each(|line| screen.line(&format!("  {}", sanitized(line))))
    })
}

fn lines(finding: &CompatibilityFinding) -> Vec<String> {
    let path = place_of(finding);
    let direction = match finding.direction {
        OrOther::Known(FindingDirection::Forward) => "forward",
        _ => "backward",
    };
    let undecided = match finding.certainty {
        OrOther::Known(FindingCertainty::Undecided) => ", undecided",
        _ => "",
    };
    let mut lines = vec![format!("{path}  {} ({direction}{undecided})", finding.rule)];
    lines.push(format!("    {}", finding.message));
    if let (Some(was), Some(is)) = (&finding.was, &finding.is) {
        lines.push(format!("    was {was}, is {is}"));
    }
    lines.extend(finding.suggestion.iter().map(|text| format!("    to pass: {text}")));
    lines
}

fn place_of(finding: &CompatibilityFinding) -> &str {
    if finding.path.is_empty() { "the schema as a whole" } else { &finding.path }
}
