use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use muster_client::site::{SiteAnswer, SiteError, Tier};
use muster_journal::SeededRandom;
use muster_wire::manifest::{MANIFEST_PATH, Manifest};
use tokio::sync::RwLock;

use super::{
    lateness::Lateness,
    published::{Published, named},
    subject::{Manner, Subject, World},
};

/// What readers read, and what they found.
pub struct Reading {
    pub world: World,
    pub published: Published,
    pub lateness: Arc<Lateness>,
    pub readers: Vec<RwLock<Subject>>,
    /// The documents to ask for; some aren't there.
    pub paths: Vec<String>,
    pub is_over: AtomicBool,
    pub found: Mutex<Found>,
}

/// What readers found.
#[derive(Default)]
pub struct Found {
    /// Answers by their tier, and errors.
    pub answers: BTreeMap<&'static str, u64>,
    /// The longest time for an answer, in parts of a thousand of its limit.
    pub longest: u128,
    /// What must not be.
    pub violations: Vec<String>,
}

/// How many violations are shown; the first says enough.
const VIOLATIONS_MAX: usize = 10;

/// A call, from its beginning.
struct Call<'a> {
    subject: &'a Subject,
    path: String,
    began: Instant,
    /// The manifest before the call: its answer may be of this one, or of a later one.
    before: u64,
    /// Whether the reader had answered with this before the call.
    was_answered: bool,
}

impl Reading {
    /// Asks until the time is over.
    pub async fn read(self: Arc<Self>, seed: u64) {
        let mut dice = SeededRandom::new(seed);
        while !self.is_over.load(Ordering::SeqCst) {
            let number = usize::try_from(dice.below(self.readers.len() as u64)).unwrap();
            if dice.one_in(40) {
                // As a program that starts again.
                *self.readers[number].write().await = self.world.subject(number);
            }
            let subject = self.readers[number].read().await;
            self.ask(&subject, &mut dice).await;
            drop(subject);
            // sleeps: a little, as programs do something with what they read.
            tokio::time::sleep(Duration::from_millis(dice.below(20))).await;
        }
    }

    /// Asks for something, in one of the ways in which that can be done.
    pub async fn ask(&self, subject: &Subject, dice: &mut SeededRandom) {
        let any = |dice: &mut SeededRandom| {
            let number = usize::try_from(dice.below(self.paths.len() as u64)).unwrap();
            self.paths[number].clone()
        };
        let path = any(dice);
        let reader = &subject.reader;
        match dice.below(20) {
            0 | 1 => {
                let call = Call::begin(subject, MANIFEST_PATH);
                self.judge(&call, &reader.get_manifest().await);
            }
            2 | 3 => {
                let name = path.rsplit('/').next().unwrap().trim_end_matches(".json");
                let call = Call::begin(subject, &format!("stacks/*/{name}.json"));
                self.judge(&call, &reader.get_stack_metadata(name).await);
            }
            4 | 5 => {
                let call = Call::begin(subject, &path);
                if let Some(found) = reader.fresh(&path) {
                    let (value, version) = (found.value.clone(), found.version.clone());
                    let age = Some(found.age());
                    self.judge(&call, &Ok(SiteAnswer { value, tier: Tier::Fresh, age, version }));
                }
            }
            6 => {
                let paths = [path, any(dice), any(dice)];
                let call = Call::begin(subject, "");
                for (path, answer) in reader.get_many(paths).await {
                    self.judge(&Call { path, ..call }, &answer);
                }
            }
            7 if path.starts_with("providers/") => {
                let other = path.replace('-', "_");
                let call = Call::begin(subject, &other);
                self.judge(&call, &reader.get(&other).await);
            }
            _ => {
                let call = Call::begin(subject, &path);
                self.judge(&call, &reader.get(&path).await);
            }
        }
    }

    fn judge(&self, call: &Call<'_>, answer: &Result<SiteAnswer, SiteError>) {
        let took = call.began.elapsed();
        let after = call.subject.version();
        let allowed = self.lateness.allowed_since(call.began);
        let tier = answer.as_ref().map_or("error", |answer| answer.tier.name());
        let judged = self.check(call, answer, after).and_then(|()| {
            let is_late = took > call.subject.limit + allowed;
            let limit = call.subject.limit;
            if is_late {
                return Err(format!("late: {took:?} with a limit of {limit:?} and {allowed:?}"));
            }
            Ok(())
        });
        let mut found = self.found.lock().unwrap();
        *found.answers.entry(tier).or_default() += 1;
        found.longest =
            found.longest.max(took.as_millis() * 1_000 / call.subject.limit.as_millis());
        if let Err(what) = judged
            && found.violations.len() < VIOLATIONS_MAX
        {
            let shown = match answer {
                Ok(answer) => {
                    let text: String = answer.value.to_string().chars().take(300).collect();
                    format!("{tier} {text}, version {}, {:?}", answer.version, answer.age)
                }
                Err(error) => error.to_string(),
            };
            let (path, who) = (&call.path, call.subject.described());
            found.violations.push(format!("{path}: {what}\n  answer: {shown}\n  reader: {who}"));
            self.is_over.store(true, Ordering::SeqCst);
        }
    }

    fn check(
        &self,
        call: &Call<'_>,
        answer: &Result<SiteAnswer, SiteError>,
        after: Option<u64>,
    ) -> Result<(), String> {
        let subject = call.subject;
        let newest = after.unwrap_or(call.before);
        if newest < call.before {
            return Err(format!("went back from manifest {} to {newest}", call.before));
        }
        let span = match after {
            Some(after) => self.published.span(call.before, after),
            None => Vec::new(),
        };
        if after.is_some() && span.is_empty() {
            return Err(format!("uses manifest {newest}, which wasn't published"));
        }
        subject.floor.fetch_max(newest, Ordering::SeqCst);
        match answer {
            Ok(answer) => self.check_answer(call, answer, &span),
            Err(SiteError::Absent { .. }) => {
                let lacks = |manifest: &Arc<Manifest>| named(manifest, &call.path).is_none();
                let is_absent = span.iter().any(lacks);
                is_absent.then_some(()).ok_or_else(|| "it is there".to_owned())
            }
            Err(SiteError::Unreachable { .. }) if subject.manner == Manner::Strict => Ok(()),
            Err(error) => Err(format!("an error that must not be: {error:?}")),
        }
    }

    fn check_answer(
        &self,
        call: &Call<'_>,
        answer: &SiteAnswer,
        span: &[Arc<Manifest>],
    ) -> Result<(), String> {
        let (subject, tier) = (call.subject, answer.tier);
        if tier > Tier::Source && subject.manner == Manner::Strict {
            return Err("an answer where an error is wanted".to_owned());
        }
        let lived = call.began.elapsed();
        let is_aged = match (tier, answer.age) {
            (Tier::Fresh, Some(age)) => age <= subject.options.cache_ttl + lived,
            (Tier::Fresh | Tier::Source | Tier::Stale, None) => false,
            _ => true,
        };
        if !is_aged {
            return Err(format!("an age that can't be: {:?}", answer.age));
        }
        let snapshot = || {
            let version = subject.options.snapshot.as_ref().map(|one| one.version());
            version.and_then(|version| self.published.manifest(version)).into_iter().collect()
        };
        let manifests: Vec<Arc<Manifest>> = match tier {
            Tier::Embedded => snapshot(),
            // It was changed, and then nobody could read it: the one before is from memory.
            Tier::Stale => {
                span.first().map_or_else(Vec::new, |newest| self.published.span(0, newest.version))
            }
            _ => span.to_vec(),
        };
        self.check_known(call, tier)?;
        let belongs = match (tier, call.path.as_str()) {
            (Tier::Degraded, _) => answer.value["status"] == "degraded",
            (_, MANIFEST_PATH) => manifests
                .iter()
                .any(|manifest| serde_json::to_value(&**manifest).unwrap() == *answer.value),
            (_, path) => {
                let document = (&*answer.value, answer.version.as_str());
                self.published.belongs(&manifests, path, document)
            }
        };
        let versions: Vec<_> = manifests.iter().map(|manifest| manifest.version).collect();
        let what = || format!("what none of these manifests says: {versions:?}");
        belongs.then_some(()).ok_or_else(what)
    }
}

impl Reading {
    /// Whoever has answered with a document, and whose memory is large enough, has something to
    /// answer with from then on.
    fn check_known(&self, call: &Call<'_>, tier: Tier) -> Result<(), String> {
        let manner = call.subject.manner;
        if matches!(manner, Manner::Uncached | Manner::Narrow) {
            return Ok(());
        }
        let mut answered = call.subject.answered.lock().unwrap();
        match tier {
            Tier::Degraded | Tier::Embedded if call.was_answered => {
                Err("it has answered with it before, and forgot that".to_owned())
            }
            Tier::Degraded | Tier::Embedded => Ok(()),
            _ => {
                answered.insert(call.path.clone());
                Ok(())
            }
        }
    }
}

impl<'a> Call<'a> {
    fn begin(subject: &'a Subject, path: &str) -> Self {
        let floor = subject.floor.load(Ordering::SeqCst);
        let before = subject.version().unwrap_or(0).max(floor);
        let was_answered = subject.answered.lock().unwrap().contains(path);
        let path = path.to_owned();
        Self { subject, path, began: Instant::now(), before, was_answered }
    }
}
