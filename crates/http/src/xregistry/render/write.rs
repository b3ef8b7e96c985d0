use base64::{Engine, engine::general_purpose::STANDARD};
use muster_catalog::{
    View,
    entity::{Entity, EntityReader, EntityUrls},
};
use muster_model::{DocumentForm, ResourceType};
use muster_words::json;

use super::{JsonWriter, Links, LoadedContents, ShownEntity, ShownMembers};
use crate::xregistry::capabilities::{Capabilities, document};

/// Writes an answer.
#[derive(Clone, Copy)]
pub(in crate::xregistry) struct EntityWriter<'a> {
    pub view: &'a View,
    pub contents: &'a LoadedContents,
    pub links: &'a Links<'a>,
    pub capabilities: &'a Capabilities,
    /// Whether documents are always base64.
    pub binary: bool,
    /// Whether only the collections of the outermost entity are written.
    pub collections_only: bool,
}

impl EntityWriter<'_> {
    /// Writes an entity.
    pub fn entity(&self, shown: &ShownEntity<'_>, out: &mut JsonWriter) {
        out.open();
        if !self.collections_only {
            self.attributes(shown, out);
        }
        let nested = Self { collections_only: false, ..*self };
        for members in &shown.collections {
            nested.members(shown, members, out);
        }
        out.close();
    }

    /// Writes entities by id.
    pub fn map(&self, all: &[ShownEntity<'_>], out: &mut JsonWriter) {
        out.open();
        for shown in all {
            out.key(shown.entity.id());
            self.entity(shown, out);
        }
        out.close();
    }

    fn reader(&self) -> EntityReader<'_> {
        EntityReader { view: self.view, loaded: self.contents, urls: self.links }
    }

    fn attributes(&self, shown: &ShownEntity<'_>, out: &mut JsonWriter) {
        self.reader().each(&shown.entity, &shown.path, &|_| false, &mut |name, value| {
            out.key(name);
            out.value(value);
        });
        match shown.entity {
            Entity::Registry => self.named(shown, out),
            Entity::Version(kind, ..) if shown.document => self.document(kind, shown, out),
            Entity::Resource(kind, _) => {
                if shown.document && !self.links.is_document() {
                    self.document(kind, shown, out);
                }
                self.meta(kind, shown, out);
            }
            _ => {}
        }
    }

    fn meta(&self, kind: &ResourceType, shown: &ShownEntity<'_>, out: &mut JsonWriter) {
        let Entity::Resource(_, resource) = shown.entity else { return };
        let path = format!("{}/meta", shown.path);
        out.member("metaurl", &self.links.to(&path, false, shown.meta));
        if !shown.meta {
            return;
        }
        let versions = shown.collections.iter().find_map(|members| members.shown.as_ref());
        let holds = |id: &str| {
            versions.is_some_and(|versions| versions.iter().any(|shown| shown.entity.id() == id))
        };
        out.key("meta");
        out.open();
        let meta = Entity::Meta(kind, resource);
        self.reader().each(&meta, &path, &holds, &mut |name, value| {
            out.key(name);
            out.value(value);
        });
        out.close();
    }

    fn members(&self, shown: &ShownEntity<'_>, members: &ShownMembers<'_>, out: &mut JsonWriter) {
        let plural = members.plural;
        let path = format!("{}/{plural}", shown.path.trim_end_matches('/'));
        let url = self.links.to(&path, false, members.shown.is_some());
        let query = if url.starts_with('#') { "" } else { members.query.as_str() };
        out.member(&format!("{plural}url"), &format!("{url}{query}"));
        out.number(&format!("{plural}count"), members.count as u64);
        if let Some(all) = &members.shown {
            out.key(plural);
            self.map(all, out);
        }
    }

    /// The registry's attributes that are inlined only by name.
    fn named(&self, shown: &ShownEntity<'_>, out: &mut JsonWriter) {
        for name in &shown.named {
            out.key(name);
            match *name {
                "capabilities" => out.typed(&document(self.capabilities)),
                "modelsource" => out.value(self.view.model().source()),
                _ => out.raw(&model(self.view, "\n  ")),
            }
        }
    }

    /// A document within JSON: as JSON if it is JSON and its type says so, as a string if it is
    /// text and its type says JSON or text, otherwise as base64. Empty and purged documents are
    /// left out.
    fn document(&self, kind: &ResourceType, shown: &ShownEntity<'_>, out: &mut JsonWriter) {
        let Some(version) = shown.entity.version() else { return };
        let content = shown.entity.document();
        let Some(bytes) = content.and_then(|content| self.contents.document(content)) else {
            return;
        };
        let content_type = version.content_type.as_deref().unwrap_or_default();
        let form =
            if self.binary { DocumentForm::Binary } else { kind.document_form(content_type) };
        match (form, std::str::from_utf8(bytes)) {
            (DocumentForm::Json, _) if json::parse(bytes).is_ok() => {
                out.key(&kind.singular);
                out.raw(bytes.trim_ascii());
            }
            (DocumentForm::Json | DocumentForm::String, Ok(text)) => {
                out.member(&kind.singular, text)
            }
            _ => out.member(&format!("{}base64", kind.singular), &STANDARD.encode(bytes)),
        }
    }
}

/// The full model, indented, with `line` as line break.
pub(in crate::xregistry) fn model(view: &View, line: &str) -> Vec<u8> {
    // A model always serialises, and no string within JSON contains a line break.
    let text = serde_json::to_string_pretty(&**view.model()).unwrap_or_default();
    text.replace('\n', line).into_bytes()
}
