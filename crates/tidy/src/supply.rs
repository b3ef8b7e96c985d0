//! The dependencies: how many crates, under which licences, used by which rooms, and why.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::Finding;

/// The page with the reason for each dependency.
pub const PAGE: &str = "docs/explanation/dependencies.md";

/// A package of the graph.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence as an SPDX expression.
    pub licence: String,
    /// Whether it comes from a registry.
    pub external: bool,
    /// Its `[dependencies]` and `[build-dependencies]`.
    pub uses: BTreeSet<String>,
    /// Its `[dev-dependencies]`.
    pub tests_use: BTreeSet<String>,
}

impl Package {
    /// The name of the room: the package's name without `muster-`.
    #[must_use]
    pub fn room(&self) -> &str {
        self.name.strip_prefix("muster-").unwrap_or(&self.name)
    }
}

/// The dependency graph as cargo resolves it for this machine.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    packages: BTreeMap<String, Package>,
    /// The packages that each package needs to be built and run, by id.
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Asks cargo for the graph of the workspace.
    ///
    /// # Errors
    /// cargo fails, Cargo.lock is out of date, or the answer can't be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let cargo = env!("CARGO");
        let output = Command::new(cargo)
            .args(["metadata", "--locked", "--format-version", "1"])
            .args(["--filter-platform", host()])
            .current_dir(root)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("cargo metadata: {said}")));
        }
        Self::parse(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| io::Error::other("cargo metadata answered something else"))
    }

    /// Reads what `cargo metadata` prints.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let metadata: Value = serde_json::from_str(text).ok()?;
        let mut graph = Self::default();
        for package in metadata["packages"].as_array()? {
            graph.packages.insert(package["id"].as_str()?.to_owned(), self::package(package)?);
        }
        for node in metadata["resolve"]["nodes"].as_array()? {
            let uses =
                node["deps"].as_array()?.iter().filter(|used| is_shipped(&used["dep_kinds"]));
            let uses = uses.filter_map(|used| Some(used["pkg"].as_str()?.to_owned())).collect();
            graph.edges.insert(node["id"].as_str()?.to_owned(), uses);
        }
        Some(graph)
    }

    /// Our own packages.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| !package.external)
    }

    /// Every package from a registry that is built for this machine, including those for tests.
    pub fn external(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.external)
    }

    /// The packages from a registry that are built into the program.
    #[must_use]
    pub fn shipped(&self) -> Vec<&Package> {
        let program = self.packages.iter().filter(|(_, package)| package.name == "muster");
        let mut waiting: VecDeque<&String> = program.map(|(id, _)| id).collect();
        let mut seen: BTreeSet<&String> = waiting.iter().copied().collect();
        while let Some(id) = waiting.pop_front() {
            for used in self.edges.get(id).into_iter().flatten() {
                if seen.insert(used) {
                    waiting.push_back(used);
                }
            }
        }
        seen.into_iter()
            .filter_map(|id| self.packages.get(id))
            .filter(|package| package.external)
            .collect()
    }
}

fn package(found: &Value) -> Option<Package> {
    let mut package = Package {
        name: found["name"].as_str()?.to_owned(),
        version: found["version"].as_str()?.to_owned(),
        licence: found["license"].as_str().unwrap_or_default().to_owned(),
        external: found["source"].is_string(),
        ..Package::default()
    };
    for used in found["dependencies"].as_array()? {
        let list = if used["kind"] == "dev" { &mut package.tests_use } else { &mut package.uses };
        list.insert(used["name"].as_str()?.to_owned());
    }
    Some(package)
}

fn is_shipped(kinds: &Value) -> bool {
    kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
}

const fn host() -> &'static str {
    if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        "aarch64-apple-darwin"
    } else if cfg!(target_os = "macos") {
        "x86_64-apple-darwin"
    } else if cfg!(target_arch = "aarch64") {
        "aarch64-unknown-linux-gnu"
    } else {
        "x86_64-unknown-linux-gnu"
    }
}

/// The rules of deny.toml.
#[derive(Debug, Default)]
pub struct Rules {
    licences: Vec<String>,
    wrappers: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    /// Reads the part of deny.toml that is checked here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let words = |list: &toml::Value| -> Option<Vec<String>> {
            list.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        let licences = words(table.get("licenses")?.get("allow")?)?;
        let mut wrappers = BTreeMap::new();
        for row in table.get("bans")?.get("deny")?.as_array()? {
            let by = words(row.get("wrappers")?)?.into_iter().collect();
            wrappers.insert(row.get("crate")?.as_str()?.to_owned(), by);
        }
        Some(Self { licences, wrappers })
    }

    /// Dependencies under other licences.
    #[must_use]
    pub fn licences(&self, graph: &Graph) -> Vec<Finding> {
        graph
            .external()
            .filter(|package| !permits(&package.licence, &self.licences))
            .map(|package| {
                let Package { name, version, licence, .. } = package;
                Finding::of("deny.toml", format!("{name} {version} is under \"{licence}\""))
            })
            .collect()
    }

    /// Crates that a package uses but isn't allowed to use. Dependencies of tests are free.
    #[must_use]
    pub fn wrappers(&self, graph: &Graph) -> Vec<Finding> {
        let mut found = Vec::new();
        for package in graph.members() {
            for (name, by) in &self.wrappers {
                if package.uses.contains(name) && !by.contains(&package.name) {
                    let what = format!("`{}` may not use {name}", package.name);
                    found.push(Finding::of("deny.toml", what));
                }
            }
        }
        found
    }
}

/// Whether the allowed licences satisfy an SPDX expression. `AND` binds tighter than `OR`; the old
/// `/` means `OR`, and `+` after a licence also allows its later versions.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let text = expression.replace('/', " OR ");
    if let Some(open) = text.find('(')
        && let Some(length) = closing(&text[open..])
    {
        let inner = &text[open + 1..open + length];
        let verdict = if permits(inner, allowed) { "yes" } else { "no" };
        let rest = format!("{}{verdict}{}", &text[..open], &text[open + length + 1..]);
        return permits(&rest, allowed);
    }
    let is_allowed = |one: &str| one == "yes" || allowed.iter().any(|a| a == one);
    text.split(" OR ")
        .any(|way| way.split(" AND ").all(|one| is_allowed(one.trim().trim_end_matches('+'))))
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Direct dependencies that the page doesn't explain, and rows of dependencies that no longer
/// exist. A row is ``| `crate`, `crate` | … |``.
#[must_use]
pub fn explained(page: &str, graph: &Graph) -> Vec<Finding> {
    let rows: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.trim_matches('|').split('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let direct: BTreeSet<&str> = graph
        .members()
        .flat_map(|package| package.uses.iter().chain(&package.tests_use))
        .map(String::as_str)
        .filter(|name| !name.starts_with("muster"))
        .collect();
    let lacks = direct.difference(&rows).map(|name| format!("doesn't say why `{name}` is there"));
    let gone = rows.difference(&direct).map(|name| format!("explains `{name}`, which isn't there"));
    lacks.chain(gone).map(|what| Finding::of(PAGE, what)).collect()
}

/// Counts that must not grow unnoticed. Each is a number in ratchets.toml: lower it when possible,
/// and raise it only with a reason in the commit.
#[must_use]
pub fn budget(ratchets: &str, graph: &Graph) -> Vec<Finding> {
    let table: toml::Table = ratchets.parse().unwrap_or_default();
    let shipped = graph.shipped();
    let names: BTreeSet<&str> = shipped.iter().map(|package| package.name.as_str()).collect();
    [
        ("crates_built", graph.external().count()),
        ("crates_shipped", shipped.len()),
        ("crates_shipped_twice", shipped.len() - names.len()),
    ]
    .into_iter()
    .filter_map(|(name, count)| {
        let most = table.get(name).and_then(toml::Value::as_integer).unwrap_or(0);
        let over = usize::try_from(most).map_or(true, |most| count > most);
        over.then(|| {
            Finding::of("crates/tidy/ratchets.toml", format!("{name}: {count}, more than {most}"))
        })
    })
    .collect()
}

#[cfg(test)]
mod tests;
