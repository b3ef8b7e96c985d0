use muster_model::Kind;
use muster_words::{Id, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision,
    attributes::{check_attributes, check_epoch, check_id, merge},
    draft::{Draft, DraftAttributes, ResourceEdit},
    resource::{can_pin, replaces, sent_value},
};
use crate::{Reason, Refusal, VersionRefusal, XidList, command::SetDefault, tree::ResourceNode};

/// What a command says about the default version.
#[derive(Debug, Default)]
struct DefaultPointer {
    /// The named version.
    named: Option<Id>,
    /// Whether to pin it.
    sticky: bool,
    /// Whether to pin the newest version instead of the present default.
    recalculate: bool,
}

impl Draft<'_> {
    /// Writes Meta and determines the default version.
    pub(super) fn write_default_pointer(
        &self,
        edit: &mut ResourceEdit,
        node: &ResourceNode,
        processed: &[Id],
    ) -> Result<(), NoDecision> {
        let Some(xid) = edit.xid.meta() else { return Err(Refusal::not_found(&edit.xid).into()) };
        let mut pointer = DefaultPointer { sticky: edit.sticky, ..DefaultPointer::default() };
        if edit.sticky {
            pointer.named.clone_from(&edit.default);
        }
        if let Some(sent) = &node.meta {
            pointer = self.write_meta(edit, &xid, sent)?;
        }
        let subject = if edit.old.is_some() && node.meta.is_none() { &edit.xid } else { &xid };
        let is_flagged = self.take_flag(&mut pointer, &xid, processed)?;
        if pointer.sticky && !can_pin(&edit.kind) {
            return Err(Refusal::new(
                &xid,
                VersionRefusal::NothingToPin { pinned: XidList::default() },
            )
            .into());
        }
        let default = match pointer.named.filter(|_| pointer.sticky && !pointer.recalculate) {
            Some(id) if edit.has(&id) => Some(id),
            // If the pinned version is removed, the newest becomes the default; one that the
            // request names must exist.
            Some(id) if edit.removed.contains(&id) && !is_flagged => {
                pointer.sticky = false;
                edit.newest.clone()
            }
            Some(id) => return Err(Refusal::unknown_version(subject, id).into()),
            None => edit.newest.clone(),
        };
        if is_flagged {
            self.check_sticky(edit, &xid, pointer.sticky)?;
        }
        if pointer.sticky != edit.sticky {
            edit.sticky = pointer.sticky;
            edit.touched = true;
        }
        edit.default = default;
        Ok(())
    }

    fn write_meta(
        &self,
        edit: &mut ResourceEdit,
        xid: &Xid,
        sent: &Map<String, Value>,
    ) -> Result<DefaultPointer, NoDecision> {
        let mut sent = sent.clone();
        let resource_id = edit.xid.id().map(ToString::to_string).unwrap_or_default();
        let ignore = self.ignored_of(&edit.xid);
        check_id(xid, &mut sent, &edit.kind.singular, &resource_id, ignore)?;
        let meta = edit.old.as_ref().map(|old| old.meta.clone());
        check_epoch(xid, &mut sent, meta.as_ref().map(|meta| meta.epoch), self.ignore)?;
        if sent_value(&sent, "xref").is_some() {
            return Err(Refusal::new(xid, Reason::CrossReference).into());
        }
        let pointer = self.pointer(edit, xid, &mut sent)?;
        if !replaces(self.mode) {
            sent = merge(self.current(&edit.attributes), sent);
        }
        if let Some(id) = &pointer.named {
            sent.insert("defaultversionid".to_owned(), id.as_str().into());
        }
        sent.insert("defaultversionsticky".to_owned(), pointer.sticky.into());
        let stored_modified = meta.as_ref().map(|meta| meta.modified);
        let checked =
            check_attributes(xid, &edit.kind.meta_attributes, sent, stored_modified, self.now)?;
        let mut attributes = checked.attributes;
        for name in ["defaultversionid", "defaultversionsticky", "readonly"] {
            attributes.remove(name);
        }
        edit.attributes = DraftAttributes::New(attributes);
        edit.created = checked.created.unwrap_or(edit.created);
        edit.modified = checked.modified.unwrap_or(self.now);
        edit.touched = true;
        Ok(pointer)
    }

    /// Reads `defaultversionid` and `defaultversionsticky` of a written Meta.
    fn pointer(
        &self,
        edit: &ResourceEdit,
        xid: &Xid,
        sent: &mut Map<String, Value>,
    ) -> Result<DefaultPointer, Refusal> {
        let id = sent.remove("defaultversionid");
        let sticky = sent.remove("defaultversionsticky");
        let id = if self.ignore.default_version_id { None } else { id };
        let sticky = if self.ignore.default_version_sticky { None } else { sticky };
        let named = match &id {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => {
                Some(text.parse().map_err(|_| Refusal::unknown_version(xid, text))?)
            }
            Some(_) => return Err(Refusal::wrong_type(xid, "defaultversionid", Kind::String)),
        };
        let wanted = match &sticky {
            None => None,
            Some(Value::Null) => Some(false),
            Some(Value::Bool(wanted)) => Some(*wanted),
            Some(_) => return Err(Refusal::wrong_type(xid, "defaultversionsticky", Kind::Boolean)),
        };
        if replaces(self.mode) {
            let sticky = wanted.unwrap_or(false);
            return Ok(DefaultPointer { recalculate: named.is_none(), named, sticky });
        }
        Ok(match (id, wanted) {
            (None, None) => DefaultPointer {
                named: edit.default.clone().filter(|_| edit.sticky),
                sticky: edit.sticky,
                recalculate: false,
            },
            (None, Some(sticky)) => {
                DefaultPointer { named: edit.default.clone(), sticky, recalculate: !edit.sticky }
            }
            (Some(_), None) => {
                DefaultPointer { sticky: named.is_some(), named, recalculate: false }
            }
            (Some(_), Some(sticky)) => {
                DefaultPointer { recalculate: named.is_none(), named, sticky }
            }
        })
    }

    /// Applies the flag `setdefaultversionid`; returns whether it was given.
    fn take_flag(
        &self,
        pointer: &mut DefaultPointer,
        xid: &Xid,
        processed: &[Id],
    ) -> Result<bool, Refusal> {
        let Some(flag) = self.set_default else { return Ok(false) };
        pointer.recalculate = false;
        match flag {
            SetDefault::Version(id) => {
                pointer.named = Some(id.clone());
                pointer.sticky = true;
            }
            SetDefault::Newest => {
                pointer.named = None;
                pointer.sticky = false;
            }
            SetDefault::Request => match processed {
                [one] => {
                    pointer.named = Some(one.clone());
                    pointer.sticky = true;
                }
                [] => {
                    let subject = format!("{}/versions", xid.resource().unwrap_or(Xid::Registry));
                    return Err(Refusal::new(subject, VersionRefusal::NoVersionToPin));
                }
                _ => {
                    let subject = xid.resource().unwrap_or(Xid::Registry);
                    return Err(Refusal::new(subject, VersionRefusal::TooManyVersions));
                }
            },
        }
        Ok(true)
    }

    /// A model may forbid or require pinning. This applies to the flag as well as to a body.
    fn check_sticky(&self, edit: &ResourceEdit, xid: &Xid, sticky: bool) -> Result<(), NoDecision> {
        let mut probe = Map::new();
        probe.insert("defaultversionsticky".to_owned(), sticky.into());
        let level = &edit.kind.meta_attributes;
        let is_limited = level
            .get("defaultversionsticky")
            .is_some_and(|attribute| !attribute.choices.is_empty());
        if is_limited {
            check_attributes(xid, level, probe, None, self.now)?;
        }
        Ok(())
    }
}
