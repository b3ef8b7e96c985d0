use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Charset, Kind, ModelFault, limits::beginning};

/// Reads one object of a model source, member by member. Members that weren't read are unknown
/// ones. A member with the value `null` counts as absent.
pub(crate) struct ObjectReader<'a> {
    place: String,
    members: BTreeMap<&'a str, &'a Value>,
}

impl<'a> ObjectReader<'a> {
    pub(crate) fn new(place: &str, value: &'a Value) -> Result<Self, ModelFault> {
        let Value::Object(members) = value else {
            return Err(ModelFault::Shape { place: place.to_owned(), expected: "an object" });
        };
        let members = members.iter().filter(|(_, value)| !value.is_null());
        Ok(Self {
            place: place.to_owned(),
            members: members.map(|(name, value)| (name.as_str(), value)).collect(),
        })
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    fn within(&self, member: &str) -> String {
        format!("{}.{}", self.place, beginning(member))
    }

    pub(crate) fn shape<T>(&self, member: &str, expected: &'static str) -> Result<T, ModelFault> {
        Err(ModelFault::Shape { place: self.within(member), expected })
    }

    /// Fails if unknown members are left; returns the object's place.
    pub(crate) fn done(self) -> Result<String, ModelFault> {
        match self.members.keys().next() {
            None => Ok(self.place),
            Some(member) => {
                Err(ModelFault::UnknownMember { place: self.place, member: beginning(member) })
            }
        }
    }

    pub(crate) fn member(&mut self, name: &str) -> Option<&'a Value> {
        self.members.remove(name)
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ModelFault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => self.shape(name, "a string"),
        }
    }

    pub(crate) fn needed_text(&mut self, name: &'static str) -> Result<String, ModelFault> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ModelFault::MissingMember { place: self.place.clone(), member: name })
    }

    /// Reads a name that must repeat the object's key; it may be absent or empty.
    pub(crate) fn same(&mut self, member: &'static str, key: &str) -> Result<(), ModelFault> {
        match self.text(member)?.filter(|text| !text.is_empty()) {
            Some(found) if found != key => Err(ModelFault::NotItsKey {
                place: self.place.clone(),
                member,
                expected: beginning(key),
                found: beginning(&found),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, ModelFault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.shape(name, "a boolean"),
        }
    }

    pub(crate) fn count(&mut self, name: &str) -> Result<Option<u64>, ModelFault> {
        match self.member(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(count) => Ok(Some(count)),
                None => self.shape(name, "an unsigned integer"),
            },
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, ModelFault> {
        let expected = "an array of strings";
        match self.member(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.clone()),
                    _ => self.shape(name, expected),
                })
                .collect(),
            Some(_) => self.shape(name, expected),
        }
    }

    pub(crate) fn text_map(&mut self, name: &str) -> Result<BTreeMap<String, String>, ModelFault> {
        let expected = "a map of strings";
        let Some(members) = self.object(name)? else { return Ok(BTreeMap::new()) };
        members
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key.clone(), text.clone())),
                _ => self.shape(name, expected),
            })
            .collect()
    }

    pub(crate) fn scalar(&mut self, name: &str) -> Result<Option<Value>, ModelFault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Array(_) | Value::Object(_)) => self.shape(name, "a scalar"),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    pub(crate) fn scalars(&mut self, name: &str) -> Result<Vec<Value>, ModelFault> {
        let expected = "an array of scalars";
        match self.member(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let is_scalar =
                    |item: &Value| !(item.is_null() || item.is_array() || item.is_object());
                if items.iter().all(is_scalar) {
                    Ok(items.clone())
                } else {
                    self.shape(name, expected)
                }
            }
            Some(_) => self.shape(name, expected),
        }
    }

    pub(crate) fn object(
        &mut self,
        name: &str,
    ) -> Result<Option<&'a Map<String, Value>>, ModelFault> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => self.shape(name, "an object"),
        }
    }

    pub(crate) fn nested(&mut self, name: &str) -> Result<Option<Self>, ModelFault> {
        self.member(name).map(|value| Self::new(&self.within(name), value)).transpose()
    }

    /// Reads each object in a map.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(Self, &'a str) -> Result<T, ModelFault>,
    ) -> Result<BTreeMap<String, T>, ModelFault> {
        let Some(members) = self.object(name)? else { return Ok(BTreeMap::new()) };
        let place = self.within(name);
        members
            .iter()
            .map(|(key, value)| {
                let one = Self::new(&format!("{place}.{}", beginning(key)), value)?;
                Ok((key.clone(), read(one, key)?))
            })
            .collect()
    }

    /// Reads each object in a list.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(Self) -> Result<T, ModelFault>,
    ) -> Result<Vec<T>, ModelFault> {
        let place = self.within(name);
        match self.member(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| read(Self::new(&format!("{place}[{index}]"), item)?))
                .collect(),
            Some(_) => self.shape(name, "an array of objects"),
        }
    }

    /// Reads the members for people: texts with these names, and `labels`.
    pub(crate) fn notes(&mut self, names: &[&str]) -> Result<Map<String, Value>, ModelFault> {
        let mut notes = Map::new();
        for name in names {
            if let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) {
                notes.insert((*name).to_owned(), text.into());
            }
        }
        let labels = self.text_map("labels")?;
        if labels.contains_key("") {
            return self.shape("labels", "a map without an empty key");
        }
        if !labels.is_empty() {
            let labels = labels.into_iter().map(|(key, text)| (key, text.into()));
            notes.insert("labels".to_owned(), Value::Object(labels.collect()));
        }
        Ok(notes)
    }

    pub(crate) fn kind(&mut self) -> Result<Kind, ModelFault> {
        let name = self.needed_text("type")?;
        Kind::named(&name).ok_or_else(|| ModelFault::UnknownType {
            place: self.place.clone(),
            found: beginning(&name),
        })
    }

    pub(crate) fn charset(&mut self) -> Result<Option<Charset>, ModelFault> {
        match self.text("namecharset")?.map(|name| name.to_ascii_lowercase()).as_deref() {
            None | Some("") => Ok(None),
            Some("strict") => Ok(Some(Charset::Strict)),
            Some("extended") => Ok(Some(Charset::Extended)),
            Some(_) => self.shape("namecharset", "strict or extended"),
        }
    }
}
