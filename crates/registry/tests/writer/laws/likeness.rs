use std::{fmt::Write as _, sync::Arc};

use muster_catalog::{
    Catalog,
    state::{Group, HiddenEntity, Resource, State, Subtree, Version},
};

/// Where two catalogs differ in anything that is served or that a later command stands on: more
/// than [`Catalog::first_difference`] looks at, which is what people are told.
pub fn difference(one: &Catalog, other: &Catalog) -> Option<String> {
    if let Some(place) = one.first_difference(other) {
        return Some(place);
    }
    let (one, other) = (lines(one), lines(other));
    let first = one.iter().zip(&other).find(|(one, other)| one != other);
    match first {
        Some((one, other)) => Some(format!("\n  {one}\n  {other}")),
        None if one.len() == other.len() => None,
        None => Some(format!("{} lines and {}", one.len(), other.len())),
    }
}

/// Whether facts are those of the model now in force.
#[derive(Clone, Copy)]
enum Facts {
    Now,
    Old,
}

impl Facts {
    fn of(self, facts: &impl std::fmt::Debug) -> String {
        match self {
            Self::Now => format!("{facts:?}"),
            Self::Old => String::new(),
        }
    }
}

/// A catalog as lines of text.
fn lines(catalog: &Catalog) -> Vec<String> {
    let mut lines = vec![
        format!("{:?} {} {:?}", catalog.id, catalog.moment, catalog.stamp),
        format!("{:?}", catalog.registry),
        format!("{:?} {:?}", catalog.model_source, catalog.model_stamp),
        format!("{:?} {:?}", catalog.capabilities, catalog.capabilities_stamp),
        format!("{:?}", catalog.purged),
        format!("{:?}", catalog.keys),
        format!("{:?}", catalog.referrers),
        format!("{:?} {:?}", catalog.remembered, catalog.remembered_order),
    ];
    for (groups, all) in &catalog.groups {
        for group in all.values() {
            lines.push(format!("/{groups} {}", of_group(group, Facts::Now)));
        }
    }
    for (name, hidden) in &catalog.hidden {
        let chain = std::iter::successors(Some(hidden), |hidden| hidden.before.as_ref());
        for hidden in chain {
            lines.push(format!("hidden {name} {}", of_hidden(hidden)));
        }
    }
    lines
}

/// What is hidden has the facts of the model under which it was hidden, and folded again those of
/// the newest. A restore finds them anew, so they aren't compared.
fn of_hidden(hidden: &HiddenEntity) -> String {
    let what = match &hidden.what {
        Subtree::Group(group) => of_group(group, Facts::Old),
        Subtree::Resource(resource) => of_resource(resource, Facts::Old),
        Subtree::Version(version) => of_version(version, Facts::Old),
    };
    format!("{:?} {what}", hidden.stamp)
}

fn of_group(group: &Group, facts: Facts) -> String {
    let own = &group.own;
    let mut text = format!(
        "{} {} {} {:?} {:?} {:?} {}",
        group.id,
        group.epoch,
        group.modified,
        group.members,
        own.stamp,
        facts.of(&own.bindings),
        chain(own)
    );
    for (resources, all) in &group.resources {
        for resource in all.values() {
            let _ = write!(text, "\n    {resources} {}", of_resource(resource, facts));
        }
    }
    text
}

fn of_resource(resource: &Resource, facts: Facts) -> String {
    let meta = &resource.meta;
    let mut text = format!(
        "{} {:?} {:?} {} {:?} {} {} {:?} {:?} {}",
        resource.id,
        resource.pointer,
        resource.any,
        meta.epoch,
        meta.default,
        meta.sticky,
        meta.last_number,
        meta.stamp,
        facts.of(&resource.indexed),
        chain(meta)
    );
    for version in resource.versions.iter() {
        let _ = write!(text, "\n      {}", of_version(version, facts));
    }
    text
}

fn of_version(version: &Arc<Version>, facts: Facts) -> String {
    format!(
        "{} {} {} {:?} {:?} {:?} {:?} {:?} {}",
        version.id,
        version.epoch,
        version.modified,
        version.ancestor,
        version.content_type,
        version.state,
        version.stamp,
        facts.of(&version.facts),
        chain(version)
    )
}

/// The contents of a state and of all before it.
fn chain<T: State>(newest: &Arc<T>) -> String {
    let states = muster_catalog::state::states(newest);
    let contents = states.map(|state| state.contents().map(|found| found.map(|c| c.reference())));
    format!("{:?}", contents.collect::<Vec<_>>())
}
