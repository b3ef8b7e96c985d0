use std::{
    collections::BTreeMap,
    future::Future,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

use crate::{
    Failure, OwnCode,
    arguments::GlobalArguments,
    output::Screen,
    settings::{Settings, SettingsError},
};

/// The environment of a command: settings, variables, and its output.
#[derive(Clone, Debug)]
pub struct Context {
    /// The output and its format.
    pub screen: Screen,
    /// The settings.
    pub settings: Settings,
    /// The settings file that was named.
    pub config: Option<PathBuf>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
}

impl Context {
    /// Reads the settings.
    pub(crate) fn new(
        global: &GlobalArguments,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let no_color = crate::no_color(&environment);
        let screen = Screen::of_process(global.output, global.color, no_color);
        let named = global.config.clone().or_else(|| {
            let named = environment.get("MUSTER_CONFIG").filter(|path| !path.is_empty());
            named.map(PathBuf::from)
        });
        let settings = Settings::read(named.as_deref(), Path::new("."), &environment)?;
        Ok(Self { screen, settings, config: named, environment })
    }

    /// Runs an asynchronous command to its end.
    pub(crate) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads(available_parallelism().ok()))
            .enable_all()
            .build()
            .map_err(|error| {
                Failure::new(OwnCode::NoThreads, format!("no thread can be started: {error}"))
            })?;
        runtime.block_on(async {
            let done = work.await;
            crate::composition::close_opened().await;
            done
        })
    }

    /// The API key in the environment.
    #[must_use]
    pub fn key_of_environment(&self) -> Option<&str> {
        self.environment.get("MUSTER_API_KEY").map(|key| key.trim()).filter(|key| !key.is_empty())
    }

    /// The key in the environment that becomes the first key of a registry.
    #[must_use]
    pub fn admin_key(&self) -> Option<&str> {
        self.environment.get("MUSTER_ADMIN_KEY").map(|key| key.trim()).filter(|key| !key.is_empty())
    }

    /// The data directory from the settings, or the default one.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        match self.settings.server.data.as_str() {
            "" => crate::settings::data_folder(&self.environment),
            set => PathBuf::from(set),
        }
    }

    /// As [`Context::data_directory`], for commands that create one. They don't fall back to the
    /// current folder.
    ///
    /// # Errors
    /// No directory is set, and there is no home.
    pub(crate) fn own_data_directory(&self) -> Result<PathBuf, Failure> {
        let directory = self.data_directory();
        if self.settings.server.data.is_empty() && directory.is_relative() {
            let what = "no data directory is set, and there is no HOME for the default one";
            return Err(Failure::usage(what).help("set it with --data DIR or MUSTER_DATA"));
        }
        Ok(directory)
    }

    /// The file that a setting names: `~` is the home.
    #[must_use]
    pub fn set_path(&self, text: &str) -> PathBuf {
        let home = self.environment.get("HOME").filter(|home| !home.is_empty());
        match (home, text.strip_prefix("~/")) {
            (Some(home), Some(below)) => Path::new(home).join(below),
            _ => PathBuf::from(text),
        }
    }

    /// A path as people write it, with `~` for their home.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let home = self.environment.get("HOME").map(Path::new);
        match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => Path::new("~").join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }
}

/// Threads that a command waits with: one for each processor, and never only one, which a single
/// long piece of work would block.
fn threads(processors: Option<NonZeroUsize>) -> usize {
    processors.map_or(2, |processors| processors.get().max(2))
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let help = match &error {
            SettingsError::Unknown { nearest: Some(nearest), .. }
            | SettingsError::Choice { nearest: Some(nearest), .. } => {
                format!("did you mean {nearest}? muster config default lists all settings")
            }
            _ => "muster config default prints the file with every setting explained".to_owned(),
        };
        Self::new(OwnCode::BadSettings, error.to_string()).help(help).exit(crate::Exit::Usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_with_a_thread_for_each_processor_but_with_two_at_least() {
        for (processors, expect) in [(0, 2), (1, 2), (2, 2), (3, 3), (64, 64)] {
            assert_eq!(threads(NonZeroUsize::new(processors)), expect, "{processors}");
        }
    }
}
