//! Counts the stored documents that stop passing because what is bound to them changes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_catalog::{
    Catalog,
    command::Plan,
    judge::{CommandSources, Dependency, Judge, PendingChanges},
    state::{Bindings, Group},
};
use muster_model::ResourceType;
use muster_schema::Violation;
use muster_words::{Id, Xid, XidPatterns};

use super::TriedCatalog;
use crate::{
    StoredDocument, SubmitError,
    prepare::{CommandView, UnstoredContents},
    registry::RegistryInner,
};

/// How long documents are judged. The author waits for the answer.
const FAILING_TIME_MAX: Duration = Duration::from_secs(1);

/// The number of documents that are judged between two looks at the clock.
const CHUNK: usize = 64;

/// The most documents that are named.
const NAMED_MAX: usize = 100;

/// The documents that passed before a command and don't pass after it, though it doesn't write
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailingDocuments {
    /// How many of the judged documents stop passing.
    pub failing: usize,
    /// How many were judged.
    pub judged: usize,
    /// How many may be affected, because something that is bound to them changes.
    pub affected: usize,
    /// The first that stop passing, each with its violations.
    pub named: Vec<(Xid, Vec<Violation>)>,
}

/// Whether a plan may change how documents are checked that it doesn't write. Most plans don't, and
/// needn't be followed by a search.
#[must_use]
pub fn changes_checks(catalog: &Catalog, plan: &Plan) -> bool {
    let documents = plan.documents.iter().map(|document| &document.xid);
    let is_bound = |xid: &Xid| {
        let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
        let binds = |referrer: &Xid| matches!(referrer, Xid::Registry | Xid::Group { .. });
        matches!(groups, Some("schemagroups" | "rulegroups"))
            || catalog.referrers_of(xid).iter().any(binds)
    };
    plan.model.is_some() || !plan.groups.is_empty() || documents.chain(&plan.deleted).any(is_bound)
}

/// What checks the documents of a type in a group: a document of the same type in a group with the
/// same bindings has the same checks.
type Checked = (Id, Id, (Option<Xid>, Option<Arc<str>>, bool), Vec<Xid>);

impl RegistryInner {
    /// The documents that stop passing, within a scope.
    pub(super) async fn newly_failing(
        &self,
        tried: &TriedCatalog,
        scope: Option<&XidPatterns>,
    ) -> Result<FailingDocuments, SubmitError> {
        let began = Instant::now();
        let affected = self.affected(tried, scope).await?;
        let mut found = FailingDocuments { affected: affected.len(), ..Default::default() };
        let unstored = &tried.contents;
        let after = CommandView { unstored, ..stored_view(&tried.after) };
        for chunk in affected.chunks(CHUNK) {
            if began.elapsed() >= FAILING_TIME_MAX {
                break;
            }
            found.judged += chunk.len();
            let judged = self.long_work.run(self.judge_stored(after, chunk)).await?;
            let failing = judged.into_iter().filter(|(_, found)| fails(found));
            let failing: BTreeMap<Xid, Vec<Violation>> = failing.collect();
            let asked = chunk.iter().filter(|document| failing.contains_key(&document.xid));
            let asked: Vec<StoredDocument> = asked.cloned().collect();
            let earlier = self.judge_stored(stored_view(&tried.before), &asked);
            for (xid, before) in self.long_work.run(earlier).await? {
                if fails(&before) {
                    continue;
                }
                found.failing += 1;
                if found.named.len() < NAMED_MAX {
                    let violations = failing.get(&xid).cloned().unwrap_or_default();
                    found.named.push((xid, violations));
                }
            }
        }
        Ok(found)
    }

    /// The documents whose checks change, and that the command doesn't write.
    async fn affected(
        &self,
        tried: &TriedCatalog,
        scope: Option<&XidPatterns>,
    ) -> Result<Vec<StoredDocument>, SubmitError> {
        let (before, after) = (&*tried.before, &tried.after);
        let mut known: BTreeMap<(Option<Checked>, Checked), bool> = BTreeMap::new();
        let mut documents = Vec::new();
        for (groups, all) in &after.groups {
            for group in all.values() {
                let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
                let Some(old) = before.group_at(&xid).cloned() else { continue };
                for resources in group.resources.keys() {
                    let now = Checks::of(after, groups, group, resources);
                    let Some(now) = now.filter(Checks::are_any) else { continue };
                    let then = Checks::of(before, groups, &old, resources);
                    let key = (then.as_ref().map(|then| then.key(resources)), now.key(resources));
                    let is_affected = match known.get(&key) {
                        Some(is_affected) => *is_affected,
                        None => {
                            let differs = self.differ(tried, then.as_ref(), &now).await?;
                            *known.entry(key).or_insert(differs)
                        }
                    };
                    if is_affected {
                        documents.extend(unwritten(tried, &xid, group, resources, scope));
                    }
                }
            }
        }
        Ok(documents)
    }

    /// Whether documents are checked in another way than before.
    async fn differ(
        &self,
        tried: &TriedCatalog,
        before: Option<&Checks>,
        after: &Checks,
    ) -> Result<bool, SubmitError> {
        let Some(before) = before else { return Ok(true) };
        let (then, now) = (&before.kind.aspect, &after.kind.aspect);
        if then.references != now.references
            || (then.assert_format, &then.message) != (now.assert_format, &now.message)
            || before.bindings.assert_format != after.bindings.assert_format
            || before.bindings.message != after.bindings.message
        {
            return Ok(true);
        }
        let nothing = UnstoredContents::new();
        let then = self.dependencies(&tried.before, &nothing, before).await?;
        Ok(then != self.dependencies(&tried.after, &tried.contents, after).await?)
    }

    /// Everything that documents are checked with; none if it can't be used.
    async fn dependencies(
        &self,
        view: &Catalog,
        unstored: &UnstoredContents,
        checks: &Checks,
    ) -> Result<Option<Vec<Dependency>>, SubmitError> {
        let all = [Bindings::of_type(&checks.kind.aspect), (*checks.bindings).clone()];
        let command_view = CommandView { unstored, ..stored_view(view) };
        let ask = |judge: &Judge<'_>, _: &CommandSources<'_>| judge.bindings(all.iter());
        match self.judge(command_view, ask).await {
            Ok(found) => Ok(Some(found)),
            Err(SubmitError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A type with the bindings of a group.
struct Checks {
    groups: Id,
    kind: Arc<ResourceType>,
    bindings: Arc<Bindings>,
}

impl Checks {
    fn of(catalog: &Catalog, groups: &Id, group: &Group, resources: &Id) -> Option<Self> {
        let kind = catalog.model.resource_type(groups.as_str(), resources.as_str())?.clone();
        Some(Self { groups: groups.clone(), kind, bindings: group.own.bindings.clone() })
    }

    fn are_any(&self) -> bool {
        let aspect = &self.kind.aspect;
        let of_type =
            aspect.schema.is_some() || !aspect.rules.is_empty() || !aspect.references.is_empty();
        self.kind.hasdocument && (of_type || !self.bindings.is_empty())
    }

    fn key(&self, resources: &Id) -> Checked {
        let Bindings { schema, message, assert_format, rules, settings: _, subjects: _ } =
            &*self.bindings;
        let schema = (schema.clone(), message.clone(), *assert_format);
        (self.groups.clone(), resources.clone(), schema, rules.clone())
    }
}

/// A view of which everything but what was tried is stored.
const fn stored_view(view: &Catalog) -> CommandView<'_> {
    CommandView::new(view, PendingChanges::Nothing)
}

/// The documents of a type in a group that are the same as before.
fn unwritten(
    tried: &TriedCatalog,
    group: &Xid,
    there: &Group,
    resources: &Id,
    scope: Option<&XidPatterns>,
) -> Vec<StoredDocument> {
    let all = there.resources.get(resources).into_iter().flat_map(|all| all.values());
    let stored = all.filter_map(|resource| {
        let Xid::Group { groups, group } = group else { return None };
        let xid = Xid::Resource {
            groups: groups.clone(),
            group: group.clone(),
            resources: resources.clone(),
            resource: resource.id.clone(),
        };
        let version = resource.default_version()?;
        let before = tried.before.resource_at(&xid)?.default_version()?;
        let content = version.document.filter(|content| Some(*content) == before.document)?;
        let content_type = version.content_type.as_deref().map(ToOwned::to_owned);
        let is_seen = scope.is_none_or(|scope| scope.holds(&xid));
        let attributes = before.attributes;
        is_seen.then_some(StoredDocument { xid, content_type, content, attributes })
    });
    stored.collect()
}

fn fails(violations: &[Violation]) -> bool {
    violations.iter().any(Violation::is_error)
}
