use maud::{Markup, html};
use muster_wire::difference::FieldChange;
use muster_words::json::Value;

use crate::{
    difference::{
        ChangedBy, Conflict, LineDifference, PlaceDifference, between, between_lines, three_way,
    },
    document_form::value_of,
    plain_text::{shortened, visible},
    times::number,
};

/// How many places of a comparison a page shows.
const PLACES_SHOWN: usize = 200;

/// The most letters of a value in a comparison.
const VALUE_LETTERS_MAX: usize = 300;

/// How many lines of each text a page shows.
const LINES_SHOWN: usize = 100;

/// A document as it is compared: its bytes and its media type.
pub type Compared<'a> = (&'a [u8], Option<&'a str>);

/// What differs between two documents: by place where both are JSON or YAML, else by line.
pub fn differences(before: Compared<'_>, after: Compared<'_>) -> Markup {
    if before.0 == after.0 {
        return html! { p { "Nothing: the bytes are the same." } };
    }
    let values = (value_of(before.0, before.1), value_of(after.0, after.1));
    let (Some(before_value), Some(after_value)) = values else { return lines(before.0, after.0) };
    let found = between(&before_value, &after_value);
    if found.is_empty() {
        return html! { p { "No value. Only spaces, comments or the order of members differ." } };
    }
    places(&found)
}

fn places(found: &[PlaceDifference]) -> Markup {
    html! {
        div.scroll role="region" aria-label="What differs" tabindex="0" {
            table {
                thead { tr { th scope="col" { "" } th scope="col" { "Field" } th scope="col" { "Was" } th scope="col" { "Becomes" } } }
                tbody {
                    @for difference in found.iter().take(PLACES_SHOWN) {
                        tr {
                            td { (sign(difference.before.is_some(), difference.after.is_some())) }
                            td { code { (visible(&shortened(&difference.place, VALUE_LETTERS_MAX))) } }
                            td { (value(difference.before.as_ref(), "removed")) }
                            td { (value(difference.after.as_ref(), "added")) }
                        }
                    }
                }
            }
        }
        (more(found.len(), PLACES_SHOWN, "fields"))
    }
}

/// `+`, `-` or `~`, which say the same as the colours.
fn sign(is_before: bool, is_after: bool) -> Markup {
    let (sign, word) = match (is_before, is_after) {
        (false, _) => ("+", "added"),
        (true, false) => ("-", "removed"),
        (true, true) => ("~", "changed"),
    };
    html! { span aria-hidden="true" { (sign) } span.hidden { (word) } }
}

fn value(value: Option<&Value>, class: &str) -> Markup {
    html! {
        @match value {
            Some(value) => { code class=(class) { (visible(&shortened(&value.to_string(), VALUE_LETTERS_MAX))) } }
            None => { span.dim { "nothing" } }
        }
    }
}

fn more(all: usize, shown: usize, what: &str) -> Markup {
    let more = all.saturating_sub(shown) as u64;
    html! { @if more > 0 { p.dim { "and " (number(more)) " more " (what) } } }
}

fn lines(before: &[u8], after: &[u8]) -> Markup {
    let (Ok(before), Ok(after)) = (std::str::from_utf8(before), std::str::from_utf8(after)) else {
        return html! { p { "The bytes differ; one of them isn't text." } };
    };
    match between_lines(before, after) {
        Some(found) => line_difference(&found),
        None => html! { p { "Nothing." } },
    }
}

fn line_difference(found: &LineDifference<'_>) -> Markup {
    html! {
        p { "From line " (number(found.line as u64)) " on:" }
        pre tabindex="0" aria-label="Lines that differ" {
            @for line in found.removed.iter().take(LINES_SHOWN) { del.removed { "- " (visible(line)) } "\n" }
            @for line in found.added.iter().take(LINES_SHOWN) { ins.added { "+ " (visible(line)) } "\n" }
        }
        (more(found.removed.len().max(found.added.len()), LINES_SHOWN, "lines"))
    }
}

/// What two people made of the same document. Without the state that both began with, what differs
/// between theirs and yours.
pub fn conflict(was: Option<Compared<'_>>, theirs: Compared<'_>, yours: Compared<'_>) -> Markup {
    let value = |(bytes, media_type)| value_of(bytes, media_type);
    let values = (was.and_then(value), value(theirs), value(yours));
    match values {
        (Some(was_value), Some(theirs_value), Some(yours_value)) => {
            conflicts(&three_way(&was_value, &theirs_value, &yours_value))
        }
        _ => html! {
            @if let Some(was) = was {
                h3 { "What they changed" }
                (differences(was, theirs))
            }
            h3 { "Theirs, and yours" }
            (differences(theirs, yours))
        },
    }
}

fn conflicts(found: &[Conflict]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Was, theirs and yours" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Field" } th scope="col" { "Was" }
                    th scope="col" { "Theirs" } th scope="col" { "Yours" } th scope="col" { "Changed by" }
                } }
                tbody {
                    @for conflict in found.iter().take(PLACES_SHOWN) {
                        tr {
                            td { code { (visible(&shortened(&conflict.place, VALUE_LETTERS_MAX))) } }
                            td { (value(conflict.was.as_ref(), "")) }
                            td { (value(conflict.theirs.as_ref(), if conflict.was == conflict.theirs { "" } else { "removed" })) }
                            td { (value(conflict.yours.as_ref(), if conflict.was == conflict.yours { "" } else { "added" })) }
                            td { (who(conflict.changed_by())) }
                        }
                    }
                }
            }
        }
        (more(found.len(), PLACES_SHOWN, "fields"))
    }
}

fn who(changed_by: ChangedBy) -> Markup {
    match changed_by {
        ChangedBy::Them => html! { span.tag.warn { "them; putting yours undoes it" } },
        ChangedBy::You => html! { span.tag { "you" } },
        ChangedBy::BothAlike => html! { span.tag { "both, alike" } },
        ChangedBy::BothOtherwise => html! { span.tag.bad { "both; putting yours undoes theirs" } },
    }
}

/// The fields that a rollback changes, as the API tells them.
pub fn field_changes(changes: &[FieldChange]) -> Markup {
    html! {
        ul.plainlist {
            @for change in changes.iter().take(PLACES_SHOWN) {
                li { code { (visible(&change.field)) } " " (field_change(change)) }
            }
        }
        (more(changes.len(), PLACES_SHOWN, "fields"))
    }
}

fn field_change(change: &FieldChange) -> Markup {
    let list = |items: &Option<Vec<Value>>| items.clone().unwrap_or_default();
    html! {
        @if let (Some(before), Some(after)) = (&change.before, &change.after) {
            (value(Some(before), "removed")) " → " (value(Some(after), "added"))
        }
        @if let Some(added) = &change.added { "+ " (value(Some(added), "added")) }
        @if let Some(removed) = &change.removed { "- " (value(Some(removed), "removed")) }
        @for lost in list(&change.lost) { "- " (value(Some(&lost), "removed")) " " }
        @for gained in list(&change.gained) { "+ " (value(Some(&gained), "added")) " " }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json");

    #[test]
    fn shows_what_documents_hold_as_text() {
        let before = (&br#"{"a":"<script>"}"#[..], JSON);
        let after = ("{\"a\":\"\u{202e}&amp;\"}".as_bytes(), JSON);
        let shown = differences(before, after).into_string();
        assert!(shown.contains("&lt;script&gt;") && shown.contains("\\u{202e}"), "{shown}");
        assert!(!shown.contains("<script>"), "{shown}");
        let text = differences((b"<b>", None), (b"<i>{", None)).into_string();
        assert!(text.contains("&lt;b&gt;") && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn says_what_putting_yours_undoes() {
        let (was, theirs, yours) = (&b"{\"a\":1}"[..], &b"{\"a\":2}"[..], &b"{\"a\":3}"[..]);
        let shown = conflict(Some((was, JSON)), (theirs, JSON), (yours, JSON)).into_string();
        assert!(shown.contains("putting yours undoes theirs"), "{shown}");
        let broken = conflict(Some((was, JSON)), (theirs, JSON), (b"{", JSON)).into_string();
        assert!(broken.contains("What they changed"), "{broken}");
    }
}
