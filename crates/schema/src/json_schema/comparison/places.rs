use std::{cell::RefCell, collections::HashMap, rc::Rc};

use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::{Dialect, Schema, json_schema::analysis::SchemaDocument, steps::count};

/// The places of two schemas, each with a number of its own.
pub(super) struct Places<'a> {
    all: Vec<Place<'a>>,
    /// The numbers of places by their side and the address of their value.
    numbers: HashMap<(Side, usize), PlaceId>,
    roots: [PlaceId; 2],
    documents: [Vec<SchemaDocument<'a>>; 2],
    lists: RefCell<Lists>,
}

/// The schemas in lists that were asked for, by their place and keyword.
type Lists = HashMap<(PlaceId, &'static str), Option<Rc<[PlaceId]>>>;

/// The number of a place.
pub(super) type PlaceId = u32;

/// Which of the two schemas a place belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Old,
    New,
}

/// A schema within one of the two.
pub(super) struct Place<'a> {
    pub(super) side: Side,
    document: usize,
    pub(super) pointer: &'a str,
    pub(super) value: &'a Value,
    pub(super) dialect: Dialect,
    /// Whether its document names a draft.
    pub(super) names_its_draft: bool,
    pub(super) formats: Formats,
    references: Vec<(&'static str, Vec<PlaceId>)>,
}

/// Whether a schema asserts formats. With documents of several drafts it isn't certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Formats {
    pub(super) surely: bool,
    pub(super) perhaps: bool,
}

impl<'a> Places<'a> {
    /// The places of both; none if they are too many to have numbers.
    pub(super) fn of(old: &'a Schema, new: &'a Schema) -> Option<Self> {
        let documents = [old.documents().list().ok()?, new.documents().list().ok()?];
        let mut places = Self {
            all: Vec::new(),
            numbers: HashMap::new(),
            roots: [0, 0],
            documents,
            lists: RefCell::default(),
        };
        for (side, schema) in [(Side::Old, old), (Side::New, new)] {
            places.add(side, schema)?;
        }
        Some(places)
    }

    fn add(&mut self, side: Side, schema: &'a Schema) -> Option<()> {
        let first = PlaceId::try_from(self.all.len()).ok()?;
        self.roots[side as usize] = first;
        let number = |index: &usize| Some(first + PlaceId::try_from(*index).ok()?);
        let documents = &self.documents[side as usize];
        let asserting = |document: &SchemaDocument<'_>| document.dialect.hides_beside_reference();
        let all = schema.documents().asserts_formats();
        let formats = Formats {
            surely: all || documents.iter().all(asserting),
            perhaps: all || documents.iter().any(asserting),
        };
        for node in &schema.graph().nodes {
            let document: &SchemaDocument<'a> = documents.get(node.document)?;
            let value = document.value.pointer(&node.pointer)?;
            let mut references = Vec::new();
            for (keyword, targets) in &node.references {
                references.push((*keyword, targets.iter().map(number).collect::<Option<_>>()?));
            }
            let id = PlaceId::try_from(self.all.len()).ok()?;
            self.numbers.insert((side, address(value)), id);
            self.all.push(Place {
                side,
                document: node.document,
                pointer: &node.pointer,
                value,
                dialect: document.dialect,
                names_its_draft: document.value.get("$schema").is_some(),
                formats,
                references,
            });
        }
        Some(())
    }

    pub(super) fn root(&self, side: Side) -> PlaceId {
        self.roots[side as usize]
    }

    pub(super) fn get(&self, id: PlaceId) -> &Place<'a> {
        &self.all[id as usize]
    }

    /// The place of a schema that the schema at `parent` contains.
    pub(super) fn child(&self, parent: PlaceId, value: &Value) -> Option<PlaceId> {
        self.numbers.get(&(self.get(parent).side, address(value))).copied()
    }

    /// The keywords of a place that its draft regards, except references; none for a boolean.
    pub(super) fn keywords(&self, id: PlaceId) -> Option<&'a Map<String, Value>> {
        self.get(id).value.as_object()
    }

    /// A keyword of a place, if its draft knows it and nothing hides it.
    pub(super) fn keyword(&self, id: PlaceId, keyword: &str) -> Option<&'a Value> {
        let place = self.get(id);
        let value = place.value.as_object()?.get(keyword)?;
        (!place.is_only_a_reference() && knows(place.dialect, keyword)).then_some(value)
    }

    /// The schema that is the value of a keyword.
    pub(super) fn below(&self, id: PlaceId, keyword: &str) -> Option<PlaceId> {
        self.child(id, self.keyword(id, keyword)?)
    }

    /// The schemas in the list that is the value of a keyword.
    pub(super) fn list(&self, id: PlaceId, keyword: &'static str) -> Option<Rc<[PlaceId]>> {
        if let Some(known) = self.lists.borrow().get(&(id, keyword)) {
            return known.clone();
        }
        let items = self.keyword(id, keyword).and_then(Value::as_array);
        let list: Option<Rc<[PlaceId]>> =
            items.and_then(|items| items.iter().map(|item| self.child(id, item)).collect());
        count(1 + items.map_or(0, Vec::len) as u64);
        self.lists.borrow_mut().insert((id, keyword), list.clone());
        list
    }

    /// Where the references of a place lead: each keyword with its targets.
    pub(super) fn references(&self, id: PlaceId) -> &[(&'static str, Vec<PlaceId>)] {
        &self.get(id).references
    }

    /// Whether the place changes the draft, which this comparison doesn't follow.
    pub(super) fn is_opaque(&self, id: PlaceId) -> bool {
        let place = self.get(id);
        !place.pointer.is_empty() && place.value.get("$schema").is_some()
    }

    /// The root of the document that a place is in, and its xid if the schema refers to it.
    pub(super) fn document(&self, id: PlaceId) -> (&'a Value, Option<&'a Xid>) {
        let place = self.get(id);
        let document = &self.documents[place.side as usize][place.document];
        (document.value, document.xid)
    }
}

impl Place<'_> {
    /// Whether its draft ignores everything beside its `$ref`.
    pub(super) fn is_only_a_reference(&self) -> bool {
        self.dialect.hides_beside_reference()
            && self.value.get("$ref").is_some_and(Value::is_string)
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

/// Whether the validator regards a keyword in a draft.
fn knows(dialect: Dialect, keyword: &str) -> bool {
    match keyword {
        "const" | "contains" | "propertyNames" => dialect != Dialect::Draft4,
        "if" | "then" | "else" => !matches!(dialect, Dialect::Draft4 | Dialect::Draft6),
        "contentMediaType" | "contentEncoding" => {
            matches!(dialect, Dialect::Draft6 | Dialect::Draft7)
        }
        "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "minContains"
        | "maxContains" => {
            matches!(dialect, Dialect::Draft201909 | Dialect::Draft202012)
        }
        "prefixItems" => dialect == Dialect::Draft202012,
        "$dynamicRef" => dialect == Dialect::Draft202012,
        "$recursiveRef" => dialect == Dialect::Draft201909,
        _ => true,
    }
}
