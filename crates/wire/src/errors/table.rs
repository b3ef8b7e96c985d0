//! The table of error codes.

use muster_words::{Digest, Position, Xid};

use super::{CodeOrigin, ErrorFacts, Violation, argument::Argument, code::codes};

codes! { ErrorCode, ErrorKind;
    // xRegistry 1.0-rc4, core/spec.md and core/http.md, "Error Processing", and two types that only
    // its reference server uses. The titles are theirs, the sentences on meaning and help are ours.

    ActionNotSupported { action: String }: Specification 405,
        "The specified action (<action>) is not supported for: <subject>.",
        "The path exists, but not with this method.",
        "Use one of the methods in the Allow header.";
    AncestorCircularReference { list: String }: Specification 400,
        "For \"<subject>\", the request would create a circular list of ancestors: <list>.",
        "A version would become its own ancestor.",
        "Give one of these versions another ancestorid; a root has its own versionid.";
    BadDefaultversionid { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in the \"defaultversionid\" value specified (<value>): <error_detail>.",
        "The value of setdefaultversionid or defaultversionid can't be used.",
        "Name a version that exists, or null for the newest.";
    BadDetails: Specification 400,
        "Use of \"$details\" in this context is not allowed: <subject>.",
        "Only documents and versions with a document have $details.",
        "Leave $details out.";
    BadFilter { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"filter\" value (<value>): <error_detail>.",
        "The filter can't be parsed, or can't be used here.",
        "Write filter=path=value. Commas mean \"and\"; repeat the parameter for \"or\".";
    BadFlag { flag: String }: Specification 400,
        "The specified flag (<flag>) is not allowed in this context: <subject>.",
        "The query parameter has no meaning on this path.",
        "Leave the parameter out.";
    BadIgnore { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"ignore\" value (<value>): <error_detail>.",
        "The parameter ignore names something that can't be ignored.",
        "Use values from the list \"ignores\" in /capabilities.";
    BadInline { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"inline\" value (<value>): <error_detail>.",
        "The parameter inline names something that doesn't exist.",
        "Name collections or attributes below this path, or * for all collections.";
    BadRequest { error_detail: String }: Specification 400,
        "<error_detail>.",
        "The request is malformed.",
        "Correct the request; nothing was changed.";
    BadSort { value: String, error_detail: String }: Specification 400,
        "For \"<subject>\", an error was found in \"sort\" value (<value>): <error_detail>.",
        "The parameter sort can't be parsed, or doesn't name an attribute.",
        "Write sort=attribute, sort=attribute=asc or sort=attribute=desc.";
    CapabilityError { error_detail: String }: Specification 400,
        "There was an error in the capabilities provided: <error_detail>.",
        "The capabilities in the request can't be used.",
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
        "Use one of the listed values.";
    CapabilityWildcard { field: String }: Specification 400,
        "When \"<field>\" includes a value of \"*\" then no other values are allowed.",
        "A capability has * together with other values.",
        "Send * alone, or the other values without it.";
    DefaultversionidRequest: Specification 400,
        "Processing \"<subject>\", the \"defaultversionid\" attribute is not allowed to be \"request\" since a Version wasn't processed.",
        "setdefaultversionid=request needs a version in the request, but the request has none.",
        "Name a version that exists, or send one.";
    FormatUnknown { format: String }: Specification 400,
        "Version \"<subject>\" has a \"format\" value (<format>) that it not supported.",
        "The model requires validation, and documents of this format can't be validated.",
        "Use one of the formats in /capabilities.";
    GroupsOnly { name: String }: Specification 400,
        "Attribute \"<name>\" is invalid. Only Group types are allowed to be specified on this request: <subject>.",
        "A POST to this path accepts only collections of groups.",
        "Send {\"<groups>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    HasdocumentViolation { plural: String }: Specification 400,
        "The request would cause Version \"<subject>\" to be non-compliant. The model definition of \"<plural>\" has \"hasdocument\" set to \"false\" but this Version has document content.",
        "Resources of this type have no document.",
        "Send attributes only.";
    HasdocumentEnableViolation { name: String }: Specification 400,
        "The request would cause Version \"<subject>\" to be non-compliant. The Resource model is changing \"hasdocument\" to \"true\" but this Version already has data for the reserved attribute \"<name>\".",
        "A version has an attribute whose name would be that of its document.",
        "Delete the attribute from the versions first, or keep the type without documents.";
    InlineNoninlineable { name: String }: Specification 400,
        "Attempting to inline a non-inlineable attribute (<name>) on: <subject>.",
        "The parameter inline names something that can't be inlined.",
        "Name collections, meta or documents, or * for all collections.";
    InvalidAttribute { name: String, error_detail: String }: Specification 400,
        "The attribute \"<name>\" for \"<subject>\" is not valid: <error_detail>.",
        "An attribute or an id has a value that isn't allowed.",
        "Correct the value as the error says; /model shows the type of each attribute.";
    MalformedXid { xid: String, error_detail: String }: Specification 400,
        "For \"<subject>\", the specified XID value (<xid>) is malformed: <error_detail>.",
        "The text isn't the path of an entity.",
        "Write /<groups>/<group>/<resources>/<id>, as in the attribute xid.";
    MismatchedEpoch { bad_epoch: u64, epoch: u64 }: Specification 400,
        "The specified epoch value (<bad_epoch>) for \"<subject>\" does not match its current value (<epoch>).",
        "Somebody changed the entity since it was read.",
        "Read it again, apply the change to its current state, and send its current epoch.";
    MismatchedId { singular: String, invalid_id: String, expected_id: String }: Specification 400,
        "The specified \"<singular>id\" value (<invalid_id>) for \"<subject>\" needs to be \"<expected_id>\".",
        "The id in the body differs from the id in the path, or it differs from the id of another entity only in upper and lower case.",
        "Use the id that the error names, or another name.";
    MismatchedVersionAttribute { name: String }: Specification 400,
        "The request would cause the \"<name>\" attribute across the Versions of \"<subject>\" to be different.",
        "The model requires the same value of this attribute in all versions.",
        "Send the value that the other versions have.";
    MisplacedEpoch: Specification 400,
        "The specified \"epoch\" value for \"<subject>\" needs to be within a \"meta\" entity.",
        "The epoch of a whole document belongs in its meta.",
        "Send {\"<id>\": {\"meta\": {\"epoch\": n}}}.";
    ModelComplianceError: Specification 400,
        "The model provided would cause one or more entities in the Registry to become non-compliant.",
        "A stored entity doesn't comply with the new model.",
        "First change the entity that the error names, or make the model less strict.";
    ModelError { error_detail: String }: Specification 400,
        "There was an error in the model definition provided: <error_detail>.",
        "The model can't be used.",
        "Correct the model, and put it again.";
    ModelRequiredTrue { name: String }: Specification 400,
        "Model attribute \"<name>\" needs to have a \"required\" value of \"true\" since a default value is provided.",
        "An attribute with a default value always has a value.",
        "Set required to true, or remove the default.";
    ModelScalarDefault { name: String }: Specification 400,
        "Model attribute \"<name>\" is not allowed to have a default value since it is not a scalar.",
        "Only scalars (strings, numbers, booleans, timestamps) may have a default.",
        "Remove the default.";
    MultipleRoots { plural: String }: Specification 400,
        "The operation would result in multiple root Versions for \"<subject>\", which is not allowed for \"<plural>\".",
        "The model requires that all versions derive from a single root.",
        "Give the new version an ancestorid that exists.";
    NotAvailable: Specification 400,
        "The requested data (<subject>) is not available.",
        "This registry doesn't serve this data.",
        "/capabilities lists what it serves.";
    NotFound: Specification 404,
        "The targeted entity (<subject>) cannot be found.",
        "Nothing with this name exists.",
        "Check the path, or list its collection.";
    OneResource { list: String }: Specification 400,
        "Only one attribute from \"<list>\" can be present at a time for: <subject>.",
        "The request gives the document in two ways.",
        "Send only one of these attributes.";
    ParsingData { error_detail: String }: Specification 400,
        "There was an error parsing the data: <error_detail>.",
        "The body is malformed, or has the wrong structure.",
        "Correct the body, and send it again.";
    RequiredAttributeMissing { list: String }: Specification 400,
        "One or more mandatory attributes for \"<subject>\" are missing: <list>.",
        "The request lacks attributes that the model requires.",
        "Send these attributes, too.";
    ResourcesOnly { name: String }: Specification 400,
        "Attribute \"<name>\" is invalid. Only Resource types are allowed to be specified on this request: <subject>.",
        "A POST to this path accepts only collections of the group.",
        "Send {\"<resources>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    ServerBusy: Specification 503 retry,
        "Due to excessive requests, the server could not complete \"<subject>\", please try again later.",
        "The server has reached its limit of connections or requests; nothing was changed.",
        "Send the request again after the number of seconds in Retry-After.";
    ServerError: Specification 500 unsure,
        "An unexpected error occurred, please try again later.",
        "The server failed because of a bug; its log has the cause under the request's id.",
        "Report it with the value of x-request-id; check whether a write was done before you repeat it.";
    SetdefaultversionstickyFalse: Specification 400,
        "For \"<subject>\", setting \"defaultversionsticky\" to \"true\" is not allowed since \"maxversions\" is \"1\".",
        "With a single version there is no default to pin.",
        "Leave defaultversionsticky out.";
    SortNoncollection: Specification 400,
        "Can't sort on a non-collection result set. Query path: <subject>.",
        "Only a collection can be sorted.",
        "Leave sort out, or sort a collection.";
    TooLarge: Specification 406,
        "For \"<subject>\", the size of the response is too large to return in a single response.",
        "The answer would exceed the server's limit.",
        "Request less: inline less, use a filter, or use pages with limit.";
    TooManyVersions: Specification 400,
        "For \"<subject>\", when the \"setdefaultversionid\" flag is set to \"request\", only one Version is allowed to be specified in the request message.",
        "setdefaultversionid=request can't choose among several versions.",
        "Name the version.";
    UnknownAttribute { name: String }: Specification 400,
        "An unknown attribute (<name>) was specified for \"<subject>\".",
        "The model doesn't define this attribute here.",
        "Check the spelling, or add the attribute to the model.";
    UnknownId { singular: String, id: String }: Specification 400,
        "While processing \"<subject>\", the \"<singular>\" with a \"<singular>id\" value of \"<id>\" cannot be found.",
        "The request names something that doesn't exist.",
        "Check the id, or create it first.";
    UnsupportedSpecversion { specversion: String, list: String }: Specification 400,
        "The specified \"specversion\" value (<specversion>) is not supported. Supported versions: <list>.",
        "The request asks for a version of the specification that this server doesn't support.",
        "Use one of the supported versions, or leave specversion out.";
    VersionidNotAllowed { plural: String }: Specification 400,
        "While creating a new Version for \"<subject>\", a \"versionid\" was specified but the \"setversionid\" model aspect for entities of type \"<plural>\" is \"false\".",
        "The server chooses the version ids of this type.",
        "Leave versionid out.";
    ApiNotFound: HttpBinding 404,
        "The specified API is not supported: <subject>.",
        "The path doesn't exist.",
        "The API begins at /api; /openapi.json lists all paths.";
    DetailsRequired: HttpBinding 405,
        "$details suffix is needed when using PATCH for the entity: <subject>.",
        "PATCH changes attributes, but this path is the document itself.",
        "Append $details to the path, or PUT the document.";
    ExtraXregistryHeader { name: String, error_detail: String }: HttpBinding 400,
        "For \"<subject>\", xRegistry HTTP header \"<name>\" is not allowed on this request: <error_detail>.",
        "Attributes may be headers only if the body is a document.",
        "Send the attribute in the body.";
    HeaderError { name: String, error_detail: String }: HttpBinding 400,
        "For \"<subject>\", there was an error processing HTTP header \"<name>\": <error_detail>.",
        "The value of a header can't be parsed.",
        "Correct the header, and send the request again.";
    MissingBody: HttpBinding 400,
        "For \"<subject>\", the request is missing an HTTP body - try '{}'.",
        "The request needs a body.",
        "Send a JSON object, at least {}.";
    MissingVersions: HttpBinding 400,
        "For \"<subject>\", at least one Version needs to be included in the request.",
        "A document can't be created without a version.",
        "Send at least one version.";

    // Errors that xRegistry has no type for: `urn:muster:error:<code>`.

    InvalidDocument { violations: Vec<Violation> }: Muster 422,
        "The document was refused: <count>.",
        "The document violates its schema, its rules or its references; violations lists up to 100 errors and 100 warnings.",
        "Correct the listed violations; muster validate checks a document without a server.";
    BindingBroken { binding: Xid, error_detail: String, violations: Vec<Violation> }: Muster 422,
        "\"<subject>\" can't be bound to \"<binding>\": <error_detail>.",
        "The target of the binding isn't a usable schema or rule.",
        "Correct the schema or rule, or bind another.";
    BindingMissing { binding: Xid }: Muster 422,
        "\"<subject>\" is bound to \"<binding>\", which doesn't exist any more.",
        "The document's schema or rule was deleted.",
        "Restore the schema or rule, put it again, or remove the binding.";
    Referenced { references: Vec<Xid> }: Muster 409,
        "\"<subject>\" can't be deleted: it would break <count>.",
        "Other documents refer to it; references lists them.",
        "Delete or change those documents first, or add force to the request.";
    Undecided: Muster 409,
        "\"<subject>\" can't be deleted: it holds a conflict that nobody has decided.",
        "Two registries changed a document differently. Without the conflict they go on with different documents, and nothing tells anybody.",
        "Decide it with muster conflicts resolve (or POST /sync/resolve), or add force to the request.";
    Frozen: Muster 409,
        "The document of \"<subject>\" can't be replaced: versions in this collection are frozen.",
        "The document of a version in this collection never changes.",
        "Put the document as a new version.";
    FrozenAttribute { name: String }: Muster 409,
        "\"<name>\" of \"<subject>\" can't be changed: clients know this version by an id that stands for it.",
        "The references, the metadata, the rules, the subject and the format of a registered version of a schema never change.",
        "Put the schema as a new version.";
    StateFinal { state: String }: Muster 409,
        "\"<subject>\" is retired; its document and its state can't change.",
        "Retired is the last state of a version.",
        "Put the document as a new version.";
    StateUnreachable { from: String, to: String }: Muster 409,
        "The state of \"<subject>\" can't change from \"<from>\" to \"<to>\".",
        "The lifecycle doesn't allow this transition.",
        "The order is draft, review, stable, deprecated, retired; review may go back to draft, and deprecated to stable.";
    NameTaken { existing: String }: Muster 409,
        "The name \"<subject>\" is taken by \"<existing>\".",
        "Names that differ only in case are the same name.",
        "Use the existing name, or another.";
    AlreadyExists { existing: String }: Muster 409,
        "The name of \"<subject>\" is taken by \"<existing>\".",
        "Live providers are called by name, so a name exists once in all groups.",
        "Change the existing one, or choose another name.";
    ProviderUnavailable { error_detail: String }: Muster 503 retry,
        "The provider can't be used now: <error_detail>.",
        "The provider isn't ready, is cut off by its circuit breaker, or none fits what was asked for.",
        "muster providers list shows each with its state; muster providers select says why one doesn't fit.";
    ProviderFailed { reason_code: String, error_detail: String }: Muster 502,
        "The provider failed (<reason_code>): <error_detail>.",
        "The provider answered with an error. What each means is in \"Faults of AI providers\" in Muster's documentation.",
        "muster providers health NAME shows its last errors.";
    NothingHidden: Muster 404,
        "\"<subject>\" can't be restored: no deleted entity has this name.",
        "Nothing with this name was deleted, or it was purged.",
        "muster log shows what was deleted. Purged entities can't be restored.";
    RestoreRefused { error_detail: String }: Muster 409,
        "\"<subject>\" can't be restored: <error_detail>.",
        "The name is in use again, its group is deleted, or the model allows fewer versions.",
        "Delete the entity that has the name now, or restore the group first.";
    Purged { digest: Option<Digest> }: Muster 410,
        "\"<subject>\" was purged and can't be restored.",
        "A purge erased it. The ledger still proves that it existed.",
        "Purged content can't be restored; put it again if you still have it.";
    PreconditionFailed { header: &'static str }: Muster 412,
        "The condition in <header> isn't met by \"<subject>\".",
        "The entity changed since its entity tag was read, or it exists although it must not.",
        "Read it again, apply the change to its current state, and send its current ETag.";
    IdempotencyMismatch: Muster 422,
        "The Idempotency-Key was already used for a different request.",
        "A key belongs to one request for 24 hours.",
        "Use a new key for each new request.";
    OutcomeUnknown: Muster 503 retry unsure,
        "The store doesn't answer. It is not known whether the change was made.",
        "The change may have been made, or may still be made.",
        "Repeat the request with the same Idempotency-Key, or check whether the change was made.";
    Contended: Muster 503 retry,
        "\"<subject>\" changed too often while the request was checked.",
        "Other writes changed what the request depends on, again and again; this one changed nothing.",
        "Send the request again.";
    Busy: Muster 503 retry,
        "The server has too many writes waiting.",
        "The queue of writes is full, or the store doesn't answer; nothing was changed.",
        "Send the request again after the number of seconds in Retry-After.";
    DiskFull: Muster 507 retry,
        "The disk of the ledger is full.",
        "The change wasn't made; reads still work.",
        "Free space on the server's disk; no restart is needed.";
    StoreUnavailable: Muster 503 retry,
        "The store can't be reached.",
        "The change wasn't made, or the data can't be read now.",
        "Send the request again; the server's log has the cause.";
    Corrupt { position: Position }: Muster 500,
        "The stored data of position <position> doesn't match its digest.",
        "Stored bytes changed after they were written.",
        "Run muster ledger verify; it names the first fault.";
    ContentLost { position: Position }: Muster 500,
        "Stored data of position <position> is missing, although nobody purged it.",
        "The store has lost bytes that were written.",
        "Run muster ledger verify; it names the first fault. Then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    CommandTooLarge: Muster 413,
        "The change is too large for one command.",
        "The command is larger than the store accepts, or checking its documents takes too long.",
        "Split it into several requests.";
    BodyTooLarge { limit: u64 }: Muster 413,
        "The body is larger than <limit> bytes.",
        "The size of a request body is limited.",
        "Split it into several requests.";
    DocumentTooLarge { size: usize, limit: usize }: Muster 413,
        "The document of \"<subject>\" has <size> bytes; the limit is <limit>.",
        "The size of a document is limited.",
        "Store the large content elsewhere, and put a document that refers to it.";
    HeadersTooLarge { limit: usize }: Muster 431,
        "The headers are larger than <limit> bytes.",
        "The size of a request's headers is limited.",
        "Send attributes in the body, through $details.";
    UnsupportedEncoding { encoding: String }: Muster 415,
        "A body with Content-Encoding \"<encoding>\" is not accepted.",
        "The server doesn't decompress bodies, because a small body could become a huge one.",
        "Send the body uncompressed.";
    TooSlow: Muster 408 retry,
        "The body arrived too slowly.",
        "A request body must arrive at a minimum rate; nothing was changed.",
        "Send the request again over a faster connection.";
    BadPosition { value: String, error_detail: String }: Muster 400,
        "The position \"<value>\" can't be used: <error_detail>.",
        "The text isn't a position, or the ledger hasn't reached it yet.",
        "Use a position from an answer or an event; 0 is the beginning.";
    BadSearch { value: String, error_detail: String }: Muster 400,
        "The search can't be done: \"<value>\": <error_detail>.",
        "A condition can't be parsed, or a value can't be one of its field.",
        "Write conditions as in monthly_cost_range < 100 && \"hugo\" in ssg_engine_options; texts stand in quotes.";
    NotIndexed { field: String, error_detail: String }: Muster 400,
        "The field \"<field>\" isn't indexed: <error_detail>.",
        "A search never reads all documents, so it knows only fields that the model declares as indexed.",
        "Search by another field, or add the field to the label muster.indexed of its type in the model, such as [{\"field\": \"/name\", \"type\": \"string\"}].";
    BadCursor: Muster 400,
        "The cursor of the next page is invalid.",
        "A cursor comes from an answer of the server, and is good only for the query of that answer.",
        "Start again at the first page.";
    KeyRequired: Muster 401,
        "This request requires an API key.",
        "The request carries no API key.",
        "Send Authorization: Bearer muster_…; commands take the key from --key-file or MUSTER_API_KEY. If nobody has a key any more, stop the server; then muster keys create --data DIR makes one.";
    KeyUnknown: Muster 401,
        "This registry doesn't know the API key.",
        "The key was revoked, or belongs to another registry.",
        "Check the key; muster keys list shows the valid ones.";
    KeyExpired: Muster 401,
        "The key has expired.",
        "The time for which the API key was created is over.",
        "Use another key; an admin can create one: muster keys create.";
    RoleDenied { role: String, permission: String }: Muster 403,
        "The role \"<role>\" doesn't have the permission \"<permission>\" for: <subject>.",
        "The key's role doesn't allow it.",
        "Use a key whose role has the permission; \"Keys, roles and scopes\" in Muster's documentation lists them.";
    OutOfScope: Muster 403,
        "<subject> is outside the key's scope.",
        "The key may be used only in other places of the registry, and not for the whole registry.",
        "Use a key whose scope includes the place. A request about the whole registry needs a key without a scope.";
    PublicationBroken { error_detail: String }: Muster 409,
        "\"<subject>\" can't be published: <error_detail>.",
        "The publication's document, its destination or what is there doesn't allow it.",
        "Correct what the message names, then publish again.";
    PublicationFailed { error_detail: String }: Muster 502,
        "\"<subject>\" wasn't published: <error_detail>.",
        "A file of the destination can't be read or written. Readers still find the earlier state.",
        "Correct what the message names, then publish again.";
    SecretDenied { reference: String, pointer: String }: Muster 403,
        "\"<subject>\" names the secret \"<reference>\" at \"<pointer>\", which the settings don't list.",
        "Only an admin may put a document that names a secret which the settings don't list.",
        "Ask for the secret and its hosts to be listed in the settings (secrets.list), or let an admin put the document.";
    NotOwn: Muster 403,
        "\"<subject>\" was not made under this key's name.",
        "The key's role allows this only for documents that were made under the same key's name.",
        "Use a key with that name, or an admin's key.";
    NotInReview: Muster 409,
        "\"<subject>\" is not in review.",
        "The key's role only allows approving and rejecting versions in review.",
        "Wait until it is in review; a publisher can set this state.";
    RoleUnknown { role: String }: Muster 400,
        "There is no role \"<role>\".",
        "The role of the key doesn't exist.",
        "Use admin, publisher, reviewer, consumer or auditor.";
    TooManyKeys { limit: usize }: Muster 409,
        "There are already <limit> keys.",
        "The number of keys in a registry is limited.",
        "Revoke one that isn't used; muster keys list shows them.";
    LastKey: Muster 409,
        "\"<subject>\" is the last key that can create others.",
        "Without it nobody could create or revoke keys, or everybody who can reach the registry would have all permissions.",
        "Create another key with the role admin first.";
    NoKeyManager: Muster 409,
        "No key of this registry could create or revoke keys.",
        "As soon as a registry has a key, everybody needs one. Without a valid key that can manage keys, nobody could create or revoke keys through the server.",
        "Create a key with the role admin, without a scope, first: muster keys create.";
    KeyInForce: Muster 409,
        "\"<subject>\" is still valid.",
        "The record of a key is needed as long as the key is valid.",
        "Revoke it first: muster keys revoke ID.";
    HostRefused { host: String }: Muster 421,
        "This registry doesn't answer for the host \"<host>\".",
        "A registry without keys answers only requests to this computer's own names. Otherwise a web page could reach it through a DNS name of its own.",
        "Use 127.0.0.1 or localhost, or create a key: muster keys create.";
    OriginRefused { origin: String }: Muster 403,
        "Web pages from \"<origin>\" may not do this.",
        "Web pages of other origins may only read from a registry without keys, without a WebSocket, and nothing at /mcp, unless the settings name their origin.",
        "Send the request from the registry's own address, or name the origin in the settings.";
    ConnectionNotFound: Muster 404,
        "No connection of an assistant that is open has the id in Mcp-Session-Id.",
        "The connection has ended, as it does after half an hour without a request, or it was opened with another key.",
        "Begin a new one: send initialize without Mcp-Session-Id.";
    TlsRequired: Muster 400,
        "The request came in clear text, and this port speaks only https.",
        "The server speaks only https, because others could read keys and documents that are sent in clear text.",
        "Begin the URL with https.";
    BackupRunning: Muster 409 retry,
        "A backup is already being made.",
        "One backup is made at a time.",
        "Wait until it ends, then try again.";
    VerificationRunning: Muster 409 retry,
        "A verification of the ledger is already running.",
        "One verification runs at a time.",
        "Wait until it ends, then try again.";
    FollowerRunning: Muster 409,
        "\"<subject>\" is running and can't be resumed elsewhere.",
        "Only a stopped follower can be resumed at another place.",
        "muster status shows the state of each follower.";
    Stopping: Muster 503 retry,
        "The registry is stopping.",
        "The server finishes the requests in progress and accepts no new ones.",
        "Send the request again after the restart.";
}

/// The specification's types that this registry never answers with, with their statuses. Cross
/// references, compatibility and constraints aren't implemented, faults of the server are
/// `server_error`, and for unknown types `not_found` says more.
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
    ("malformed_id", CodeOrigin::Specification, 400),
    ("malformed_xref", CodeOrigin::Specification, 400),
    ("parsing_response", CodeOrigin::Specification, 400),
    ("readonly", CodeOrigin::Specification, 400),
    ("unknown_group_type", CodeOrigin::Specification, 400),
    ("unknown_resource_type", CodeOrigin::Specification, 400),
];
