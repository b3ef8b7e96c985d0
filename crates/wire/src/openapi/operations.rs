use super::{Kind, Operation, Shape};

const VIEW: &[&str] =
    &["inline", "filter", "doc", "collections", "binary", "specversion", "If-None-Match"];
const LIST: &[&str] = &[
    "inline",
    "filter",
    "sort",
    "limit",
    "doc",
    "collections",
    "binary",
    "specversion",
    "deleted",
    "If-None-Match",
];
const CHANGE: &[&str] = &[
    "inline",
    "doc",
    "binary",
    "ignore",
    "setdefaultversionid",
    "specversion",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
];
const REMOVE: &[&str] = &["epoch", "purge", "force", "If-Match", "Idempotency-Key"];

const GROUPS: &str = "/api/{groups}";
const GROUP: &str = "/api/{groups}/{group}";
const RESOURCES: &str = "/api/{groups}/{group}/{resources}";
const RESOURCE: &str = "/api/{groups}/{group}/{resources}/{resource}";
const RESOURCE_DETAILS: &str = "/api/{groups}/{group}/{resources}/{resource}$details";
const META: &str = "/api/{groups}/{group}/{resources}/{resource}/meta";
const VERSIONS: &str = "/api/{groups}/{group}/{resources}/{resource}/versions";
const VERSION: &str = "/api/{groups}/{group}/{resources}/{resource}/versions/{version}";
const VERSION_DETAILS: &str =
    "/api/{groups}/{group}/{resources}/{resource}/versions/{version}$details";

const fn read(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [(u16, Shape)],
) -> Operation {
    let (method, kind, body) = ("GET", Kind::Read, Shape::None);
    Operation { method, path, id, summary, kind, parameters, body, answers }
}

const fn probe(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let answers = &[(200, Shape::Json), (503, Shape::Json)];
    let (method, kind, body) = ("GET", Kind::Probe, Shape::None);
    Operation { method, path, id, summary, kind, parameters: &[], body, answers }
}

const fn write(
    (method, path): (&'static str, &'static str),
    id: &'static str,
    summary: &'static str,
    (parameters, body): (&'static [&'static str], Shape),
    answers: &'static [(u16, Shape)],
) -> Operation {
    Operation { method, path, id, summary, kind: Kind::Write, parameters, body, answers }
}

const OK_ENTITY: &[(u16, Shape)] = &[(200, Shape::Entity)];
const OK_ENTITIES: &[(u16, Shape)] = &[(200, Shape::Entities)];
const VIEWED: &[(u16, Shape)] = &[(200, Shape::Entity), (304, Shape::None)];
const LISTED: &[(u16, Shape)] = &[(200, Shape::Entities), (304, Shape::None)];
const READ_DOCUMENT: &[(u16, Shape)] =
    &[(200, Shape::Document), (303, Shape::None), (304, Shape::None)];
const PUT_ENTITY: &[(u16, Shape)] = &[(200, Shape::Entity), (201, Shape::Entity)];
const PUT_DOCUMENT: &[(u16, Shape)] = &[(200, Shape::Document), (201, Shape::Document)];
const GONE: &[(u16, Shape)] = &[(204, Shape::None)];

/// Every operation that the server has.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    read("/api", "getRegistry", "Shows the registry.", VIEW, VIEWED),
    write(("PUT", "/api"), "putRegistry", "Replaces the registry's attributes.", (CHANGE, Shape::Entity), OK_ENTITY),
    write(("PATCH", "/api"), "patchRegistry", "Changes some of the registry's attributes.", (CHANGE, Shape::Entity), OK_ENTITY),
    write(("POST", "/api"), "postGroupsOfTypes", "Puts groups, and what lies in them, of several types at once.", (CHANGE, Shape::Entities), OK_ENTITIES),
    read("/api/export", "exportRegistry", "Shows everything as one document.", &["specversion"], OK_ENTITY),
    read("/api/.xregistry", "listRegistries", "Lists registries that are known here.", &[], &[(200, Shape::Json)]),
    read("/api/capabilities", "getCapabilities", "Shows what is enabled.", &["specversion"], OK_ENTITY),
    write(("PUT", "/api/capabilities"), "putCapabilities", "Replaces what is enabled.", (&["Idempotency-Key"], Shape::Entity), OK_ENTITY),
    write(("PATCH", "/api/capabilities"), "patchCapabilities", "Changes some of what is enabled.", (&["Idempotency-Key"], Shape::Entity), OK_ENTITY),
    read("/api/capabilitiesoffered", "getCapabilitiesOffered", "Shows what can be enabled.", &["specversion"], OK_ENTITY),
    read("/api/model", "getModel", "Shows the model in force.", &["specversion"], OK_ENTITY),
    read("/api/modelsource", "getModelSource", "Shows the user's part of the model.", &["specversion"], OK_ENTITY),
    write(("PUT", "/api/modelsource"), "putModelSource", "Replaces the user's part of the model.", (&["Idempotency-Key"], Shape::Entity), OK_ENTITY),

    read(GROUPS, "listGroups", "Lists groups.", LIST, LISTED),
    write(("POST", GROUPS), "postGroups", "Puts several groups.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("PATCH", GROUPS), "patchGroups", "Changes several groups.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("DELETE", GROUPS), "deleteGroups", "Deletes these groups, or all.", (REMOVE, Shape::Entities), GONE),
    read(GROUP, "getGroup", "Shows a group.", VIEW, VIEWED),
    write(("PUT", GROUP), "putGroup", "Puts a group.", (CHANGE, Shape::Entity), PUT_ENTITY),
    write(("PATCH", GROUP), "patchGroup", "Changes some of a group's attributes.", (CHANGE, Shape::Entity), PUT_ENTITY),
    write(("POST", GROUP), "postResourcesOfTypes", "Puts resources of several types into a group.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("DELETE", GROUP), "deleteGroup", "Deletes a group and all that lies in it.", (REMOVE, Shape::None), GONE),

    read(RESOURCES, "listResources", "Lists a group's resources.", LIST, LISTED),
    write(("POST", RESOURCES), "postResources", "Puts several resources.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("PATCH", RESOURCES), "patchResources", "Changes several resources.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("DELETE", RESOURCES), "deleteResources", "Deletes these resources, or all.", (REMOVE, Shape::Entities), GONE),
    read(RESOURCE, "getDocument", "Answers with a document, as it was put.", &["specversion", "If-None-Match"], READ_DOCUMENT),
    write(("PUT", RESOURCE), "putDocument", "Puts a document.", (CHANGE, Shape::Document), PUT_DOCUMENT),
    write(("POST", RESOURCE), "postDocument", "Puts a document as a new version.", (CHANGE, Shape::Document), PUT_DOCUMENT),
    write(("DELETE", RESOURCE), "deleteResource", "Deletes a document with all its versions.", (REMOVE, Shape::None), GONE),
    read(RESOURCE_DETAILS, "getResource", "Shows a document's attributes.", VIEW, VIEWED),
    write(("PUT", RESOURCE_DETAILS), "putResource", "Replaces a document's attributes, and the document where it is sent.", (CHANGE, Shape::Entity), PUT_ENTITY),
    write(("PATCH", RESOURCE_DETAILS), "patchResource", "Changes some of a document's attributes.", (CHANGE, Shape::Entity), PUT_ENTITY),
    write(("POST", RESOURCE_DETAILS), "postVersion", "Makes a version from attributes.", (CHANGE, Shape::Entity), PUT_ENTITY),

    read(META, "getMeta", "Shows what belongs to a document as a whole.", VIEW, VIEWED),
    write(("PUT", META), "putMeta", "Replaces what belongs to a document as a whole.", (CHANGE, Shape::Entity), OK_ENTITY),
    write(("PATCH", META), "patchMeta", "Changes some of what belongs to a document as a whole.", (CHANGE, Shape::Entity), OK_ENTITY),

    read(VERSIONS, "listVersions", "Lists a document's versions.", LIST, LISTED),
    write(("POST", VERSIONS), "postVersions", "Puts several versions.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("PATCH", VERSIONS), "patchVersions", "Changes several versions.", (CHANGE, Shape::Entities), OK_ENTITIES),
    write(("DELETE", VERSIONS), "deleteVersions", "Deletes these versions, or all.", (REMOVE, Shape::Entities), GONE),
    read(VERSION, "getVersionDocument", "Answers with a version's document.", &["specversion", "If-None-Match"], READ_DOCUMENT),
    write(("PUT", VERSION), "putVersionDocument", "Puts a version's document.", (CHANGE, Shape::Document), PUT_DOCUMENT),
    write(("DELETE", VERSION), "deleteVersion", "Deletes a version.", (REMOVE, Shape::None), GONE),
    read(VERSION_DETAILS, "getVersion", "Shows a version's attributes.", VIEW, VIEWED),
    write(("PUT", VERSION_DETAILS), "putVersion", "Replaces a version's attributes.", (CHANGE, Shape::Entity), PUT_ENTITY),
    write(("PATCH", VERSION_DETAILS), "patchVersion", "Changes some of a version's attributes.", (CHANGE, Shape::Entity), PUT_ENTITY),

    write(("POST", "/restore/{groups}/{group}"), "restoreGroup", "Undoes the last deletion of a group.", (&["Idempotency-Key"], Shape::None), OK_ENTITY),
    write(("POST", "/restore/{groups}/{group}/{resources}/{resource}"), "restoreResource", "Undoes the last deletion of a document.", (&["Idempotency-Key"], Shape::None), OK_ENTITY),
    write(("POST", "/restore/{groups}/{group}/{resources}/{resource}/versions/{version}"), "restoreVersion", "Undoes the last deletion of a version.", (&["Idempotency-Key"], Shape::None), OK_ENTITY),
    read("/log", "getLog", "Lists what happened, newest first. A page searches at most 131,072 entries: it may hold nothing and still name a next one.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/log/{groups}", "getLogOfGroups", "Lists what happened to groups of a type. A page searches at most 131,072 entries: it may hold nothing and still name a next one.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/log/{groups}/{group}", "getLogOfGroup", "Lists what happened to a group and in it. A page searches at most 131,072 entries: it may hold nothing and still name a next one.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/log/{groups}/{group}/{resources}", "getLogOfResources", "Lists what happened to a group's resources. A page searches at most 131,072 entries: it may hold nothing and still name a next one.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/log/{groups}/{group}/{resources}/{resource}", "getLogOfResource", "Lists what happened to a document.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/log/{groups}/{group}/{resources}/{resource}/versions/{version}", "getLogOfVersion", "Lists what happened to a version.", &["limit", "before", "after"], &[(200, Shape::Json)]),
    read("/changes", "followChanges", "Streams changes as they are made, in order: from now on, or behind after or Last-Event-ID.", &["after", "Last-Event-ID"], &[(200, Shape::Events)]),
    read("/ledger", "getLedger", "Shows how far the ledger goes, and the key that signs it.", &[], &[(200, Shape::Json)]),
    read("/ledger/checkpoint", "getCheckpoint", "Answers with the newest signed checkpoint, for others to check.", &[], &[(200, Shape::Text)]),
    write(("POST", "/ledger/verify"), "verifyLedger", "Walks the whole ledger: lines of progress, then the verdict.", (&[], Shape::None), &[(200, Shape::Lines)]),
    read("/keys", "listKeys", "Lists the keys in force, without their secrets.", &[], &[(200, Shape::Json)]),
    write(("POST", "/keys"), "createKey", "Makes a key; the answer shows it once.", (&[], Shape::Json), &[(201, Shape::Json)]),
    write(("DELETE", "/keys/{key}"), "revokeKey", "Revokes a key.", (&[], Shape::None), GONE),
    read("/status", "getStatus", "Shows how the registry is.", &[], &[(200, Shape::Json)]),
    read("/metrics", "getMetrics", "Shows what is counted, for Prometheus.", &[], &[(200, Shape::Text)]),
    read("/openapi.json", "getDescription", "Shows this description.", &[], &[(200, Shape::Json)]),
    probe("/health/live", "isAlive", "Says that the server lives."),
    probe("/health/ready", "isReady", "Says whether requests may be sent to it."),
    probe("/health/db", "isStoreReachable", "Says whether the store can be read now."),
];
