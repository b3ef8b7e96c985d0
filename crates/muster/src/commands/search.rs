use std::num::NonZeroUsize;

use clap::Args;
use muster_client::{Client, Query};
use muster_model::{Model, ResourceType};
use muster_wire::search::{FoundDocument, SearchAnswer};
use muster_words::{Xid, json::Value};

use super::list::cell;
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    commands::past::PastArguments,
    model,
    output::{Screen, Style, Table, numbers::counted, sanitized, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster search --group cms --where 'monthly_cost_range < 100 && \"hugo\" in ssg_engine_options'
  muster search visual editing
  muster search --type providers --feature visual_editing --max-cost 100
  muster search --label team=web --state stable --sort monthly_cost_range
  muster search --field complexity_level=low --at 2027-01-31T12:00:00Z

";

/// The number of documents that are asked for at once.
const PAGE_MAX: usize = 1_000;

/// About one screen.
const FIFTY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// Find documents by their words and their fields
#[derive(Debug, Args)]
pub struct SearchArguments {
    /// Words that the documents have; quotes make a phrase, a - before a word excludes it
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Only this type, such as providers
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
    /// Only this group, such as cms or providers/cms
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only entities of this class or family, such as services or 'AI systems'
    #[arg(long, value_name = "CLASS")]
    classification: Option<String>,
    /// Only with this label, key=value or key; several must all be there
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Only in this lifecycle state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only with this field, such as complexity_level=low or monthly_cost_range<100
    #[arg(long, value_name = "TEST")]
    field: Vec<String>,
    /// Only documents for which this condition over indexed fields holds
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// Only providers with this feature (key_features)
    #[arg(long, value_name = "FEATURE")]
    feature: Option<String>,
    /// Only providers of this type (provider_type)
    #[arg(long, value_name = "TYPE")]
    provider_type: Option<String>,
    /// Only providers that may cost this much a month, or less (monthly_cost_range)
    #[arg(long, value_name = "COST")]
    max_cost: Option<String>,
    /// Only providers of this complexity (complexity_level)
    #[arg(long, value_name = "LEVEL")]
    complexity: Option<String>,
    /// Only providers that work with this engine (ssg_engine_options, ssg_engine)
    #[arg(long, value_name = "ENGINE")]
    ssg_engine: Option<String>,
    /// Sort by this indexed field; =desc reverses the order
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = FIFTY, allow_negative_numbers = true)]
    limit: NonZeroUsize,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl SearchArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let model = model::to_show(&client).await?;
        let words = self.words.join(" ");
        let mut query = self
            .past
            .add_to(Query::new(), context)?
            .with_some("q", Some(words.as_str()).filter(|words| !words.is_empty()))
            .with_some("type", self.r#type.as_deref())
            .with_some("group", self.group.as_deref())
            .with_some("classification", self.classification.as_deref())
            .with_some("state", self.state.as_deref())
            .with_some("where", self.condition.as_deref())
            .with_some("feature", self.feature.as_deref())
            .with_some("provider_type", self.provider_type.as_deref())
            .with_some("max_cost", self.max_cost.as_deref())
            .with_some("complexity", self.complexity.as_deref())
            .with_some("ssg_engine", self.ssg_engine.as_deref())
            .with_some("sort", self.sort.as_deref());
        for label in &self.label {
            query = query.with("label", label);
        }
        for field in &self.field {
            query = query.with("field", field);
        }
        let words = plain_words(&words);
        show(context, &client, &model, query, Some(self.limit), &words).await.map(drop)
    }
}

/// The words of a query, as they stand in documents, in small letters.
pub(super) fn plain_words(query: &str) -> Vec<String> {
    let words = query.split(|letter: char| letter.is_whitespace() || letter == '"');
    let words = words.filter(|word| !word.starts_with('-'));
    let words = words.map(|word| word.trim_end_matches('*').to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

/// The name of an indexed field, as people write it: `/key_features/*` is `key_features`.
pub(super) fn field_name(pointer: &str) -> String {
    let names = pointer.split('/').filter(|step| !step.is_empty() && *step != "*");
    names.collect::<Vec<_>>().join(".")
}

/// Asks the server and shows what it found, in its order. Returns how many documents that are.
pub(super) async fn show(
    context: &Context,
    client: &Client,
    model: &Model,
    query: Query,
    limit: Option<NonZeroUsize>,
    words: &[String],
) -> Result<u64, Failure> {
    let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
    let query = query.with("limit", limit.min(PAGE_MAX));
    let mut answer = client.search(&query, limit).await?;
    let has_more = answer.next.is_some() || answer.documents.len() > limit;
    answer.documents.truncate(limit);
    let screen = &context.screen;
    if !screen.is_table() {
        screen.value(&serde_json::to_value(&answer).unwrap_or_default())?;
        return Ok(answer.count);
    }
    let mut table = table(screen, model, &answer, words);
    let left_out = table.fit(screen, 2);
    if !table.is_empty() {
        let rendered = table.render(screen);
        screen.write(highlighted(screen, &rendered, words).as_bytes())?;
    }
    let count = usize::try_from(answer.count).unwrap_or(usize::MAX);
    let mut note = counted(count, "document", "documents");
    if answer.count_is_least {
        note.insert_str(0, "at least ");
    }
    if has_more {
        note = format!("{note}; these are the first {}", answer.documents.len());
    }
    if !left_out.is_empty() {
        note = format!("{note}; too narrow for {}", left_out.join(", "));
    }
    if let Some(behind) = answer.text_behind.filter(|behind| *behind > 0) {
        note = format!(
            "{note}; {} aren't searched yet",
            counted(usize::try_from(behind).unwrap_or(usize::MAX), "newer entry", "newer entries")
        );
    }
    screen.note(&screen.paint_error(Style::Dim, &note));
    Ok(answer.count)
}

fn table(screen: &Screen, model: &Model, answer: &SearchAnswer, words: &[String]) -> Table {
    let kinds: Vec<Option<&ResourceType>> =
        answer.documents.iter().map(|found| kind_of(model, found)).collect();
    // Columns that all types have, as those of one type.
    let mut columns: Vec<(&str, &str)> = Vec::new();
    for kind in kinds.iter().flatten() {
        for column in model::columns(kind) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    let titles = columns.iter().map(|(_, title)| *title);
    let found: &[&str] = if words.is_empty() { &[] } else { &["found"] };
    let headings = ["name", "state"].into_iter().chain(titles).chain(["changed"]);
    let mut table = Table::new(headings.chain(found.iter().copied()));
    for document in &answer.documents {
        let mut cells =
            vec![document.xid.trim_start_matches('/').to_owned(), document.state.clone()];
        cells.extend(columns.iter().map(|(field, _)| cell(&document.document, field)));
        cells.push(times::since(screen, &document.modifiedat));
        if !words.is_empty() {
            cells.push(snippet(document, words));
        }
        table.row(cells);
    }
    table
}

fn kind_of<'a>(model: &'a Model, found: &FoundDocument) -> Option<&'a ResourceType> {
    let xid: Xid = found.xid.parse().ok()?;
    model::resource_type(model, &xid).map(AsRef::as_ref)
}

/// The most letters of a text around a word that was found.
const SNIPPET_LETTERS: usize = 60;

/// The text in which a word was found, or what is around it in a long one.
fn snippet(found: &FoundDocument, words: &[String]) -> String {
    let mut texts = Vec::new();
    texts.extend(found.name.clone());
    add_texts(&found.document, &mut texts);
    let has = |text: &String| {
        let lower = text.to_lowercase();
        words.iter().find_map(|word| lower.find(word.as_str()))
    };
    let Some((text, at)) = texts.iter().find_map(|text| Some((text, has(text)?))) else {
        return String::new();
    };
    let before = text.char_indices().take_while(|(index, _)| *index < at).count();
    let from = before.saturating_sub(SNIPPET_LETTERS / 3);
    let shown: String = text.chars().skip(from).take(SNIPPET_LETTERS).collect();
    let begin = if from > 0 { "…" } else { "" };
    let end = if text.chars().count() > from + SNIPPET_LETTERS { "…" } else { "" };
    sanitized(&format!("{begin}{}{end}", shown.trim()))
}

fn add_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        Value::Object(map) => map.values().for_each(|member| add_texts(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Paints the words that were searched for, if the screen has colours.
fn highlighted(screen: &Screen, text: &str, words: &[String]) -> String {
    if words.is_empty() || screen.paint(Style::Match, "x") == "x" {
        return text.to_owned();
    }
    let lower = text.to_lowercase();
    // Some letters have another length in small letters; then places don't agree.
    if lower.len() != text.len() {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut at = 0;
    while at < text.len() {
        let next =
            words.iter().filter_map(|word| Some((lower[at..].find(word.as_str())?, word.len())));
        let Some((offset, length)) =
            next.min_by_key(|(offset, length)| (*offset, usize::MAX - length))
        else {
            break;
        };
        let (from, to) = (at + offset, at + offset + length);
        if !text.is_char_boundary(from) || !text.is_char_boundary(to) {
            break;
        }
        out.push_str(&text[at..from]);
        out.push_str(&screen.paint(Style::Match, &text[from..to]));
        at = to;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use muster_words::Moment;
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_what_is_around_a_word() {
        let found = |document| FoundDocument { document, ..FoundDocument::default() };
        let long = format!("{}Visual editing {}", "a ".repeat(40), "b ".repeat(40));
        for (document, words, expect) in [
            (json!({"a": ["x", "Visual editing"]}), "visual", "Visual editing"),
            (json!({"a": {"b": "nothing"}}), "visual", ""),
            (
                json!({"a": long}),
                "\"visual editing\" -x",
                "…a a a a a a a a a a Visual editing b b b b b b b b b b b b b…",
            ),
        ] {
            assert_eq!(snippet(&found(document), &plain_words(words)), expect);
        }
    }

    #[test]
    fn paints_words_where_there_is_colour() {
        let plain = Screen::plain(Moment::EPOCH);
        let words = plain_words("Edit* visual");
        assert_eq!(highlighted(&plain, "visual editing", &words), "visual editing");
        let colour = Screen { colour: true, ..plain };
        let painted = highlighted(&colour, "A Visual editing", &words);
        let visual = colour.paint(Style::Match, "Visual");
        let edit = colour.paint(Style::Match, "edit");
        assert_eq!(painted, format!("A {visual} {edit}ing"));
    }
}
