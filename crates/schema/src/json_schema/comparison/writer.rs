use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::LazyLock,
};

use muster_words::json::Value;

use super::{checker::Checker, evaluate::is_equal, kinds::Kinds, places::PlaceId};
use crate::steps::count;

/// What is known about the values that are written at a place: they meet all of some schemas, meet
/// none of some others, and are of some kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Writer {
    /// The schemas that they meet, each with the keywords that were taken apart ([`ANY_OF`], …).
    pub(super) met: BTreeMap<PlaceId, u8>,
    pub(super) unmet: BTreeSet<PlaceId>,
    pub(super) kinds: Kinds,
}

/// `anyOf` was replaced by one of its schemas.
pub(super) const ANY_OF: u8 = 1;
/// `oneOf` was replaced by one of its schemas, and the others are unmet.
pub(super) const ONE_OF: u8 = 2;
/// `if` was replaced by one of its outcomes.
pub(super) const IF: u8 = 4;

/// The same with everything that its schemas lead to for the same value.
pub(super) struct Flat<'a> {
    pub(super) met: Vec<(PlaceId, u8)>,
    pub(super) unmet: Vec<PlaceId>,
    /// No value meets all of them.
    pub(super) is_empty: bool,
    pub(super) kinds: Kinds,
    /// All values, if they are few.
    pub(super) values: Option<Vec<&'a Value>>,
}

static FEW: LazyLock<[Value; 3]> =
    LazyLock::new(|| [Value::Null, Value::Bool(false), Value::Bool(true)]);

impl Writer {
    pub(super) fn anything() -> Self {
        Self { met: BTreeMap::new(), unmet: BTreeSet::new(), kinds: Kinds::ALL }
    }

    pub(super) fn at(place: PlaceId) -> Self {
        Self::all_of([place])
    }

    pub(super) fn all_of(places: impl IntoIterator<Item = PlaceId>) -> Self {
        let met = places.into_iter().map(|place| (place, 0)).collect();
        Self { met, ..Self::anything() }
    }

    /// The steps of copying it.
    pub(super) fn size(&self) -> u64 {
        1 + (self.met.len() + self.unmet.len()) as u64
    }

    /// The same, which meets another schema as well.
    pub(super) fn and(&self, place: PlaceId) -> Self {
        let mut writer = self.clone();
        writer.met.entry(place).or_insert(0);
        writer
    }

    /// The same, which doesn't meet a schema.
    pub(super) fn without(&self, place: PlaceId) -> Self {
        let mut writer = self.clone();
        writer.unmet.insert(place);
        writer
    }

    /// The same with a keyword of a place taken apart.
    pub(super) fn taken_apart(&self, place: PlaceId, mark: u8) -> Self {
        let mut writer = self.clone();
        *writer.met.entry(place).or_insert(0) |= mark;
        writer
    }
}

impl<'a> Checker<'a> {
    /// Follows references and `allOf`.
    pub(super) fn flatten(&mut self, writer: &Writer) -> Rc<Flat<'a>> {
        count(writer.size());
        if let Some(known) = self.flats.get(writer) {
            return Rc::clone(known);
        }
        let mut flat = Flat {
            met: Vec::new(),
            unmet: writer.unmet.iter().copied().collect(),
            is_empty: false,
            kinds: writer.kinds,
            values: None,
        };
        let mut seen: BTreeSet<PlaceId> = writer.met.keys().copied().collect();
        let mut next: Vec<(PlaceId, u8)> =
            writer.met.iter().map(|(id, mark)| (*id, *mark)).collect();
        while let Some((id, mark)) = next.pop() {
            count(1);
            let place = self.places.get(id);
            let Value::Object(schema) = place.value else {
                flat.is_empty |= place.value == &Value::Bool(false);
                continue;
            };
            if self.places.is_opaque(id) {
                continue;
            }
            flat.met.push((id, mark));
            if self.places.keyword(id, "type").is_some() {
                flat.kinds = flat.kinds.and(Kinds::of_type(schema, place.dialect));
            }
            flat.unmet.extend(self.places.below(id, "not"));
            let all_of = self.places.list(id, "allOf").unwrap_or_default();
            let mut beyond = all_of.to_vec();
            for (keyword, targets) in self.places.references(id) {
                let counts = *keyword == "$ref" || self.places.keyword(id, keyword).is_some();
                if let ([target], true) = (targets.as_slice(), counts) {
                    beyond.push(*target);
                }
            }
            next.extend(beyond.into_iter().filter(|id| seen.insert(*id)).map(|id| (id, 0)));
        }
        flat.met.sort_unstable();
        flat.values = self.values_of(&flat);
        flat.is_empty |= flat.kinds.is_empty() || flat.values.as_ref().is_some_and(Vec::is_empty);
        let flat = Rc::new(flat);
        self.flats.insert(writer.clone(), Rc::clone(&flat));
        flat
    }

    /// All values that are written, if they are few.
    fn values_of(&mut self, flat: &Flat<'a>) -> Option<Vec<&'a Value>> {
        let mut listed: Option<Vec<&'a Value>> = None;
        for (id, _) in &flat.met {
            let only = self.places.keyword(*id, "const").map(|only| vec![only]);
            let some = self.places.keyword(*id, "enum").and_then(Value::as_array);
            let some = some.map(|list| list.iter().collect());
            for list in [only, some].into_iter().flatten() {
                let list: Vec<&Value> = list;
                if listed.as_ref().is_none_or(|known| list.len() < known.len()) {
                    listed = Some(list);
                }
            }
        }
        let few = Kinds::NULL.or(Kinds::BOOLEAN);
        let mut values = match listed {
            Some(values) => values,
            None if flat.kinds.is_within(few) => few_values(),
            None => return None,
        };
        values.retain(|value| {
            Kinds::of(value).meets(flat.kinds)
                && flat.met.iter().all(|(id, _)| self.accepts(*id, value) != Some(false))
                && flat.unmet.iter().all(|id| self.accepts(*id, value) != Some(true))
        });
        Some(values)
    }

    /// What is known about a member of a written object. Without a schema, nothing is.
    pub(super) fn member_writer(&mut self, flat: &Flat<'a>, name: &str) -> (Writer, bool) {
        let (mut places, mut is_listed) = (Vec::new(), false);
        for (id, _) in &flat.met {
            let found = self.member_schemas(*id, name);
            places.extend(found.surely);
            is_listed |= found.is_listed;
        }
        (Writer::all_of(places), is_listed)
    }

    /// What is known about an item of a written array; `None` is any after all prefixes.
    pub(super) fn item_writer(&self, flat: &Flat<'_>, index: usize) -> Writer {
        let at = |(id, _): &(PlaceId, u8)| self.item_schemas(*id)?.at(index);
        Writer::all_of(flat.met.iter().filter_map(at))
    }

    /// Whether no value can meet both.
    pub(super) fn are_disjoint(&mut self, left: &Writer, right: &Writer, depth: usize) -> bool {
        let (one, other) = (self.flatten(left), self.flatten(right));
        let common = one.kinds.and(other.kinds);
        if one.is_empty || other.is_empty || common.is_empty() {
            return true;
        }
        if self.refuses_all(&one, &other) || self.refuses_all(&other, &one) {
            return true;
        }
        if depth >= DISJOINT_DEPTH_MAX {
            return false;
        }
        self.excludes(&one, right)
            || self.excludes(&other, left)
            || common.is_within(Kinds::OBJECT) && self.members_differ(&one, &other, depth)
            || self.all_choices_differ(left, &other, depth)
            || self.all_choices_differ(right, &one, depth)
    }

    /// Whether one has few values, and the other accepts none of them.
    fn refuses_all(&mut self, one: &Flat<'a>, other: &Flat<'a>) -> bool {
        let Some(values) = &one.values else { return false };
        values.iter().all(|value| {
            !Kinds::of(value).meets(other.kinds)
                || other.met.iter().any(|(id, _)| self.accepts(*id, value) == Some(false))
                || other.unmet.iter().any(|id| self.accepts(*id, value) == Some(true))
                || other
                    .values
                    .as_ref()
                    .is_some_and(|all| !all.iter().any(|one| is_equal(one, value)))
        })
    }

    /// Whether the values of `one` don't meet a schema that all values of the other meet.
    fn excludes(&mut self, one: &Flat<'a>, right: &Writer) -> bool {
        one.unmet.iter().any(|id| self.contained(right, *id).is_empty())
    }

    /// Whether a member that must be there can't be the same in both.
    fn members_differ(&mut self, one: &Flat<'a>, other: &Flat<'a>, depth: usize) -> bool {
        let mut names: BTreeSet<&'a str> = BTreeSet::new();
        for flat in [one, other] {
            names.extend(self.required(flat));
        }
        names.into_iter().any(|name| {
            let (left, _) = self.member_writer(one, name);
            let (right, _) = self.member_writer(other, name);
            self.are_disjoint(&left, &right, depth + 1)
        })
    }

    /// Whether a list of choices in `flat` is disjoint with the other in each of its choices.
    fn all_choices_differ(&mut self, other: &Writer, flat: &Flat<'a>, depth: usize) -> bool {
        flat.met.iter().any(|(id, mark)| {
            [("anyOf", ANY_OF), ("oneOf", ONE_OF)].into_iter().any(|(keyword, own)| {
                let list = self.places.list(*id, keyword);
                mark & own == 0
                    && list.is_some_and(|list| {
                        list.iter()
                            .all(|choice| self.are_disjoint(other, &Writer::at(*choice), depth + 1))
                    })
            })
        })
    }

    /// The names of members that must be there.
    pub(super) fn required(&self, flat: &Flat<'_>) -> BTreeSet<&'a str> {
        let lists = flat.met.iter().filter_map(|(id, _)| self.places.keyword(*id, "required"));
        lists.flat_map(super::evaluate::names).collect()
    }
}

/// How many steps deep two schemas are searched for a difference that excludes common values.
const DISJOINT_DEPTH_MAX: usize = 8;

fn few_values() -> Vec<&'static Value> {
    FEW.iter().collect()
}
