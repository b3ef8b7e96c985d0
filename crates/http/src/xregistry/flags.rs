use http::Method;
use muster_catalog::{
    command::{Ignore, SetDefault},
    query::{Filter, Sort},
};
use muster_model::{Model, SPECVERSION, is_specversion};
use muster_wire::{ErrorKind, Problem};

use super::{
    capabilities::{Capabilities, IGNORES},
    filter::{read_filter, read_sort},
    inline::Inline,
    place::{Address, Place},
    query::Query,
    sort_cursor::SortCursor,
};

/// The flags of a request (core, "Request Flags"), including our own.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the specification")]
pub(super) struct Flags {
    /// Encode documents within JSON as base64.
    pub binary: bool,
    /// Show only the nested collections.
    pub collections: bool,
    /// The document view: relative URLs, and nothing repeated.
    pub doc: bool,
    /// The epoch that the entity to delete must have.
    pub epoch: Option<u64>,
    /// Which entities pass.
    pub filter: Filter,
    /// What a write should ignore.
    pub ignore: Ignore,
    /// What to inline.
    pub inline: Inline,
    /// Whether the flag `inline` was given.
    pub says_inline: bool,
    /// Which version becomes the default.
    pub set_default: Option<SetDefault>,
    /// The order of a collection.
    pub sort: Option<Sort>,
    /// The number of members on a page.
    pub limit: Option<usize>,
    /// The member after which a page begins.
    pub after: Option<String>,
    /// The number of members before a page of a sorted collection.
    pub offset: usize,
    /// Our own flag: erase instead of hiding.
    pub purge: bool,
    /// Our own flag: delete even if others refer to it.
    pub force: bool,
    /// Our own flag: list deleted names instead of existing members.
    pub deleted: bool,
}

/// What is needed to parse a request's flags.
pub(super) struct FlagReader<'a> {
    /// The method.
    pub method: &'a Method,
    /// What the path names.
    pub address: &'a Address,
    /// The text after the question mark, unchanged.
    pub query: Option<&'a str>,
    /// The model in force.
    pub model: &'a Model,
    /// The capabilities; flags outside them are ignored.
    pub capabilities: &'a Capabilities,
    /// Whether there is no built-in model, and therefore none of our own flags.
    pub bare: bool,
}

impl FlagReader<'_> {
    /// Parses the flags.
    ///
    /// # Errors
    /// The specification's error for the first flag that is malformed or isn't allowed here.
    pub fn flags(&self) -> Result<Flags, Problem> {
        let query = Query::parse(self.query);
        let mut flags = self.own_flags(&query)?;
        self.check_specversion(&query)?;
        flags.binary = self.has(&query, "binary");
        flags.doc = self.has(&query, "doc");
        if self.has(&query, "inline") {
            let inline = Inline::parse(query.values("inline"), &self.address.place, self.model);
            flags.inline = inline.map_err(|problem| problem.subject(self.whole()))?;
            flags.says_inline = true;
        }
        if self.has(&query, "filter") {
            flags.filter = read_filter(&query).map_err(|problem| problem.subject(self.whole()))?;
        }
        if self.has(&query, "sort") {
            flags.sort = self.sort(&query)?;
        }
        if self.has(&query, "collections") {
            if !matches!(self.address.place, Place::Registry | Place::Export | Place::Group(..)) {
                return Err(self
                    .bad_flag("collections")
                    .detail("?collections is only allowed on the Registry or a Group instance."));
            }
            flags.collections = true;
            flags.inline.all = true;
        }
        if self.has(&query, "setdefaultversionid") {
            flags.set_default = Some(self.set_default(&query)?);
        }
        if self.has(&query, "ignore") {
            flags.ignore = self.ignore(&query)?;
        }
        if self.has(&query, "epoch") {
            flags.epoch = self.epoch(&query)?;
        }
        if self.capabilities.pagination {
            self.page(&query, &mut flags)?;
        }
        Ok(flags)
    }

    fn has(&self, query: &Query, flag: &str) -> bool {
        query.has(flag) && self.capabilities.has_flag(flag)
    }

    /// The path with its query, which is the subject of most errors about flags. Three characters
    /// that many clients don't encode are percent-encoded.
    fn whole(&self) -> String {
        let query = self.query.map(|query| {
            let query = query.replace("%3C", "<").replace("%3E", ">").replace("%22", "\"");
            format!("?{query}")
        });
        format!("{}{}", self.address.path, query.unwrap_or_default())
    }

    fn bad_flag(&self, flag: &str) -> Problem {
        Problem::new(ErrorKind::BadFlag { flag: flag.to_owned() }).subject(&self.address.path)
    }

    fn own_flags(&self, query: &Query) -> Result<Flags, Problem> {
        let mut flags = Flags::default();
        if self.bare {
            return Ok(flags);
        }
        if query.has("at") && self.method != Method::GET {
            let detail = "It is only allowed with GET: the past can be read, but not changed.";
            return Err(self.bad_flag("at").detail(detail));
        }
        let deletes = self.method == Method::DELETE;
        for flag in ["purge", "force"] {
            if query.has(flag) && !deletes {
                return Err(self.bad_flag(flag).detail("It is only allowed with DELETE."));
            }
        }
        flags.purge = query.has("purge");
        flags.force = query.has("force");
        flags.deleted = query.has("deleted");
        let lists = self.address.place.is_collection() && self.method == Method::GET;
        if flags.deleted && !lists {
            return Err(self
                .bad_flag("deleted")
                .detail("It is only allowed with GET of a collection."));
        }
        Ok(flags)
    }

    fn check_specversion(&self, query: &Query) -> Result<(), Problem> {
        let Some(wanted) = query.value("specversion").filter(|_| self.has(query, "specversion"))
        else {
            return Ok(());
        };
        if is_specversion(wanted) {
            return Ok(());
        }
        Err(Problem::new(ErrorKind::UnsupportedSpecversion {
            specversion: wanted.to_owned(),
            list: SPECVERSION.to_owned(),
        })
        .subject(&self.address.path))
    }

    fn sort(&self, query: &Query) -> Result<Option<Sort>, Problem> {
        if !self.address.place.is_collection() {
            return Err(Problem::new(ErrorKind::SortNoncollection).subject(self.whole()));
        }
        read_sort(query, &self.address.place).map_err(|problem| problem.subject(self.whole()))
    }

    fn set_default(&self, query: &Query) -> Result<SetDefault, Problem> {
        let value = query.value("setdefaultversionid").unwrap_or_default();
        let bad = |value: &str, detail: &str| {
            Problem::new(ErrorKind::BadDefaultversionid {
                value: value.to_owned(),
                error_detail: detail.to_owned(),
            })
            .subject(self.whole())
        };
        let place = &self.address.place;
        let of_one = matches!(
            place,
            Place::Resource(..) | Place::Meta(..) | Place::Versions(..) | Place::Version(..)
        );
        match value {
            "" => Err(bad("\"\"", "value must not be empty")),
            _ if !of_one => Err(self.bad_flag("setdefaultversionid")),
            "null" => Ok(SetDefault::Newest),
            "request" => Ok(SetDefault::Request),
            id => match id.parse() {
                Ok(id) => Ok(SetDefault::Version(id)),
                Err(error) => Err(bad(id, &format!("{error}"))),
            },
        }
    }

    fn ignore(&self, query: &Query) -> Result<Ignore, Problem> {
        let mut ignore = Ignore::default();
        for value in query.values("ignore").flat_map(|value| value.split(',')) {
            let value = value.trim();
            let names: &[&str] = if matches!(value, "" | "*") {
                &IGNORES
            } else {
                if !self.capabilities.has_ignore(value) {
                    return Err(Problem::new(ErrorKind::BadIgnore {
                        value: value.to_owned(),
                        error_detail: "it is none of the capability \"ignores\"".to_owned(),
                    })
                    .subject(self.whole()));
                }
                &[value]
            };
            for name in names.iter().filter(|name| self.capabilities.has_ignore(name)) {
                set_ignore(&mut ignore, name);
            }
        }
        Ok(ignore)
    }

    fn epoch(&self, query: &Query) -> Result<Option<u64>, Problem> {
        let is_write = matches!(*self.method, Method::PUT | Method::PATCH | Method::POST);
        if is_write && !self.bare {
            // Whoever sends it means that nothing is done to another epoch.
            let detail = "?epoch is for DELETE. Send epoch in the body, or If-Match with the ETag.";
            return Err(self.bad_flag("epoch").detail(detail));
        }
        if self.method != Method::DELETE {
            return Ok(None);
        }
        let text = query.value("epoch").unwrap_or_default();
        match text.parse() {
            Ok(epoch) => Ok(Some(epoch)),
            Err(_) => Err(self.bad_flag("epoch").detail(format!("{text:?} isn't an epoch."))),
        }
    }

    fn page(&self, query: &Query, flags: &mut Flags) -> Result<(), Problem> {
        if let Some(limit) = query.value("limit") {
            let limit = limit.parse::<usize>().ok().filter(|limit| *limit > 0);
            let wrong = || self.bad_flag("limit").detail("It must be a number above 0.");
            flags.limit = Some(limit.ok_or_else(wrong)?);
        }
        // Of the cursors of both kinds, each belongs to a query with or without an order.
        let (after, offset) = (query.value("after"), query.value("offset"));
        let wrong = || Problem::new(ErrorKind::BadCursor).subject(self.whole());
        if after.is_some() && flags.sort.is_some() {
            return Err(wrong());
        }
        flags.after = after.map(str::to_owned);
        if let Some(offset) = offset {
            let sort = flags.sort.as_ref().ok_or_else(wrong)?;
            let cursor = SortCursor::parse(offset).ok_or_else(wrong)?;
            if !cursor.is_of(sort, &flags.filter) {
                return Err(wrong());
            }
            flags.offset = cursor.offset;
        }
        Ok(())
    }
}

fn set_ignore(ignore: &mut Ignore, name: &str) {
    let flag = match name {
        "capabilities" => &mut ignore.capabilities,
        "defaultversionid" => &mut ignore.default_version_id,
        "defaultversionsticky" => &mut ignore.default_version_sticky,
        "epoch" => &mut ignore.epoch,
        "id" => &mut ignore.id,
        "modelsource" => &mut ignore.model_source,
        "readonly" => &mut ignore.readonly,
        _ => return,
    };
    *flag = true;
}

#[cfg(test)]
mod tests;
