use std::{cmp::Ordering, sync::Arc};

use muster_model::{Aspect, IndexKind, Indexed, Kind};
use muster_schema::compare_numbers;
use muster_words::{
    Digest, Moment,
    json::{self, Value},
};

use crate::query::compare_texts;

/// The most values that are indexed of one document. Each is kept in memory, and a document of 4 MiB
/// could have a million; what stands in the fields of real documents are a few dozen.
pub const INDEXED_VALUES_MAX: usize = 1_000;

/// The most bytes of a text that are kept in an index. Of a longer one the digest is kept besides,
/// so that it is still found by the whole text.
const TEXT_BYTES_MAX: usize = 256;

/// What the values of a field are, and so how they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldClass {
    /// `true` or `false`.
    Truth,
    /// A number.
    Number,
    /// The lower end of a range.
    RangeMin,
    /// The upper end of a range.
    RangeMax,
    /// A timestamp.
    Moment,
    /// Text.
    Text,
}

/// A field of documents with values of one class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldKey {
    /// A JSON Pointer into documents, or what the registry itself knows: `type`, `group`, `state` or
    /// `labels.` with a key.
    pub name: String,
    /// The class of its values.
    pub class: FieldClass,
}

/// A value in an index.
#[derive(Clone, Debug)]
pub enum TermValue {
    /// `true` or `false`.
    Truth(bool),
    /// A number.
    Number(IndexedNumber),
    /// A timestamp.
    Moment(Moment),
    /// Text.
    Text(Box<str>),
}

/// A number that is compared fast, and exactly.
#[derive(Clone, Debug)]
pub struct IndexedNumber {
    /// The nearest binary fraction. Rounding keeps the order, so only equal ones are compared by
    /// their digits.
    near: f64,
    /// Its digits, if they aren't those of `near`.
    digits: Option<Box<str>>,
}

/// A field with one of its values in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The field.
    pub field: Arc<FieldKey>,
    /// The value.
    pub value: TermValue,
}

impl IndexedNumber {
    /// Reads the text of a JSON number; none if it isn't one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let near: f64 = text.parse().ok()?;
        let is_number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        if !is_number {
            return None;
        }
        let is_exact = compare_numbers(&near.to_string(), text) == Ordering::Equal;
        let digits = (!near.is_finite() || !is_exact).then(|| text.into());
        Some(Self { near, digits })
    }

    /// Its digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.digits.as_deref().map_or_else(|| self.near.to_string(), str::to_owned)
    }
}

impl Ord for IndexedNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // Never NaN, because no JSON number is.
        self.near.partial_cmp(&other.near).unwrap_or(Ordering::Equal).then_with(|| {
            if self.digits.is_none() && other.digits.is_none() {
                return Ordering::Equal;
            }
            compare_numbers(&self.text(), &other.text())
        })
    }
}

impl PartialOrd for IndexedNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for IndexedNumber {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for IndexedNumber {}

impl Ord for TermValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Truth(left), Self::Truth(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::Moment(left), Self::Moment(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => {
                compare_texts(left, right).then_with(|| left.cmp(right))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for TermValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for TermValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for TermValue {}

impl TermValue {
    const fn rank(&self) -> u8 {
        match self {
            Self::Truth(_) => 0,
            Self::Number(_) => 1,
            Self::Moment(_) => 2,
            Self::Text(_) => 3,
        }
    }

    /// Text as it is kept.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        if text.len() <= TEXT_BYTES_MAX {
            return Self::Text(text.into());
        }
        let beginning = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        Self::Text(format!("{beginning}… {}", Digest::of(text.as_bytes())).into())
    }

    /// Reads a value of a class from a text of a request; none if it can't be one.
    #[must_use]
    pub fn parse(class: FieldClass, text: &str) -> Option<Self> {
        Some(match class {
            FieldClass::Truth => Self::Truth(text.parse().ok()?),
            FieldClass::Number | FieldClass::RangeMin | FieldClass::RangeMax => {
                Self::Number(IndexedNumber::parse(text)?)
            }
            FieldClass::Moment => Self::Moment(moment(text)?),
            FieldClass::Text => Self::of_text(text),
        })
    }

    /// The value for people and for JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Truth(value) => (*value).into(),
            Self::Number(number) => {
                json::parse(number.text().as_bytes()).unwrap_or_else(|_| number.text().into())
            }
            Self::Moment(moment) => moment.to_string().into(),
            Self::Text(text) => (**text).into(),
        }
    }

    fn of_json(class: FieldClass, value: &Value) -> Option<Self> {
        Some(match (class, value) {
            (FieldClass::Truth, Value::Bool(value)) => Self::Truth(*value),
            (FieldClass::Number, Value::Number(number)) => {
                Self::Number(IndexedNumber::parse(&number.to_string())?)
            }
            (FieldClass::Moment, Value::String(text)) => Self::Moment(moment(text)?),
            (FieldClass::Text, Value::String(text)) => Self::of_text(text),
            _ => return None,
        })
    }
}

/// A timestamp, or a date, which stands for its first moment in UTC.
fn moment(text: &str) -> Option<Moment> {
    let text = text.replace(' ', "+");
    let day = || Moment::parse(&format!("{text}T00:00:00Z"));
    Moment::parse(&text).or_else(|_| Moment::parse(&format!("{text}Z"))).or_else(|_| day()).ok()
}

impl FieldClass {
    /// The classes under which the values of a declared field are kept.
    #[must_use]
    pub const fn of(kind: IndexKind) -> &'static [Self] {
        match kind {
            IndexKind::Range => &[Self::RangeMin, Self::RangeMax],
            IndexKind::Scalar(Kind::Boolean) => &[Self::Truth],
            IndexKind::Scalar(Kind::Decimal | Kind::Integer | Kind::Uinteger) => &[Self::Number],
            IndexKind::Scalar(Kind::Timestamp) => &[Self::Moment],
            IndexKind::Scalar(_) => &[Self::Text],
        }
    }
}

/// The values that a type's indexed fields have in a document, sorted.
#[must_use]
pub fn terms_of(aspect: &Aspect, document: &Value) -> Arc<[Arc<Term>]> {
    let mut terms = Vec::new();
    for indexed in &aspect.indexed {
        add_terms(indexed, document, &mut terms);
    }
    if terms.is_empty() {
        return Arc::default();
    }
    terms.truncate(INDEXED_VALUES_MAX);
    terms.sort_unstable();
    terms.dedup();
    terms.into()
}

fn add_terms(indexed: &Indexed, document: &Value, terms: &mut Vec<Arc<Term>>) {
    let key = |class| Arc::new(FieldKey { name: indexed.field.clone(), class });
    if indexed.kind == IndexKind::Range {
        json::select_each(document, &indexed.field, &mut |_, value| {
            if terms.len() < INDEXED_VALUES_MAX
                && let Some([Value::Number(min), Value::Number(max)]) =
                    value.as_array().map(Vec::as_slice)
                && let Some(min) = IndexedNumber::parse(&min.to_string())
                && let Some(max) = IndexedNumber::parse(&max.to_string())
            {
                let ends = [(FieldClass::RangeMin, min), (FieldClass::RangeMax, max)];
                terms.extend(ends.map(|(class, end)| {
                    Arc::new(Term { field: key(class), value: TermValue::Number(end) })
                }));
            }
        });
        return;
    }
    for class in FieldClass::of(indexed.kind) {
        let field = key(*class);
        json::select_each(document, &indexed.field, &mut |_, value| {
            if terms.len() < INDEXED_VALUES_MAX
                && let Some(value) = TermValue::of_json(*class, value)
            {
                terms.push(Arc::new(Term { field: field.clone(), value }));
            }
        });
    }
}

/// The terms of an entity's labels, sorted; none if it has none.
#[must_use]
pub fn terms_of_labels(attributes: &json::Map<String, Value>) -> Arc<[Arc<Term>]> {
    let Some(Value::Object(labels)) = attributes.get("labels") else { return Arc::default() };
    let mut terms: Vec<Arc<Term>> = labels
        .iter()
        .filter_map(|(key, value)| {
            let name = format!("labels.{key}");
            let field = Arc::new(FieldKey { name, class: FieldClass::Text });
            Some(Arc::new(Term { field, value: TermValue::of_text(value.as_str()?) }))
        })
        .collect();
    terms.sort_unstable();
    terms.into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use muster_model::{Foundation, Model};
    use serde_json::json;

    use super::*;

    #[test]
    fn compares_numbers_exactly_and_by_their_digits() {
        let of = |text: &str| IndexedNumber::parse(text).unwrap();
        let sorted = [
            "-1e400",
            "-2",
            "-0.5",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000001",
            "3",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            "2e400",
        ];
        for pair in sorted.windows(2) {
            assert!(of(pair[0]) < of(pair[1]), "{pair:?}");
        }
        assert_eq!(of("3.0"), of("3"));
        assert_eq!(of("-0"), of("0"));
        for text in ["", "x", "inf", "NaN", "infinity", "0x1"] {
            assert!(IndexedNumber::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn lifts_what_a_model_declares() {
        let indexed = json!([
            {"field": "/cost", "type": "range"}, {"field": "/tags/*", "type": "string"},
            {"field": "/size", "type": "uinteger"}, {"field": "/open", "type": "boolean"},
            {"field": "/since", "type": "timestamp"}]);
        let entries = json!({"singular": "entry", "muster": {"indexed": indexed}});
        let source = json!({"groups": {"providers": {"singular": "provider",
            "resources": {"entries": entries}}}});
        let model = Model::compile(&source, Foundation::BuiltIn).unwrap();
        let kind = model.resource_type("providers", "entries").unwrap();
        let terms = |document: Value| {
            let terms = terms_of(&kind.aspect, &document);
            let shown = terms.iter().map(|term| {
                format!("{} {:?} {}", term.field.name, term.field.class, term.value.to_json())
            });
            shown.collect::<Vec<_>>()
        };
        assert_eq!(
            terms(json!({"cost": [1, 2.50], "tags": ["b", "a", "b", 3], "size": 7, "open": true,
                "since": "2026-01-01"})),
            [
                "/cost RangeMin 1",
                "/cost RangeMax 2.5",
                "/open Truth true",
                "/since Moment \"2026-01-01T00:00:00Z\"",
                "/size Number 7",
                "/tags/* Text \"a\"",
                "/tags/* Text \"b\""
            ]
        );
        let wrong = json!({"cost": [1], "tags": "a", "size": "7", "open": 1, "since": "soon"});
        assert!(terms(wrong).is_empty());
        let many = json!({"tags": (0..5_000).map(|n| n.to_string()).collect::<Vec<_>>()});
        assert_eq!(terms(many).len(), INDEXED_VALUES_MAX);
        let long = "ä".repeat(1_000);
        let other = format!("{long}x");
        assert_ne!(TermValue::of_text(&long), TermValue::of_text(&other));
    }
}
