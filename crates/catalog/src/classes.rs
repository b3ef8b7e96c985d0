//! The known classes of entities, by family. Other classes are also valid; they have no family
//! until somebody sets one.

/// The families with their classes.
const FAMILIES: [(&str, &[&str]); 10] = [
    (
        "Shell configuration",
        &[
            "zsh_config",
            "zsh_scripts",
            "zsh_functions",
            "zsh_aliases",
            "zsh_prompts",
            "zsh_themes",
            "zsh_plugins",
        ],
    ),
    (
        "Visual components",
        &[
            "palettes",
            "glyphs",
            "animations",
            "depth_chars",
            "particle_fx",
            "ui_primitives",
            "menu_layouts",
        ],
    ),
    ("Documentation and capabilities", &["documentations", "capabilities"]),
    (
        "Swarm intelligence",
        &[
            "swarm_agents",
            "swarm_orchestrators",
            "swarm_networks",
            "swarm_optimizers",
            "swarm_learners",
        ],
    ),
    (
        "AI systems",
        &[
            "agents",
            "services",
            "engines",
            "plugins",
            "prompts",
            "models",
            "embeddings",
            "skills",
            "memory",
        ],
    ),
    (
        "Infrastructure and resources",
        &[
            "apis",
            "webhooks",
            "integrations",
            "resources",
            "assets",
            "infrastructure",
            "components",
            "pipelines",
        ],
    ),
    (
        "Data and knowledge",
        &["datasets", "knowledge", "search", "event_schemas", "task_schemas", "templates"],
    ),
    (
        "Business and operations",
        &[
            "workflows",
            "features",
            "incidents",
            "violations",
            "projects",
            "organizations",
            "users",
            "tenants",
        ],
    ),
    ("User experience", &["widgets", "notifications", "communications"]),
    (
        "Advanced capabilities",
        &[
            "modality",
            "multimodal",
            "hotswap_components",
            "streaming_endpoints",
            "propagation_chains",
        ],
    ),
];

/// The family of a known class. It becomes the `classification` of a group of this class when the
/// group is created.
#[must_use]
pub fn classification_of(class: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|(_, classes)| classes.contains(&class)).map(|(family, _)| *family)
}

/// The known classes, each with its family, family by family.
pub fn known_classes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let each = |(family, classes): &(&'static str, &'static [&'static str])| {
        let family = *family;
        classes.iter().map(move |class| (*class, family))
    };
    FAMILIES.iter().flat_map(each)
}

/// A name of a class or a family in the form by which two spellings of it are compared: capitals,
/// what stands between words (spaces, hyphens, underscores), and the `s` of a plural don't matter. So `AppService`, `app-services`
/// and `App services` are one.
#[must_use]
pub fn plain_class(name: &str) -> String {
    let stands_between = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '_');
    let letters = name.chars().filter(|letter| !stands_between(letter));
    let mut plain: String = letters.flat_map(char::to_lowercase).collect();
    if let Some(stem) = plain.strip_suffix("ies").filter(|stem| !stem.is_empty()) {
        plain = format!("{stem}y");
    } else if let Some(stem) = plain.strip_suffix('s')
        && !stem.is_empty()
        && !stem.ends_with('s')
    {
        plain.truncate(stem.len());
    }
    plain
}

/// What a query for a classification means: a class, or a family with all its classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassQuery {
    name: String,
    /// The known classes of the family; none if it isn't one.
    classes: Vec<String>,
}

impl ClassQuery {
    /// What a name means.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = plain_class(name);
        let family = known_classes().filter(|(_, family)| plain_class(family) == name);
        let classes = family.map(|(class, _)| plain_class(class)).collect();
        Self { name, classes }
    }

    /// Whether the entities of a group are meant: by its id, or by its family, which is the group's
    /// `classification` or else that of the known class.
    #[must_use]
    pub fn has_group(&self, id: &str, family: Option<&str>) -> bool {
        if self.name.is_empty() {
            return false;
        }
        let family = family.or_else(|| classification_of(id));
        plain_class(id) == self.name || family.is_some_and(|own| plain_class(own) == self.name)
    }

    /// Whether a document is meant that names this class, or this family, itself.
    #[must_use]
    pub fn has_named(&self, class: &str) -> bool {
        let plain = plain_class(class);
        !plain.is_empty() && plain == self.name || self.classes.contains(&plain)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn knows_sixty_classes_each_in_one_family() {
        let all: Vec<&str> = FAMILIES.iter().flat_map(|(_, classes)| *classes).copied().collect();
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!((all.len(), distinct.len()), (60, 60));
        for (class, family) in [
            ("zsh_config", Some("Shell configuration")),
            ("agents", Some("AI systems")),
            ("propagation_chains", Some("Advanced capabilities")),
            ("recipes", None),
            ("", None),
        ] {
            assert_eq!(classification_of(class), family, "{class}");
        }
    }
    #[test]
    fn spellings_of_one_class_are_equal() {
        for (one, other, expect) in [
            ("AppService", "app_services", true),
            ("App services", "app-service", true),
            ("capabilities", "Capability", true),
            ("zsh_config", "ZshConfig", true),
            ("SERVICES", "service", true),
            ("Données", "données", true),
            ("s", "S", true),
            ("class", "clas", false),
            ("services", "servants", false),
            ("s", "", false),
            ("v1.0", "v10", false),
            ("!!!", "_", false),
        ] {
            assert_eq!(plain_class(one) == plain_class(other), expect, "{one} {other}");
        }
        let plain: BTreeSet<String> = known_classes().map(|(one, _)| plain_class(one)).collect();
        assert_eq!(plain.len(), 60, "no two known classes are spellings of one");
    }

    #[test]
    fn a_family_means_all_its_classes_but_those_that_were_moved() {
        let systems = ClassQuery::new("ai-systems");
        let services = ClassQuery::new("Service");
        for (id, family, in_systems, in_services) in [
            ("services", Some("AI systems"), true, true),
            ("services", None, true, true),
            ("services", Some("Ours"), false, true),
            ("agents", Some("AI systems"), true, false),
            ("recipes", Some("AI systems"), true, false),
            ("recipes", None, false, false),
        ] {
            assert_eq!(systems.has_group(id, family), in_systems, "{id} {family:?}");
            assert_eq!(services.has_group(id, family), in_services, "{id} {family:?}");
        }
        for (class, in_systems, in_services) in
            [("Agent", true, false), ("AI systems", true, false), ("service", true, true)]
        {
            assert_eq!(systems.has_named(class), in_systems, "{class}");
            assert_eq!(services.has_named(class), in_services, "{class}");
        }
        assert!(ClassQuery::new("agents").has_group("agents", Some("")));
        let nothing = ClassQuery::new("_ -");
        assert!(!nothing.has_group("__", Some("--")) && !nothing.has_named("_"));
    }
}
