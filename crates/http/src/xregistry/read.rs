use std::{borrow::Cow, future::Future};

use http::{HeaderMap, StatusCode, header};
use muster_catalog::{
    View,
    entity::{Entity, EntityReader},
    query::{MemberQuery, PassingEntity},
};
use muster_registry::Registry;
use muster_wire::{
    ErrorCode, ErrorKind, Problem,
    entities::{HiddenKind, HiddenName, RegistryList},
    etag::Rendition,
    headers,
};
use muster_words::{Coverage, limits::PAGE_ENTRIES_DEFAULT};

use super::{
    answer::Answer,
    capabilities::{self, Capabilities},
    document::{Representation, check_contents, content_location, represent},
    document_cache::{DocumentCache, RenderedDocument},
    flags::Flags,
    inline::Inline,
    long::{LongReads, SHORT_BYTES_MAX, SHORT_MAX, is_long},
    place::{Address, Place},
    refused::problem_of_fetch,
    render::{
        AnswerPlanner, EntityWriter, JsonWriter, Links, LoadedContents, NeededContents, Page,
        ShownEntity, first_page, model, page, without_page,
    },
    tags::{self, Freshness},
};

/// The size of an answer in bytes, as it is rendered, because it is built in memory: as many are as
/// there are turns. A larger one is `too_large`; its collections must be read one by one.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A read: an address and flags, with a view.
pub(super) struct Read<'a> {
    pub registry: &'a Registry,
    pub view: &'a View,
    pub address: &'a Address,
    pub flags: &'a Flags,
    pub capabilities: &'a Capabilities,
    /// The base of absolute URLs, including the API's prefix.
    pub root: &'a str,
    /// The text after the question mark, unchanged.
    pub query: Option<&'a str>,
    /// The whole path, unchanged.
    pub request_path: &'a str,
    pub documents: Option<&'a DocumentCache>,
    pub long: &'a LongReads,
    pub bare: bool,
    /// Whether it is for the answer to a finished write, which can't be refused.
    pub is_after_write: bool,
}

impl<'a> Read<'a> {
    /// Answers a GET.
    ///
    /// # Errors
    /// See the specification.
    pub async fn answer(&self, headers: &HeaderMap) -> Result<Answer, Problem> {
        // What is kept across a wait is part of this future, and the future of each request is moved
        // several times: the reading of many entities lies elsewhere, where it is needed at all.
        let mut answer = match &self.address.place {
            place if place.is_collection() => {
                self.run_long(Box::pin(self.collection(headers))).await?
            }
            Place::Registry | Place::Export | Place::Group(..) | Place::Meta(..) => {
                self.run_long(Box::pin(self.details(headers))).await?
            }
            Place::Resource(..) | Place::Version(..) => {
                if self.address.is_document() && !self.flags.doc {
                    self.document(headers).await?
                } else {
                    self.run_long(Box::pin(self.details(headers))).await?
                }
            }
            place => self.configuration(place, headers)?,
        };
        answer.position(self.view);
        Ok(answer)
    }

    /// Runs a short read at once, and a long one on its own thread.
    pub async fn run_long<T>(
        &self,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        if !is_long(self.view, &self.address.place, self.flags, self.limit()) {
            return read.await;
        }
        self.run_bytes(u64::MAX, read).await
    }

    /// Runs what reads or writes so many bytes: few at once, and many on its own thread.
    async fn run_bytes<T>(
        &self,
        bytes: u64,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        if bytes <= SHORT_BYTES_MAX {
            return read.await;
        }
        if self.is_after_write {
            return self.long.run_after_write(read).await;
        }
        let ran = self.long.run(read).await;
        ran.map_err(|problem| match problem.code() {
            ErrorCode::ServerBusy => problem.subject(&self.address.path),
            _ => problem,
        })
    }

    /// As [`Self::run_long`], for the answer to a finished write.
    pub async fn run_long_after_write<T>(
        &self,
        entities: usize,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let is_long = entities > SHORT_MAX
            || is_long(self.view, &self.address.place, self.flags, self.limit());
        if is_long { self.long.run_after_write(read).await } else { read.await }
    }

    /// The number of members on a page; none means all.
    fn limit(&self) -> Option<usize> {
        match self.flags.limit {
            None if self.capabilities.pagination && !self.bare => Some(PAGE_ENTRIES_DEFAULT),
            limit => limit,
        }
    }

    fn not_found(&self) -> Problem {
        match self.address.place.entity() {
            Some(xid) => Problem::new(ErrorKind::NotFound).subject(xid),
            None => Problem::new(ErrorKind::NotFound).subject(&self.address.path),
        }
    }

    async fn document(&self, headers: &HeaderMap) -> Result<Answer, Problem> {
        let xid = self.address.place.entity().ok_or_else(|| self.not_found())?;
        let now = |which| tags::tag(self.view, xid, which);
        if now(Rendition::Document).is_none() {
            return Err(self.not_found());
        }
        if tags::freshness(headers, &self.address.path, now)? == Freshness::NotModified {
            let mut answer = not_modified(now(Rendition::Document));
            if let Some(location) = content_location(self.view, xid, self.root) {
                answer.header(header::CONTENT_LOCATION, &location);
            }
            return Ok(answer);
        }
        let content = Entity::find(self.view, xid).and_then(|entity| entity.document());
        let bytes = content.map_or(0, |content| u64::from(content.size));
        let reading = represent(self.registry, self.view, xid, self.root);
        let found = self.run_bytes(bytes, reading).await?;
        self.keep(xid, &found);
        Ok(Answer { status: found.status, headers: found.headers, body: found.body })
    }

    /// Puts a document into the cache.
    fn keep(&self, xid: &muster_words::Xid, found: &Representation) {
        let (Some(documents), None) = (self.documents, self.query) else { return };
        // Other spellings of the path would fill the cache, and a purge wouldn't find them.
        if self.request_path.strip_prefix(super::PREFIX) != Some(&*self.address.path) {
            return;
        }
        documents.keep(
            self.view,
            &RenderedDocument {
                path: self.request_path,
                base: self.root.strip_suffix(super::PREFIX).unwrap_or(self.root),
                place: &self.address.place,
                xid,
                representation: found,
            },
        );
    }

    async fn details(&self, headers: &HeaderMap) -> Result<Answer, Problem> {
        let xid = self.address.place.entity().unwrap_or(&muster_words::Xid::Registry);
        let entity = Entity::find(self.view, xid).ok_or_else(|| self.not_found())?;
        check_contents(self.view, xid, &entity)?;
        let plain = !self.flags.says_inline
            && !self.flags.doc
            && !self.flags.collections
            && self.flags.filter.is_empty()
            && !matches!(self.address.place, Place::Export);
        let tag = if plain { tags::tag(self.view, xid, Rendition::Details) } else { None };
        let tag = tag.unwrap_or_else(|| tags::weak(self.view));
        let now = |which| {
            if which == tag.rendition { Some(tag) } else { tags::tag(self.view, xid, which) }
        };
        if tags::freshness(headers, &self.address.path, now)? == Freshness::NotModified {
            return Ok(not_modified(Some(tag)));
        }
        let mut answer = self.entity(xid).await?;
        answer.tag(tag);
        Ok(answer)
    }

    /// The answer with an entity as JSON.
    pub async fn entity(&self, xid: &muster_words::Xid) -> Result<Answer, Problem> {
        let entity = Entity::find(self.view, xid).ok_or_else(|| self.not_found())?;
        let path = xid.to_string();
        let export = matches!(self.address.place, Place::Export);
        let inline = if export && !self.flags.says_inline {
            Cow::Owned(Inline::export())
        } else {
            Cow::Borrowed(&self.flags.inline)
        };
        let filter = &self.flags.filter;
        let mut contents = LoadedContents::default();
        let missing = {
            let urls = Links::api("");
            let reader = EntityReader { view: self.view, loaded: &contents, urls: &urls };
            reader.missing(&entity, filter)
        };
        self.load(&mut contents, missing.into()).await?;
        let shown = self.planner(&contents).filtered(entity, &path, &inline, filter);
        let filtered = || Problem::new(ErrorKind::NotFound).subject(&self.address.path);
        let shown = shown.ok_or_else(filtered)?;
        let mut wanted = NeededContents::default();
        let doc = self.flags.doc || export;
        self.planner(&contents).add_needed(&shown, doc, &mut wanted);
        let links = self.links(doc, &path);
        let rendering = self.rendered(&mut contents, wanted, |contents, out| {
            self.writer(contents, &links).entity(&shown, out);
        });
        rendering.await
    }

    /// Loads what an answer needs, and writes it.
    async fn rendered(
        &self,
        contents: &mut LoadedContents,
        wanted: NeededContents,
        write: impl FnOnce(&LoadedContents, &mut JsonWriter),
    ) -> Result<Answer, Problem> {
        let wanted_bytes = wanted.bytes();
        let rendering = async {
            self.load(contents, wanted).await?;
            let mut out = JsonWriter::up_to(ANSWER_BYTES_MAX);
            write(contents, &mut out);
            if out.is_over() {
                return Err(self.too_large());
            }
            Ok(Answer::json(out.finish()))
        };
        self.run_bytes(wanted_bytes, rendering).await
    }

    fn too_large(&self) -> Problem {
        Problem::new(ErrorKind::TooLarge)
            .subject(&self.address.path)
            .detail("Inline less, use a filter, or read the collections one by one.")
    }

    fn planner<'b>(&self, contents: &'b LoadedContents) -> AnswerPlanner<'a, 'b> {
        AnswerPlanner { view: self.view, contents, filters: !self.flags.filter.is_empty() }
    }

    fn links<'b>(&'b self, doc: bool, root: &'b str) -> Links<'b> {
        if doc { Links::document(self.root, root) } else { Links::api(self.root) }
    }

    fn writer<'b>(
        &'b self,
        contents: &'b LoadedContents,
        links: &'b Links<'b>,
    ) -> EntityWriter<'b> {
        EntityWriter {
            view: self.view,
            contents,
            links,
            capabilities: self.capabilities,
            binary: self.flags.binary,
            collections_only: self.flags.collections,
        }
    }

    async fn load(
        &self,
        contents: &mut LoadedContents,
        wanted: NeededContents,
    ) -> Result<(), Problem> {
        if wanted.bytes() > ANSWER_BYTES_MAX as u64 {
            return Err(self.too_large());
        }
        let failed = |error| problem_of_fetch(error, &self.address.path);
        contents.load(self.registry, wanted).await.map_err(failed)
    }

    async fn collection(&self, headers: &HeaderMap) -> Result<Answer, Problem> {
        let tag = tags::weak(self.view);
        let parent = self.parent()?;
        if tags::freshness(headers, &self.address.path, |_| Some(tag))? == Freshness::NotModified {
            return Ok(not_modified(Some(tag)));
        }
        if self.flags.deleted {
            return Ok(self.deleted());
        }
        let mut contents = LoadedContents::default();
        let limit = self.limit();
        let page = if self.flags.filter.is_empty() && self.flags.sort.is_none() {
            self.plain_page(&parent, limit)?
        } else {
            let all = self.found(&parent, &mut contents).await?;
            page(all, self.flags, limit)
        };
        let shown = self.expanded(page.members, &contents);
        let mut answer = self.map(&shown, &mut contents).await?;
        answer.tag(tag);
        if let Some(next) = page.next {
            let kept = without_page(self.query);
            let between = if kept.is_empty() { "" } else { "&" };
            let url = format!("{}{}?{kept}{between}{next}", self.root, self.address.path);
            let link = headers::next_page(&url, Some(page.count as u64));
            answer.another(header::LINK, &link);
        }
        Ok(answer)
    }

    /// A page of a collection in its own order, which only needs the page's members.
    fn plain_page(&self, parent: &Entity<'a>, limit: Option<usize>) -> Result<Page<'a>, Problem> {
        let after = match self.flags.after.as_deref().map(str::parse) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => {
                return Err(Problem::new(ErrorKind::BadCursor).subject(&self.address.path));
            }
        };
        let count = parent.count_in(self.view, self.plural());
        let members = parent.members_after(self.view, self.plural(), after.as_ref());
        Ok(first_page(members, count, limit))
    }

    /// The entity with the collection.
    fn parent(&self) -> Result<Entity<'a>, Problem> {
        let xid = match &self.address.place {
            Place::Resources(_, group) => group,
            Place::Versions(_, resource) => resource,
            _ => return Ok(Entity::Registry),
        };
        let missing = || Problem::new(ErrorKind::NotFound).subject(xid);
        Entity::find(self.view, xid).ok_or_else(missing)
    }

    fn plural(&self) -> &str {
        match &self.address.place {
            Place::Groups(kind) => &kind.plural,
            Place::Resources(kind, _) => &kind.plural,
            _ => "versions",
        }
    }

    fn member_path(&self, member: &Entity<'_>) -> String {
        format!("{}/{}", self.address.path, member.id())
    }

    /// The members that may match the filter, if the indexes know them.
    fn narrowed(&self, parent: &Entity<'a>) -> Option<Vec<Entity<'a>>> {
        let (Place::Resources(kind, xid), Entity::Group(_, group)) = (&self.address.place, parent)
        else {
            return None;
        };
        let names = self.view.narrowed(xid.group_ids()?, kind, &self.flags.filter)?;
        let resources: muster_words::Id = kind.plural.parse().ok()?;
        let members = names.iter().filter_map(|id| group.resource(&resources, id));
        Some(members.map(|member| Entity::Resource(kind, member)).collect())
    }

    /// The members that match the filter, in the requested order.
    async fn found(
        &self,
        parent: &Entity<'a>,
        contents: &mut LoadedContents,
    ) -> Result<Vec<Entity<'a>>, Problem> {
        let (urls, path) = (Links::api(""), &self.address.path);
        let (filter, sort) = (&self.flags.filter, self.flags.sort.as_ref());
        let members = match self.narrowed(parent) {
            Some(members) => Box::new(members.into_iter()),
            None => parent.members(self.view, self.plural()),
        };
        let mut query = MemberQuery::new(self.view, &urls, path, members, filter, sort);
        while let Err(missing) = query.run(contents) {
            self.load(contents, missing.into()).await?;
        }
        Ok(query.into_members())
    }

    fn expanded(
        &self,
        members: Vec<Entity<'a>>,
        contents: &LoadedContents,
    ) -> Vec<ShownEntity<'a>> {
        let planner = self.planner(contents);
        let (inline, filter) = (&self.flags.inline, &self.flags.filter);
        members
            .into_iter()
            .filter_map(|member| {
                planner.filtered(member, &self.member_path(&member), inline, filter)
            })
            .collect()
    }

    /// Entities of one collection, by id.
    async fn map(
        &self,
        shown: &[ShownEntity<'a>],
        contents: &mut LoadedContents,
    ) -> Result<Answer, Problem> {
        let mut wanted = NeededContents::default();
        for shown in shown {
            self.planner(contents).add_needed(shown, self.flags.doc, &mut wanted);
        }
        let links = self.links(self.flags.doc, &self.address.path);
        let rendering = self.rendered(contents, wanted, |contents, out| {
            self.writer(contents, &links).map(shown, out);
        });
        rendering.await
    }

    /// The entities that a write touched: of one collection, or grouped by the collections in the
    /// request, in their order, including empty ones.
    pub async fn processed(
        &self,
        xids: &[muster_words::Xid],
        named: &[String],
    ) -> Result<Answer, Problem> {
        let mut contents = LoadedContents::default();
        let planner = self.planner(&contents);
        let shown: Vec<ShownEntity<'a>> = xids
            .iter()
            .filter_map(|xid| {
                let entity = Entity::find(self.view, xid)?;
                let inline = match &self.address.place {
                    Place::Registry | Place::Group(..) => {
                        self.flags.inline.get(collection_of(&xid.to_string())).unwrap_or_default()
                    }
                    _ => self.flags.inline.clone(),
                };
                Some(planner.entity(PassingEntity::whole(entity, xid.to_string()), &inline))
            })
            .collect();
        if self.address.place.is_collection() {
            return self.map(&shown, &mut contents).await;
        }
        let mut wanted = NeededContents::default();
        for shown in &shown {
            self.planner(&contents).add_needed(shown, self.flags.doc, &mut wanted);
        }
        let links = self.links(self.flags.doc, &self.address.path);
        let rendering = self.rendered(&mut contents, wanted, |contents, out| {
            out.open();
            let mut rest = shown.as_slice();
            for plural in named {
                let is_same = |shown: &&ShownEntity<'_>| collection_of(&shown.path) == plural;
                let (same, others) = rest.split_at(rest.iter().take_while(is_same).count());
                out.key(plural);
                let writing = self.writer(contents, &links);
                EntityWriter { collections_only: false, ..writing }.map(same, out);
                rest = others;
            }
            out.close();
        });
        rendering.await
    }

    /// The deleted names in a collection (`?deleted`), each with the position of the deletion that
    /// `restore` would undo.
    fn deleted(&self) -> Answer {
        let kind = match &self.address.place {
            Place::Groups(_) => HiddenKind::Group,
            Place::Resources(..) => HiddenKind::Document,
            _ => HiddenKind::Version,
        };
        let mut out = JsonWriter::default();
        out.open();
        let within = self.view.within();
        for (xid, deletion) in self.view.deleted_in(&self.address.path) {
            if within.is_some_and(|within| within.coverage(&xid) == Coverage::Outside) {
                continue;
            }
            out.key(&xid[self.address.path.len() + 1..]);
            let (xid, position) = (xid.to_string(), deletion.position.0);
            out.typed(&HiddenName { xid, kind: kind.into(), position });
        }
        out.close();
        Answer::json(out.finish())
    }

    /// The model, the capabilities and other things that aren't entities.
    fn configuration(&self, place: &Place, headers: &HeaderMap) -> Result<Answer, Problem> {
        let tag = match place {
            Place::ModelSource => tags::of_model_source(self.view),
            _ => tags::weak(self.view),
        };
        if tags::freshness(headers, &self.address.path, |_| Some(tag))? == Freshness::NotModified {
            return Ok(not_modified(Some(tag)));
        }
        let mut answer = match place {
            Place::Model => Answer::json(model(self.view, "\n")),
            Place::ModelSource => json(|out| out.value(self.view.model().source())),
            Place::Capabilities => {
                json(|out| out.typed(&capabilities::document(self.capabilities)))
            }
            Place::CapabilitiesOffered => json(|out| out.typed(&capabilities::offered(self.bare))),
            _ => {
                let list = RegistryList { registries: vec![format!("{}/", self.root)] };
                json(|out| out.typed(&list))
            }
        };
        answer.tag(tag);
        Ok(answer)
    }
}

fn json(write: impl FnOnce(&mut JsonWriter)) -> Answer {
    let mut out = JsonWriter::default();
    write(&mut out);
    Answer::json(out.finish())
}

/// The collection in an entity's path.
fn collection_of(path: &str) -> &str {
    path.rsplit('/').nth(1).unwrap_or_default()
}

fn not_modified(tag: Option<muster_wire::etag::EntityTag>) -> Answer {
    let mut answer = Answer::empty(StatusCode::NOT_MODIFIED);
    if let Some(tag) = tag {
        answer.tag(tag);
    }
    answer
}
