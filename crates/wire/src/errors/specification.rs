//! The error types of xRegistry 1.0-rc4 (core/spec.md and core/http.md, "Error Processing"), with
//! their own names, statuses and titles, and two that its reference server uses beyond them. The
//! sentences about meaning and what to do are ours.

use super::code::{ErrorCode, ErrorFacts, Origin, codes};

codes! { SPECIFICATION
    ACTION_NOT_SUPPORTED: Specification 405,
        "The specified action (<action>) is not supported for: <subject>.",
        "The path exists, but not with this method.",
        "Use one of the methods that the header Allow names.";
    ANCESTOR_CIRCULAR_REFERENCE: Specification 400,
        "For \"<subject>\", the request would create a circular list of ancestors: <list>.",
        "A version would become its own ancestor.",
        "Give one version of the circle another ancestorid; a root's is its own versionid.";
    BAD_DEFAULTVERSIONID: Specification 400,
        "For \"<subject>\", an error was found in the \"defaultversionid\" value specified (<value>): <error_detail>.",
        "The value of setdefaultversionid or defaultversionid can't be used.",
        "Name a version that exists, or null for the newest.";
    BAD_DETAILS: Specification 400,
        "Use of \"$details\" in this context is not allowed: <subject>.",
        "Only a document and a version with a document have $details.",
        "Leave $details out.";
    BAD_FILTER: Specification 400,
        "For \"<subject>\", an error was found in \"filter\" value (<value>): <error_detail>.",
        "The filter can't be read, or can't be used here.",
        "Write filter=path=value, with commas for and; repeat the parameter for or.";
    BAD_FLAG: Specification 400,
        "The specified flag (<flag>) is not allowed in this context: <subject>.",
        "The query parameter has no meaning on this path.",
        "Leave the parameter out.";
    BAD_IGNORE: Specification 400,
        "For \"<subject>\", an error was found in \"ignore\" value (<value>): <error_detail>.",
        "The parameter ignore names something that can't be ignored.",
        "Use values that /capabilities lists under ignores.";
    BAD_INLINE: Specification 400,
        "For \"<subject>\", an error was found in \"inline\" value (<value>): <error_detail>.",
        "The parameter inline names something that isn't there.",
        "Name collections or attributes below this path, or * for all collections.";
    BAD_REQUEST: Specification 400,
        "<error_detail>.",
        "The request can't be understood.",
        "Read the title; nothing was changed.";
    BAD_SORT: Specification 400,
        "For \"<subject>\", an error was found in \"sort\" value (<value>): <error_detail>.",
        "The parameter sort can't be read, or names no attribute.",
        "Write sort=attribute, sort=attribute=asc or sort=attribute=desc.";
    CANNOT_DOC_XREF: Specification 400,
        "Retrieving the document view of a Version for \"<subject>\" is not allowed because it uses \"xref\".",
        "A document that stands for another one has no versions in the document view.",
        "Ask without doc, or ask the document that xref names.";
    CAPABILITY_ERROR: Specification 400,
        "There was an error in the capabilities provided: <error_detail>.",
        "The capabilities sent can't be used.",
        "Compare them with /capabilitiesoffered.";
    CAPABILITY_MISSING_VALUE: Specification 400,
        "The \"<name>\" capability needs to contain \"<value>\".",
        "A capability lacks a value that every registry must have.",
        "Add the value.";
    CAPABILITY_UNKNOWN: Specification 400,
        "Unknown capability specified: <field>.",
        "This registry has no capability of that name.",
        "Use names that /capabilitiesoffered lists.";
    CAPABILITY_VALUE: Specification 400,
        "Invalid value (<value>) specified for capability \"<field>\". Allowable values include: <list>.",
        "The capability can't have that value.",
        "Use one of the values that the title lists.";
    CAPABILITY_WILDCARD: Specification 400,
        "When \"<field>\" includes a value of \"*\" then no other values are allowed.",
        "A capability has * and other values beside it.",
        "Send * alone, or the values without it.";
    COMPATIBILITY_UNKNOWN: Specification 400,
        "The compatibility value (<compat>) on Resource \"<subject>\" is not supported for format \"<format>\".",
        "Compatibility of that kind can't be checked for this format.",
        "Use a value that /capabilities lists under compatibilities for the format.";
    COMPATIBILITY_VIOLATION: Specification 400,
        "The request would cause one or more Versions of \"<subject>\" to violate its compatibility rule (<compat>).",
        "A version isn't compatible with its ancestors.",
        "Change the document as the detail says, or put it under another name.";
    CONSTRAINT_FAILURE: Specification 400,
        "The request would result in one or more Versions of \"<subject>\" not being compliant with its owning Group's \"<kind>\" constraint for attribute \"<path>\".",
        "An attribute breaks a constraint of the group.",
        "Give the attribute a value that the group allows.";
    DATA_RETRIEVAL_ERROR: Specification 500,
        "The server was unable to retrieve all of the requested data.",
        "Something that is stored couldn't be read.",
        "Run muster ledger verify on the server; the server's log names the cause.";
    DEFAULTVERSIONID_REQUEST: Specification 400,
        "Processing \"<subject>\", the \"defaultversionid\" attribute is not allowed to be \"request\" since a Version wasn't processed.",
        "setdefaultversionid=request needs a version in the request, and there is none.",
        "Name a version that exists, or send one.";
    EXTRA_XREF_ATTRIBUTE: Specification 400,
        "Attribute \"<name>\" is not allowed to be present since the \"<singular>\" (<subject>) uses \"xref\".",
        "What stands for another document has no attributes of its own.",
        "Send only xref, or delete xref first.";
    FORMAT_EXTERNAL: Specification 400,
        "Version \"<subject>\" references a document stored outside of the Registry, therefore no validation was performed.",
        "A document that lies elsewhere can't be validated, and validation is demanded.",
        "Store the document here.";
    FORMAT_UNKNOWN: Specification 400,
        "Version \"<subject>\" has a \"format\" value (<format>) that it not supported.",
        "Documents of that format can't be validated, and validation is demanded.",
        "Use a format that /capabilities lists.";
    FORMAT_VIOLATION: Specification 400,
        "The request would cause Version \"<subject>\" to be non-compliant with its \"format\" (<format>).",
        "The document isn't what its format says.",
        "Correct the document as the detail says.";
    GROUPS_ONLY: Specification 400,
        "Attribute \"<name>\" is invalid. Only Group types are allowed to be specified on this request: <subject>.",
        "A POST here takes collections of groups and nothing else.",
        "Send {\"<groups>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    HASDOCUMENT_ENABLE_VIOLATION: Specification 400,
        "The model change would cause Version \"<subject>\" to be non-compliant: its attribute \"<name>\" would become the document's.",
        "The type would get documents while a version uses a document's attribute name.",
        "Delete that attribute first.";
    HASDOCUMENT_VIOLATION: Specification 400,
        "The request would cause Version \"<subject>\" to be non-compliant. The model definition of \"<plural>\" has \"hasdocument\" set to \"false\" but this Version has document content.",
        "Entries of this type have no document.",
        "Send attributes only.";
    INLINE_NONINLINEABLE: Specification 400,
        "Attempting to inline a non-inlineable attribute (<name>) on: <subject>.",
        "The parameter inline names something that is always or never in the answer.",
        "Name collections, meta or documents, or * for all collections.";
    INVALID_ATTRIBUTE: Specification 400,
        "The attribute \"<name>\" for \"<subject>\" is not valid: <error_detail>.",
        "An attribute has a value that the model doesn't allow.",
        "Correct the value as the title says; /model has its type.";
    MALFORMED_ID: Specification 400,
        "For \"<subject>\", the specified ID value (<id>) is malformed: <error_detail>.",
        "The id has characters or a length that no id may have.",
        "Use 1 to 128 of A-Z a-z 0-9 - . _ ~ : @, beginning with a letter, a digit or _.";
    MALFORMED_XID: Specification 400,
        "For \"<subject>\", the specified XID value (<xid>) is malformed: <error_detail>.",
        "The text is no path of an entity.",
        "Write /<groups>/<group>/<resources>/<id>, as xid shows it.";
    MALFORMED_XREF: Specification 400,
        "For \"<subject>\", the specified xref value (<xref>) is malformed: <error_detail>.",
        "The text is no path of a document.",
        "Write /<groups>/<group>/<resources>/<id> of a document of the same type.";
    MISMATCHED_EPOCH: Specification 400,
        "The specified epoch value (<bad_epoch>) for \"<subject>\" does not match its current value (<epoch>).",
        "Somebody changed it since it was read.",
        "Read it again, make the change on what is there now, and send that epoch.";
    MISMATCHED_ID: Specification 400,
        "The specified \"<singular>id\" value (<invalid_id>) for \"<subject>\" needs to be \"<expected_id>\".",
        "The id in the body isn't the one in the path.",
        "Send the same id, or none in the body.";
    MISMATCHED_VERSION_ATTRIBUTE: Specification 400,
        "The request would cause the \"<name>\" attribute across the Versions of \"<subject>\" to be different.",
        "The model demands that all versions agree on this attribute.",
        "Send the value that the other versions have.";
    MISPLACED_EPOCH: Specification 400,
        "The specified \"epoch\" value for \"<subject>\" needs to be within a \"meta\" entity.",
        "The epoch of a document as a whole belongs into its meta.",
        "Send {\"<id>\": {\"meta\": {\"epoch\": n}}}.";
    MODEL_COMPLIANCE_ERROR: Specification 400,
        "The model provided would cause one or more entities in the Registry to become non-compliant.",
        "Something that is stored doesn't fit the new model.",
        "Change what the detail names first, or widen the model.";
    MODEL_ERROR: Specification 400,
        "There was an error in the model definition provided: <error_detail>.",
        "The model can't be used.",
        "Correct the model as the title says.";
    MODEL_REQUIRED_TRUE: Specification 400,
        "Model attribute \"<name>\" needs to have a \"required\" value of \"true\" since a default value is provided.",
        "An attribute with a default value is always there.",
        "Set required to true, or take the default away.";
    MODEL_SCALAR_DEFAULT: Specification 400,
        "Model attribute \"<name>\" is not allowed to have a default value since it is not a scalar.",
        "Only texts, numbers, booleans and moments may have a default.",
        "Take the default away.";
    MULTIPLE_ROOTS: Specification 400,
        "The operation would result in multiple root Versions for \"<subject>\", which is not allowed for \"<plural>\".",
        "The model demands that all versions descend from one.",
        "Give the new version an ancestorid that exists.";
    NOT_AVAILABLE: Specification 400,
        "The requested data (<subject>) is not available.",
        "This registry doesn't serve that.",
        "See /capabilities for what it serves.";
    NOT_FOUND: Specification 404,
        "The targeted entity (<subject>) cannot be found.",
        "There is nothing of that name.",
        "Check the path, or list its collection.";
    ONE_RESOURCE: Specification 400,
        "Only one attribute from \"<list>\" can be present at a time for: <subject>.",
        "The request gives the document in two ways.",
        "Send one of the attributes that the title lists.";
    PARSING_DATA: Specification 400,
        "There was an error parsing the data: <error_detail>.",
        "The body isn't well-formed, or not of the shape that belongs here.",
        "Correct the body as the title says.";
    PARSING_RESPONSE: Specification 400,
        "There was an error parsing the response from the server: <error_detail>.",
        "Another registry's answer can't be read.",
        "Check that its address is that of an xRegistry.";
    READONLY: Specification 400,
        "Updating a read-only entity (<subject>) is not allowed.",
        "It is marked read-only.",
        "Leave it as it is; ignore=readonly skips what is read-only in a larger request.";
    REQUIRED_ATTRIBUTE_MISSING: Specification 400,
        "One or more mandatory attributes for \"<subject>\" are missing: <list>.",
        "The model demands attributes that the request lacks.",
        "Send the attributes that the title lists.";
    RESOURCES_ONLY: Specification 400,
        "Attribute \"<name>\" is invalid. Only Resource types are allowed to be specified on this request: <subject>.",
        "A POST here takes collections of the group and nothing else.",
        "Send {\"<resources>\": {\"<id>\": {…}}}, or use PATCH for attributes.";
    SERVER_BUSY: Specification 503 retry true,
        "Due to excessive requests, the server could not complete \"<subject>\", please try again later.",
        "The server has as many connections or requests as it takes at once; nothing was changed.",
        "Send it again after the seconds that Retry-After says.";
    SERVER_ERROR: Specification 500 unsure true,
        "An unexpected error occurred, please try again later.",
        "The server has a fault; its log has the cause under the request's id.",
        "Report it with the value of x-request-id; look whether a write was done before you repeat it.";
    SETDEFAULTVERSIONSTICKY_FALSE: Specification 400,
        "For \"<subject>\", setting \"defaultversionsticky\" to \"true\" is not allowed since \"maxversions\" is \"1\".",
        "With a single version there is no default to pin.",
        "Leave defaultversionsticky out.";
    SORT_NONCOLLECTION: Specification 400,
        "Can't sort on a non-collection result set. Query path: <subject>.",
        "Only a collection can be sorted.",
        "Leave sort out, or ask the collection.";
    TOO_LARGE: Specification 406,
        "For \"<subject>\", the size of the response is too large to return in a single response.",
        "The answer would be larger than the server sends at once.",
        "Ask for less: fewer inline, a filter, or pages with limit.";
    TOO_MANY_VERSIONS: Specification 400,
        "For \"<subject>\", when the \"setdefaultversionid\" flag is set to \"request\", only one Version is allowed to be specified in the request message.",
        "setdefaultversionid=request can't choose among several versions.",
        "Name the version.";
    UNKNOWN_ATTRIBUTE: Specification 400,
        "An unknown attribute (<name>) was specified for \"<subject>\".",
        "The model has no attribute of that name there.",
        "Check the spelling, or add the attribute to the model.";
    UNKNOWN_GROUP_TYPE: Specification 400,
        "An unknown Group type (<name>) was specified in \"<subject>\".",
        "The model has no collection of groups of that name.",
        "Check the spelling; /model lists the collections.";
    UNKNOWN_ID: Specification 400,
        "While processing \"<subject>\", the \"<singular>\" with a \"<singular>id\" value of \"<id>\" cannot be found.",
        "The request names something that isn't there.",
        "Check the id, or create it first.";
    UNKNOWN_RESOURCE_TYPE: Specification 400,
        "An unknown Resource type (<name>) was specified for Group type \"<group>\".",
        "The model has no such collection in groups of that type.",
        "Check the spelling; /model lists the collections.";
    UNSUPPORTED_SPECVERSION: Specification 400,
        "The specified \"specversion\" value (<specversion>) is not supported. Supported versions: <list>.",
        "The request asks for another version of the specification.",
        "Ask for one that the title lists, or for none.";
    VERSIONID_NOT_ALLOWED: Specification 400,
        "While creating a new Version for \"<subject>\", a \"versionid\" was specified but the \"setversionid\" model aspect for entities of type \"<plural>\" is \"false\".",
        "Version ids of this type are chosen by the server.",
        "Leave versionid out.";
    API_NOT_FOUND: HttpBinding 404,
        "The specified API is not supported: <subject>.",
        "There is no such path.",
        "The API begins at /api; /openapi.json lists all paths.";
    DETAILS_REQUIRED: HttpBinding 405,
        "$details suffix is needed when using PATCH for the entity: <subject>.",
        "PATCH changes attributes, and this path is the document.",
        "Append $details to the path, or PUT the document.";
    EXTRA_XREGISTRY_HEADER: HttpBinding 400,
        "For \"<subject>\", xRegistry HTTP header \"<name>\" is not allowed on this request: <error_detail>.",
        "Attributes are sent as headers only beside a document.",
        "Send the attribute in the body.";
    HEADER_ERROR: HttpBinding 400,
        "For \"<subject>\", there was an error processing HTTP header \"<name>\": <error_detail>.",
        "A header's value can't be read.",
        "Correct the header as the title says.";
    MISSING_BODY: HttpBinding 400,
        "For \"<subject>\", the request is missing an HTTP body - try '{}'.",
        "The request needs a body.",
        "Send a JSON object; {} is the smallest.";
    MISSING_VERSIONS: HttpBinding 400,
        "For \"<subject>\", at least one Version needs to be included in the request.",
        "A document can't be made without a version.",
        "Send at least one version.";
}
