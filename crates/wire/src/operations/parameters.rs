/// A query parameter or a header.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// As it is written, `?name=` or `Name:`.
    pub name: &'static str,
    /// Where it is sent.
    pub place: ParameterPlace,
    /// The JSON type of its value; the parameter of a `boolean` may be sent without one.
    pub kind: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterPlace {
    /// Behind the question mark.
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

/// Every parameter of a request that isn't part of a path.
pub const PARAMETERS: &[Parameter] = &[
    query(
        "inline",
        "string",
        "Collections and attributes to show within the answer; `*` for all collections.",
    ),
    query(
        "filter",
        "string",
        "Shows only what matches: `path=value`, with commas for and. Repeated for or.",
    ),
    query("sort", "string", "The attribute to sort by: `name`, `name=asc` or `name=desc`."),
    query(
        "limit",
        "integer",
        "How many entries a page has at most; the header `Link` leads to the next.",
    ),
    query("doc", "boolean", "The document view: relative links, nothing twice."),
    query("collections", "boolean", "Shows only the collections below."),
    query("binary", "boolean", "Shows documents within JSON as Base64."),
    query("specversion", "string", "The version of xRegistry that the answer must follow."),
    query("epoch", "integer", "Deletes only at this epoch."),
    query("ignore", "string", "Parts of the request to pass over, such as `epoch` or `readonly`."),
    query(
        "setdefaultversionid",
        "string",
        "Pins the default version: its id, `request`, or `null` for the newest.",
    ),
    query("purge", "boolean", "Erases what is stored of it, for ever; hidden states too."),
    query("force", "boolean", "Deletes although others refer to it."),
    query(
        "deleted",
        "boolean",
        "Lists the names that deletions hid instead: under each id its `xid`, its `kind` (`group`, `document` or `version`) and the `position` of its deletion.",
    ),
    query("all", "boolean", "Shows revoked keys as well."),
    query("after", "string", "The position, or the id of the last event, after which to begin."),
    query("before", "integer", "Shows what happened before this position."),
    header("If-Match", "string", "Changes it only while it has one of these entity tags."),
    header(
        "If-None-Match",
        "string",
        "Answers 304 while it has one of these entity tags; `*` on a write: only where there is none.",
    ),
    header("Idempotency-Key", "string", "Makes the request safe to repeat for 24 hours."),
    header(
        "Muster-Message",
        "string",
        "Why it is done, percent-encoded where it isn't ASCII: at most 500 characters, which the log shows.",
    ),
    header("Last-Event-ID", "string", "As `after`; browsers send it when they resume."),
];

/// Every header of an answer that is more than HTTP's own.
pub const HEADERS: &[Parameter] = &[
    header(
        "Muster-Position",
        "integer",
        "The position of the ledger that the answer shows; of a write, that of its command.",
    ),
    header("x-request-id", "string", "The request's id, by which the log can be searched for it."),
    header("ETag", "string", "Names the state that is shown, for `If-Match` and `If-None-Match`."),
    header(
        "Link",
        "string",
        "Leads to the registry (`rel=xregistry-root`) and, from a page of a collection, to the next one (`rel=next`).",
    ),
    header("Location", "string", "The URL of what was made, or of a document that lies elsewhere."),
    header("Content-Location", "string", "The URL of the version that is shown."),
    header(
        "Muster-Warnings",
        "string",
        "What is to be said about a document that was accepted: a JSON array of violations.",
    ),
    header(
        "xRegistry-xregcorrelationid",
        "string",
        "The command's id, which its events carry as `xregcorrelationid`.",
    ),
    header("Allow", "string", "The methods that there are."),
    header("Retry-After", "integer", "After how many seconds it is worth while to ask again."),
    header(
        "WWW-Authenticate",
        "string",
        "How a key is sent: `Bearer`, or `Basic` with the key as password beside any user name.",
    ),
];

/// Headers that every answer carries.
pub const HEADERS_OF_ALL: &[&str] = &["Muster-Position", "x-request-id"];
