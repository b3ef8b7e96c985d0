/// A query parameter or a header.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, as in `?name=` or `Name:`.
    pub name: &'static str,
    /// Where it is sent.
    pub place: ParameterPlace,
    /// The JSON type of its value. A `boolean` parameter may be sent without a value.
    pub kind: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterPlace {
    /// In the query of the URL.
    Query,
    /// As a header.
    Header,
}

const fn query(name: &'static str, kind: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: ParameterPlace::Query, kind, meaning }
}

const fn header(name: &'static str, kind: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: ParameterPlace::Header, kind, meaning }
}

/// Every parameter of a request that isn't part of the path.
pub const PARAMETERS: &[Parameter] = &[
    query(
        "inline",
        "string",
        "The collections and attributes to include in the answer; `*` for all collections.",
    ),
    query(
        "filter",
        "string",
        "Shows only what matches: `path=value`. Commas mean \"and\"; repeat the parameter for \"or\".",
    ),
    query(
        "at",
        "string",
        "Shows the registry as it was at this position (`1204`) or at this time (RFC 3339, such as `2026-11-21T12:00:00Z`). What was purged since answers 410.",
    ),
    query("sort", "string", "The attribute to sort by: `name`, `name=asc` or `name=desc`."),
    query(
        "limit",
        "integer",
        "The maximum number of entries of a page. The header `Link` names the next page.",
    ),
    query(
        "doc",
        "boolean",
        "Answers in the document view: with relative links, and with nothing repeated.",
    ),
    query("collections", "boolean", "Shows only the collections, without attributes."),
    query(
        "version",
        "string",
        "The number or the tag of a publication, such as `v20270131-120000`.",
    ),
    query("dry_run", "boolean", "Finds out what would happen, and stores nothing."),
    query("binary", "boolean", "Encodes documents within JSON as Base64."),
    query("specversion", "string", "The version of xRegistry that the answer must follow."),
    query("epoch", "integer", "Deletes only if this is the current epoch."),
    query("ignore", "string", "Parts of the request to ignore, such as `epoch` or `readonly`."),
    query(
        "setdefaultversionid",
        "string",
        "Pins the default version: its id, `request`, or `null` for the newest.",
    ),
    query("purge", "boolean", "Erases all stored states for ever, including deleted ones."),
    query("force", "boolean", "Deletes even if other documents refer to it."),
    query(
        "deleted",
        "boolean",
        "Lists the deleted names instead. Each id has its `xid`, its `kind` (`group`, `document` or `version`) and the `position` of its deletion.",
    ),
    query("all", "boolean", "Includes revoked keys."),
    query(
        "after",
        "string",
        "Begins after this position, after the event with this id, or after the document with this xid.",
    ),
    query(
        "from",
        "string",
        "The earlier state: a position (`1204`) or a time (RFC 3339). Of a proof, the smaller number of entries.",
    ),
    query(
        "to",
        "string",
        "The later state: a position or a time; by default, now. Of a proof, the larger number of entries; by default, as many as the newest checkpoint covers.",
    ),
    query(
        "index",
        "integer",
        "How many documents of the command that begins after the position are known already, as the answer before said.",
    ),
    query(
        "wait",
        "integer",
        "The most seconds that an answer without anything new may take, up to 20.",
    ),
    query("from_version", "string", "Compares this version of the document as the earlier one."),
    query("to_version", "string", "Compares this version of the document as the later one."),
    query(
        "q",
        "string",
        "Words that the document has, in its name, its attributes or its text; all of them. Quotes make a phrase, `-` excludes, and `*` ends the beginning of a word.",
    ),
    query("type", "string", "The type of the documents: `providers`, or `providers/entries`."),
    query("group", "string", "The group of the documents: `providers/cms`, or `cms`."),
    query(
        "classification",
        "string",
        "The class of entities, or a family of classes: `services`, `AppService`, `AI systems`. Capitals, what stands between words, and the `s` of a plural don't matter.",
    ),
    query("label", "string", "A label, `key=value`, or `key` with any value."),
    query("state", "string", "The lifecycle state of the default version."),
    query(
        "field",
        "string",
        "A test of an indexed field: `complexity_level=low` or `monthly_cost_range<100`, with `=`, `!=`, `<`, `<=`, `>` or `>=`; or the field alone, which must have a value.",
    ),
    query(
        "where",
        "string",
        "A condition over indexed fields: `monthly_cost_range < 100 && \"hugo\" in ssg_engine_options`.",
    ),
    query("provider_type", "string", "The value of `provider_type`."),
    query("feature", "string", "A value of `key_features`."),
    query("max_cost", "number", "The most that the lower end of `monthly_cost_range` may be."),
    query("complexity", "string", "The value of `complexity_level`."),
    query("ssg_engine", "string", "A value of `ssg_engine_options` or of `ssg_engine`."),
    query(
        "show",
        "string",
        "What is shown of each document: fields separated by commas, and `snippet` for a part of its text with one of the words. Nothing of it if this is empty; all of it without this.",
    ),
    query(
        "facets",
        "string",
        "The fields whose values are counted, separated by commas; `type,group,state` without it.",
    ),
    query(
        "cursor",
        "string",
        "The place of the next page, from the answer before. It stays valid while documents are written.",
    ),
    query("route", "string", "The xid of a route."),
    query("target", "string", "The xid of a target."),
    query("before", "integer", "Shows only what happened before this position."),
    query(
        "changes",
        "integer",
        "Lists at most this many changes of each command, and counts the others; 0 lists none. With up to 100, a page ends after commands with some thousands of changes, so that it comes soon.",
    ),
    query(
        "actor",
        "string",
        "Shows only what this one did: `actor` of an entry, such as the id of a key.",
    ),
    query(
        "kind",
        "string",
        "Shows only commands that are about one of these, separated by commas, by `kind` of their changes (`registry`, `model`, `capabilities`, `key`, `group`, `resource` or `version`), or that did one of these, by `action` (such as `created`, `updated`, `deleted`, `restored` or `purged`).",
    ),
    query("position", "integer", "The position of the entry."),
    query(
        "size",
        "integer",
        "How many entries of the ledger the proof is about; as many as the newest checkpoint covers, if it isn't given.",
    ),
    header(
        "If-Match",
        "string",
        "Makes the change only if the entity has one of these entity tags.",
    ),
    header(
        "If-None-Match",
        "string",
        "Answers 304 if the entity has one of these entity tags. `*` on a write: only if the entity doesn't exist.",
    ),
    header("Idempotency-Key", "string", "Makes the request safe to repeat for 24 hours."),
    header(
        "Muster-Message",
        "string",
        "The reason for the change, which the log shows: at most 500 characters, percent-encoded outside ASCII.",
    ),
    header(
        "Muster-New-Version",
        "string",
        "`always` makes a new version even if nothing differs from the default or the newest version; `if-different` (the default) doesn't.",
    ),
    header("Last-Event-ID", "string", "The same as `after`. Browsers send it when they resume."),
];

/// Every header of an answer, without those that HTTP itself needs.
pub const HEADERS: &[Parameter] = &[
    header(
        "Muster-Position",
        "integer",
        "The ledger position that the answer shows; for a write, the position of its command.",
    ),
    header("x-request-id", "string", "The id of the request, to find it in the server's log."),
    header(
        "ETag",
        "string",
        "Identifies the state that the answer shows, for `If-Match` and `If-None-Match`.",
    ),
    header(
        "Link",
        "string",
        "Links to the registry (`rel=xregistry-root`) and, on a page of a collection, to the next page (`rel=next`).",
    ),
    header(
        "Location",
        "string",
        "The URL of the created entity, or of a document that is stored elsewhere.",
    ),
    header("Content-Location", "string", "The URL of the version that the answer shows."),
    header(
        "Muster-Alias-Of",
        "string",
        "The xid of the document that an alias stands for; `Location` has its URL.",
    ),
    header(
        "Muster-Omitted",
        "string",
        "The names of attributes that aren't among the headers, because they would be too many or too long. `$details` has all of them.",
    ),
    header(
        "Muster-Warnings",
        "string",
        "Warnings about an accepted document: a JSON array of violations.",
    ),
    header(
        "xRegistry-xregcorrelationid",
        "string",
        "The command's id, which its events carry as `xregcorrelationid`.",
    ),
    header("Allow", "string", "The methods that the path supports."),
    header("Retry-After", "integer", "The number of seconds to wait before the next try."),
    header(
        "WWW-Authenticate",
        "string",
        "How to send a key: `Bearer`, or `Basic` with the key as password and any user name.",
    ),
];

/// Headers that every answer has.
pub const HEADERS_OF_ALL: &[&str] = &["Muster-Position", "x-request-id"];
