use std::collections::BTreeSet;

use muster_catalog::{Content, state::Version};
use muster_schema::named_references;
use muster_wire::Problem;
use muster_words::{
    Coverage, Xid,
    json::{Map, Value},
};

use super::source::Reader;
use crate::xregistry::problem_of_fetch;

/// How many schemas are read for one. When it was put, no more were allowed.
const REFERENCED_MAX: usize = 1_000;

impl Reader {
    /// The texts of the schemas that a stored version names in its attribute `references`, and of
    /// those that they name. What isn't there is left out, and then the schema can't be read.
    pub(super) async fn named_texts(
        &self,
        xid: &Xid,
        version: &Version,
    ) -> Result<Vec<(String, String)>, Problem> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = vec![(xid.clone(), version.attributes)];
        while let Some((xid, attributes)) = next.pop() {
            let attributes = self.attributes_of(attributes).await?;
            for (name, candidates) in named_references(&xid, attributes.get("references")) {
                if seen.len() >= REFERENCED_MAX || !seen.insert(name.clone()) {
                    continue;
                }
                let mut there = candidates.into_iter().filter(|xid| self.is_seen(xid));
                let Some(named) = there.next() else { continue };
                let Some(version) = self.view.version_at(&named).cloned() else { continue };
                let Some(document) = version.document else { continue };
                let bytes = self.registry.contents(&[document]).await;
                let bytes = bytes.map_err(|error| problem_of_fetch(error, self.path))?;
                if let Some(bytes) = bytes.into_iter().flatten().next() {
                    found.push((name, String::from_utf8_lossy(&bytes).into_owned()));
                }
                next.push((named, version.attributes));
            }
        }
        Ok(found)
    }

    /// The attributes in a content; empty if there are none, or if they were purged.
    pub(super) async fn attributes_of(
        &self,
        content: Option<Content>,
    ) -> Result<Map<String, Value>, Problem> {
        let Some(content) = content else { return Ok(Map::new()) };
        let read = self.registry.attributes(&[content]).await;
        let read = read.map_err(|error| problem_of_fetch(error, self.path))?;
        Ok(read.into_iter().next().map(|map| (*map).clone()).unwrap_or_default())
    }

    /// Whether the caller may see a version, and it is there.
    fn is_seen(&self, xid: &Xid) -> bool {
        let within = self.view.within();
        self.view.has(xid)
            && within.is_none_or(|within| within.coverage(&xid.to_string()) == Coverage::Within)
    }
}
