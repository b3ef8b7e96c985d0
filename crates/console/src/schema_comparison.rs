use axum::{extract::Path, response::Response};
use maud::{Markup, html};
use muster_wire::{
    OrOther,
    schemas::{
        CompatibilityFinding, CompatibilityReport, CompatibilityRequest, FindingCertainty,
        FindingDirection, SchemaDiffReport, SchemaDiffRequest, SchemaSource,
    },
};
use muster_words::Xid;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    form::answered,
    listing::{Parameters, parameter},
    place::{Location, page_of},
    plain_text::visible,
    schema_pages::{choice, version_field, versions},
    times::number,
};

/// The policies, with what they are.
const POLICIES: [(&str, &str); 3] = [
    ("sound", "Sound"),
    ("confluent-strict", "Confluent, strict"),
    ("confluent-lenient", "Confluent, lenient"),
];

/// How many findings and changes a page shows.
const SHOWN: usize = 200;

/// What two versions of a schema are compared by.
struct Chosen {
    from: String,
    to: String,
    policy: String,
}

/// Whether two versions of a schema are compatible, in both directions, and what differs.
pub async fn show(
    visitor: Visitor,
    Path(path): Path<String>,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let page = whole(&visitor, &Location::read(&path), &parameters).await;
    answered(visitor, page)
}

async fn whole(
    visitor: &Visitor,
    place: &Location,
    parameters: &Parameters,
) -> Result<Response, PageFault> {
    let asked = place.entity()?;
    let schema = asked.resource().ok_or_else(|| PageFault::NoSuchPage(place.path()))?;
    let versions = versions(&visitor.client, &schema).await?;
    let chosen = chosen(&asked, &versions, parameters);
    let body = html! {
        (place.trail())
        form.filters action=(page_of("schemas/compare", &schema.to_string())) {
            (version_field("from", "From", &versions, &chosen.from))
            (version_field("to", "To", &versions, &chosen.to))
            (choice(("policy", "Judged by"), POLICIES.into_iter(), &chosen.policy))
            button type="submit" { "Compare" }
        }
        @if versions.len() < 2 { p { "It has only one version, so there is nothing to compare it with yet." } }
        @else { (compared(visitor, &schema, &chosen).await) }
    };
    let title = format!("Compatibility of {}", schema.id().map_or("", |id| id.as_str()));
    Ok(visitor.page(Section::Schemas, title, body))
}

/// The versions that the address names; else the newest and the one before it.
fn chosen(asked: &Xid, versions: &[String], parameters: &Parameters) -> Chosen {
    let named = |name: &str| parameter(parameters, name).map(str::to_owned);
    let of_address = match asked {
        Xid::Version { version, .. } => Some(version.as_str().to_owned()),
        _ => None,
    };
    let to = named("to").or(of_address).or_else(|| versions.first().cloned()).unwrap_or_default();
    let index = versions.iter().position(|id| *id == to).unwrap_or_default();
    let before = versions.get(index + 1).or_else(|| versions.last()).cloned();
    Chosen {
        from: named("from").or(before).unwrap_or_default(),
        to,
        policy: named("policy").unwrap_or_else(|| "sound".to_owned()),
    }
}

async fn compared(visitor: &Visitor, schema: &Xid, chosen: &Chosen) -> Markup {
    let source = |id: &str| SchemaSource {
        xid: Some(format!("{schema}/versions/{id}")),
        ..SchemaSource::default()
    };
    let request = CompatibilityRequest {
        new: source(&chosen.to),
        old: vec![source(&chosen.from)],
        level: Some("FULL".to_owned()),
        policy: Some(chosen.policy.clone()),
        ..CompatibilityRequest::default()
    };
    let differing = SchemaDiffRequest { old: source(&chosen.from), new: source(&chosen.to) };
    let verdict = visitor.client.check_schema(&request).await.and_then(|answer| answer.read());
    let differing = visitor.client.diff_schemas(&differing).await.and_then(|answer| answer.read());
    html! {
        h2 { "Compatibility" }
        @match verdict {
            Ok(report) => (judged(&report)),
            Err(error) => (PageFault::from(error).notice()),
        }
        h2 { "What differs" }
        @match differing {
            Ok(report) => (changes(&report)),
            Err(error) => (PageFault::from(error).notice()),
        }
    }
}

fn judged(report: &CompatibilityReport) -> Markup {
    let findings: Vec<&CompatibilityFinding> =
        report.compared.iter().flat_map(|compared| &compared.findings).collect();
    let left_out: u64 = report.compared.iter().map(|compared| compared.more).sum();
    let of = |direction: FindingDirection| {
        findings.iter().filter(|finding| finding.direction.is(&direction)).count()
    };
    let (backward, forward) = (of(FindingDirection::Backward), of(FindingDirection::Forward));
    html! {
        div.cards {
            (direction("Backward", "Readers with the new version read old data.", backward))
            (direction("Forward", "Readers with the old version read new data.", forward))
        }
        @if !findings.is_empty() {
            h3 { "Why" }
            (finding_table(&findings))
            @let more = left_out + findings.len().saturating_sub(SHOWN) as u64;
            @if more > 0 { p.dim { "and " (number(more)) " more" } }
        }
    }
}

fn direction(name: &str, meaning: &str, findings: usize) -> Markup {
    html! {
        section.card {
            h3 {
                (name) " "
                @if findings == 0 { span.tag.good { "compatible" } }
                @else { span.tag.bad { "broken, " (number(findings as u64)) } }
            }
            p.dim { (meaning) }
        }
    }
}

fn finding_table(findings: &[&CompatibilityFinding]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Findings" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Location" } th scope="col" { "Direction" } th scope="col" { "Rule" }
                    th scope="col" { "Why" } th scope="col" { "What would pass" }
                } }
                tbody {
                    @for finding in findings.iter().take(SHOWN) {
                        tr {
                            td { code { (visible(&finding.path)) } }
                            td { (direction_of(finding)) }
                            td { code { (finding.rule) } @if finding.certainty.is(&FindingCertainty::Undecided) { br; span.tag.warn { "undecided" } } }
                            td {
                                (visible(&finding.message))
                                @if let (Some(was), Some(is)) = (&finding.was, &finding.is) {
                                    br; code.removed { (visible(was)) } " → " code.added { (visible(is)) }
                                }
                            }
                            td { (visible(finding.suggestion.as_deref().unwrap_or("—"))) }
                        }
                    }
                }
            }
        }
    }
}

fn direction_of(finding: &CompatibilityFinding) -> &str {
    match &finding.direction {
        OrOther::Known(FindingDirection::Backward) => "backward",
        OrOther::Known(FindingDirection::Forward) => "forward",
        OrOther::Other(word) => word,
    }
}

fn changes(report: &SchemaDiffReport) -> Markup {
    html! {
        @match &report.class {
            None => { p { "Nothing." } }
            Some(class) => {
                p { "Altogether " (class_tag(class)) }
                div.scroll role="region" aria-label="Changes" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "Location" } th scope="col" { "Change" } th scope="col" { "Was" } th scope="col" { "Is" } th scope="col" { "Class" } } }
                        tbody {
                            @for change in report.changes.iter().take(SHOWN) {
                                tr {
                                    td { code { (visible(&change.path)) } }
                                    td { (change.kind) " " span.dim { (change.part) } }
                                    td { @if let Some(was) = &change.was { code.removed { (visible(was)) } } }
                                    td { @if let Some(is) = &change.is { code.added { (visible(is)) } } }
                                    td { (class_tag(&change.class)) }
                                }
                            }
                        }
                    }
                }
                @if report.changes.len() > SHOWN { p.dim { "and " (number((report.changes.len() - SHOWN) as u64)) " more" } }
            }
        }
    }
}

fn class_tag(class: &str) -> Markup {
    match class {
        "breaking" => html! { span.tag.bad { (class) } },
        "non-breaking" => html! { span.tag.warn { (class) } },
        _ => html! { span.tag.good { (class) } },
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn compares_a_version_with_the_one_before_it() {
        let versions = ["3", "2", "1"].map(str::to_owned);
        let query = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (asked, parameters, expect) in [
            ("/schemagroups/g/schemas/s", Parameters::new(), ("2", "3")),
            ("/schemagroups/g/schemas/s/versions/2", Parameters::new(), ("1", "2")),
            ("/schemagroups/g/schemas/s/versions/1", Parameters::new(), ("1", "1")),
            ("/schemagroups/g/schemas/s", query("from", "1"), ("1", "3")),
            ("/schemagroups/g/schemas/s", query("to", "2"), ("1", "2")),
        ] {
            let chosen = chosen(&asked.parse().unwrap(), &versions, &parameters);
            assert_eq!(
                (chosen.from.as_str(), chosen.to.as_str()),
                expect,
                "{asked} {parameters:?}"
            );
        }
    }
}
