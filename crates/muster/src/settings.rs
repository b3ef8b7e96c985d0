//! The settings. `default.toml` defines them all: the areas, the keys, their defaults and their
//! meaning. The names in the environment, the check for unknown keys and `muster config default`
//! are derived from it.

mod areas;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::bounded_file;
use muster_schema::nearest;
use serde::Deserialize;
use thiserror::Error;
use toml::{Table, Value};

pub use areas::{
    AccessArea, BackupArea, ClientArea, DEFAULT_SERVER, HttpArea, LimitsArea, LogArea,
    PropagationArea, ProvidersArea, SecretsArea, ServerArea, SiteArea, TimeoutsArea, TlsArea,
};

/// The default file, with every setting.
const DEFAULT: &str = include_str!("settings/default.toml");

/// The maximum size of a settings file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Names in the environment that don't follow the rule, because they are older or shorter.
const SHORT_NAMES: [(&str, &str, &str); 4] = [
    ("MUSTER_DATA", "server", "data"),
    ("MUSTER_SERVER", "client", "server"),
    ("MUSTER_CA_CERT", "client", "ca_cert"),
    ("LOG_LEVEL", "log", "level"),
];

/// The names in the environment with which a server is named.
const NAMES_OF_SERVER: [&str; 2] = ["MUSTER_SERVER", "MUSTER_CLIENT_SERVER"];

/// Names in the environment that look like settings but aren't.
const OTHER_NAMES: [&str; 6] = [
    "MUSTER_ADMIN_KEY",
    "MUSTER_API_KEY",
    "MUSTER_CONFIG",
    "MUSTER_PROGRAM",
    "MUSTER_TEST_DATA",
    "MUSTER_TEST_TOOLS",
];

/// All settings, by area.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The server's address and data.
    pub server: ServerArea,
    /// Access without a key.
    pub access: AccessArea,
    /// What the server lets others do over HTTP.
    pub http: HttpArea,
    /// Whether the server speaks TLS.
    pub tls: TlsArea,
    /// The published site, and where publications may go.
    pub site: SiteArea,
    /// Backups that the server makes by itself.
    pub backup: BackupArea,
    /// What the server never exceeds.
    pub limits: LimitsArea,
    /// The server's timeouts.
    pub timeouts: TimeoutsArea,
    /// What the server connects to on its own.
    pub propagation: PropagationArea,
    /// Live AI providers, besides those that documents declare.
    pub providers: ProvidersArea,
    /// Which secrets may be sent where.
    pub secrets: SecretsArea,
    /// The log.
    pub log: LogArea,
    /// The other commands' connection to a server.
    pub client: ClientArea,
    /// Every setting by its name, with where its value comes from.
    #[serde(skip)]
    pub effective: BTreeMap<String, EffectiveSetting>,
}

/// The value of a setting, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The value.
    pub value: muster_words::json::Value,
    /// The file or the environment's variable that sets it; none for the default.
    pub source: Option<String>,
}

/// Why settings can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The named file doesn't exist, or can't be read.
    #[error("{path} can't be read: {cause}")]
    File {
        /// The file.
        path: String,
        /// The system's error.
        cause: String,
    },
    /// The file isn't TOML.
    #[error("{origin} is not TOML: {cause}")]
    Syntax {
        /// The file.
        origin: String,
        /// The fault, and its place.
        cause: String,
    },
    /// There is no such area or setting.
    #[error("{origin}: there is no setting {name}")]
    Unknown {
        /// The file, or the environment.
        origin: String,
        /// The unknown name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The value has the wrong type.
    #[error("{origin}: {name} is {expected}, not {found}")]
    Kind {
        /// The file, or the environment.
        origin: String,
        /// The setting.
        name: String,
        /// The expected type.
        expected: &'static str,
        /// The given value.
        found: String,
    },
    /// The number is out of the setting's range.
    #[error("{name} must be a number from {least} to {most}, not {found}")]
    Range {
        /// The setting.
        name: String,
        /// The minimum.
        least: i64,
        /// The maximum.
        most: i64,
        /// The given value.
        found: i64,
    },
    /// The text isn't one of the allowed ones.
    #[error("{name} is one of {}, not {found:?}", choices.join(", "))]
    Choice {
        /// The setting.
        name: String,
        /// The allowed texts.
        choices: &'static [&'static str],
        /// The given text.
        found: String,
        /// The text that was probably meant.
        nearest: Option<String>,
    },
}

impl Default for Settings {
    /// The values in `default.toml`.
    fn default() -> Self {
        Self {
            server: ServerArea::default(),
            access: AccessArea::default(),
            http: HttpArea::default(),
            tls: TlsArea::default(),
            site: SiteArea::default(),
            backup: BackupArea::default(),
            limits: LimitsArea::default(),
            timeouts: TimeoutsArea::default(),
            propagation: PropagationArea::default(),
            providers: ProvidersArea::default(),
            secrets: SecretsArea::default(),
            log: LogArea::default(),
            client: ClientArea::default(),
            effective: effective(&defaults(), BTreeMap::new()),
        }
    }
}

impl Settings {
    /// Reads the named file, otherwise `muster.toml` in `folder` if it exists. Values in the
    /// environment override it. The caller applies the flags.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn read(
        named: Option<&Path>,
        folder: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let usual = folder.join("muster.toml");
        let path = named.map(Path::to_owned).or_else(|| usual.exists().then_some(usual));
        let file = path.map(|path| read_file(&path)).transpose()?;
        let file = file.as_ref().map(|(path, text)| (path.as_str(), text.as_str()));
        Self::resolve(file, environment)
    }

    /// Merges the defaults, a file's text (with the file's name for errors) and the environment.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn resolve(
        file: Option<(&str, &str)>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut settings = defaults();
        let mut sources = BTreeMap::new();
        let mut is_named = environment.keys().any(|name| NAMES_OF_SERVER.contains(&&**name));
        if let Some((origin, text)) = file {
            let table: Table = text.parse().map_err(|error: toml::de::Error| {
                let cause = error.to_string().trim_end().to_owned();
                SettingsError::Syntax { origin: origin.to_owned(), cause }
            })?;
            is_named |= table.get("client").is_some_and(|area| area.get("server").is_some());
            sources.extend(names_in(&table).map(|name| (name, origin.to_owned())));
            merge_file(&mut settings, table, origin)?;
        }
        for (variable, value) in environment {
            if let Some(name) = merge_variable(&mut settings, variable, value)? {
                sources.insert(name, variable.clone());
            }
        }
        let effective = effective(&settings, sources);
        let mismatch = |error: toml::de::Error| SettingsError::Syntax {
            origin: "the settings".to_owned(),
            cause: error.to_string(),
        };
        check_ranges(&settings)?;
        let mut settings: Self = Value::Table(settings).try_into().map_err(mismatch)?;
        settings.client.is_named = is_named;
        settings.effective = effective;
        Ok(settings)
    }

    /// Checks what only a server needs. Other programs may use a variable `LOG_LEVEL` for
    /// themselves.
    ///
    /// # Errors
    /// The level or the format of the log is invalid.
    pub fn check_log(&self) -> Result<(), SettingsError> {
        // An unknown word would count as the name of a module, and only that module would be
        // logged.
        let level = self.log.level.to_lowercase();
        if !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            check_choice("log.level", &LEVELS, &level)?;
        }
        check_choice("log.format", &FORMATS, &self.log.format)?;
        check_choice("log.requests", &REQUESTS, &self.log.requests)
    }
}

/// The levels of the log.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
const FORMATS: [&str; 3] = ["text", "json", "auto"];
const REQUESTS: [&str; 3] = ["info", "debug", "off"];

/// Settings that may be 0: no waiting at the end, the default size of the cache, no warnings, and all
/// backups.
const ZERO_TAKEN: [&str; 4] =
    ["timeouts.stop_s", "limits.cache_bytes", "log.slow_ms", "backup.keep"];

/// Refuses numbers with which nothing works, such as a server with no connections.
fn check_ranges(settings: &Table) -> Result<(), SettingsError> {
    for (area, keys) in settings {
        for (key, value) in keys.as_table().into_iter().flatten() {
            let Some(found) = value.as_integer() else { continue };
            let name = format!("{area}.{key}");
            let least = i64::from(!ZERO_TAKEN.contains(&name.as_str()));
            let most = if key.ends_with("_bytes") { i64::MAX } else { i64::from(u32::MAX) };
            if !(least..=most).contains(&found) {
                return Err(SettingsError::Range { name, least, most, found });
            }
        }
    }
    Ok(())
}

fn check_choice(
    name: &str,
    choices: &'static [&'static str],
    found: &str,
) -> Result<(), SettingsError> {
    if choices.contains(&found) {
        return Ok(());
    }
    let (name, found) = (name.to_owned(), found.to_owned());
    let nearest = nearest(&found, choices.iter().copied()).map(str::to_owned);
    Err(SettingsError::Choice { name, choices, found, nearest })
}

/// The default file as `muster config default` prints it, with every setting commented out.
#[must_use]
pub fn default_file() -> String {
    let comment = |line: &str| {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        if is_setting { format!("#{line}\n") } else { format!("{line}\n") }
    };
    DEFAULT.lines().map(comment).collect()
}

fn defaults() -> Table {
    // A test parses it, so it is valid in every release.
    DEFAULT.parse().unwrap_or_default()
}

fn read_file(path: &Path) -> Result<(String, String), SettingsError> {
    let name = path.display().to_string();
    let unreadable =
        |cause: &dyn ToString| SettingsError::File { path: name.clone(), cause: cause.to_string() };
    let text = bounded_file::read_text(path, FILE_BYTES_MAX).map_err(|error| unreadable(&error))?;
    Ok((name, text))
}

fn merge_file(settings: &mut Table, file: Table, origin: &str) -> Result<(), SettingsError> {
    for (area, value) in file {
        let areas: Vec<String> = settings.keys().cloned().collect();
        let Some(Value::Table(known)) = settings.get_mut(&area) else {
            return Err(unknown(origin, &area, areas.into_iter()));
        };
        let Value::Table(keys) = value else {
            let name = area.clone();
            return Err(kind(origin, name, "an area, as in [server]", value.type_str()));
        };
        for (key, value) in keys {
            let name = format!("{area}.{key}");
            let Some(default) = known.get(&key) else {
                let names = known.keys().map(|key| format!("{area}.{key}"));
                return Err(unknown(origin, &name, names));
            };
            if !default.same_type(&value) {
                return Err(kind(origin, name, expected(default), value.type_str()));
            }
            let mut items = value.as_array().into_iter().flatten();
            if let Some(item) = items.find(|item| !item.is_str()) {
                return Err(kind(origin, name, expected(default), item.type_str()));
            }
            known.insert(key, value);
        }
    }
    Ok(())
}

/// Returns the name of the setting that the variable sets, if it sets one.
fn merge_variable(
    settings: &mut Table,
    name: &str,
    text: &str,
) -> Result<Option<String>, SettingsError> {
    let origin = "the environment";
    let short = SHORT_NAMES.iter().find(|(short, ..)| *short == name);
    let area_and_key = match short {
        Some((_, area, key)) => Some(((*area).to_owned(), (*key).to_owned())),
        None if !name.starts_with("MUSTER_") || OTHER_NAMES.contains(&name) => return Ok(None),
        None => name["MUSTER_".len()..]
            .to_lowercase()
            .split_once('_')
            .map(|(a, k)| (a.into(), k.into())),
    };
    let names = variables(settings);
    let default = area_and_key
        .as_ref()
        .and_then(|(area, key)| settings.get_mut(area)?.as_table_mut()?.get_mut(key));
    let Some(default) = default else {
        // Other programs may use the same prefix, so only probable typing errors are refused.
        return match unknown(origin, name, names.into_iter()) {
            SettingsError::Unknown { nearest: None, .. } => Ok(None),
            slip => Err(slip),
        };
    };
    *default = match default {
        Value::Integer(_) => {
            let number = text.trim().parse();
            let number =
                number.map_err(|_| kind(origin, name.to_owned(), "a whole number", text))?;
            Value::Integer(number)
        }
        Value::Boolean(_) => match text.trim() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return Err(kind(origin, name.to_owned(), TRUE_OR_FALSE, text)),
        },
        Value::Array(_) => {
            let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
            Value::Array(texts.map(|text| Value::String(text.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    };
    Ok(area_and_key.map(|(area, key)| format!("{area}.{key}")))
}

/// The names of the settings in a table of areas.
fn names_in(settings: &Table) -> impl Iterator<Item = String> {
    let areas = settings.iter().filter_map(|(area, keys)| Some((area, keys.as_table()?)));
    areas.flat_map(|(area, keys)| keys.keys().map(move |key| format!("{area}.{key}")))
}

/// All settings with the sources of those that aren't the default.
fn effective(
    settings: &Table,
    mut sources: BTreeMap<String, String>,
) -> BTreeMap<String, EffectiveSetting> {
    let value_of = |name: &str| {
        let (area, key) = name.split_once('.')?;
        serde_json::to_value(settings.get(area)?.get(key)?).ok()
    };
    names_in(settings)
        .map(|name| {
            let value = value_of(&name).unwrap_or_default();
            let source = sources.remove(&name);
            (name, EffectiveSetting { value, source })
        })
        .collect()
}

/// The name of each setting in the environment.
fn variables(settings: &Table) -> Vec<String> {
    let areas = settings.iter().filter_map(|(area, keys)| Some((area, keys.as_table()?)));
    let names = areas.flat_map(|(area, keys)| {
        keys.keys().map(move |key| format!("MUSTER_{area}_{key}").to_uppercase())
    });
    names.chain(SHORT_NAMES.map(|(short, ..)| short.to_owned())).collect()
}

fn unknown(origin: &str, name: &str, names: impl Iterator<Item = String>) -> SettingsError {
    let names: Vec<String> = names.collect();
    let nearest = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
    SettingsError::Unknown { origin: origin.to_owned(), name: name.to_owned(), nearest }
}

fn kind(origin: &str, name: String, expected: &'static str, found: &str) -> SettingsError {
    SettingsError::Kind { origin: origin.to_owned(), name, expected, found: found.to_owned() }
}

const TRUE_OR_FALSE: &str = "true or false";

const fn expected(default: &Value) -> &'static str {
    match default {
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => TRUE_OR_FALSE,
        Value::Array(_) => "a list of texts in quotes",
        _ => "a text in quotes",
    }
}

/// The user's data folder for this program (XDG base directories).
#[must_use]
pub fn data_folder(environment: &BTreeMap<String, String>) -> PathBuf {
    let given = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let xdg = given("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || given("HOME").map(|home| Path::new(home).join(".local/share"));
    xdg.or_else(home).unwrap_or_default().join("muster")
}

#[cfg(test)]
mod tests;
