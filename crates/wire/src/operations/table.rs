use muster_words::Permission;

use super::{
    BodyContent, BodyType, Endpoint, NativeEndpoint, Operation, OperationAnswer, ServerEndpoint,
    Verb,
};
use crate::{
    apply::{ApplyReport, ApplyRequest},
    capabilities::{EnabledCapabilities, OfferedCapabilities},
    changes::ChangeEvent,
    deleted::DeletedPage,
    diff::DiffPage,
    entities::{
        EntitiesById, GroupEntity, MetaEntity, RegistryEntity, RegistryList, ResourceEntity,
        VersionEntity,
    },
    export::ExportLine,
    followers::{ResumeRequest, Resumption},
    health::{Liveness, ReadinessReport, StoreReport},
    index::Index,
    keys::{KeyList, KeyRequest, NewKey, OwnAccess},
    ledger::{LedgerReport, VerificationLine},
    live_events::LiveEvent,
    log::LogPage,
    manifest::{Manifest, ManifestRequest},
    model::ModelDocument,
    openapi::ApiDescription,
    proofs::{ConsistencyReport, InclusionReport},
    propagation::{
        DeadLetterPage, LinkList, PropagationEventPage, PropagationMetrics, PropagationRequest,
        PropagationResult, TargetList, TryPage,
    },
    providers::{
        ChatCompletionRequest, DiscoveryReport, LiveHealthReport, LiveProviderEvent,
        LiveProviderList, LiveProviderReport, PassedOn, ProviderExplanation, SelectionReport,
        SelectionRequest,
    },
    publications::{EarlierPublication, PublicationList, PublicationOutcome},
    references::ReferencesAnswer,
    restore::Restoration,
    rollback::{RollbackReport, RollbackRequest},
    schemas::{
        CompatibilityReport, CompatibilityRequest, PayloadsReport, PayloadsRequest, ProfileReport,
        ProfileRequest, QualityReport, QualityRequest, SchemaDiffReport, SchemaDiffRequest,
    },
    search::{ProviderAnswer, SearchAnswer},
    status::StatusReport,
    sync::{ResolveReport, ResolveRequest, SyncChanges, SyncReport, SyncRequest, SyncState},
    validation::ValidationPage,
};

const VIEW: &[&str] =
    &["at", "inline", "filter", "doc", "collections", "binary", "specversion", "If-None-Match"];
const LIST: &[&str] = &[
    "at",
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
    "Muster-Message",
];
/// As `CHANGE`, for what makes a version.
const SUCCEED: &[&str] = &[
    "inline",
    "doc",
    "binary",
    "ignore",
    "setdefaultversionid",
    "specversion",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Muster-Message",
    "Muster-New-Version",
];
const REMOVE: &[&str] =
    &["epoch", "purge", "force", "If-Match", "Idempotency-Key", "Muster-Message"];
const LOG_PAGE: &[&str] = &["limit", "before", "after", "changes", "actor", "kind"];
const JUDGED: &[&str] = &["after"];
const KEYED: &[&str] = &["Idempotency-Key", "Muster-Message"];
const EXPLAINED: &[&str] = &["Muster-Message"];
const APPLIED: &[&str] = &["dry_run", "If-Match", "Idempotency-Key", "Muster-Message"];
const TRIED: &[&str] = &["dry_run", "Idempotency-Key", "Muster-Message"];
const COMPARED: &[&str] = &["from", "to", "from_version", "to_version", "limit", "after"];
const PROVIDERS: &[&str] =
    &["provider_type", "feature", "max_cost", "complexity", "ssg_engine", "limit", "cursor", "at"];
const SEARCH: &[&str] = &[
    "q",
    "type",
    "group",
    "classification",
    "label",
    "state",
    "field",
    "where",
    "provider_type",
    "feature",
    "max_cost",
    "complexity",
    "ssg_engine",
    "sort",
    "show",
    "facets",
    "limit",
    "cursor",
    "at",
];
const VERSIONED: &[&str] = &["specversion"];

const CONFLUENT: &str = "/confluent/{path}";
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

const REGISTRY: BodyContent = BodyContent::Json(BodyType::of::<RegistryEntity>());
const A_GROUP: BodyContent = BodyContent::Json(BodyType::of::<GroupEntity>());
const SEVERAL_GROUPS: BodyContent = BodyContent::Json(BodyType::of::<EntitiesById<GroupEntity>>());
const GROUPS_OF_TYPES: BodyContent =
    BodyContent::Json(BodyType::of::<EntitiesById<EntitiesById<GroupEntity>>>());
const A_RESOURCE: BodyContent = BodyContent::Json(BodyType::of::<ResourceEntity>());
const SEVERAL_RESOURCES: BodyContent =
    BodyContent::Json(BodyType::of::<EntitiesById<ResourceEntity>>());
const RESOURCES_OF_TYPES: BodyContent =
    BodyContent::Json(BodyType::of::<EntitiesById<EntitiesById<ResourceEntity>>>());
const A_META: BodyContent = BodyContent::Json(BodyType::of::<MetaEntity>());
const A_VERSION: BodyContent = BodyContent::Json(BodyType::of::<VersionEntity>());
const SEVERAL_VERSIONS: BodyContent =
    BodyContent::Json(BodyType::of::<EntitiesById<VersionEntity>>());
const CAPABILITIES: BodyContent = BodyContent::Json(BodyType::of::<EnabledCapabilities>());
const OFFERED: BodyContent = BodyContent::Json(BodyType::of::<OfferedCapabilities>());
const MODEL: BodyContent = BodyContent::Json(BodyType::of::<ModelDocument>());
const READY: BodyContent = BodyContent::Json(BodyType::of::<ReadinessReport>());
const LOG: BodyContent = BodyContent::Json(BodyType::of::<LogPage>());

/// Headers of an answer that carries an entity or a collection.
const SHOWN: &[&str] = &["ETag", "Link"];
/// Headers of an answer that carries a document.
const SHOWN_DOCUMENT: &[&str] = &["ETag", "Link", "Content-Location", "Muster-Omitted"];
/// Headers of an answer that leads to a document that is stored elsewhere, or for which an alias
/// stands. An alias's has the alias as its body.
const SHOWN_ELSEWHERE: &[&str] =
    &["ETag", "Link", "Location", "Content-Location", "Muster-Alias-Of", "Muster-Omitted"];
/// Headers of an answer that carries a changed entity.
const CHANGED: &[&str] = &["ETag", "Link", "Muster-Warnings", "xRegistry-xregcorrelationid"];
/// Headers of an answer that carries a created entity.
const MADE: &[&str] =
    &["ETag", "Link", "Location", "Muster-Warnings", "xRegistry-xregcorrelationid"];
/// Headers of an answer that carries a changed document.
const CHANGED_DOCUMENT: &[&str] = &[
    "ETag",
    "Link",
    "Content-Location",
    "Muster-Omitted",
    "Muster-Warnings",
    "xRegistry-xregcorrelationid",
];
/// Headers of an answer that carries a created document.
const MADE_DOCUMENT: &[&str] = &[
    "ETag",
    "Link",
    "Location",
    "Content-Location",
    "Muster-Omitted",
    "Muster-Warnings",
    "xRegistry-xregcorrelationid",
];
/// Headers of an answer without a body.
const CORRELATED: &[&str] = &["xRegistry-xregcorrelationid"];

/// One answer: a status, a body and headers.
const fn with(
    status: u16,
    content: BodyContent,
    headers: &'static [&'static str],
) -> OperationAnswer {
    OperationAnswer { status, content, headers }
}

const fn read(
    permission: Permission,
    path: &'static str,
    (endpoint, id): (Endpoint, &'static str),
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [OperationAnswer],
) -> Operation {
    let (verb, permission, body) = (Verb::Get, Some(permission), BodyContent::None);
    Operation { verb, path, endpoint, id, summary, permission, parameters, body, answers }
}

/// An xRegistry operation that reads.
const fn show(
    permission: Permission,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [OperationAnswer],
) -> Operation {
    read(permission, path, (Endpoint::XRegistry, id), summary, parameters, answers)
}

const fn probe(
    path: &'static str,
    (endpoint, id): (ServerEndpoint, &'static str),
    summary: &'static str,
    answers: &'static [OperationAnswer],
) -> Operation {
    let (endpoint, verb, body) = (Endpoint::Server(endpoint), Verb::Get, BodyContent::None);
    let (permission, parameters) = (None, &[]);
    Operation { verb, path, endpoint, id, summary, permission, parameters, body, answers }
}

const fn act(
    permission: Permission,
    (verb, path): (Verb, &'static str),
    (endpoint, id): (Endpoint, &'static str),
    summary: &'static str,
    (parameters, body): (&'static [&'static str], BodyContent),
    answers: &'static [OperationAnswer],
) -> Operation {
    let permission = Some(permission);
    Operation { verb, path, endpoint, id, summary, permission, parameters, body, answers }
}

/// An xRegistry operation that writes.
const fn write(
    permission: Permission,
    target: (Verb, &'static str),
    id: &'static str,
    summary: &'static str,
    sent: (&'static [&'static str], BodyContent),
    answers: &'static [OperationAnswer],
) -> Operation {
    act(permission, target, (Endpoint::XRegistry, id), summary, sent, answers)
}

/// An operation on the registry that xRegistry doesn't define.
const fn native(endpoint: NativeEndpoint, id: &'static str) -> (Endpoint, &'static str) {
    (Endpoint::Native(endpoint), id)
}

const fn vital(endpoint: ServerEndpoint, id: &'static str) -> (Endpoint, &'static str) {
    (Endpoint::Server(endpoint), id)
}

const NOT_MODIFIED: OperationAnswer = with(304, BodyContent::None, &["ETag"]);
const DOCUMENT_SHOWN: &[OperationAnswer] = &[
    with(200, BodyContent::Document, SHOWN_DOCUMENT),
    with(303, BodyContent::Document, SHOWN_ELSEWHERE),
    with(304, BodyContent::None, &["ETag", "Content-Location"]),
];
const DOCUMENT_PUT: &[OperationAnswer] = &[
    with(200, BodyContent::Document, CHANGED_DOCUMENT),
    with(201, BodyContent::Document, MADE_DOCUMENT),
];
const REMOVED: &[OperationAnswer] = &[with(204, BodyContent::None, CORRELATED)];

const REGISTRY_SHOWN: &[OperationAnswer] = &[with(200, REGISTRY, SHOWN), NOT_MODIFIED];
const REGISTRY_CHANGED: &[OperationAnswer] = &[with(200, REGISTRY, CHANGED)];
const CAPABILITIES_SHOWN: &[OperationAnswer] = &[with(200, CAPABILITIES, SHOWN), NOT_MODIFIED];
const CAPABILITIES_CHANGED: &[OperationAnswer] = &[with(200, CAPABILITIES, CHANGED)];
const MODEL_SHOWN: &[OperationAnswer] = &[with(200, MODEL, SHOWN), NOT_MODIFIED];
const GROUP_SHOWN: &[OperationAnswer] = &[with(200, A_GROUP, SHOWN), NOT_MODIFIED];
const GROUP_PUT: &[OperationAnswer] = &[with(200, A_GROUP, CHANGED), with(201, A_GROUP, MADE)];
const GROUPS_SHOWN: &[OperationAnswer] = &[with(200, SEVERAL_GROUPS, SHOWN), NOT_MODIFIED];
const GROUPS_CHANGED: &[OperationAnswer] = &[with(200, SEVERAL_GROUPS, CHANGED)];
const GROUPS_OF_TYPES_CHANGED: &[OperationAnswer] = &[with(200, GROUPS_OF_TYPES, CHANGED)];
const RESOURCE_SHOWN: &[OperationAnswer] = &[with(200, A_RESOURCE, SHOWN), NOT_MODIFIED];
const RESOURCE_PUT: &[OperationAnswer] =
    &[with(200, A_RESOURCE, CHANGED), with(201, A_RESOURCE, MADE)];
const RESOURCES_SHOWN: &[OperationAnswer] = &[with(200, SEVERAL_RESOURCES, SHOWN), NOT_MODIFIED];
const RESOURCES_CHANGED: &[OperationAnswer] = &[with(200, SEVERAL_RESOURCES, CHANGED)];
const RESOURCES_OF_TYPES_CHANGED: &[OperationAnswer] = &[with(200, RESOURCES_OF_TYPES, CHANGED)];
const META_SHOWN: &[OperationAnswer] = &[with(200, A_META, SHOWN), NOT_MODIFIED];
const META_CHANGED: &[OperationAnswer] = &[with(200, A_META, CHANGED)];
const VERSION_SHOWN: &[OperationAnswer] = &[with(200, A_VERSION, SHOWN), NOT_MODIFIED];
const VERSION_PUT: &[OperationAnswer] =
    &[with(200, A_VERSION, CHANGED), with(201, A_VERSION, MADE)];
const VERSIONS_SHOWN: &[OperationAnswer] = &[with(200, SEVERAL_VERSIONS, SHOWN), NOT_MODIFIED];
const VERSIONS_CHANGED: &[OperationAnswer] = &[with(200, SEVERAL_VERSIONS, CHANGED)];

const CONFLUENT_BODY: BodyContent = BodyContent::Text(
    &["application/vnd.schemaregistry.v1+json", "application/json"],
    "JSON, as Confluent's Schema Registry API has it.",
    "{}",
);
const CONFLUENT_ANSWER: &[OperationAnswer] =
    &[with(200, CONFLUENT_BODY, &[]), with(204, BodyContent::None, &[])];
const RESTORED: &[OperationAnswer] =
    &[with(200, BodyContent::Json(BodyType::of::<Restoration>()), CORRELATED)];
const DIFFERING: &[OperationAnswer] =
    &[with(200, BodyContent::Json(BodyType::of::<DiffPage>()), &[])];
const HIDDEN: &[OperationAnswer] =
    &[with(200, BodyContent::Json(BodyType::of::<DeletedPage>()), &[])];
const LOGGED: &[OperationAnswer] = &[with(200, LOG, &[])];
const EXPORTED: &[OperationAnswer] =
    &[with(200, BodyContent::JsonLines(BodyType::of::<ExportLine>()), &[])];
const VALIDATED: &[OperationAnswer] =
    &[with(200, BodyContent::Json(BodyType::of::<ValidationPage>()), &[])];
const READINESS: &[OperationAnswer] = &[with(200, READY, &[]), with(503, READY, &[])];
const STORE: BodyContent = BodyContent::Json(BodyType::of::<StoreReport>());

const A_PROVIDER: BodyContent = BodyContent::Json(BodyType::of::<LiveProviderReport>());
const PROVIDER_SHOWN: &[OperationAnswer] = &[with(200, A_PROVIDER, &[])];
const CHAT: BodyContent = BodyContent::Json(BodyType::of::<ChatCompletionRequest>());
const CHAT_FORM: BodyContent = BodyContent::Json(BodyType::of::<PassedOn>());
const CHAT_ANSWERED: &[OperationAnswer] = &[with(200, CHAT_FORM, &[])];

const CHECKPOINT: BodyContent = BodyContent::Text(
    &["text/plain"],
    "A signed note (C2SP tlog-checkpoint).",
    "7f3a19c2/changes\n1204\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} 7f3a19c2/changes jywR0K…\n",
);
const TILE: BodyContent = BodyContent::Bytes("application/octet-stream");
const METRICS: BodyContent = BodyContent::Text(
    &["text/plain", "application/openmetrics-text"],
    "Prometheus' text format 0.0.4, or OpenMetrics 1.0 if the request accepts it.",
    "# HELP muster_ledger_position Position of the last entry.\n# TYPE muster_ledger_position gauge\nmuster_ledger_position 1204\n",
);

/// Every operation of the server.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    show(Permission::ReadDocuments, "/api", "getRegistry", "Shows the registry.", VIEW, REGISTRY_SHOWN),
    write(Permission::WriteRegistry, (Verb::Put, "/api"), "putRegistry", "Replaces the registry's attributes.", (CHANGE, REGISTRY), REGISTRY_CHANGED),
    write(Permission::WriteRegistry, (Verb::Patch, "/api"), "patchRegistry", "Changes some of the registry's attributes.", (CHANGE, REGISTRY), REGISTRY_CHANGED),
    write(Permission::WriteDocuments, (Verb::Post, "/api"), "postGroupsOfTypes", "Puts groups of several types, with their contents, in one request.", (CHANGE, GROUPS_OF_TYPES), GROUPS_OF_TYPES_CHANGED),
    show(Permission::ReadDocuments, "/api/export", "exportRegistry", "Shows the whole registry as one document.", VERSIONED, REGISTRY_SHOWN),
    show(Permission::ReadRegistry, "/api/.xregistry", "listRegistries", "Lists the registries that this server knows.", &[], &[with(200, BodyContent::Json(BodyType::of::<RegistryList>()), SHOWN), NOT_MODIFIED]),
    show(Permission::ReadRegistry, "/api/capabilities", "getCapabilities", "Shows the enabled capabilities.", VERSIONED, CAPABILITIES_SHOWN),
    write(Permission::WriteCapabilities, (Verb::Put, "/api/capabilities"), "putCapabilities", "Replaces the enabled capabilities.", (KEYED, CAPABILITIES), CAPABILITIES_CHANGED),
    write(Permission::WriteCapabilities, (Verb::Patch, "/api/capabilities"), "patchCapabilities", "Changes some of the enabled capabilities.", (KEYED, CAPABILITIES), CAPABILITIES_CHANGED),
    show(Permission::ReadRegistry, "/api/capabilitiesoffered", "getCapabilitiesOffered", "Shows which capabilities can be enabled.", VERSIONED, &[with(200, OFFERED, SHOWN), NOT_MODIFIED]),
    show(Permission::ReadRegistry, "/api/model", "getModel", "Shows the model in force.", VERSIONED, MODEL_SHOWN),
    show(Permission::ReadRegistry, "/api/modelsource", "getModelSource", "Shows the user's part of the model.", VERSIONED, MODEL_SHOWN),
    write(Permission::WriteModel, (Verb::Put, "/api/modelsource"), "putModelSource", "Replaces the user's part of the model.", (KEYED, MODEL), &[with(200, MODEL, CHANGED)]),

    show(Permission::ReadDocuments, GROUPS, "listGroups", "Lists groups.", LIST, GROUPS_SHOWN),
    write(Permission::WriteDocuments, (Verb::Post, GROUPS), "postGroups", "Puts several groups.", (CHANGE, SEVERAL_GROUPS), GROUPS_CHANGED),
    write(Permission::WriteDocuments, (Verb::Patch, GROUPS), "patchGroups", "Changes several groups.", (CHANGE, SEVERAL_GROUPS), GROUPS_CHANGED),
    write(Permission::DeleteDocuments, (Verb::Delete, GROUPS), "deleteGroups", "Deletes the groups that the body names, or all.", (REMOVE, SEVERAL_GROUPS), REMOVED),
    show(Permission::ReadDocuments, GROUP, "getGroup", "Shows a group.", VIEW, GROUP_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, GROUP), "putGroup", "Puts a group.", (CHANGE, A_GROUP), GROUP_PUT),
    write(Permission::WriteDocuments, (Verb::Patch, GROUP), "patchGroup", "Changes some of a group's attributes.", (CHANGE, A_GROUP), GROUP_PUT),
    write(Permission::WriteDocuments, (Verb::Post, GROUP), "postResourcesOfTypes", "Puts resources of several types into a group.", (CHANGE, RESOURCES_OF_TYPES), RESOURCES_OF_TYPES_CHANGED),
    write(Permission::DeleteDocuments, (Verb::Delete, GROUP), "deleteGroup", "Deletes a group and everything in it.", (REMOVE, BodyContent::None), REMOVED),

    show(Permission::ReadDocuments, RESOURCES, "listResources", "Lists a group's resources.", LIST, RESOURCES_SHOWN),
    write(Permission::WriteDocuments, (Verb::Post, RESOURCES), "postResources", "Puts several resources.", (CHANGE, SEVERAL_RESOURCES), RESOURCES_CHANGED),
    write(Permission::WriteDocuments, (Verb::Patch, RESOURCES), "patchResources", "Changes several resources.", (CHANGE, SEVERAL_RESOURCES), RESOURCES_CHANGED),
    write(Permission::DeleteDocuments, (Verb::Delete, RESOURCES), "deleteResources", "Deletes the resources that the body names, or all.", (REMOVE, SEVERAL_RESOURCES), REMOVED),
    show(Permission::ReadDocuments, RESOURCE, "getDocument", "Returns a document, byte for byte as it was put.", &["at", "specversion", "If-None-Match"], DOCUMENT_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, RESOURCE), "putDocument", "Puts a document.", (CHANGE, BodyContent::Document), DOCUMENT_PUT),
    write(Permission::WriteDocuments, (Verb::Post, RESOURCE), "postDocument", "Puts a document as a new version, unless it is the present one already.", (SUCCEED, BodyContent::Document), DOCUMENT_PUT),
    write(Permission::DeleteDocuments, (Verb::Delete, RESOURCE), "deleteResource", "Deletes a document with all its versions.", (REMOVE, BodyContent::None), REMOVED),
    show(Permission::ReadDocuments, RESOURCE_DETAILS, "getResource", "Shows a document's attributes.", VIEW, RESOURCE_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, RESOURCE_DETAILS), "putResource", "Replaces a document's attributes, and the document if the body has it.", (CHANGE, A_RESOURCE), RESOURCE_PUT),
    write(Permission::WriteDocuments, (Verb::Patch, RESOURCE_DETAILS), "patchResource", "Changes some of a document's attributes.", (CHANGE, A_RESOURCE), RESOURCE_PUT),
    write(Permission::WriteDocuments, (Verb::Post, RESOURCE_DETAILS), "postVersion", "Creates a version from its attributes, unless they are the present ones already.", (SUCCEED, A_VERSION), VERSION_PUT),

    show(Permission::ReadDocuments, META, "getMeta", "Shows a document's Meta: what belongs to it as a whole.", VIEW, META_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, META), "putMeta", "Replaces a document's Meta.", (CHANGE, A_META), META_CHANGED),
    write(Permission::WriteDocuments, (Verb::Patch, META), "patchMeta", "Changes some attributes of a document's Meta.", (CHANGE, A_META), META_CHANGED),

    show(Permission::ReadDocuments, VERSIONS, "listVersions", "Lists a document's versions.", LIST, VERSIONS_SHOWN),
    write(Permission::WriteDocuments, (Verb::Post, VERSIONS), "postVersions", "Puts several versions.", (CHANGE, SEVERAL_VERSIONS), VERSIONS_CHANGED),
    write(Permission::WriteDocuments, (Verb::Patch, VERSIONS), "patchVersions", "Changes several versions.", (CHANGE, SEVERAL_VERSIONS), VERSIONS_CHANGED),
    write(Permission::DeleteDocuments, (Verb::Delete, VERSIONS), "deleteVersions", "Deletes the versions that the body names, or all.", (REMOVE, SEVERAL_VERSIONS), REMOVED),
    show(Permission::ReadDocuments, VERSION, "getVersionDocument", "Returns a version's document.", &["at", "specversion", "If-None-Match"], DOCUMENT_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, VERSION), "putVersionDocument", "Puts a version's document.", (CHANGE, BodyContent::Document), DOCUMENT_PUT),
    write(Permission::DeleteDocuments, (Verb::Delete, VERSION), "deleteVersion", "Deletes a version.", (REMOVE, BodyContent::None), REMOVED),
    show(Permission::ReadDocuments, VERSION_DETAILS, "getVersion", "Shows a version's attributes.", VIEW, VERSION_SHOWN),
    write(Permission::WriteDocuments, (Verb::Put, VERSION_DETAILS), "putVersion", "Replaces a version's attributes.", (CHANGE, A_VERSION), VERSION_PUT),
    write(Permission::WriteDocuments, (Verb::Patch, VERSION_DETAILS), "patchVersion", "Changes some of a version's attributes.", (CHANGE, A_VERSION), VERSION_PUT),

    act(Permission::WriteDocuments, (Verb::Post, "/apply"), native(NativeEndpoint::Apply, "applyPlan"), "Changes the model, puts entities and deletes others, all together or not at all. Each part needs the permission that it would need as a request of its own. If-Match names the state of the model's source.", (APPLIED, BodyContent::Json(BodyType::of::<ApplyRequest>())), &[with(200, BodyContent::Json(BodyType::of::<ApplyReport>()), &["Muster-Warnings", "xRegistry-xregcorrelationid"])]),
    act(Permission::Rollback, (Verb::Post, "/rollback"), native(NativeEndpoint::Rollback, "rollBack"), "Gives a document, a group, a collection or everything an earlier state again, in one command; the history stays.", (TRIED, BodyContent::Json(BodyType::of::<RollbackRequest>())), &[with(200, BodyContent::Json(BodyType::of::<RollbackReport>()), &["Muster-Warnings", "xRegistry-xregcorrelationid"])]),
    act(Permission::RestoreDocuments, (Verb::Post, "/restore/{groups}/{group}"), native(NativeEndpoint::Restore, "restoreGroup"), "Undoes the last deletion of a group.", (KEYED, BodyContent::None), RESTORED),
    act(Permission::RestoreDocuments, (Verb::Post, "/restore/{groups}/{group}/{resources}/{resource}"), native(NativeEndpoint::Restore, "restoreResource"), "Undoes the last deletion of a document.", (KEYED, BodyContent::None), RESTORED),
    act(Permission::RestoreDocuments, (Verb::Post, "/restore/{groups}/{group}/{resources}/{resource}/versions/{version}"), native(NativeEndpoint::Restore, "restoreVersion"), "Undoes the last deletion of a version.", (KEYED, BodyContent::None), RESTORED),
    read(Permission::ReadDocuments, "/export", native(NativeEndpoint::ExportAll, "exportAll"), "Returns the model, and all groups and documents, as lines that an import takes.", &["at"], EXPORTED),
    read(Permission::ReadDocuments, "/export/{groups}/{group}", native(NativeEndpoint::Export, "exportGroup"), "Returns a group with its documents, as lines that an import takes.", &["at"], EXPORTED),
    read(Permission::ReadDocuments, "/export/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::Export, "exportResource"), "Returns a document, as lines that an import takes.", &["at"], EXPORTED),
    read(Permission::ReadDocuments, "/validate", native(NativeEndpoint::ValidateAll, "validateAll"), "Judges the stored documents again and lists their violations. A page ends after two seconds, so it may have no findings and still link to the next one.", JUDGED, VALIDATED),
    read(Permission::ReadDocuments, "/validate/{groups}/{group}", native(NativeEndpoint::Validate, "validateGroup"), "Judges the documents in a group again and lists their violations. A page ends after two seconds, so it may have no findings and still link to the next one.", JUDGED, VALIDATED),
    read(Permission::ReadDocuments, "/validate/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::Validate, "validateResource"), "Judges a document again and lists its violations.", JUDGED, VALIDATED),
    act(Permission::ValidateDocuments, (Verb::Post, "/validate"), native(NativeEndpoint::ValidatePayloads, "validatePayloads"), "Checks payloads against a schema, stored or given, and lists all violations of each. It changes nothing.", (&[], BodyContent::Json(BodyType::of::<PayloadsRequest>())), &[with(200, BodyContent::Json(BodyType::of::<PayloadsReport>()), &[])]),
    act(Permission::ValidateDocuments, (Verb::Post, "/schemas/check"), native(NativeEndpoint::CheckSchema, "checkSchema"), "Says whether a new version of a schema is compatible with earlier ones, stored or given, and why not. It changes nothing.", (&[], BodyContent::Json(BodyType::of::<CompatibilityRequest>())), &[with(200, BodyContent::Json(BodyType::of::<CompatibilityReport>()), &[])]),
    act(Permission::ValidateDocuments, (Verb::Post, "/schemas/diff"), native(NativeEndpoint::DiffSchemas, "diffSchemas"), "Shows what differs between two versions of a schema, stored or given. It changes nothing.", (&[], BodyContent::Json(BodyType::of::<SchemaDiffRequest>())), &[with(200, BodyContent::Json(BodyType::of::<SchemaDiffReport>()), &[])]),
    act(Permission::ValidateDocuments, (Verb::Post, "/schemas/quality"), native(NativeEndpoint::RateSchema, "rateSchema"), "Rates a JSON Schema, stored or given, and says what would raise the score. It changes nothing.", (&[], BodyContent::Json(BodyType::of::<QualityRequest>())), &[with(200, BodyContent::Json(BodyType::of::<QualityReport>()), &[])]),
    act(Permission::ValidateDocuments, (Verb::Post, "/schemas/profile"), native(NativeEndpoint::ProfileSchema, "profileSchema"), "Says whether a JSON Schema, stored or given, can be used with providers of language models, and what keeps it from that. It changes nothing.", (&[], BodyContent::Json(BodyType::of::<ProfileRequest>())), &[with(200, BodyContent::Json(BodyType::of::<ProfileReport>()), &[])]),
    act(Permission::ReadDocuments, (Verb::Get, CONFLUENT), native(NativeEndpoint::Confluent, "confluentGet"), "Reads of Confluent's Schema Registry API: subjects, versions, schemas by id, compatibility and modes. Its paths are those of that API, with the same answers and errors.", (&[], BodyContent::None), CONFLUENT_ANSWER),
    act(Permission::ReadDocuments, (Verb::Post, CONFLUENT), native(NativeEndpoint::Confluent, "confluentPost"), "Registers, looks up and compares schemas by Confluent's Schema Registry API. To register needs document:write at the schema.", (&[], CONFLUENT_BODY), CONFLUENT_ANSWER),
    act(Permission::ReadDocuments, (Verb::Put, CONFLUENT), native(NativeEndpoint::Confluent, "confluentPut"), "Sets compatibility and modes by Confluent's Schema Registry API. It needs document:write at the schema or its group, or registry:write.", (&[], CONFLUENT_BODY), CONFLUENT_ANSWER),
    act(Permission::ReadDocuments, (Verb::Delete, CONFLUENT), native(NativeEndpoint::Confluent, "confluentDelete"), "Deletes subjects, versions and settings by Confluent's Schema Registry API. It needs document:delete, or document:purge for good.", (&[], BodyContent::None), CONFLUENT_ANSWER),
    read(Permission::ReadDocuments, "/search", native(NativeEndpoint::Search, "search"), "Finds documents by their fields, all of which must match, and by their words.", SEARCH, &[with(200, BodyContent::Json(BodyType::of::<SearchAnswer>()), &[])]),
    read(Permission::ReadDocuments, "/search/providers", native(NativeEndpoint::SearchProviders, "searchProviders"), "Finds providers by type, feature, cost, complexity and engine, all of which must match.", PROVIDERS, &[with(200, BodyContent::Json(BodyType::of::<ProviderAnswer>()), &["Link"])]),
    read(Permission::ReadDocuments, "/references/{groups}/{group}", native(NativeEndpoint::References, "getReferencesOfGroup"), "Shows what refers to a group or to anything in it, and to what the group refers.", &[], &[with(200, BodyContent::Json(BodyType::of::<ReferencesAnswer>()), &[])]),
    read(Permission::ReadDocuments, "/references/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::References, "getReferencesOfResource"), "Shows what refers to a document, and to what it refers.", &[], &[with(200, BodyContent::Json(BodyType::of::<ReferencesAnswer>()), &[])]),
    read(Permission::ReadDocuments, "/providers", native(NativeEndpoint::ListLiveProviders, "listLiveProviders"), "Lists the live AI providers.", &[], &[with(200, BodyContent::Json(BodyType::of::<LiveProviderList>()), &[])]),
    read(Permission::ReadDocuments, "/providers/{provider}", native(NativeEndpoint::ShowLiveProvider, "getLiveProvider"), "Shows a live AI provider.", &[], PROVIDER_SHOWN),
    read(Permission::ReadDocuments, "/providers/{provider}/health", native(NativeEndpoint::ShowProviderHealth, "getProviderHealth"), "Shows the health of a live AI provider, with its circuit breaker.", &[], &[with(200, BodyContent::Json(BodyType::of::<LiveHealthReport>()), &[])]),
    read(Permission::ReadDocuments, "/providers/{provider}/explain", native(NativeEndpoint::ExplainProvider, "explainProvider"), "Shows everything that declares a live AI provider, the one that wins first.", &[], &[with(200, BodyContent::Json(BodyType::of::<ProviderExplanation>()), &[])]),
    act(Permission::ControlProviders, (Verb::Post, "/providers/{provider}/start"), native(NativeEndpoint::ControlProvider, "startProvider"), "Starts a live AI provider that was stopped, or that couldn't get ready.", (&[], BodyContent::None), PROVIDER_SHOWN),
    act(Permission::ControlProviders, (Verb::Post, "/providers/{provider}/stop"), native(NativeEndpoint::ControlProvider, "stopProvider"), "Stops a live AI provider: its calls end, then its probes and connections.", (&[], BodyContent::None), PROVIDER_SHOWN),
    act(Permission::ControlProviders, (Verb::Post, "/providers/{provider}/restart"), native(NativeEndpoint::ControlProvider, "restartProvider"), "Stops a live AI provider, and starts it.", (&[], BodyContent::None), PROVIDER_SHOWN),
    act(Permission::ControlProviders, (Verb::Post, "/providers/{provider}/probe"), native(NativeEndpoint::ControlProvider, "probeProvider"), "Probes a live AI provider now.", (&[], BodyContent::None), PROVIDER_SHOWN),
    act(Permission::ControlProviders, (Verb::Post, "/providers/{provider}/reset"), native(NativeEndpoint::ControlProvider, "resetProvider"), "Closes the circuit breaker of a live AI provider, and forgets its failures.", (&[], BodyContent::None), PROVIDER_SHOWN),
    read(Permission::ReadStatus, "/providers/events", native(NativeEndpoint::FollowProviders, "followProviders"), "Streams what happens to live AI providers from now on: registered, unregistered, errors, health, circuit breakers.", &[], &[with(200, BodyContent::Events(BodyType::of::<LiveProviderEvent>()), &[])]),
    act(Permission::ControlProviders, (Verb::Post, "/providers/discover"), native(NativeEndpoint::DiscoverProviders, "discoverProviders"), "Reads the file and the environment again that declare AI providers, and makes them live.", (&["force"], BodyContent::None), &[with(200, BodyContent::Json(BodyType::of::<DiscoveryReport>()), &[])]),
    act(Permission::CallProviders, (Verb::Post, "/providers/select"), native(NativeEndpoint::SelectProvider, "selectProvider"), "Says which live AI provider fits best, and why.", (&[], BodyContent::Json(BodyType::of::<SelectionRequest>())), &[with(200, BodyContent::Json(BodyType::of::<SelectionReport>()), &[])]),
    act(Permission::CallProviders, (Verb::Post, "/providers/chat"), native(NativeEndpoint::Chat, "chat"), "Passes a chat request on to the live AI provider that fits best, and to the next one if it fails.", (&[], CHAT), CHAT_ANSWERED),
    act(Permission::CallProviders, (Verb::Post, "/providers/openai/v1/chat/completions"), native(NativeEndpoint::ChatAsOpenai, "chatAsOpenai"), "The same for clients of OpenAI's API.", (&[], CHAT_FORM), CHAT_ANSWERED),
    read(Permission::CallProviders, "/providers/openai/v1/models", native(NativeEndpoint::ModelsAsOpenai, "listModelsAsOpenai"), "Lists the models of the live AI providers, for clients of OpenAI's API.", &[], CHAT_ANSWERED),
    act(Permission::CallProviders, (Verb::Post, "/providers/anthropic/v1/messages"), native(NativeEndpoint::ChatAsAnthropic, "chatAsAnthropic"), "The same for clients of Anthropic's API.", (&[], CHAT_FORM), CHAT_ANSWERED),

    read(Permission::ReadLog, "/log", native(NativeEndpoint::LogOfAll, "getLog"), "Lists what happened, newest first. A page searches at most 131,072 entries, so it may be empty and still link to the next one.", LOG_PAGE, LOGGED),
    read(Permission::ReadLog, "/log/{groups}", native(NativeEndpoint::Log, "getLogOfGroups"), "Lists what happened to groups of a type. A page searches at most 131,072 entries, so it may be empty and still link to the next one.", LOG_PAGE, LOGGED),
    read(Permission::ReadLog, "/log/{groups}/{group}", native(NativeEndpoint::Log, "getLogOfGroup"), "Lists what happened to a group and in it. A page searches at most 131,072 entries, so it may be empty and still link to the next one.", LOG_PAGE, LOGGED),
    read(Permission::ReadLog, "/log/{groups}/{group}/{resources}", native(NativeEndpoint::Log, "getLogOfResources"), "Lists what happened to a group's resources. A page searches at most 131,072 entries, so it may be empty and still link to the next one.", LOG_PAGE, LOGGED),
    read(Permission::ReadLog, "/log/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::Log, "getLogOfResource"), "Lists what happened to a document.", LOG_PAGE, LOGGED),
    read(Permission::ReadLog, "/log/{groups}/{group}/{resources}/{resource}/versions/{version}", native(NativeEndpoint::Log, "getLogOfVersion"), "Lists what happened to a version.", LOG_PAGE, LOGGED),
    read(Permission::ReadDocuments, "/deleted", native(NativeEndpoint::DeletedAnywhere, "listDeleted"), "Lists all names that a restore could bring back, with who deleted them and when.", &["after", "limit"], HIDDEN),
    read(Permission::ReadDocuments, "/deleted/{groups}", native(NativeEndpoint::Deleted, "listDeletedInGroups"), "Lists the deleted groups of a type, and what was deleted in its groups.", &["after", "limit"], HIDDEN),
    read(Permission::ReadDocuments, "/deleted/{groups}/{group}", native(NativeEndpoint::Deleted, "listDeletedInGroup"), "Lists what was deleted in a group.", &["after", "limit"], HIDDEN),
    read(Permission::ReadDocuments, "/deleted/{groups}/{group}/{resources}", native(NativeEndpoint::Deleted, "listDeletedResources"), "Lists the deleted documents of a collection, and the deleted versions in it.", &["after", "limit"], HIDDEN),
    read(Permission::ReadDocuments, "/deleted/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::Deleted, "listDeletedVersions"), "Lists the deleted versions of a document.", &["after", "limit"], HIDDEN),
    read(Permission::ReadDocuments, "/diff", native(NativeEndpoint::DiffOfAll, "diffAll"), "Lists what differs between two states of the registry; by default, what the last command changed.", COMPARED, DIFFERING),
    read(Permission::ReadDocuments, "/diff/{groups}", native(NativeEndpoint::Diff, "diffGroups"), "Lists what differs between two states of all groups of a type.", COMPARED, DIFFERING),
    read(Permission::ReadDocuments, "/diff/{groups}/{group}", native(NativeEndpoint::Diff, "diffGroup"), "Lists what differs between two states of a group.", COMPARED, DIFFERING),
    read(Permission::ReadDocuments, "/diff/{groups}/{group}/{resources}", native(NativeEndpoint::Diff, "diffResources"), "Lists what differs between two states of a group's resources.", COMPARED, DIFFERING),
    read(Permission::ReadDocuments, "/diff/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::Diff, "diffResource"), "Shows what differs between two states of a document; by default, between the last state that said something else and now.", COMPARED, DIFFERING),
    read(Permission::ReadDocuments, "/changes", native(NativeEndpoint::FollowChanges, "followChanges"), "Streams changes in order, as they are made: from now on, or from the place that after or Last-Event-ID names. A request to upgrade to a WebSocket (HTTP/1.1) gets 101, and each event as a message of JSON.", &["after", "Last-Event-ID"], &[with(200, BodyContent::Events(BodyType::of::<ChangeEvent>()), &[])]),
    read(Permission::ReadLedger, "/ledger", native(NativeEndpoint::ShowLedger, "getLedger"), "Shows how far the ledger goes, and the key that signs it.", &[], &[with(200, BodyContent::Json(BodyType::of::<LedgerReport>()), &[])]),
    read(Permission::ReadLedger, "/ledger/checkpoint", native(NativeEndpoint::ShowCheckpoint, "getCheckpoint"), "Returns the newest signed checkpoint, so that others can check it.", &[], &[with(200, CHECKPOINT, &[])]),
    read(Permission::ReadLedger, "/ledger/proofs/inclusion", native(NativeEndpoint::ProveInclusion, "proveInclusion"), "Proves that the entry at a position is in the ledger: its path to the root of the newest checkpoint, or of the first entries up to a size.", &["position", "size"], &[with(200, BodyContent::Json(BodyType::of::<InclusionReport>()), &[])]),
    read(Permission::ReadLedger, "/ledger/proofs/consistency", native(NativeEndpoint::ProveConsistency, "proveConsistency"), "Proves that the ledger up to one size is the beginning of the ledger up to another, so nothing in it was rewritten.", &["from", "to"], &[with(200, BodyContent::Json(BodyType::of::<ConsistencyReport>()), &[])]),
    read(Permission::ReadLedger, "/tlog/checkpoint", native(NativeEndpoint::ShowLogCheckpoint, "getLogCheckpoint"), "Returns the newest signed checkpoint at the path that C2SP tlog-tiles names.", &[], &[with(200, CHECKPOINT, &[])]),
    read(Permission::ReadLedger, "/tlog/tile/{level}/{tile}", native(NativeEndpoint::ShowTile, "getTile"), "Returns a tile of the tree's hashes (C2SP tlog-tiles), up to the newest checkpoint. A tile never changes. Its index is written in groups of three digits, such as `x001/x234/067`; `.p/` and a width follow where it isn't full.", &[], &[with(200, TILE, &[])]),
    read(Permission::ReadLedger, "/tlog/tile/entries/{tile}", native(NativeEndpoint::ShowTile, "getEntryBundle"), "Returns a bundle of entries (C2SP tlog-tiles), up to the newest checkpoint: each entry after its length as 16 bits, big-endian. A bundle never changes.", &[], &[with(200, TILE, &[])]),
    read(Permission::ReadStatus, "/publish", native(NativeEndpoint::ListPublications, "listPublications"), "Lists the publications, and how each stands.", &[], &[with(200, BodyContent::Json(BodyType::of::<PublicationList>()), &[])]),
    act(Permission::Publish, (Verb::Post, "/publish/publications/{group}/entries/{resource}"), native(NativeEndpoint::RunPublication, "runPublication"), "Publishes what a publication says, now; with `dry_run`, finds out what that would change.", (&["dry_run"], BodyContent::None), &[with(200, BodyContent::Json(BodyType::of::<PublicationOutcome>()), &[])]),
    read(Permission::ReadStatus, "/publish/publications/{group}/entries/{resource}", native(NativeEndpoint::ShowPublished, "getPublished"), "Shows what a publication has published with the number or the tag in `version`, or last, from the history at its destination.", &["version"], &[with(200, BodyContent::Json(BodyType::of::<EarlierPublication>()), &[])]),
    read(Permission::ReadDocuments, "/site/{file}", native(NativeEndpoint::ShowSiteFile, "getSiteFile"), "Returns a file of the published site: `manifest.json`, `providers/<category>/<name>.json`, a schema, `fallback.json`, or `objects/sha256/<digest>`, which never changes.", &["If-None-Match"], &[with(200, BodyContent::Bytes("application/json"), &["ETag"]), NOT_MODIFIED]),
    act(Permission::Publish, (Verb::Post, "/publish"), native(NativeEndpoint::RenderManifest, "renderManifest"), "Returns the signed manifest of the newest state, for a channel and for the address at which its files will lie. Stores nothing.", (&[], BodyContent::Json(BodyType::of::<ManifestRequest>())), &[with(200, BodyContent::Json(BodyType::of::<Manifest>()), &[])]),
    act(Permission::ReadLedger, (Verb::Post, "/ledger/verify"), native(NativeEndpoint::VerifyLedger, "verifyLedger"), "Verifies the whole ledger. Answers with lines of progress, then the result.", (&[], BodyContent::None), &[with(200, BodyContent::JsonLines(BodyType::of::<VerificationLine>()), &[])]),
    read(Permission::Backup, "/backup", native(NativeEndpoint::Backup, "getBackup"), "Returns the whole ledger as a backup, which proves itself by its signed checkpoint.", &[], &[with(200, BodyContent::Bytes("application/octet-stream"), &[])]),
    read(Permission::ListKeys, "/keys", native(NativeEndpoint::ListKeys, "listKeys"), "Lists the keys that aren't revoked, without their secrets.", &["all"], &[with(200, BodyContent::Json(BodyType::of::<KeyList>()), &[])]),
    read(Permission::ReadRegistry, "/keys/self", native(NativeEndpoint::ShowOwnKey, "getOwnKey"), "Shows as whom the request is answered: the key, its role, its scope and its end.", &[], &[with(200, BodyContent::Json(BodyType::of::<OwnAccess>()), &[])]),
    act(Permission::ManageKeys, (Verb::Post, "/keys"), native(NativeEndpoint::CreateKey, "createKey"), "Creates a key. Only this answer shows it.", (EXPLAINED, BodyContent::Json(BodyType::of::<KeyRequest>())), &[with(201, BodyContent::Json(BodyType::of::<NewKey>()), &[])]),
    act(Permission::ManageKeys, (Verb::Delete, "/keys/{key}"), native(NativeEndpoint::RevokeKey, "revokeKey"), "Revokes a key.", (EXPLAINED, BodyContent::None), &[with(204, BodyContent::None, &[])]),
    act(Permission::ManageKeys, (Verb::Delete, "/keys/{key}/record"), native(NativeEndpoint::ForgetKey, "forgetKey"), "Erases the record of a revoked or expired key, including its name.", (EXPLAINED, BodyContent::None), &[with(204, BodyContent::None, &[])]),
    act(Permission::ResumeFollowers, (Verb::Post, "/followers/{follower}/resume"), native(NativeEndpoint::ResumeFollower, "resumeFollower"), "Resumes a stopped follower at the given place.", (&[], BodyContent::Json(BodyType::of::<ResumeRequest>())), &[with(200, BodyContent::Json(BodyType::of::<Resumption>()), &[])]),
    read(Permission::ReadStatus, "/propagation/sessions", native(NativeEndpoint::ListLinks, "listPropagationSessions"), "Lists the routes with their targets, and how far each is.", &["after", "limit", "route", "target", "state"], &[with(200, BodyContent::Json(BodyType::of::<LinkList>()), &[])]),
    read(Permission::ReadStatus, "/propagation/targets", native(NativeEndpoint::ListTargets, "listPropagationTargets"), "Lists the targets in force, with the state of their circuit breakers.", &[], &[with(200, BodyContent::Json(BodyType::of::<TargetList>()), &[])]),
    read(Permission::ReadDocuments, "/propagation/streams/targets/{group}/entries/{resource}", native(NativeEndpoint::FollowTarget, "followTarget"), "Streams what routes send to a target of the kind `sse`: after the event that after or Last-Event-ID names, else from where the first of its routes begins. A key with a scope receives only the events of its places.", &["after", "Last-Event-ID"], &[with(200, BodyContent::Events(BodyType::of::<ChangeEvent>()), &[])]),
    read(Permission::ReadStatus, "/events", native(NativeEndpoint::FollowEvents, "followEvents"), "Streams what happens beside the ledger, to routes, targets and live AI providers: from now on, or from the number that after or Last-Event-ID names, among the newest 10,000.", &["after", "Last-Event-ID"], &[with(200, BodyContent::Events(BodyType::of::<LiveEvent>()), &[])]),
    read(Permission::ReadStatus, "/propagation/events", native(NativeEndpoint::ListPropagationEvents, "listPropagationEvents"), "Lists what happened to routes and targets lately.", &["after", "limit", "route", "target"], &[with(200, BodyContent::Json(BodyType::of::<PropagationEventPage>()), &[])]),
    read(Permission::ReadStatus, "/propagation/logs", native(NativeEndpoint::ListTries, "listPropagationLogs"), "Lists the newest tries of deliveries.", &["after", "limit", "route", "target"], &[with(200, BodyContent::Json(BodyType::of::<TryPage>()), &[])]),
    read(Permission::ReadStatus, "/propagation/metrics", native(NativeEndpoint::ShowPropagationMetrics, "getPropagationMetrics"), "Shows counts of deliveries since the server started.", &[], &[with(200, BodyContent::Json(BodyType::of::<PropagationMetrics>()), &[])]),
    read(Permission::ReadStatus, "/propagation/dead-letters", native(NativeEndpoint::ListDeadLetters, "listDeadLetters"), "Lists deliveries that were given up.", &["after", "limit", "route", "target"], &[with(200, BodyContent::Json(BodyType::of::<DeadLetterPage>()), &[])]),
    act(Permission::ManageRoutes, (Verb::Post, "/propagation/actions"), native(NativeEndpoint::ActOnPropagation, "actOnPropagation"), "Pauses or resumes a target, resets its circuit breaker, lets deliveries try now, or replays or removes dead letters.", (&[], BodyContent::Json(BodyType::of::<PropagationRequest>())), &[with(200, BodyContent::Json(BodyType::of::<PropagationResult>()), &[])]),
    act(Permission::WriteDocuments, (Verb::Post, "/sync"), native(NativeEndpoint::Sync, "syncDocuments"), "Takes states of documents from another registry, compares each with what is here, and answers for each. Each needs document:write at the document, and a deletion document:delete.", (&[], BodyContent::Json(BodyType::of::<SyncRequest>())), &[with(200, BodyContent::Json(BodyType::of::<SyncReport>()), &[])]),
    read(Permission::ReadDocuments, "/sync", native(NativeEndpoint::ListSyncChanges, "listSyncChanges"), "Lists the documents that changed after a position, or of which more is known; with wait, it waits for the first one.", &["after", "index", "wait"], &[with(200, BodyContent::Json(BodyType::of::<SyncChanges>()), &[])]),
    read(Permission::ReadDocuments, "/sync/{groups}/{group}/{resources}/{resource}", native(NativeEndpoint::ShowSyncState, "getSyncState"), "Shows a document with what its state holds of its history in each registry; a deleted one too.", &[], &[with(200, BodyContent::Json(BodyType::of::<SyncState>()), &[])]),
    act(Permission::WriteDocuments, (Verb::Post, "/sync/resolve"), native(NativeEndpoint::ResolveConflict, "resolveConflict"), "Decides a conflict: writes the document as a new state that holds both sides, and removes the conflict. It needs document:write at the document.", (EXPLAINED, BodyContent::Json(BodyType::of::<ResolveRequest>())), &[with(200, BodyContent::Json(BodyType::of::<ResolveReport>()), &[])]),
    read(Permission::ReadStatus, "/status", native(NativeEndpoint::ShowStatus, "getStatus"), "Shows the state of the registry.", &[], &[with(200, BodyContent::Json(BodyType::of::<StatusReport>()), &[])]),
    read(Permission::ReadMetrics, "/metrics", vital(ServerEndpoint::ShowMetrics, "getMetrics"), "Shows the metrics, for Prometheus.", &[], &[with(200, METRICS, &[])]),
    read(Permission::ReadRegistry, "/openapi.json", vital(ServerEndpoint::ShowDescription, "getDescription"), "Shows this description.", &[], &[with(200, BodyContent::Json(BodyType::of::<ApiDescription>()), &[])]),
    read(Permission::ReadRegistry, "/", vital(ServerEndpoint::ShowIndex, "getIndex"), "Lists what this server offers, with links.", &[], &[with(200, BodyContent::Json(BodyType::of::<Index>()), &[])]),
    probe("/health/live", (ServerEndpoint::IsAlive, "isAlive"), "Says that the process is alive.", &[with(200, BodyContent::Json(BodyType::of::<Liveness>()), &[])]),
    probe("/health/ready", (ServerEndpoint::IsReady, "isReady"), "Says whether the server is ready for requests.", READINESS),
    probe("/health/db", (ServerEndpoint::IsStoreReachable, "isStoreReachable"), "Says whether the store can be read now.", &[with(200, STORE, &[]), with(503, STORE, &[])]),
    read(Permission::ReadRegistry, "/health", vital(ServerEndpoint::IsReady, "getHealth"), "Says whether the server is ready for requests; needs permission to read.", &[], READINESS),
];
