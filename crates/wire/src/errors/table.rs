//! The table of codes: a row for each way in which this registry refuses a request.

use muster_words::{Digest, Position, Xid};

use super::{CodeOrigin, ErrorFacts, Violation, argument::Argument, code::codes};

codes! { ErrorCode, ErrorKind;
    // xRegistry 1.0-rc4, core/spec.md and core/http.md, "Error Processing", and two types that its
    // reference server uses beyond them. Sentences about meaning and what to do are ours.

    ActionNotSupported { action: String }: Specification 405,
        "The specified action (<action>) is not supported for: <subject>.",
        "The path exists, but not with this method.",
        "Use one of the methods that the header Allow names.";
    AncestorCircularReference { list: String }: Specification 400,
        "For \"<subject>\", the request would create a circular list of ancestors: <list>.",
        "A version would become its own ancestor.",
        "Give one version of the circle another ancestorid; a root's is its own versionid.";
    BadDefaultversionid { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in the \"defaultversionid\" value specified (<value>): <error_detail>.",
        "The value of setdefaultversionid or defaultversionid can't be used.",
        "Name a version that exists, or null for the newest.";
    BadDetails: Specification 400,
        "Use of \"$details\" in this context is not allowed: <subject>.",
        "Only a document and a version with a document have $details.",
        "Leave $details out.";
    BadFilter { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"filter\" value (<value>): <error_detail>.",
        "The filter can't be read, or can't be used here.",
        "Write filter=path=value, with commas for and; repeat the parameter for or.";
    BadFlag { flag: String }: Specification 400,
        "The specified flag (<flag>) is not allowed in this context: <subject>.",
        "The query parameter has no meaning on this path.",
        "Leave the parameter out.";
    BadIgnore { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"ignore\" value (<value>): <error_detail>.",
        "The parameter ignore names something that can't be ignored.",
        "Use values that /capabilities lists under ignores.";
    BadInline { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"inline\" value (<value>): <error_detail>.",
        "The parameter inline names something that isn't there.",
        "Name collections or attributes below this path, or * for all collections.";
    BadRequest { error_detail: String }: Specification 400,
        "<error_detail>.",
        "The request can't be understood.",
        "Read the title; nothing was changed.";
    BadSort { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"sort\" value (<value>): <error_detail>.",
        "The parameter sort can't be read, or names no attribute.",
        "Write sort=attribute, sort=attribute=asc or sort=attribute=desc.";
    CapabilityError { error_detail: String }: Specification 400,
        "There was an error in the capabilities provided: <error_detail>.",
        "The capabilities sent can't be used.",
        "Compare them with /capabilitiesoffered.";
    CapabilityMissingValue { name: String, value: String }: Specification 400,
        "The \"<name>\" capability needs to contain \"<value>\".",
        "A capability lacks a value that every registry must have.",
        "Add the value.";
    CapabilityUnknown { field: String }: Specification 400,
        "Unknown capability specified: <field>.",
        "This registry has no capability of that name.",
        "Use names that /capabilitiesoffered lists.";
    CapabilityValue { value: String, field: String, list: String }: Specification 400,
        "Invalid value (<value>) specified for capability \"<field>\". Allowable values include: <list>.",
        "The capability can't have that value.",
        "Use one of the values that the title lists.";
    CapabilityWildcard { field: String }: Specification 400,
        "When \"<field>\" includes a value of \"*\" then no other values are allowed.",
        "A capability has * and other values beside it.",
        "Send * alone, or the values without it.";
    DefaultversionidRequest: Specification 400,
        "Processing \"<subject>\", the \"defaultversionid\" attribute is not allowed to be \"request\" since a Version wasn't processed.",
        "setdefaultversionid=request needs a version in the request, and there is none.",
        "Name a version that exists, or send one.";
    FormatUnknown { format: String }: Specification 400,
        "Version \"<subject>\" has a \"format\" value (<format>) that it not supported.",
        "Documents of that format can't be validated, and validation is demanded.",
        "Use a format that /capabilities lists.";
    GroupsOnly { name: String }: Specification 400,
        "Attribute \"<name>\" is invalid. Only Group types are allowed to be specified on this request: <subject>.",
        "A POST here takes collections of groups and nothing else.",
        "Send {\"<groups>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    HasdocumentViolation { plural: String }: Specification 400,
        "The request would cause Version \"<subject>\" to be non-compliant. The model definition of \"<plural>\" has \"hasdocument\" set to \"false\" but this Version has document content.",
        "Entries of this type have no document.",
        "Send attributes only.";
    InlineNoninlineable { name: String }: Specification 400,
        "Attempting to inline a non-inlineable attribute (<name>) on: <subject>.",
        "The parameter inline names something that is always or never in the answer.",
        "Name collections, meta or documents, or * for all collections.";
    InvalidAttribute { name: String, error_detail: String }: Specification 400,
        "The attribute \"<name>\" for \"<subject>\" is not valid: <error_detail>.",
        "An attribute has a value that the model doesn't allow.",
        "Correct the value as the title says; /model has its type.";
    MalformedId { id: String, error_detail: String }: Specification 400,
        "For \"<subject>\", the specified ID value (<id>) is malformed: <error_detail>.",
        "The id has characters or a length that no id may have.",
        "Use 1 to 128 of A-Z a-z 0-9 - . _ ~ : @, beginning with a letter, a digit or _.";
    MalformedXid { xid: String, error_detail: String }: Specification 400,
        "For \"<subject>\", the specified XID value (<xid>) is malformed: <error_detail>.",
        "The text is no path of an entity.",
        "Write /<groups>/<group>/<resources>/<id>, as xid shows it.";
    MismatchedEpoch { bad_epoch: u64, epoch: u64 }: Specification 400,
        "The specified epoch value (<bad_epoch>) for \"<subject>\" does not match its current value (<epoch>).",
        "Somebody changed it since it was read.",
        "Read it again, make the change on what is there now, and send that epoch.";
    MismatchedId { singular: String, invalid_id: String, expected_id: String }: Specification 400,
        "The specified \"<singular>id\" value (<invalid_id>) for \"<subject>\" needs to be \"<expected_id>\".",
        "The id in the body isn't the one in the path.",
        "Send the same id, or none in the body.";
    MismatchedVersionAttribute { name: String }: Specification 400,
        "The request would cause the \"<name>\" attribute across the Versions of \"<subject>\" to be different.",
        "The model demands that all versions agree on this attribute.",
        "Send the value that the other versions have.";
    MisplacedEpoch: Specification 400,
        "The specified \"epoch\" value for \"<subject>\" needs to be within a \"meta\" entity.",
        "The epoch of a document as a whole belongs into its meta.",
        "Send {\"<id>\": {\"meta\": {\"epoch\": n}}}.";
    ModelComplianceError: Specification 400,
        "The model provided would cause one or more entities in the Registry to become non-compliant.",
        "Something that is stored doesn't fit the new model.",
        "Change what the detail names first, or widen the model.";
    ModelError { error_detail: String }: Specification 400,
        "There was an error in the model definition provided: <error_detail>.",
        "The model can't be used.",
        "Correct the model as the title says.";
    ModelRequiredTrue { name: String }: Specification 400,
        "Model attribute \"<name>\" needs to have a \"required\" value of \"true\" since a default value is provided.",
        "An attribute with a default value is always there.",
        "Set required to true, or take the default away.";
    ModelScalarDefault { name: String }: Specification 400,
        "Model attribute \"<name>\" is not allowed to have a default value since it is not a scalar.",
        "Only texts, numbers, booleans and moments may have a default.",
        "Take the default away.";
    MultipleRoots { plural: String }: Specification 400,
        "The operation would result in multiple root Versions for \"<subject>\", which is not allowed for \"<plural>\".",
        "The model demands that all versions descend from one.",
        "Give the new version an ancestorid that exists.";
    NotAvailable: Specification 400,
        "The requested data (<subject>) is not available.",
        "This registry doesn't serve that.",
        "See /capabilities for what it serves.";
    NotFound: Specification 404,
        "The targeted entity (<subject>) cannot be found.",
        "There is nothing of that name.",
        "Check the path, or list its collection.";
    OneResource { list: String }: Specification 400,
        "Only one attribute from \"<list>\" can be present at a time for: <subject>.",
        "The request gives the document in two ways.",
        "Send one of the attributes that the title lists.";
    ParsingData { error_detail: String }: Specification 400,
        "There was an error parsing the data: <error_detail>.",
        "The body isn't well-formed, or not of the shape that belongs here.",
        "Correct the body as the title says.";
    RequiredAttributeMissing { list: String }: Specification 400,
        "One or more mandatory attributes for \"<subject>\" are missing: <list>.",
        "The model demands attributes that the request lacks.",
        "Send the attributes that the title lists.";
    ResourcesOnly { name: String }: Specification 400,
        "Attribute \"<name>\" is invalid. Only Resource types are allowed to be specified on this request: <subject>.",
        "A POST here takes collections of the group and nothing else.",
        "Send {\"<resources>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    ServerBusy: Specification 503 retry,
        "Due to excessive requests, the server could not complete \"<subject>\", please try again later.",
        "The server has as many connections or requests as it takes at once; nothing was changed.",
        "Send it again after the seconds that Retry-After says.";
    ServerError: Specification 500 unsure,
        "An unexpected error occurred, please try again later.",
        "The server has a fault; its log has the cause under the request's id.",
        "Report it with the value of x-request-id; look whether a write was done before you repeat it.";
    SetdefaultversionstickyFalse: Specification 400,
        "For \"<subject>\", setting \"defaultversionsticky\" to \"true\" is not allowed since \"maxversions\" is \"1\".",
        "With a single version there is no default to pin.",
        "Leave defaultversionsticky out.";
    SortNoncollection: Specification 400,
        "Can't sort on a non-collection result set. Query path: <subject>.",
        "Only a collection can be sorted.",
        "Leave sort out, or ask the collection.";
    TooLarge: Specification 406,
        "For \"<subject>\", the size of the response is too large to return in a single response.",
        "The answer would be larger than the server sends at once.",
        "Ask for less: fewer inline, a filter, or pages with limit.";
    TooManyVersions: Specification 400,
        "For \"<subject>\", when the \"setdefaultversionid\" flag is set to \"request\", only one Version is allowed to be specified in the request message.",
        "setdefaultversionid=request can't choose among several versions.",
        "Name the version.";
    UnknownAttribute { name: String }: Specification 400,
        "An unknown attribute (<name>) was specified for \"<subject>\".",
        "The model has no attribute of that name there.",
        "Check the spelling, or add the attribute to the model.";
    UnknownId { singular: String, id: String }: Specification 400,
        "While processing \"<subject>\", the \"<singular>\" with a \"<singular>id\" value of \"<id>\" cannot be found.",
        "The request names something that isn't there.",
        "Check the id, or create it first.";
    UnsupportedSpecversion { specversion: String, list: String }: Specification 400,
        "The specified \"specversion\" value (<specversion>) is not supported. Supported versions: <list>.",
        "The request asks for another version of the specification.",
        "Ask for one that the title lists, or for none.";
    VersionidNotAllowed { plural: String }: Specification 400,
        "While creating a new Version for \"<subject>\", a \"versionid\" was specified but the \"setversionid\" model aspect for entities of type \"<plural>\" is \"false\".",
        "Version ids of this type are chosen by the server.",
        "Leave versionid out.";
    ApiNotFound: HttpBinding 404,
        "The specified API is not supported: <subject>.",
        "There is no such path.",
        "The API begins at /api; /openapi.json lists all paths.";
    DetailsRequired: HttpBinding 405,
        "$details suffix is needed when using PATCH for the entity: <subject>.",
        "PATCH changes attributes, and this path is the document.",
        "Append $details to the path, or PUT the document.";
    ExtraXregistryHeader { name: String, error_detail: String }: HttpBinding 400,
        "For \"<subject>\", xRegistry HTTP header \"<name>\" is not allowed on this request: <error_detail>.",
        "Attributes are sent as headers only beside a document.",
        "Send the attribute in the body.";
    HeaderError { name: String, error_detail: String }: HttpBinding 400,
        "For \"<subject>\", there was an error processing HTTP header \"<name>\": <error_detail>.",
        "A header's value can't be read.",
        "Correct the header as the title says.";
    MissingBody: HttpBinding 400,
        "For \"<subject>\", the request is missing an HTTP body - try '{}'.",
        "The request needs a body.",
        "Send a JSON object; {} is the smallest.";
    MissingVersions: HttpBinding 400,
        "For \"<subject>\", at least one Version needs to be included in the request.",
        "A document can't be made without a version.",
        "Send at least one version.";

    // What xRegistry has no type for: `urn:muster:error:<code>`.

    InvalidDocument { violations: Vec<Violation> }: Muster 422,
        "The document was refused: <count>.",
        "The document breaks its schema, its rules or its references; violations names every one.",
        "Correct what violations lists; muster validate checks it without a server.";
    BindingBroken { binding: Xid, error_detail: String, violations: Vec<Violation> }: Muster 422,
        "The binding of \"<subject>\" to \"<binding>\" can't hold: <error_detail>.",
        "What would be bound is not a usable schema or rule.",
        "Correct the schema or rule, or bind another.";
    BindingMissing { binding: Xid }: Muster 422,
        "\"<subject>\" is bound to \"<binding>\", which is gone.",
        "Documents are checked against a schema or rule that no longer exists.",
        "Restore or put what is missing, or take the binding away.";
    Referenced { references: Vec<Xid> }: Muster 409,
        "\"<subject>\" can't be deleted: <count> would lead nowhere.",
        "Other documents refer to it; references names them.",
        "Delete or change them first, or add force to the request.";
    Frozen: Muster 409,
        "The document of \"<subject>\" can't be replaced: versions in this collection are frozen.",
        "A version in this collection keeps its document for ever.",
        "Put it as a new version.";
    StateFinal { state: String }: Muster 409,
        "\"<subject>\" is retired and takes no other document or state.",
        "Retired is the last state of a version.",
        "Put it as a new version.";
    StateUnreachable { from: String, to: String }: Muster 409,
        "The state of \"<subject>\" can't change from \"<from>\" to \"<to>\".",
        "The lifecycle has no such step.",
        "draft, review, stable, deprecated, retired is the order; review may return to draft, and deprecated to stable.";
    NameTaken { existing: String }: Muster 409,
        "The name \"<subject>\" is taken by \"<existing>\".",
        "Names that differ only in case are the same name.",
        "Use the existing name, or another.";
    NothingHidden: Muster 404,
        "Nothing under \"<subject>\" was deleted that could be restored.",
        "There is no deleted entity of that name.",
        "muster log shows what was deleted; what was purged is gone.";
    RestoreRefused { error_detail: String }: Muster 409,
        "\"<subject>\" can't be restored: <error_detail>.",
        "The name is in use again, its group is deleted, or the model keeps fewer versions.",
        "Delete what has the name now, or restore the group first.";
    Purged { digest: Option<Digest> }: Muster 410,
        "\"<subject>\" was erased and can't come back.",
        "A hard delete erased it; the ledger proves that it was there.",
        "Nothing brings it back.";
    PreconditionFailed { header: &'static str }: Muster 412,
        "The condition in <header> doesn't hold for \"<subject>\".",
        "It changed since the entity tag was read, or exists when it should not.",
        "Read it again, make the change on what is there now, and send its ETag.";
    IdempotencyMismatch: Muster 422,
        "The Idempotency-Key was used before for another request.",
        "A key belongs to one request for 24 hours.",
        "Use a new key for each new request.";
    OutcomeUnknown: Muster 503 retry unsure,
        "The store doesn't answer, and whether the change was made is not known yet.",
        "The change may have been made, or may still be.",
        "Repeat it with the same Idempotency-Key, or look whether it was made.";
    Contended: Muster 503 retry,
        "\"<subject>\" changed too often while the request was checked.",
        "What the request depends on kept moving; nothing was changed.",
        "Send it again.";
    Busy: Muster 503 retry,
        "The server has too much to write at the moment.",
        "The queue of writes is full, or the store doesn't answer; nothing was changed.",
        "Send it again after the seconds that Retry-After says.";
    DiskFull: Muster 507 retry,
        "There is no room left where the ledger is stored.",
        "The change wasn't made; reading goes on.",
        "Make room on the server's disk; no restart is needed.";
    StoreUnavailable: Muster 503 retry,
        "The store can't be reached.",
        "The change wasn't made, or what was asked for can't be read now.",
        "Send it again; the server's log has the cause.";
    Corrupt { position: Position }: Muster 500,
        "What is stored at position <position> doesn't match its digest.",
        "Stored bytes have changed since they were written.",
        "Run muster ledger verify; it names the first thing wrong.";
    CommandTooLarge: Muster 413,
        "The change is too large to be stored at once.",
        "One command is larger than the store takes.",
        "Split it into several requests.";
    BodyTooLarge { limit: u64 }: Muster 413,
        "The body is larger than <limit> bytes.",
        "A request's body has a limit.",
        "Split it into several requests.";
    DocumentTooLarge { size: usize, limit: usize }: Muster 413,
        "The document of \"<subject>\" has <size> bytes; at most <limit> are stored.",
        "A document has a limit.",
        "Store large bytes elsewhere, and a document that names them here.";
    HeadersTooLarge { limit: usize }: Muster 431,
        "The headers are larger than <limit> bytes.",
        "A request's headers have a limit.",
        "Send attributes in the body, through $details.";
    UnsupportedEncoding { encoding: String }: Muster 415,
        "A body with Content-Encoding \"<encoding>\" is not accepted.",
        "Bodies are taken as they are, so that no small body can become a huge one.",
        "Send the body uncompressed.";
    TooSlow: Muster 408 retry,
        "The body came too slowly.",
        "A request's body has to arrive at a least rate; nothing was changed.",
        "Send it again over a better connection.";
    BadPosition { value: String, error_detail: String }: Muster 400,
        "The position \"<value>\" can't be used: <error_detail>.",
        "The text is no position, or one that this ledger hasn't reached.",
        "Use a position that an answer or an event carried; 0 is the beginning.";
    BadCursor: Muster 400,
        "The cursor for the next page can't be read.",
        "Cursors are made by the server and belong to one query.",
        "Begin again with the first page.";
    KeyRequired: Muster 401,
        "This registry asks for a key.",
        "The request carries no API key.",
        "Send Authorization: Bearer muster_…; muster keys create makes one.";
    KeyUnknown: Muster 401,
        "The key is not one of this registry's.",
        "The API key was revoked, or belongs elsewhere.",
        "Check the key; muster keys list shows those in force.";
    KeyExpired: Muster 401,
        "The key has expired.",
        "The API key was made for a time that is over.",
        "Use another key; who may make keys can: muster keys create.";
    RoleDenied { role: String, permission: String }: Muster 403,
        "The role \"<role>\" has no permission \"<permission>\" on: <subject>.",
        "The key's role doesn't allow it.",
        "Use a key of a role that has the permission.";
    OutOfScope: Muster 403,
        "The key's scope doesn't reach: <subject>.",
        "The key is limited to other places of the registry, and can't be used for the registry as a whole.",
        "Use a key whose scope holds the place; muster keys list shows scopes.";
    NotOwn: Muster 403,
        "\"<subject>\" was not made under this key's name.",
        "The key's role allows this only for documents that were made under the same key's name.",
        "Use a key of that name, or an admin's.";
    NotInReview: Muster 409,
        "\"<subject>\" is not in review.",
        "The key's role allows to approve and to reject, which can only be done in review.",
        "Wait until it is in review; whoever writes documents puts it there.";
    RoleUnknown { role: String }: Muster 400,
        "There is no role \"<role>\".",
        "A key has one of the roles that there are.",
        "Use admin, publisher, reviewer, consumer or auditor.";
    TooManyKeys { limit: usize }: Muster 409,
        "There are <limit> keys already.",
        "A registry keeps so many keys at once.",
        "Revoke one that isn't used; muster keys list shows them.";
    LastKey: Muster 409,
        "\"<subject>\" is the last key that can make others.",
        "Without it nobody could make or revoke a key, or everybody who reaches the registry could do everything.",
        "Create another key of the role admin first.";
    KeyInForce: Muster 409,
        "\"<subject>\" is in force.",
        "What is known of a key is needed as long as it opens something.",
        "Revoke it first: muster keys revoke.";
    HostRefused { host: String }: Muster 421,
        "This registry doesn't answer for the host \"<host>\".",
        "Without keys it answers only requests that name this computer, so that no web page can reach it under a name of its own.",
        "Use 127.0.0.1 or localhost, or create a key: muster keys create.";
    OriginRefused { origin: String }: Muster 403,
        "Pages from \"<origin>\" may not do this.",
        "Without keys a web page of another origin may only read.",
        "Send it from the registry's own address, or create a key: muster keys create.";
    VerificationRunning: Muster 409 retry,
        "The ledger is being verified already.",
        "One verification runs at a time.",
        "Wait for it, and ask again.";
    FollowerRunning: Muster 409,
        "\"<subject>\" runs, and goes on where it is.",
        "Only a follower that doesn't run can be told where to go on.",
        "muster status shows how each follower is.";
    Stopping: Muster 503 retry,
        "The registry is stopping.",
        "It finishes what it has begun and takes nothing new.",
        "Send it again when it runs.";
}

/// The types of the specification that this registry has no occasion to answer with, with their
/// statuses: cross references, compatibility and constraints aren't built, its own faults are
/// `server_error`, and `not_found` says more of unknown types.
#[cfg(test)]
pub(super) const UNUSED: [(&str, CodeOrigin, u16); 14] = [
    ("cannot_doc_xref", CodeOrigin::Specification, 400),
    ("compatibility_unknown", CodeOrigin::Specification, 400),
    ("compatibility_violation", CodeOrigin::Specification, 400),
    ("constraint_failure", CodeOrigin::Specification, 400),
    ("data_retrieval_error", CodeOrigin::Specification, 500),
    ("extra_xref_attribute", CodeOrigin::Specification, 400),
    ("format_external", CodeOrigin::Specification, 400),
    ("format_violation", CodeOrigin::Specification, 400),
    ("hasdocument_enable_violation", CodeOrigin::Specification, 400),
    ("malformed_xref", CodeOrigin::Specification, 400),
    ("parsing_response", CodeOrigin::Specification, 400),
    ("readonly", CodeOrigin::Specification, 400),
    ("unknown_group_type", CodeOrigin::Specification, 400),
    ("unknown_resource_type", CodeOrigin::Specification, 400),
];
