use clap::Args;
use muster_schema::{Level, Policy};
use muster_wire::{
    OrOther,
    schemas::{
        CompatibilityFinding, CompatibilityReport, CompatibilityRequest, FindingCertainty,
        FindingDirection, VersionComparison,
    },
};

use super::source::{Named, SchemaFlags};
use crate::{
    Context, Failure, OwnCode,
    output::{Screen, Style, numbers::counted, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema check order-2.json --old order-1.json
  muster schema check order.avsc --against schemagroups/shop/schemas/order
  muster schema check order.proto --old order-old.proto --level FULL
  muster schema check new.avsc --old v2.avsc --old v1.avsc --level BACKWARD_TRANSITIVE

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
        let report: CompatibilityReport = client.check_schema(&request).await?.read()?;
        let screen = &context.screen;
        if screen.is_table() {
            let names: Vec<String> = old.iter().map(Named::shown).collect();
            for (index, compared) in report.compared.iter().enumerate() {
                let stored = compared.xid.as_deref().map(|xid| xid.trim_start_matches('/'));
                let name = stored.or(names.get(index).map(String::as_str)).unwrap_or_default();
                show(screen, name, compared)?;
            }
            if report.compared.is_empty() {
                screen.line("there is nothing to compare with")?;
            }
        } else {
            screen.value(&serde_json::to_value(&report).unwrap_or_default())?;
        }
        if report.compatible {
            return Ok(());
        }
        let what = format!("{} isn't {} compatible", new.shown(), report.level);
        Err(Failure::new(OwnCode::Incompatible, what)
            .help("change it as the findings suggest, or put it under a new name"))
    }
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
    let path = if finding.path.is_empty() { "the schema as a whole" } else { &finding.path };
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
