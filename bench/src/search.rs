//! Searches without HTTP, at each size: by indexed fields in the view, and by words in the index of
//! words.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_catalog::{
    command::{Action, Command, Mode, Target, Write, WriteBody},
    index::{DeclaredFields, FieldTest, Search, SearchCondition, SearchOrder},
};
use muster_registry::Registry;
use muster_search::{TextIndex, TextQuery, fill};
use muster_words::json;

use crate::{
    Outcome,
    core_writes::{by, open},
    load::percentile,
    order::Order,
    ratio::{self, Report},
};

/// Documents that one command brings while the registry is filled.
const AT_ONCE: u64 = 200;

/// Searches that are measured of each kind.
const SEARCHES: u64 = 1_000;

/// Words of the texts; a text has ten of them.
const WORDS: u64 = 20_000;

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for size in &order.sizes {
        runtime.block_on(measure(*size, order, report))?;
    }
    Ok(())
}

async fn measure(size: u64, order: &Order, report: &mut Report) -> Outcome {
    let folder = order.scratch.join(format!("search-{size}"));
    let registry = open(&folder).await?;
    report.say(&format!("\nsearch: {size} documents of about 1,000 bytes in 100 groups"));
    let filled = Instant::now();
    for begin in (0..size).step_by(usize::try_from(AT_ONCE)?) {
        registry.submit(batch(begin, size.min(begin + AT_ONCE))?, &by()).await?;
    }
    report.say(&format!("filled in {:.1} s", filled.elapsed().as_secs_f64()));
    by_fields(&registry, size, report)?;
    let path = folder.join("search.db");
    let view = registry.view();
    let index = Arc::new(TextIndex::open(&path, view.id())?);
    let filled = Instant::now();
    fill(&registry, &index, &view).await.map_err(|error| error.to_string())?;
    report.say(&format!("words of all in {:.1} s", filled.elapsed().as_secs_f64()));
    by_words(&registry, &index, size, report)?;
    registry.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn by_fields(registry: &Registry, size: u64, report: &mut Report) -> Outcome {
    let view = registry.view();
    let declared = DeclaredFields::of(view.model());
    let is = |name: &str, value: String| SearchCondition::field(name, FieldTest::Is(value));
    type Make<'a> = Box<dyn Fn(&mut Random) -> Vec<SearchCondition> + 'a>;
    let name = SearchOrder::Name;
    let by_cost = SearchOrder::Field { name: "monthly_cost_range".to_owned(), descending: false };
    let kinds: [(&str, SearchOrder, Make<'_>); 4] = [
        (
            "a feature, a cost, a level, an engine",
            name.clone(),
            Box::new(|random| {
                vec![
                    is("key_features", format!("feature_{}", random.below(200))),
                    SearchCondition::field(
                        "monthly_cost_range",
                        FieldTest::AtMost(random.below(1_000).to_string()),
                    ),
                    is("complexity_level", format!("level_{}", random.below(5))),
                    is("ssg_engine_options", format!("engine_{}", random.below(20))),
                ]
            }),
        ),
        (
            "one feature of 200",
            name.clone(),
            Box::new(|random| vec![is("key_features", format!("feature_{}", random.below(200)))]),
        ),
        (
            "one feature of 200, by cost",
            by_cost,
            Box::new(|random| vec![is("key_features", format!("feature_{}", random.below(200)))]),
        ),
        (
            "one level of five",
            name,
            Box::new(|random| vec![is("complexity_level", format!("level_{}", random.below(5)))]),
        ),
    ];
    for (what, order, make) in kinds {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut waits, mut found) = (Vec::new(), 0);
        for _ in 0..SEARCHES {
            let search = Search {
                condition: SearchCondition::All(make(&mut random)),
                among: None,
                order: order.clone(),
                limit: 50,
                after: None,
                facets: ["type", "group", "state"].map(str::to_owned).to_vec(),
            };
            let asked = Instant::now();
            found += view.search(&search, &declared)?.count;
            waits.push(asked.elapsed());
        }
        show(report, (size, what), waits, found, 10.0);
    }
    Ok(())
}

fn by_words(registry: &Registry, index: &TextIndex, size: u64, report: &mut Report) -> Outcome {
    let view = registry.view();
    let declared = DeclaredFields::of(view.model());
    let all = SearchCondition::All(Vec::new());
    for (what, count) in [("one word", 1), ("two words", 2)] {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (mut waits, mut found) = (Vec::new(), 0);
        for _ in 0..SEARCHES {
            let words: Vec<String> = (0..count).map(|_| word(random.word())).collect();
            let query = TextQuery::parse(&words.join(" "))?;
            let asked = Instant::now();
            let candidates = view.candidates(&all, &declared)?;
            found += index.find(&query, &all, &candidates)?.xids.len() as u64;
            waits.push(asked.elapsed());
        }
        show(report, (size, what), waits, found, 50.0);
    }
    Ok(())
}

fn show(
    report: &mut Report,
    (size, what): (u64, &str),
    waits: Vec<Duration>,
    found: u64,
    below: f64,
) {
    let middle = percentile(waits.clone(), 50);
    let slowest = percentile(waits, 99);
    let hits = found / SEARCHES;
    report.say(&format!("{what}: {hits} hits on average, median {middle:.3} ms"));
    let name = format!("search of {size}: {what}, p99");
    report.result(&name, slowest, " ms", ratio::Target::Below(below));
}

/// A command that makes documents of one group.
fn batch(begin: u64, end: u64) -> Outcome<Command> {
    let group = begin / AT_ONCE % 100;
    let mut body = String::new();
    for number in begin..end {
        let comma = if body.is_empty() { "" } else { "," };
        let document = document(number);
        let entry = "\"contenttype\":\"application/json\",\"entry\"";
        let _ = write!(body, "{comma}\"d{number}\":{{{entry}:{document}}}");
    }
    let body = format!("{{\"entries\":{{{body}}}}}");
    let json::Value::Object(body) = json::parse(body.as_bytes())? else {
        return Err("a body is an object".into());
    };
    let target = Target::Entity(format!("/providers/g{group}").parse()?);
    let write = Write { mode: Mode::Post, target, body: WriteBody::Tree(body) };
    Ok(Command::new(Action::Write(write)))
}

fn document(number: u64) -> String {
    let mut random = Random(number + 1);
    let _ = random.below(2);
    let list = |random: &mut Random, count: u64, stem: &str, of: u64| {
        let items: Vec<String> =
            (0..count).map(|_| format!("\"{stem}_{}\"", random.below(of))).collect();
        items.join(",")
    };
    let (low, more) = (random.below(1_000), random.below(1_000));
    let features = list(&mut random, 4, "feature", 200);
    let engines = list(&mut random, 2, "engine", 20);
    let level = random.below(5);
    let words: Vec<String> = (0..100).map(|_| word(random.word())).collect();
    format!(
        "{{\"provider_type\":\"kind_{}\",\"key_features\":[{features}],\"monthly_cost_range\":\
         [{low},{}],\"complexity_level\":\"level_{level}\",\"ssg_engine_options\":[{engines}],\
         \"text\":\"{}\"}}",
        level,
        low + more,
        words.join(" ")
    )
}

/// A word that no other number has.
fn word(number: u64) -> String {
    let mut left = number + 26;
    let mut word = String::new();
    while left > 0 {
        word.push(char::from(b'a' + u8::try_from(left % 26).unwrap_or(0)));
        left /= 26;
    }
    format!("{word}{word}")
}

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }

    /// A word's number: some are frequent and most are rare, as in texts.
    fn word(&mut self) -> u64 {
        let exponent = self.below(1_000) as f64 / 1_000.0;
        (WORDS as f64).powf(exponent) as u64
    }
}
