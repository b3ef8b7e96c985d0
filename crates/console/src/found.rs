use maud::{Markup, PreEscaped, html};
use muster_client::{ClientError, Query};
use muster_wire::search::{FacetCounts, FoundDocument, SearchAnswer};
use muster_words::json::{self, Value};

use crate::{
    PageFault, Visitor,
    listing::{Parameters, parameter, state_tag},
    place::{Location, link_as},
    plain_text::{shortened, value_text, visible},
    times::{number, time},
};

/// How many documents a page has.
const PAGE_SIZE: usize = 50;

/// How many documents of a group's collection its page shows.
const NEWEST_SHOWN: usize = 10;

/// How many values of a field the list beside the table has.
const FACET_VALUES_SHOWN: usize = 8;

/// The most letters of a cell.
const CELL_LETTERS_MAX: usize = 80;

/// Documents that were found, as a table with filters.
pub struct Found {
    answer: SearchAnswer,
    columns: Vec<Column>,
    /// What was asked for, without what the page is about.
    parameters: Parameters,
    /// Whether all documents are of one collection, so that their names need no path.
    is_of_one: bool,
}

/// An indexed field.
struct Column {
    /// Its name in a query: `monthly_cost_range`.
    field: String,
    title: String,
    is_number: bool,
}

/// What of the parameters a search takes.
const ASKED: [&str; 6] = ["q", "field", "where", "state", "label", "at"];

impl Found {
    /// The documents of a collection.
    ///
    /// # Errors
    /// The API refuses, such as a field that isn't indexed.
    pub async fn of_collection(
        visitor: &Visitor,
        (groups, group, kind): (&str, &str, &str),
        parameters: &Parameters,
    ) -> Result<Self, PageFault> {
        let columns = columns(visitor, groups, kind).await?;
        let query = Query::new()
            .with("type", format!("{groups}/{kind}"))
            .with("group", format!("{groups}/{group}"));
        Self::ask(visitor, query, columns, parameters)
            .await
            .map(|found| Self { is_of_one: true, ..found })
    }

    /// Documents of any type, or of the one that the parameters name.
    ///
    /// # Errors
    /// The API refuses, such as a condition that it can't read.
    pub async fn anywhere(visitor: &Visitor, parameters: &Parameters) -> Result<Self, PageFault> {
        let kind = parameter(parameters, "type");
        let columns = match kind.and_then(|kind| kind.split_once('/')) {
            Some((groups, kind)) => columns(visitor, groups, kind).await?,
            None => Vec::new(),
        };
        let query =
            Query::new().with_some("type", kind).with_some("group", parameter(parameters, "group"));
        Self::ask(visitor, query, columns, parameters).await
    }

    async fn ask(
        visitor: &Visitor,
        query: Query,
        columns: Vec<Column>,
        parameters: &Parameters,
    ) -> Result<Self, PageFault> {
        let facets: Vec<&str> = ["type", "group", "state"]
            .into_iter()
            .chain(columns.iter().filter(|column| !column.is_number).map(|it| it.field.as_str()))
            .collect();
        let mut query = query
            .with("limit", PAGE_SIZE)
            .with("show", shown_of(&columns))
            .with("facets", facets.join(","))
            .with_some("sort", parameter(parameters, "sort"))
            .with_some("cursor", parameter(parameters, "cursor"));
        let is_asked = |name: &str| ASKED.contains(&name);
        for (name, value) in
            parameters.iter().filter(|(name, value)| is_asked(name) && !value.is_empty())
        {
            query = query.with(name, value);
        }
        let answer = visitor.client.search_page(&query).await?;
        let kept = |(name, _): &&(String, String)| name != "cursor";
        let parameters = parameters.iter().filter(kept).cloned().collect();
        Ok(Self { answer, columns, parameters, is_of_one: false })
    }

    /// The filters, the values of fields, and the table. Its links stay on the page at this address.
    pub fn view(&self, address: &str) -> Markup {
        html! {
            (self.form(address))
            p role="status" {
                @if self.answer.count_is_least { "at least " }
                (number(self.answer.count)) " documents"
                @if self.answer.text_behind.unwrap_or_default() > 0 {
                    ". " (number(self.answer.text_behind.unwrap_or_default())) " changes aren't in the index of words yet."
                }
            }
            (self.facets(address))
            (self.table(address))
            (self.onward(address))
        }
    }

    fn form(&self, address: &str) -> Markup {
        let others =
            self.parameters.iter().filter(|(name, _)| !["q", "where"].contains(&name.as_str()));
        html! {
            form.filters action=(address) role="search" {
                @for (name, value) in others { input type="hidden" name=(name) value=(value); }
                div { label for="words" { "Words" } input #words type="search" name="q" value=(parameter(&self.parameters, "q").unwrap_or_default()); }
                div { label for="where" { "Condition" } input #where name="where" value=(parameter(&self.parameters, "where").unwrap_or_default()) placeholder=(self.example()) size="34"; }
                button.primary type="submit" { "Search" }
                @if !self.parameters.is_empty() { a.button href=(address) { "Clear" } }
            }
        }
    }

    /// A condition over a field that is there.
    fn example(&self) -> String {
        match self.columns.first() {
            Some(column) if column.is_number => format!("{} < 100", column.field),
            Some(column) => format!("{} == \"…\"", column.field),
            None => String::new(),
        }
    }

    fn facets(&self, address: &str) -> Markup {
        let shown = self.answer.facets.iter().filter(|(name, counts)| {
            let is_given = self.is_of_one && ["type", "group"].contains(&name.as_str());
            !is_given && counts.values.len() > 1
        });
        html! {
            @for (name, counts) in shown {
                div.filters role="group" aria-label=(format!("Values of {name}")) {
                    span.dim { (name) }
                    (self.values(address, name, counts))
                }
            }
        }
    }

    fn values(&self, address: &str, name: &str, counts: &FacetCounts) -> Markup {
        html! {
            @for value in counts.values.iter().take(FACET_VALUES_SHOWN) {
                @let shown = shown_value(&value.value);
                @let (parameter, asked) = match name {
                    "type" | "group" | "state" => (name, shown.clone()),
                    field => ("field", format!("{field}={shown}")),
                };
                a href=(self.with(address, parameter, &asked)) { (shown) " " span.dim { (number(value.count)) } }
            }
        }
    }

    /// The address of the same page with one parameter more.
    fn with(&self, address: &str, name: &str, value: &str) -> String {
        let is_single = name != "field";
        let kept = self.parameters.iter().filter(|(other, _)| !(is_single && other == name));
        let query = kept.fold(Query::new(), |query, (name, value)| query.with(name, value));
        format!("{address}{}", query.with(name, value))
    }

    fn table(&self, address: &str) -> Markup {
        let words = words(parameter(&self.parameters, "q").unwrap_or_default());
        html! {
            div.scroll role="region" aria-label="Documents" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "Document" } th scope="col" { "State" } th scope="col" { "Version" }
                        @for column in &self.columns { (self.heading(address, column)) }
                        @if self.columns.is_empty() { th scope="col" { "What it says" } }
                        th scope="col" { "Changed" }
                    } }
                    tbody { @for document in &self.answer.documents { (self.row(document, &words)) } }
                }
            }
        }
    }

    /// The heading of a column: it sorts, and sorts the other way the next time.
    fn heading(&self, address: &str, column: &Column) -> Markup {
        let sorted = parameter(&self.parameters, "sort");
        let is_up = sorted == Some(&column.field);
        let is_down = sorted.and_then(|sort| sort.strip_suffix("=desc")) == Some(&column.field);
        let next = if is_up { format!("{}=desc", column.field) } else { column.field.clone() };
        let order = if is_up { Some("ascending") } else { is_down.then_some("descending") };
        html! {
            th.number[column.is_number] scope="col" aria-sort=[order] {
                a href=(self.with(address, "sort", &next)) { (column.title) }
                @if is_up { " ↑" } @else if is_down { " ↓" }
            }
        }
    }

    fn row(&self, document: &FoundDocument, words: &[String]) -> Markup {
        let name = match self.is_of_one {
            true => document.xid.rsplit('/').next().unwrap_or(&document.xid),
            false => &document.xid,
        };
        html! {
            tr {
                td {
                    (link_as(&document.xid, name))
                    @if let Some(name) = &document.name { br; span.dim { (marked(name, words)) } }
                }
                td { (state_tag(&document.state)) }
                td { (document.versionid) }
                @for column in &self.columns {
                    td.number[column.is_number] { (marked(&cell(&document.document, &column.field), words)) }
                }
                @if self.columns.is_empty() {
                    td { (marked(&visible(document.snippet.as_deref().unwrap_or_default()), words)) }
                }
                td { (time(&document.modifiedat)) }
            }
        }
    }

    fn onward(&self, address: &str) -> Markup {
        let next =
            self.answer.next.as_deref().and_then(|next| {
                next.split(['?', '&']).find_map(|part| part.strip_prefix("cursor="))
            });
        html! {
            @if let Some(cursor) = next {
                p { a.button rel="next" href=(self.with(address, "cursor", cursor)) { "Next page" } }
            }
        }
    }
}

/// The newest documents of a collection, for the page of its group.
pub async fn newest(visitor: &Visitor, group: &Location, kind: &str) -> Markup {
    let [groups, group] = group.steps() else { return html! {} };
    let query = Query::new()
        .with("type", format!("{groups}/{kind}"))
        .with("group", format!("{groups}/{group}"))
        .with("limit", NEWEST_SHOWN);
    let columns = columns(visitor, groups, kind).await.unwrap_or_default();
    let query = query.with("show", shown_of(&columns));
    let Ok(answer) = visitor.client.search_page(&query).await else { return html! {} };
    let found = Found { answer, columns, parameters: Vec::new(), is_of_one: true };
    found.table(&crate::place::page_of("browse", &format!("/{groups}/{group}/{kind}")))
}

/// The indexed fields of a type, as the model declares them.
async fn columns(visitor: &Visitor, groups: &str, kind: &str) -> Result<Vec<Column>, ClientError> {
    let model = visitor.client.model().await?.json()?;
    let indexed = ["groups", groups, "resources", kind, "labels", "muster.indexed"]
        .into_iter()
        .try_fold(&model, |value, step| value.get(step))
        .and_then(Value::as_str)
        .and_then(|text| json::parse(text.as_bytes()).ok());
    let fields = indexed.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(fields.iter().filter_map(column).collect())
}

fn column(indexed: &Value) -> Option<Column> {
    let pointer = indexed.get("field")?.as_str()?;
    let field = pointer.trim_start_matches('/').trim_end_matches("/*").replace('/', ".");
    let kind = indexed.get("type").and_then(Value::as_str).unwrap_or_default();
    let title = indexed.get("title").and_then(Value::as_str).map(str::to_lowercase);
    let title = title.unwrap_or_else(|| field.replace('_', " "));
    let is_number = ["range", "decimal", "integer", "uinteger"].contains(&kind);
    Some(Column { field, title, is_number })
}

/// What a document says in a field, for people.
fn cell(document: &Value, field: &str) -> String {
    let value = field.split('.').try_fold(document, |value, step| value.get(step));
    let text = match value {
        Some(Value::Array(items)) => match items.as_slice() {
            [Value::Number(low), Value::Number(high)] => format!("{low} to {high}"),
            items => items.iter().map(shown_value).collect::<Vec<_>>().join(", "),
        },
        Some(value) => shown_value(value),
        None => String::new(),
    };
    visible(&shortened(&text, CELL_LETTERS_MAX)).into_owned()
}

/// What the API is to show of each document: the fields of the columns, or a part of its text.
fn shown_of(columns: &[Column]) -> String {
    if columns.is_empty() {
        return "snippet".to_owned();
    }
    columns.iter().map(|column| column.field.as_str()).collect::<Vec<_>>().join(",")
}

fn shown_value(value: &Value) -> String {
    if value.is_null() { String::new() } else { value_text(value).into_owned() }
}

/// The words of a query that a text can have.
fn words(query: &str) -> Vec<String> {
    let plain = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    plain.filter(|word| word.chars().count() > 1).map(str::to_lowercase).take(10).collect()
}

/// A text in which the words are marked.
fn marked(text: &str, words: &[String]) -> Markup {
    if words.is_empty() {
        return html! { (text) };
    }
    let lower = text.to_lowercase();
    // Letters whose small form has another length would shift all places.
    if lower.len() != text.len() {
        return html! { (text) };
    }
    let mut html = String::new();
    let mut rest = 0;
    while let Some((at, word)) = words
        .iter()
        .filter_map(|word| lower[rest..].find(word.as_str()).map(|at| (rest + at, word)))
        .min()
    {
        let end = at + word.len();
        if !text.is_char_boundary(at) || !text.is_char_boundary(end) {
            break;
        }
        html += &html! { (&text[rest..at]) mark { (&text[at..end]) } }.into_string();
        rest = end;
    }
    html += &html! { (&text[rest..]) }.into_string();
    // Each part was escaped above.
    PreEscaped(html)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_a_field_as_people_read_it() {
        let document =
            json!({"range": [60, 125], "list": ["a", "b"], "deep": {"x": true}, "one": "text"});
        for (field, expect) in [
            ("range", "60 to 125"),
            ("list", "a, b"),
            ("deep.x", "true"),
            ("one", "text"),
            ("none", ""),
        ] {
            assert_eq!(cell(&document, field), expect, "{field}");
        }
    }

    #[test]
    fn aligns_columns_of_numbers() {
        for (kind, expect) in [
            ("decimal", true),
            ("integer", true),
            ("uinteger", true),
            ("range", true),
            ("string", false),
            ("timestamp", false),
        ] {
            let found = column(&json!({"field": "/a/*", "type": kind, "title": "PRICE"}));
            let found = found.map(|column| (column.field, column.title, column.is_number));
            assert_eq!(found, Some(("a".to_owned(), "price".to_owned(), expect)), "{kind}");
        }
    }

    #[test]
    fn marks_words_and_escapes_everything() {
        let words = words("Visual <b> a editing*");
        assert_eq!(words, ["visual", "editing"]);
        for (text, expect) in [
            ("Visual editing", "<mark>Visual</mark> <mark>editing</mark>"),
            ("<visual>", "&lt;<mark>visual</mark>&gt;"),
            ("nothing", "nothing"),
            ("İvisual", "İvisual"),
        ] {
            assert_eq!(marked(text, &words).into_string(), expect, "{text}");
        }
    }
}
