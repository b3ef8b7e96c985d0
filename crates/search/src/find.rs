use std::time::{Duration, Instant};

use muster_catalog::index::{Candidates, SearchCondition};
use muster_words::{Xid, XidPatterns};
use rusqlite::{Connection, ErrorCode, Rows, params};

use crate::{
    TextIndexError, TextQuery,
    place::{TextPlaces, is_inexact},
};

/// The most documents that one search finds. Nobody reads more, and each is looked up in a view.
pub const TEXT_HITS_MAX: usize = 10_000;

/// How long a search may rank what it finds. Then documents are returned without a rank.
const RANKING_TIME_MAX: Duration = Duration::from_millis(200);

/// How long a search may read documents with its words, of which its conditions may hold for few.
const READING_TIME_MAX: Duration = Duration::from_millis(500);

/// The most documents with its words that a search reads; about a second's work.
const READ_MAX: usize = 1_000_000;

/// How long a search may look for its words in each of the documents for which its conditions hold.
const EACH_TIME_MAX: Duration = Duration::from_secs(2);

/// The steps of SQLite's machine between two looks at the clock, about 50 µs.
const STEPS_BETWEEN: i32 = 2_000;

/// The documents among which words are searched.
pub trait TextCandidates {
    /// Whether a document is one of them.
    fn has(&self, xid: &Xid) -> bool;

    /// How many there are.
    fn count(&self) -> u64;

    /// Their names.
    fn xids(&self) -> Vec<Xid>;

    /// The places that the caller may see; none if that are all.
    fn within(&self) -> Option<&XidPatterns>;
}

impl TextCandidates for Candidates {
    fn has(&self, xid: &Xid) -> bool {
        Self::has(self, xid)
    }

    fn count(&self) -> u64 {
        self.len()
    }

    fn xids(&self) -> Vec<Xid> {
        Self::xids(self).collect()
    }

    fn within(&self) -> Option<&XidPatterns> {
        Self::within(self)
    }
}

/// A search for words among the documents for which conditions hold.
pub(crate) struct TextSearch<'a> {
    query: String,
    candidates: &'a dyn TextCandidates,
    /// Whether documents are read that the caller may not see.
    is_inexact: bool,
    read_max: usize,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextHits {
    /// The documents, best first if they are ranked.
    pub xids: Vec<Xid>,
    /// Whether there may be more.
    pub is_cut: bool,
    /// Whether they are ranked. A word of too many documents isn't.
    pub is_ranked: bool,
}

impl<'a> TextSearch<'a> {
    pub(crate) fn new(
        query: &TextQuery,
        condition: &SearchCondition,
        candidates: &'a dyn TextCandidates,
    ) -> Self {
        let within = candidates.within();
        let query = TextPlaces::of(within, condition).narrow(query.as_str());
        let is_inexact = within.is_some_and(is_inexact);
        Self { query, candidates, is_inexact, read_max: READ_MAX }
    }

    pub(crate) fn run(&self, connection: &mut Connection) -> Result<TextHits, TextIndexError> {
        let mut hits = self.found(connection)?;
        // Whether a search ended early must not tell how many documents there are in places that
        // the caller doesn't see.
        hits.is_cut |= self.is_inexact && self.candidates.count() > TEXT_HITS_MAX as u64;
        Ok(hits)
    }

    fn found(&self, connection: &mut Connection) -> Result<TextHits, TextIndexError> {
        // A match in a name counts ten times, and a place not at all.
        let ranked = "SELECT xid FROM texts JOIN documents ON documents.id = texts.rowid \
                      WHERE texts MATCH ?1 ORDER BY bm25(texts, 10.0, 1.0, 0.0), xid";
        let mut hits = TextHits { is_ranked: true, ..TextHits::default() };
        let ran = within(connection, RANKING_TIME_MAX, |own| self.read(own, ranked, &mut hits));
        if ended(ran)? {
            return Ok(hits);
        }
        let plain = "SELECT xid FROM texts JOIN documents ON documents.id = texts.rowid \
                     WHERE texts MATCH ?1";
        let mut hits = TextHits::default();
        let ran = within(connection, READING_TIME_MAX, |own| self.read(own, plain, &mut hits));
        if ended(ran)? {
            return Ok(hits);
        }
        if self.candidates.count() <= TEXT_HITS_MAX as u64 {
            match within(connection, EACH_TIME_MAX, |own| self.each(own)) {
                // Words with `*` can be slow to look for one by one. What was found so far depends
                // on documents that the caller may not see if the places are inexact.
                Err(TextIndexError::TooSlow) if !self.is_inexact => {}
                found => return found,
            }
        }
        hits.is_cut = true;
        Ok(hits)
    }

    /// Reads the documents with the words, until there are enough for which the conditions hold.
    /// Returns false if it read too many before that.
    fn read(
        &self,
        connection: &Connection,
        statement: &str,
        hits: &mut TextHits,
    ) -> Result<bool, rusqlite::Error> {
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows: Rows<'_> = statement.query(params![self.query])?;
        let mut read = 0;
        while let Some(row) = rows.next()? {
            if read == self.read_max {
                return Ok(false);
            }
            read += 1;
            // The follower writes only names of documents.
            let xid = row.get_ref(0)?.as_str()?.parse::<Xid>().ok();
            let Some(xid) = xid.filter(|xid| self.candidates.has(xid)) else { continue };
            if hits.xids.len() == TEXT_HITS_MAX {
                hits.is_cut = true;
                return Ok(true);
            }
            hits.xids.push(xid);
        }
        Ok(true)
    }

    /// Looks for the words in each document for which the conditions hold. That is slower for one
    /// document, but doesn't depend on how many others have the words.
    fn each(&self, connection: &Connection) -> Result<TextHits, rusqlite::Error> {
        let mut statement = connection.prepare_cached(
            "SELECT 1 FROM documents CROSS JOIN texts ON texts.rowid = documents.id \
             WHERE documents.xid = ?1 AND texts MATCH ?2",
        )?;
        let mut hits = TextHits::default();
        for xid in self.candidates.xids() {
            if statement.exists(params![xid.to_string(), self.query])? {
                hits.xids.push(xid);
            }
        }
        Ok(hits)
    }
}

/// Whether a search found all that it looked for in its time.
fn ended(ran: Result<bool, TextIndexError>) -> Result<bool, TextIndexError> {
    match ran {
        Err(TextIndexError::TooSlow) => Ok(false),
        ran => ran,
    }
}

/// Runs statements, and interrupts them when their time is over.
pub(crate) fn within<T>(
    connection: &mut Connection,
    time: Duration,
    run: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<T, TextIndexError> {
    let end = Instant::now() + time;
    connection.progress_handler(STEPS_BETWEEN, Some(move || Instant::now() >= end))?;
    let ran = run(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    ran.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => TextIndexError::TooSlow,
        _ => error.into(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeSet;

    use muster_catalog::index::{FieldTest, GROUP};

    use super::*;
    use crate::{DocumentText, TextIndex};

    /// More documents than a search finds.
    const OTHERS: usize = TEXT_HITS_MAX + 2_000;

    #[derive(Default)]
    struct Listed {
        xids: BTreeSet<Xid>,
        within: Option<XidPatterns>,
        /// Whether they count as too many to look at each.
        is_many: bool,
    }

    impl TextCandidates for Listed {
        fn has(&self, xid: &Xid) -> bool {
            self.xids.contains(xid)
        }

        fn count(&self) -> u64 {
            if self.is_many { u64::MAX } else { self.xids.len() as u64 }
        }

        fn xids(&self) -> Vec<Xid> {
            self.xids.iter().cloned().collect()
        }

        fn within(&self) -> Option<&XidPatterns> {
            self.within.as_ref()
        }
    }

    fn xid(text: &str) -> Xid {
        text.parse().unwrap()
    }

    /// An index in which many documents have a word, those of one group last.
    fn filled() -> TextIndex {
        let index = TextIndex::in_memory(&"own".parse().unwrap()).unwrap();
        let others = (0..OTHERS).map(|number| format!("/providers/g{number}/entries/d"));
        let last = (0..8).map(|number| format!("/providers/last/entries/d{number}"));
        let text = |xid| DocumentText { xid, names: "d".to_owned(), words: "common".to_owned() };
        let texts: Vec<DocumentText> = others.chain(last).map(text).collect();
        index.write(&[], &texts).unwrap();
        index
    }

    #[test]
    fn finds_the_few_for_which_conditions_hold_among_many_with_the_word() {
        let index = filled();
        let query = TextQuery::parse("common").unwrap();
        let last: BTreeSet<Xid> =
            (0..8).map(|number| xid(&format!("/providers/last/entries/d{number}"))).collect();
        let everything = SearchCondition::All(Vec::new());
        let group = |name: &str| SearchCondition::field(GROUP, FieldTest::Is(name.to_owned()));
        let scope = |text: &str| Some(XidPatterns::new(vec![text.parse().unwrap()]));
        for (name, condition, within, is_narrow) in [
            ("a field", everything.clone(), None, false),
            ("a group", SearchCondition::All(vec![group("providers/last")]), None, true),
            ("a scope", everything.clone(), scope("/providers/last"), true),
            ("a scope with a star", everything.clone(), scope("/providers/la*/entries/d*"), false),
            ("a scope without a beginning", everything, scope("/*/last"), false),
        ] {
            let mut candidates = Listed { xids: last.clone(), within, is_many: false };
            let found = |hits: &TextHits| hits.xids.iter().cloned().collect::<BTreeSet<_>>();
            let hits = index.find(&query, &condition, &candidates).unwrap();
            assert_eq!((found(&hits), hits.is_cut), (last.clone(), false), "{name}");
            // Also if it may read only a few of those with the word.
            let mut search = TextSearch::new(&query, &condition, &candidates);
            search.read_max = 8;
            let hits = index.run(&search).unwrap();
            assert_eq!((found(&hits), hits.is_cut), (last.clone(), false), "{name}");
            // A place narrows what is read.
            candidates.is_many = true;
            let mut search = TextSearch::new(&query, &condition, &candidates);
            search.read_max = 8;
            assert_eq!(index.run(&search).unwrap().is_cut, !is_narrow, "{name}");
        }
        // What narrows a search is no word of a document.
        let candidates = Listed { xids: last, ..Listed::default() };
        let own = crate::place::terms_of("/providers/last/entries/d");
        let query = TextQuery::parse(own.split(' ').next().unwrap()).unwrap();
        let found = index.find(&query, &SearchCondition::All(Vec::new()), &candidates).unwrap();
        assert!(found.xids.is_empty());
    }

    #[test]
    fn says_that_it_was_cut_only_by_what_the_caller_sees() {
        let index = filled();
        let all = SearchCondition::All(Vec::new());
        let query = TextQuery::parse("common").unwrap();
        let seen = |count: usize| -> BTreeSet<Xid> {
            (0..count).map(|number| xid(&format!("/providers/g{number}/entries/d"))).collect()
        };
        let scope = || Some(XidPatterns::new(vec!["/providers/g*".parse().unwrap()]));
        for (count, within, is_cut) in [
            (TEXT_HITS_MAX, None, false),
            (TEXT_HITS_MAX, scope(), false),
            (TEXT_HITS_MAX + 1, None, true),
            (TEXT_HITS_MAX + 1, scope(), true),
        ] {
            let candidates = Listed { xids: seen(count), within, is_many: false };
            let hits = index.find(&query, &all, &candidates).unwrap();
            assert_eq!((hits.xids.len(), hits.is_cut), (TEXT_HITS_MAX, is_cut), "{count}");
        }
        // With a star in the scope, it doesn't depend on how many have the word.
        let candidates = Listed { xids: seen(OTHERS), within: scope(), is_many: false };
        let rare = TextQuery::parse("rare").unwrap();
        assert!(index.find(&rare, &all, &candidates).unwrap().is_cut);
    }
}
