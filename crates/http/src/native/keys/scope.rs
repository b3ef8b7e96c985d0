use muster_model::Model;
use muster_schema::nearest;
use muster_words::{XidPattern, XidPatterns};

/// Why a scope is of no use in a model: one of its places can hold nothing, because no type has the
/// name of its step. A key like that could do nothing, and nobody would see why.
pub(super) fn unusable(scope: &XidPatterns, model: &Model) -> Option<String> {
    scope.iter().find_map(|place| unusable_place(place, model))
}

fn unusable_place(place: &XidPattern, model: &Model) -> Option<String> {
    let steps: Vec<&str> = place.steps().collect();
    let groups = *steps.first()?;
    let kinds: Vec<_> =
        model.group_types().filter(|kind| XidPattern::step_matches(groups, &kind.plural)).collect();
    if kinds.is_empty() {
        let names = model.group_types().map(|kind| kind.plural.as_str());
        return Some(told(place, &steps, 0, names));
    }
    let resources = *steps.get(2)?;
    let names = || kinds.iter().flat_map(|kind| kind.resources.keys().map(String::as_str));
    let is_known = names().any(|name| XidPattern::step_matches(resources, name));
    (!is_known).then(|| told(place, &steps, 2, names()))
}

fn told<'a>(
    place: &XidPattern,
    steps: &[&str],
    wrong: usize,
    names: impl Iterator<Item = &'a str>,
) -> String {
    let what = format!("{place} can match nothing: the model has no collection {:?}", steps[wrong]);
    match nearest(steps[wrong], names) {
        Some(near) => {
            let mut meant = steps.to_vec();
            meant[wrong] = near;
            format!("{what}; did you mean /{}?", meant.join("/"))
        }
        None => format!("{what}; muster list shows the collections"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_model::Foundation;
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_what_no_type_has_and_the_nearest_name() {
        let source = json!({"groups": {"providers": {"singular": "provider", "resources": {
            "entries": {"singular": "entry"}}}}});
        let model = Model::compile(&source, Foundation::Bare).unwrap();
        for (place, expect) in [
            ("/providers", None),
            ("/providers/not-there", None),
            ("/prov*", None),
            ("/*/cms/entries/a", None),
            ("/providers/*/ent*/sanity-*", None),
            ("/provders/cms", Some("did you mean /providers/cms?")),
            ("/providers/cms/entires/a", Some("did you mean /providers/cms/entries/a?")),
            ("/zzz*", Some("muster list shows the collections")),
        ] {
            let scope = XidPatterns::new(vec![place.parse().unwrap()]);
            let found = unusable(&scope, &model);
            assert_eq!(found.is_some(), expect.is_some(), "{place}: {found:?}");
            assert!(found.is_none_or(|text| text.ends_with(expect.unwrap())), "{place}");
        }
    }
}
