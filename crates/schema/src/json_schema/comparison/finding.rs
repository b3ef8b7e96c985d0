use muster_words::json::{Value, escape_pointer};

use super::{
    places::{PlaceId, Places, Side},
    rules::rule_of,
};
use crate::{Broken, Certainty, Direction, limits, messages};

/// One reason why not all values of the writer are values of the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) certainty: Certainty,
    /// The reader's place, and the place below it that the rule is about, as a pointer.
    pub(super) reader: PlaceId,
    pub(super) below: String,
    /// The writer's place for the same values, if there is one.
    pub(super) writer: Option<PlaceId>,
    /// The name of the member that the message speaks of.
    pub(super) name: Option<String>,
}

impl Finding {
    /// The same, about a member.
    pub(super) fn about(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// The finding for the users of the API.
    pub(super) fn tell(&self, places: &Places<'_>, direction: Direction) -> Broken {
        let reader_side = match direction {
            Direction::Backward => Side::New,
            Direction::Forward => Side::Old,
        };
        // In a `not`, the two have changed their parts.
        let at = |side: Side| {
            let is_of = |id: &PlaceId| places.get(*id).side == side;
            Some(self.reader).filter(is_of).or(self.writer.filter(is_of))
        };
        let said = |side: Side| places.get(at(side)?).value.pointer(&self.below);
        let place = at(Side::New).filter(|_| said(Side::New).is_some());
        let place = place.or_else(|| at(Side::Old).filter(|_| said(Side::Old).is_some()));
        let path = match place {
            Some(place) => format!("{}{}", place_name(places, place), self.below),
            None => place_name(places, at(Side::New).unwrap_or(self.reader)),
        };
        let rule = rule_of(self.rule);
        let (writer, reader) = match reader_side {
            Side::New => ("old", "new"),
            Side::Old => ("new", "old"),
        };
        let name = self.name.as_ref().map(|name| messages::quote(&Value::from(name.as_str())));
        let can = rule.can.replace("{name}", name.as_deref().unwrap_or("a property"));
        let message = match self.certainty {
            Certainty::Broken => format!(
                "data written with the {writer} schema can {}, and readers with the {reader} \
                 schema refuse that",
                can
            ),
            Certainty::Undecided => format!(
                "it can't be decided whether data written with the {writer} schema can {}, which \
                 readers with the {reader} schema would refuse",
                can
            ),
        };
        let suggestion = match direction {
            Direction::Backward => rule.backward,
            Direction::Forward => rule.forward,
        };
        let suggestion = suggestion.replace("{name}", name.as_deref().unwrap_or("the property"));
        let text = |side: Side| said(side).map(messages::quote);
        Broken {
            rule: rule.id.to_owned(),
            path: messages::cut(path, limits::POINTER_BYTES_MAX),
            direction,
            certainty: self.certainty,
            was: text(Side::Old),
            is: text(Side::New),
            message,
            suggestion: Some(suggestion),
        }
    }
}

/// The pointer of a place; in another document, with the document's name.
fn place_name(places: &Places<'_>, id: PlaceId) -> String {
    let pointer = places.get(id).pointer;
    match places.document(id).1 {
        Some(xid) => format!("{xid}#{pointer}"),
        None => pointer.to_owned(),
    }
}

/// A pointer to a name below a keyword.
pub(super) fn member(keyword: &str, name: &str) -> String {
    format!("/{keyword}/{}", escape_pointer(name))
}
