/// What a request needs beside its role's permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing, not even a key.
    Nothing,
    /// Nothing that depends on a place.
    NoPlace,
    /// The place in the scope, or on the way to it.
    Reading,
    /// The place in the scope.
    Writing,
    /// A key without a scope.
    Everything,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Row {
    pub operation: String,
    pub request: String,
    pub body: String,
    /// A letter for each of admin, publisher, reviewer, consumer and auditor: `+` may, `-` may
    /// not, `o` may with what is its own.
    pub roles: &'static str,
    pub needs: Needs,
    /// What it is about.
    pub place: String,
    /// Whether a publisher made what is there, or nobody did.
    pub is_publishers: bool,
    /// Whether it carries a condition that never holds.
    pub is_conditional: bool,
    /// Whether the body alone names the place: the path leads to the scope.
    pub is_told_by_body: bool,
}

/// Operation, method, path, roles and needs of what is about the registry as a whole.
const WHOLE: &str = "
    getRegistry             GET    /api                         +++++ reading
    putRegistry             PUT    /api                         +---- everything
    patchRegistry           PATCH  /api                         +---- everything
    exportRegistry          GET    /api/export                  +++++ reading
    listRegistries          GET    /api/.xregistry              +++++ noplace
    getCapabilities         GET    /api/capabilities            +++++ noplace
    putCapabilities         PUT    /api/capabilities            +---- everything
    patchCapabilities       PATCH  /api/capabilities            +---- everything
    getCapabilitiesOffered  GET    /api/capabilitiesoffered     +++++ noplace
    getModel                GET    /api/model                   +++++ noplace
    getModelSource          GET    /api/modelsource             +++++ noplace
    putModelSource          PUT    /api/modelsource             +---- everything
    getLog                  GET    /log                         +++-+ reading
    validateAll             GET    /validate                    +++++ reading
    rollBack                POST   /rollback                    +---- everything
    syncDocuments           POST   /sync                        ++--- reading
    listSyncChanges         GET    /sync                        +++++ reading
    resolveConflict         POST   /sync/resolve                ++--- reading
    checkSchema             POST   /schemas/check               ++++- reading
    diffSchemas             POST   /schemas/diff                ++++- reading
    rateSchema              POST   /schemas/quality             ++++- reading
    profileSchema           POST   /schemas/profile             ++++- reading
    validatePayloads        POST   /validate                    ++++- reading
    exportAll               GET    /export                      +++++ reading
    diffAll                 GET    /diff                        +++++ reading
    listDeleted             GET    /deleted                     +++++ reading
    search                  GET    /search                      +++++ reading
    searchProviders         GET    /search/providers            +++++ reading
    confluentGet            GET    /confluent/subjects          +++++ reading
    confluentPost           POST   /confluent/subjects/nobody   +++++ reading
    confluentPut            PUT    /confluent/config            +---- everything
    confluentDelete         DELETE /confluent/subjects/nobody   +++++ reading
    listLiveProviders       GET    /providers                   +++++ reading
    getLiveProvider         GET    /providers/nobody            +++++ reading
    getProviderHealth       GET    /providers/nobody/health     +++++ reading
    explainProvider         GET    /providers/nobody/explain    +++++ reading
    startProvider           POST   /providers/nobody/start      +---- everything
    stopProvider            POST   /providers/nobody/stop       +---- everything
    restartProvider         POST   /providers/nobody/restart    +---- everything
    probeProvider           POST   /providers/nobody/probe      +---- everything
    resetProvider           POST   /providers/nobody/reset      +---- everything
    discoverProviders       POST   /providers/discover          +---- everything
    followProviders         GET    /providers/events            +++-+ everything
    selectProvider          POST   /providers/select            ++--- reading
    chat                    POST   /providers/chat              ++--- reading
    chatAsOpenai            POST   /providers/openai/v1/chat/completions ++--- reading
    listModelsAsOpenai      GET    /providers/openai/v1/models  ++--- reading
    chatAsAnthropic         POST   /providers/anthropic/v1/messages ++--- reading
    followChanges           GET    /changes                     +++++ reading
    getLedger               GET    /ledger                      +---+ everything
    getCheckpoint           GET    /ledger/checkpoint           +---+ everything
    proveInclusion          GET    /ledger/proofs/inclusion?position=1  +---+ everything
    proveConsistency        GET    /ledger/proofs/consistency?from=1    +---+ everything
    getLogCheckpoint        GET    /tlog/checkpoint             +---+ everything
    getTile                 GET    /tlog/tile/0/000.p/1         +---+ everything
    getEntryBundle          GET    /tlog/tile/entries/000.p/1   +---+ everything
    verifyLedger            POST   /ledger/verify               +---+ everything
    getSiteFile             GET    /site/manifest.json          +++++ everything
    listPublications        GET    /publish                     +++-+ everything
    renderManifest          POST   /publish                     ++--- everything
    runPublication          POST   /publish/publications/a/entries/none  ++--- everything
    getPublished            GET    /publish/publications/a/entries/none?version=1  +++-+ everything
    getBackup               GET    /backup                      +---- everything
    listKeys                GET    /keys                        +---+ everything
    getOwnKey               GET    /keys/self                   +++++ noplace
    createKey               POST   /keys                        +---- everything
    revokeKey               DELETE /keys/nobody                 +---- everything
    forgetKey               DELETE /keys/nobody/record          +---- everything
    resumeFollower          POST   /followers/nobody/resume     +---- everything
    listPropagationSessions GET    /propagation/sessions        +++-+ everything
    listPropagationTargets  GET    /propagation/targets         +++-+ everything
    followEvents            GET    /events                      +++-+ everything
    followTarget            GET    /propagation/streams/targets/ops/entries/dash +++++ reading
    listPropagationEvents   GET    /propagation/events          +++-+ everything
    listPropagationLogs     GET    /propagation/logs            +++-+ everything
    getPropagationMetrics   GET    /propagation/metrics         +++-+ everything
    listDeadLetters         GET    /propagation/dead-letters    +++-+ everything
    actOnPropagation        POST   /propagation/actions         +---- everything
    getStatus               GET    /status                      +++-+ everything
    getMetrics              GET    /metrics                     +---+ everything
    getDescription          GET    /openapi.json                +++++ noplace
    getIndex                GET    /                            +++++ noplace
    getHealth               GET    /health                      +++++ noplace
    isAlive                 GET    /health/live                 +++++ nothing
    isReady                 GET    /health/ready                +++++ nothing
    isStoreReachable        GET    /health/db                   +++++ nothing
";

/// The same for what is about a group type, a group, a resource type, a document or a version. The
/// place is what stands behind `@`, else the path itself.
const PLACED: &str = "
    listGroups              GET    /api/G                       +++++ reading
    getGroup                GET    /api/G/g                     +++++ reading
    putGroup                PUT    /api/G/g                     ++--- writing
    patchGroup              PATCH  /api/G/g                     ++--- writing
    deleteGroup             DELETE /api/G/g                     +o--- writing
    listResources           GET    /api/G/g/R                   +++++ reading
    getDocument             GET    /api/G/g/R/r                 +++++ reading
    getDocument             GET    /api/G/g/R/r?specversion=1.0-rc4  +++++ reading
    putDocument             PUT    /api/G/g/R/r                 ++--- writing
    postDocument            POST   /api/G/g/R/r                 ++--- writing
    deleteResource          DELETE /api/G/g/R/r                 +o--- writing
    deleteResource          DELETE /api/G/g/R/r?purge           +---- writing
    getResource             GET    /api/G/g/R/r$details         +++++ reading
    putResource             PUT    /api/G/g/R/r$details         ++--- writing
    patchResource           PATCH  /api/G/g/R/r$details         ++--- writing
    patchResource           PATCH  /api/G/g/R/r$details         +++-- writing {\"state\":\"stable\"}
    patchResource           PATCH  /api/G/g/R/r$details         +++-- writing {\"state\":\"draft\"}
    patchResource           PATCH  /api/G/g/R/r$details         ++--- writing {\"state\":\"retired\"}
    postVersion             POST   /api/G/g/R/r$details         ++--- writing
    getMeta                 GET    /api/G/g/R/r/meta            +++++ reading
    putMeta                 PUT    /api/G/g/R/r/meta            ++--- writing
    patchMeta               PATCH  /api/G/g/R/r/meta            ++--- writing
    listVersions            GET    /api/G/g/R/r/versions        +++++ reading
    getVersionDocument      GET    /api/G/g/R/r/versions/1      +++++ reading
    putVersionDocument      PUT    /api/G/g/R/r/versions/1      ++--- writing
    deleteVersion           DELETE /api/G/g/R/r/versions/1      +o--- writing
    getVersion              GET    /api/G/g/R/r/versions/1$details  +++++ reading
    putVersion              PUT    /api/G/g/R/r/versions/1$details  ++--- writing
    patchVersion            PATCH  /api/G/g/R/r/versions/1$details  ++--- writing
    patchVersion            PATCH  /api/G/g/R/r/versions/1$details  +++-- writing {\"state\":\"stable\"}
    restoreGroup            POST   /restore/G/g                 +o--- writing
    restoreResource         POST   /restore/G/g/R/r             +o--- writing
    restoreVersion          POST   /restore/G/g/R/r/versions/9  +o--- writing
    validateGroup           GET    /validate/G/g                +++++ reading
    validateResource        GET    /validate/G/g/R/r            +++++ reading
    exportGroup             GET    /export/G/g                  +++++ reading
    exportResource          GET    /export/G/g/R/r              +++++ reading
    diffGroups              GET    /diff/G                      +++++ reading
    diffGroup               GET    /diff/G/g                    +++++ reading
    diffResources           GET    /diff/G/g/R                  +++++ reading
    diffResource            GET    /diff/G/g/R/r                +++++ reading
    listDeletedInGroups     GET    /deleted/G                   +++++ reading
    listDeletedInGroup      GET    /deleted/G/g                 +++++ reading
    listDeletedResources    GET    /deleted/G/g/R               +++++ reading
    listDeletedVersions     GET    /deleted/G/g/R/r             +++++ reading
    getReferencesOfGroup    GET    /references/G/g              +++++ reading
    getReferencesOfResource GET    /references/G/g/R/r          +++++ reading
    getSyncState            GET    /sync/G/g/R/r                +++++ reading
    getLogOfGroups          GET    /log/G                       +++-+ reading
    getLogOfGroup           GET    /log/G/g                     +++-+ reading
    getLogOfResources       GET    /log/G/g/R                   +++-+ reading
    getLogOfResource        GET    /log/G/g/R/r                 +++-+ reading
    getLogOfVersion         GET    /log/G/g/R/r/versions/1      +++-+ reading
";

/// What names its places in its body: operation, method, path, roles, the place, and the body.
/// Epochs that nothing has keep what is let through from changing anything.
const BODIES: &str = r#"
    postGroupsOfTypes     POST   /api                             ++--- /providers/cms {"providers":{"cms":{"epoch":77777}}}
    postGroupsOfTypes     POST   /api                             ++--- /providers/ssg {"providers":{"ssg":{"epoch":77777}}}
    postGroupsOfTypes     POST   /api                             ++--- /providers/ssg {"providers":{"cms":{"epoch":77777},"ssg":{"epoch":77777}}}
    applyPlan             POST   /apply                           ++--- /providers/cms {"groups":[{"xid":"/providers/cms","attributes":{"epoch":77777}}]}
    applyPlan             POST   /apply                           ++--- /providers/ssg {"groups":[{"xid":"/providers/cms","attributes":{"epoch":77777}},{"xid":"/providers/ssg","attributes":{"epoch":77777}}]}
    applyPlan             POST   /apply                           ++--- /providers/ssg {"documents":[{"xid":"/providers/ssg/entries/hugo","attributes":{"epoch":77777}}]}
    postGroups            POST   /api/providers                   ++--- /providers/cms {"cms":{"epoch":77777}}
    postGroups            POST   /api/providers                   ++--- /providers/ssg {"ssg":{"epoch":77777}}
    postGroups            POST   /api/providers                   ++--- /providers/new {"new":{}}
    patchGroups           PATCH  /api/providers                   ++--- /providers/ssg {"ssg":{"epoch":77777}}
    deleteGroups          DELETE /api/providers                   +o--- /providers/cms {"cms":{"epoch":77777}}
    deleteGroups          DELETE /api/providers                   +o--- /providers/ssg {"ssg":{"epoch":77777}}
    postResourcesOfTypes  POST   /api/providers/cms               ++--- /providers/cms/entries {"entries":{"sanity":{"meta":{"epoch":77777}}}}
    postResourcesOfTypes  POST   /api/providers/ssg               ++--- /providers/ssg/entries {"entries":{"hugo":{"meta":{"epoch":77777}}}}
    postResources         POST   /api/providers/cms/entries       ++--- /providers/cms/entries {"sanity":{"meta":{"epoch":77777}}}
    patchResources        PATCH  /api/providers/cms/entries       ++--- /providers/cms/entries {"sanity":{"meta":{"epoch":77777}}}
    postResources         POST   /api/providers/ssg/entries       ++--- /providers/ssg/entries {"hugo":{"meta":{"epoch":77777}}}
    deleteResources       DELETE /api/providers/cms/entries       +o--- /providers/cms/entries {"sanity":{"meta":{"epoch":77777}}}
    deleteResources       DELETE /api/providers/ssg/entries       +o--- /providers/ssg/entries {"hugo":{"meta":{"epoch":77777}}}
    postVersions          POST   /api/providers/cms/entries/sanity/versions  ++--- /providers/cms/entries/sanity {"1":{"epoch":77777}}
    patchVersions         PATCH  /api/providers/cms/entries/sanity/versions  ++--- /providers/cms/entries/sanity {"1":{"epoch":77777}}
    deleteVersions        DELETE /api/providers/cms/entries/sanity/versions  +o--- /providers/cms/entries/sanity {"1":{"epoch":77777}}
    postVersions          POST   /api/providers/ssg/entries/hugo/versions    ++--- /providers/ssg/entries/hugo {"1":{"epoch":77777}}
"#;

/// Places with what made what is there: inside of the scope `/providers/cms` and outside, there
/// and not there.
const PLACES: &[(&str, bool)] = &[
    ("providers/cms/entries/sanity", false),
    ("providers/cms/entries/own", true),
    ("providers/cms/entries/none", true),
    ("providers/ssg/entries/hugo", false),
    ("providers/ssg/entries/none", true),
    ("stacks/foundation/entries/none", true),
];

/// Every request.
pub fn rows() -> Vec<Row> {
    let lines = |text: &'static str| text.lines().filter(|line| !line.trim().is_empty());
    let whole = lines(WHOLE).map(of_whole);
    let placed =
        PLACES.iter().flat_map(|place| lines(PLACED).map(move |line| of_place(line, *place)));
    whole.chain(placed).chain(lines(BODIES).map(of_body)).collect()
}

fn needs(word: &str) -> Needs {
    match word {
        "nothing" => Needs::Nothing,
        "noplace" => Needs::NoPlace,
        "reading" => Needs::Reading,
        "writing" => Needs::Writing,
        "everything" => Needs::Everything,
        other => panic!("{other}"),
    }
}

fn of_whole(line: &'static str) -> Row {
    let words: Vec<&'static str> = line.split_whitespace().collect();
    let [operation, method, path, roles, need] = words[..] else { panic!("{line}") };
    Row {
        operation: operation.to_owned(),
        request: format!("{method} {path}"),
        // Nothing of ours makes something of a role that isn't there.
        body: if operation == "createKey" { r#"{"role":"nobody"}"# } else { "{}" }.to_owned(),
        roles,
        needs: needs(need),
        place: "/".to_owned(),
        is_publishers: true,
        is_conditional: path.starts_with("/api") && method != "GET",
        is_told_by_body: false,
    }
}

fn of_place(line: &'static str, (place, is_publishers): (&str, bool)) -> Row {
    let words: Vec<&'static str> = line.split_whitespace().collect();
    let [operation, method, path, roles, need] = words[..5] else { panic!("{line}") };
    let steps: Vec<&str> = place.split('/').collect();
    let named = ["G", "g", "R", "r"].iter().zip(&steps);
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    for (letter, step) in named {
        for segment in &mut segments {
            let (name, rest) = match segment.find(['$', '?']) {
                Some(at) => segment.split_at(at),
                None => (segment.as_str(), ""),
            };
            if name == *letter {
                *segment = format!("{step}{rest}");
            }
        }
    }
    let path = segments.join("/");
    let bare = path.split(['$', '?']).next().unwrap();
    let doors = [
        "/api",
        "/log",
        "/restore",
        "/validate",
        "/export",
        "/diff",
        "/deleted",
        "/references",
        "/sync",
    ];
    let place = doors.iter().find_map(|door| bare.strip_prefix(door)).unwrap();
    let is_group = place.split('/').count() == 3;
    // Groups are nobody's own, and what isn't there is anybody's: nothing of these was deleted.
    let is_publishers = (is_publishers || operation == "restoreResource") && !is_group;
    Row {
        operation: operation.to_owned(),
        request: format!("{method} {path}"),
        body: words.get(5).copied().unwrap_or("{}").to_owned(),
        roles,
        needs: needs(need),
        place: place.to_owned(),
        is_publishers,
        is_conditional: path.starts_with("/api") && method != "GET",
        is_told_by_body: false,
    }
}

fn of_body(line: &'static str) -> Row {
    let words: Vec<&'static str> = line.split_whitespace().collect();
    let [operation, method, path, roles, place, body] = words[..] else { panic!("{line}") };
    Row {
        operation: operation.to_owned(),
        request: format!("{method} {path}"),
        body: body.to_owned(),
        roles,
        needs: Needs::Writing,
        place: place.to_owned(),
        is_publishers: false,
        is_conditional: false,
        is_told_by_body: matches!(path, "/api" | "/api/providers" | "/apply"),
    }
}
