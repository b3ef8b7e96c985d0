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
}
