use std::sync::Arc;

use muster_catalog::{registration, state::Bindings};
use muster_client::{Client, ClientError, Query};
use muster_wire::ErrorCode;
use muster_words::{
    Xid,
    json::{Map, Value},
};

use super::{BindingOwner, DocumentSet, Judgement, MissingEntity};
use crate::Failure;

impl DocumentSet {
    /// Judges loaded documents. If there is a registry, it is asked for what the judge lacks, until
    /// the judge lacks nothing that exists.
    pub(crate) async fn judge_all(
        &mut self,
        client: Option<&Client>,
        xids: &[Xid],
    ) -> Result<Vec<Judgement>, Failure> {
        self.judged(client, |set| xids.iter().map(|xid| set.judge(xid)).collect()).await
    }

    /// Judges bindings in the same way.
    pub(crate) async fn judge_all_bindings(
        &mut self,
        client: Option<&Client>,
        bindings: &[(BindingOwner, Arc<Bindings>)],
    ) -> Result<Vec<Judgement>, Failure> {
        let judge = |set: &Self| {
            bindings.iter().map(|(_, bindings)| set.judge_bindings(bindings)).collect()
        };
        self.judged(client, judge).await
    }

    async fn judged(
        &mut self,
        client: Option<&Client>,
        judge: impl Fn(&Self) -> Vec<Judgement>,
    ) -> Result<Vec<Judgement>, Failure> {
        loop {
            let found = judge(self);
            let missing = self.missing.take();
            let Some(client) = client.filter(|_| !missing.is_empty()) else { return Ok(found) };
            for one in missing {
                match self.ask(client, &one).await {
                    // Whether it exists is the registry's secret, so what depends on it can't be
                    // checked here.
                    Err(failure) if failure.is(ErrorCode::OutOfScope) => {
                        self.is_all = false;
                        if let MissingEntity::Entity(xid) = &one {
                            self.elsewhere.insert(xid.clone());
                        }
                    }
                    answered => answered?,
                }
                self.asked.insert(one);
            }
        }
    }

    async fn ask(&mut self, client: &Client, missing: &MissingEntity) -> Result<(), Failure> {
        match missing {
            MissingEntity::Document(xid) => drop(self.fetch(client, xid).await?),
            MissingEntity::Entity(xid) => {
                if let Some(details) = there(client.details(xid, &Query::new()).await)? {
                    self.elsewhere.insert(xid.clone());
                    self.add_group_there(xid, &details.json()?);
                }
            }
            MissingEntity::Members(group) => {
                if there(client.details(group, &Query::new()).await)?.is_none() {
                    return Ok(());
                }
                self.groups.entry(group.clone()).or_insert(None);
                let kind = group.collection();
                let kind = kind.and_then(|all| self.model.group_type(all.groups.as_str()));
                let types: Vec<String> =
                    kind.iter().flat_map(|kind| kind.resources.keys().cloned()).collect();
                for resources in types {
                    let collection = format!("{group}/{resources}");
                    let Some(page) = there(client.all(&collection, &Query::new()).await)? else {
                        continue;
                    };
                    for (id, _) in &page.entries {
                        let Ok(xid) = format!("{collection}/{id}").parse::<Xid>() else { continue };
                        if !self.documents.contains_key(&xid) {
                            self.fetch(client, &xid).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a group of a registry. Invalid bindings count as none, as in the registry itself.
    pub(crate) fn add_group_there(&mut self, xid: &Xid, attributes: &Value) {
        if let (Xid::Group { .. }, Some(attributes)) = (xid, attributes.as_object()) {
            let is_read = self.add_group(xid, attributes).is_ok();
            if !is_read {
                drop(self.add_group(xid, &Map::new()));
            }
        }
    }

    /// Fetches a document, if it exists and has bytes. Returns whether it exists.
    async fn fetch(&mut self, client: &Client, xid: &Xid) -> Result<bool, Failure> {
        let found = there(client.document(xid).await)?;
        let Some(document) = found.filter(|document| document.elsewhere.is_none()) else {
            return Ok(false);
        };
        let content_type = document.content_type.unwrap_or_default();
        self.add(xid, document.bytes, content_type, false);
        if registration::is_schema(xid)
            && let Some(details) = there(client.details(xid, &Query::new()).await)?
            && let Value::Object(attributes) = details.json()?
        {
            self.add_schema_attributes(xid, &attributes);
        }
        Ok(true)
    }
}

/// Turns "not found" and "purged" into None.
fn there<T>(answer: Result<T, ClientError>) -> Result<Option<T>, Failure> {
    let is_erased = |error: &ClientError| {
        error.refusal().is_some_and(|refusal| refusal.status == http::StatusCode::GONE)
    };
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_absent() || is_erased(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
