mod deleted;

use std::{borrow::Cow, collections::BTreeSet, num::NonZeroUsize};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use muster_client::{Client, ClientError, Page, Query};
use muster_model::{Attributes, GroupType, Model, ResourceType};
use muster_schema::nearest;
use muster_words::{
    Id, Notation, Xid,
    json::{Value, select},
};

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    commands::{past::PastArguments, search},
    model,
    output::{Screen, Style, Table, differences, numbers::counted, sanitized, times},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster list
  muster list providers
  muster list providers/cms
  muster list providers/cms --filter 'state=stable' --sort name=desc
  muster list providers/cms --where 'monthly_cost_range < 100' --sort monthly_cost_range
  muster list providers/cms/entries/sanity/versions
  muster list providers/cms --at 2027-01-31T12:00:00Z
  muster list --deleted

";

/// List collections, groups, documents or versions
#[derive(Debug, Args)]
pub struct ListArguments {
    /// The collection, such as providers or providers/cms; without it, all collections
    #[arg(value_name = "COLLECTION", default_value = "", hide_default_value = true)]
    collection: String,
    /// Only entries that match this xRegistry filter; several are alternatives
    #[arg(long, value_name = "EXPRESSION")]
    filter: Vec<String>,
    /// Only documents for which this condition over indexed fields holds
    #[arg(long = "where", value_name = "CONDITION", conflicts_with_all = ["filter", "deleted"])]
    condition: Option<String>,
    /// Sort by this attribute or indexed field; =desc reverses the order
    #[arg(long, value_name = "ATTRIBUTE")]
    sort: Option<String>,
    /// At most this many
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    limit: Option<NonZeroUsize>,
    /// List deleted names, which can be restored, with who deleted them and when: everywhere, or in
    /// a group or a collection
    #[arg(long, conflicts_with_all = ["filter", "sort", "at"])]
    deleted: bool,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// The number of entities that are asked for at once: what a server gives in one answer.
const PAGE_ENTRIES_MAX: usize = 1_000;

/// The kind of thing that a path names.
pub(super) enum Level<'a> {
    Overview,
    Groups(&'a GroupType),
    Documents(String, &'a ResourceType),
    Versions(String, &'a ResourceType),
}

impl ListArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let model = model::to_show(&client).await?;
        if self.deleted {
            let limit = self.limit.map(NonZeroUsize::get);
            return deleted::deleted(context, &client, &self.collection, limit).await;
        }
        let level = level(&model, &self.collection)?;
        let from = (context, &client);
        if self.searches(&level) {
            return self.search(context, &client, &model, level).await;
        }
        let mut known = known_attributes(&level);
        if let Level::Documents(_, kind) = &level {
            // A filter may also name a field of the documents.
            let fields = kind.aspect.indexed.iter();
            known.extend(fields.filter_map(|indexed| indexed.field.split('/').nth(1)));
        }
        let known = &known;
        match &level {
            Level::Overview => {
                let query = self.past.add_to(Query::new(), context)?;
                overview(from, &model, &query).await
            }
            Level::Groups(kind) => {
                let page = self.page(from, &format!("/{}", kind.plural), None).await?;
                let table = groups_table(&context.screen, kind, &page);
                self.show(context, &page, table, ("group", "groups"), Vec::new(), known)
            }
            Level::Documents(path, kind) => {
                let has_columns = model::columns(kind).next().is_some();
                let inline = has_columns.then_some(kind.singular.as_str());
                let page = self.page(from, path, inline).await?;
                let mut table = documents_table(&context.screen, kind, &page);
                let left_out = table.fit(&context.screen, 3);
                self.show(context, &page, table, ("document", "documents"), left_out, known)
            }
            Level::Versions(path, _) => {
                let page = self.page(from, path, None).await?;
                let table = versions_table(&context.screen, &page, self.sort.is_some());
                self.show(context, &page, table, ("version", "versions"), Vec::new(), known)
            }
        }
    }

    /// Whether it asks for indexed fields, which the search knows.
    fn searches(&self, level: &Level<'_>) -> bool {
        let sort = self.sort.as_deref().and_then(|sort| sort.split('=').next());
        let is_field = |kind: &ResourceType, name: &str| {
            kind.aspect.indexed.iter().any(|indexed| search::field_name(&indexed.field) == name)
        };
        let by_field = match level {
            Level::Documents(_, kind) => sort.is_some_and(|name| {
                is_field(kind, name) && !known_attributes(level).contains(name)
            }),
            _ => false,
        };
        self.condition.is_some() || (by_field && self.filter.is_empty() && !self.deleted)
    }

    /// Lists the documents that a search finds.
    async fn search(
        &self,
        context: &Context,
        client: &Client,
        model: &Model,
        level: Level<'_>,
    ) -> Result<(), Failure> {
        let query = self.past.add_to(Query::new(), context)?;
        let query = match &level {
            Level::Overview => query,
            Level::Groups(kind) => query.with("type", &kind.plural),
            Level::Documents(path, _) => {
                let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
                let query = query.with("group", parts[..2].join("/"));
                query.with("type", format!("{}/{}", parts[0], parts[2]))
            }
            Level::Versions(..) => {
                return Err(Failure::usage("--where is about documents, not about their versions")
                    .help("muster list providers/cms --where 'state == \"stable\"'"));
            }
        };
        let query = query
            .with_some("where", self.condition.as_deref())
            .with_some("sort", self.sort.as_deref());
        search::show(context, client, model, query, self.limit, &[]).await.map(drop)
    }

    async fn page(
        &self,
        (context, client): (&Context, &Client),
        path: &str,
        inline: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut query = self
            .past
            .add_to(Query::new(), context)?
            .with_some("inline", inline)
            .with_some("sort", self.sort.as_deref());
        for filter in &self.filter {
            query = query.with("filter", filter);
        }
        let read = async {
            match self.limit {
                Some(limit) => {
                    let limit = limit.get();
                    let query = query.with("limit", limit.min(PAGE_ENTRIES_MAX));
                    client.up_to(path, &query, limit).await
                }
                None => client.all(path, &query).await,
            }
        };
        match read.await {
            Ok(page) => Ok(page),
            Err(error) => Err(explain_absent(client, path, error).await),
        }
    }

    fn show(
        &self,
        context: &Context,
        page: &Page,
        table: Table,
        (one, many): (&str, &str),
        left_out: Vec<String>,
        known: &BTreeSet<&str>,
    ) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.json(&page.json());
        }
        if !table.is_empty() {
            screen.write(table.render(screen).as_bytes())?;
        }
        let mut note = counted(page.entries.len(), one, many);
        if page.has_next() {
            note.push_str(", and there are more");
        }
        if !left_out.is_empty() {
            note = format!("{note}; too narrow for {}", left_out.join(", "));
        }
        screen.note(&screen.paint_error(Style::Dim, &note));
        for slip in self.unknown_attributes(known, page.entries.is_empty()) {
            screen.note(&sanitized(&slip));
        }
        Ok(())
    }

    /// Attributes in a filter or a sort order that no entry can have. xRegistry's answer to them is
    /// an empty list.
    fn unknown_attributes(&self, known: &BTreeSet<&str>, found_nothing: bool) -> Vec<String> {
        let filters = self.filter.iter().filter(|_| found_nothing);
        let expressions = filters.flat_map(|filter| filter.split(','));
        let named = expressions.chain(self.sort.as_deref()).map(|expression| {
            let is_end = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '_');
            expression.trim().split(is_end).next().unwrap_or_default()
        });
        let is_slip = |name: &&str| !name.is_empty() && !known.contains(name);
        if known.is_empty() || known.contains("*") {
            return Vec::new();
        }
        let near = |name: &str| nearest(name, known.iter().copied()).map(str::to_owned);
        named
            .filter(is_slip)
            .map(|name| match near(name) {
                Some(near) => format!("there is no attribute {name}; did you mean {near}?"),
                None => format!("there is no attribute {name}"),
            })
            .collect()
    }
}

/// The attributes that the listed entries can have.
fn known_attributes<'a>(level: &Level<'a>) -> BTreeSet<&'a str> {
    let (own, more) = match level {
        Level::Overview => return BTreeSet::new(),
        Level::Groups(kind) => (&kind.attributes, None),
        Level::Documents(_, kind) | Level::Versions(_, kind) => {
            (&kind.attributes, Some(&kind.resource_attributes))
        }
    };
    let all = own.iter().chain(more.into_iter().flat_map(Attributes::iter));
    all.map(|attribute| attribute.name.as_str()).collect()
}

pub(super) fn level<'a>(model: &'a Model, collection: &str) -> Result<Level<'a>, Failure> {
    let parts: Vec<&str> = collection.split('/').filter(|part| !part.is_empty()).collect();
    let unknown = || suggest::unknown_collection(model, &parts);
    if parts.is_empty() {
        return Ok(Level::Overview);
    }
    for part in &parts {
        if let Err(error) = part.parse::<Id>() {
            let what = format!("{collection:?} isn't a collection: {part:?}: {error}");
            return Err(Failure::usage(what).help("a collection is written as providers/cms"));
        }
    }
    let groups = model.group_type(parts[0]).ok_or_else(unknown)?;
    match *parts.as_slice() {
        [_] => Ok(Level::Groups(groups)),
        [name, group] => {
            let Some(only) = model::only_resources(groups) else {
                let types: Vec<String> = groups
                    .resources
                    .keys()
                    .map(|resources| format!("{name}/{group}/{resources}"))
                    .collect();
                return Err(Failure::usage(format!("which collection of {name}/{group}?"))
                    .help(format!("choose one of {}", types.join(", "))));
            };
            Ok(Level::Documents(format!("/{name}/{group}/{}", only.plural), only))
        }
        [name, group, resources] => {
            let kind = groups.resources.get(resources).ok_or_else(unknown)?;
            Ok(Level::Documents(format!("/{name}/{group}/{resources}"), kind))
        }
        [_, _, resources, _, "versions"] | [_, _, resources, _] => {
            let kind = groups.resources.get(resources).ok_or_else(unknown)?;
            let path = parts.join("/");
            let path = path.strip_suffix("/versions").unwrap_or(&path);
            Ok(Level::Versions(format!("/{path}/versions"), kind))
        }
        _ => Err(Failure::usage(format!("{collection} isn't a collection"))
            .help("muster list providers/cms lists the documents of a group")),
    }
}

async fn overview(
    (context, client): (&Context, &Client),
    model: &Model,
    query: &Query,
) -> Result<(), Failure> {
    let registry = client.details(&Xid::Registry, query).await?.json()?;
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&registry);
    }
    let mut table = Table::new(["collection", "groups", "of"]).numbers(1);
    for kind in model.group_types() {
        let plural = &kind.plural;
        let count = registry.get(format!("{plural}count")).and_then(Value::as_u64).unwrap_or(0);
        let holds: Vec<&str> = kind.resources.keys().map(String::as_str).collect();
        table.row([plural.clone(), crate::output::numbers::separated(count), holds.join(", ")]);
    }
    screen.write(table.render(screen).as_bytes())
}

fn groups_table(screen: &Screen, kind: &GroupType, page: &Page) -> Table {
    let resources: Vec<&str> = kind.resources.keys().map(String::as_str).collect();
    let headings = [&["name", "title"][..], &resources, &["changed"]].concat();
    let mut table = Table::new(headings);
    for column in 0..resources.len() {
        table = table.numbers(column + 2);
    }
    for (id, group) in &page.entries {
        let counts = resources.iter().map(|plural| {
            let count = group.get(format!("{plural}count")).and_then(Value::as_u64).unwrap_or(0);
            crate::output::numbers::separated(count)
        });
        let mut cells = vec![id.clone(), text(group, "name")];
        cells.extend(counts);
        cells.push(times::since(screen, &text(group, "modifiedat")));
        table.row(cells);
    }
    table
}

fn documents_table(screen: &Screen, kind: &ResourceType, page: &Page) -> Table {
    let titles: Vec<&str> = model::columns(kind).map(|(_, title)| title).collect();
    let has_state = page.entries.iter().any(|(_, details)| details.get("state").is_some());
    let fixed: &[&str] =
        if has_state { &["name", "state", "version"] } else { &["name", "version"] };
    let mut table = Table::new([fixed, &titles, &["changed"]].concat());
    for (id, details) in &page.entries {
        let mut cells = vec![id.clone()];
        if has_state {
            cells.push(text(details, "state"));
        }
        cells.push(text(details, "versionid"));
        let document = document(kind, details);
        cells.extend(model::columns(kind).map(|(field, _)| cell(&document, field)));
        cells.push(times::since(screen, &text(details, "modifiedat")));
        table.row(cells);
    }
    table
}

/// A listed document as data: JSON as it is, YAML out of its base64, or else nothing.
fn document<'a>(kind: &ResourceType, details: &'a Value) -> Cow<'a, Value> {
    let singular = &kind.singular;
    if let Some(document) = details.get(singular) {
        return Cow::Borrowed(document);
    }
    let yaml = details.get(format!("{singular}base64")).and_then(Value::as_str);
    let bytes = yaml.and_then(|text| STANDARD.decode(text).ok());
    let content_type = details.get("contenttype").and_then(Value::as_str);
    let value = bytes.and_then(|bytes| Notation::of(content_type).parse(&bytes).ok());
    Cow::Owned(value.unwrap_or_default())
}

fn versions_table(screen: &Screen, page: &Page, is_sorted: bool) -> Table {
    let mut table = Table::new(["version", "state", "default", "changed"]);
    let mut versions: Vec<&(String, Value)> = page.entries.iter().collect();
    if !is_sorted {
        // Newest first; numeric ids are compared as numbers.
        versions.sort_by_key(|(id, _)| std::cmp::Reverse((id.parse::<u64>().ok(), id.clone())));
    }
    for (id, version) in versions {
        let is_default = version.get("isdefault") == Some(&Value::Bool(true));
        let default = if is_default { "default" } else { "" };
        let changed = times::since(screen, &text(version, "modifiedat"));
        table.row([id.clone(), text(version, "state"), default.to_owned(), changed]);
    }
    table
}

/// A document's field as a table cell: `80 to 750`, `medium to high`.
pub(super) fn cell(document: &Value, field: &str) -> String {
    let values: Vec<String> =
        select(document, field).into_iter().map(|(_, value)| shown(value)).collect();
    values.join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(ends) if ends.len() == 2 && ends.iter().all(Value::is_number) => {
            format!("{} to {}", ends[0], ends[1])
        }
        // Names in documents have underscores; tables show spaces.
        Value::String(text) if is_name(text) => text.replace('_', " "),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => differences::short(value),
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The failure for a missing collection, with the name that was probably meant.
pub(super) async fn explain_absent(client: &Client, path: &str, error: ClientError) -> Failure {
    let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
    let is_absent = error.is_absent();
    match (error, parent.parse::<Xid>()) {
        (ClientError::Refused(refusal), Ok(xid)) if is_absent && xid != Xid::Registry => {
            suggest::explain_absent(client, &xid, *refusal).await
        }
        (error, _) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_model::Foundation;
    use muster_words::Moment;
    use serde_json::json;

    use super::*;

    fn model_of(groups: &Value) -> Model {
        Model::compile(&json!({"groups": groups}), Foundation::BuiltIn).unwrap()
    }

    #[test]
    fn takes_its_columns_from_the_model() {
        let indexed = json!([
            {"field": "/range", "type": "range", "title": "monthly"},
            {"field": "/hidden", "type": "string"},
            {"field": "/level", "type": "string", "title": "complexity"}]);
        let model = model_of(&json!({"providers": {"singular": "provider", "resources": {
            "entries": {"singular": "entry", "muster": {"indexed": indexed}}}}}));
        let kind = model.resource_type("providers", "entries").unwrap();
        let yaml = json!({"versionid": "1", "state": "stable", "modifiedat": "2026-11-21T10:00:00Z",
            "contenttype": "application/yaml",
            "entrybase64": STANDARD.encode("level: low\nrange:\n- 5\n- 6\n")});
        let details = |range: Value, level: &str| {
            json!({"versionid": "1", "state": "stable", "modifiedat": "2026-11-21T10:00:00Z",
                   "entry": {"range": range, "level": level}})
        };
        let entries = json!({
            "contentful": details(json!([80, 750]), "medium_to_high"),
            "tina": details(json!(null), "Medium_x"),
            "yaml": yaml});
        let page = Page::read(entries.to_string().as_bytes()).unwrap();
        let screen = Screen::plain(Moment::EPOCH);
        let expect = "\
NAME        STATE   VERSION  MONTHLY    COMPLEXITY      CHANGED
contentful  stable  1        80 to 750  medium to high  2026-11-21T10:00:00Z
tina        stable  1                   Medium_x        2026-11-21T10:00:00Z
yaml        stable  1        5 to 6     low             2026-11-21T10:00:00Z
";
        assert_eq!(documents_table(&screen, kind, &page).render(&screen), expect);
    }

    #[test]
    fn lists_versions_newest_first_by_number() {
        let entries = json!({"1": {}, "10": {"isdefault": true, "state": "stable"}, "9": {}});
        let page = Page::read(entries.to_string().as_bytes()).unwrap();
        let screen = Screen::plain(Moment::EPOCH);
        let newest = "VERSION  STATE   DEFAULT  CHANGED\n10       stable  default\n9\n1\n";
        let sorted = "VERSION  STATE   DEFAULT  CHANGED\n1\n10       stable  default\n9\n";
        for (is_sorted, expect) in [(false, newest), (true, sorted)] {
            assert_eq!(versions_table(&screen, &page, is_sorted).render(&screen), expect);
        }
    }

    #[test]
    fn names_attributes_that_nothing_can_have() {
        let known = BTreeSet::from(["name", "state", "labels", "epoch"]);
        for (filter, sort, found_nothing, expect) in [
            ("stat=stable", None, true, &["there is no attribute stat; did you mean state?"][..]),
            ("stat=stable", None, false, &[]),
            ("state=stable,labels.a=b,epoch>=3", None, true, &[]),
            ("name<>x, zzzzzzzz", None, true, &["there is no attribute zzzzzzzz"]),
            ("", Some("nme=desc"), false, &["there is no attribute nme; did you mean name?"]),
            ("=x", Some("name"), true, &[]),
        ] {
            let list = ListArguments {
                past: PastArguments::default(),
                collection: String::new(),
                filter: vec![filter.to_owned()],
                sort: sort.map(str::to_owned),
                limit: None,
                condition: None,
                deleted: false,
                connection: ConnectionArguments::default(),
            };
            assert_eq!(list.unknown_attributes(&known, found_nothing), expect, "{filter} {sort:?}");
            assert!(list.unknown_attributes(&BTreeSet::new(), found_nothing).is_empty());
        }
    }

    #[test]
    fn understands_every_way_to_name_a_collection() {
        let model = model_of(&json!({
            "providers": {"singular": "provider", "resources": {"entries": {"singular": "entry"}}},
            "shops": {"singular": "shop", "resources": {
                "messages": {"singular": "message"}, "routes": {"singular": "route"}}}}));
        for (text, expect) in [
            ("", Ok("all")),
            ("/", Ok("all")),
            ("providers", Ok("groups providers")),
            ("/providers/", Ok("groups providers")),
            ("providers/cms", Ok("/providers/cms/entries")),
            ("providers/cms/entries", Ok("/providers/cms/entries")),
            ("providers/cms/entries/a", Ok("/providers/cms/entries/a/versions")),
            ("providers/cms/entries/a/versions", Ok("/providers/cms/entries/a/versions")),
            ("shops/x/routes", Ok("/shops/x/routes")),
            ("shops/x", Err("which collection of shops/x?")),
            ("provider", Err("there is no collection provider")),
            ("providers/cms/entrys", Err("there is no collection providers/cms/entrys")),
        ] {
            let level = level(&model, text).map(|level| match level {
                Level::Overview => "all".to_owned(),
                Level::Groups(kind) => format!("groups {}", kind.plural),
                Level::Documents(path, _) | Level::Versions(path, _) => path,
            });
            let level = level.map_err(|failure| failure.what().to_owned());
            assert_eq!(level, expect.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
