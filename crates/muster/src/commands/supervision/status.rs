use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use muster_client::{Call, Method, Query};
use serde_json::json;

use super::supervisor::{SupervisionPlace, Supervisor, file_failure};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    composition,
    output::{sanitized, table::padded},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster service status
  muster service status --name prices --output json

";

/// Show whether the server is installed, enabled and running, and its health
#[derive(Debug, Args)]
pub struct SupervisionStatusArguments {
    #[command(flatten)]
    place: SupervisionPlace,
}

/// What the supervisor says of a service.
#[derive(Debug, Default, PartialEq, Eq)]
struct Supervised {
    is_enabled: bool,
    is_running: bool,
    /// Its own word for the state, such as `active (running)`.
    state: String,
    process: Option<u64>,
}

/// What the server says of itself.
#[derive(Debug)]
struct ServerHealth {
    address: String,
    /// `healthy`, `degraded` or `unhealthy`; or why it isn't known.
    status: Result<String, String>,
}

impl SupervisionStatusArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let file = self.place.file(context)?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(file_failure(&file, &error)),
        };
        let data = text.as_deref().and_then(|text| self.place.data_in(text));
        let supervised = match text {
            Some(_) => self.ask(context)?,
            None => Supervised::default(),
        };
        let health = match &data {
            Some(data) if supervised.is_running => health(context, data).await,
            _ => None,
        };
        let told = (supervised, health, data);
        match context.screen.is_table() {
            true => self.render(context, text.as_ref().map(|_| file.as_path()), told),
            false => self.value(context, text.as_ref().map(|_| file.as_path()), told),
        }
    }

    fn render(
        &self,
        context: &Context,
        file: Option<&Path>,
        (supervised, health, data): (Supervised, Option<ServerHealth>, Option<PathBuf>),
    ) -> Result<(), Failure> {
        let Some(file) = file else {
            let place = context.shown(&self.place.file(context)?);
            context.screen.line(&format!("{} isn't installed", self.place.label()))?;
            context.screen.note(&format!(
                "there is no {place}; muster service install{} writes it",
                self.place.flags()
            ));
            return Ok(());
        };
        let process = supervised.process.map(|process| format!(", process {process}"));
        let mut lines = vec![
            ("service", self.place.label()),
            ("installed", context.shown(file)),
            ("enabled", if supervised.is_enabled { "yes" } else { "no" }.to_owned()),
            ("running", format!("{}{}", supervised.state, process.unwrap_or_default())),
        ];
        lines.extend(data.map(|data| ("data", context.shown(&data))));
        if let Some(ServerHealth { address, status }) = health {
            lines.push(("address", address));
            let status = status.unwrap_or_else(|why| format!("not known: {why}"));
            lines.push(("health", status));
        }
        let line =
            |(name, said): (&str, String)| format!("{}{}\n", padded(name, 11), sanitized(&said));
        let text: String = lines.into_iter().map(line).collect();
        context.screen.write(text.as_bytes())
    }

    fn value(
        &self,
        context: &Context,
        file: Option<&Path>,
        (supervised, health, data): (Supervised, Option<ServerHealth>, Option<PathBuf>),
    ) -> Result<(), Failure> {
        let health = health.as_ref();
        let status = health.and_then(|health| health.status.as_ref().ok());
        let why = health.and_then(|health| health.status.as_ref().err());
        context.screen.value(&json!({
            "name": self.place.name,
            "file": file.map(|file| file.display().to_string()),
            "installed": file.is_some(),
            "enabled": supervised.is_enabled,
            "running": supervised.is_running,
            "state": supervised.state,
            "process": supervised.process,
            "data": data.map(|data| data.display().to_string()),
            "address": health.map(|health| health.address.as_str()),
            "health": status,
            "health_unknown_because": why,
        }))
    }

    fn ask(&self, context: &Context) -> Result<Supervised, Failure> {
        let (place, label) = (&self.place, self.place.label());
        match place.supervisor() {
            Supervisor::Systemd => {
                let names = "--property=UnitFileState,ActiveState,SubState,MainPID";
                place.systemctl(&["show", names, &label]).map(|said| of_systemd(&said))
            }
            Supervisor::Launchd => {
                let target = format!("{}/{label}", place.domain());
                let said = place.launchctl(&["print", &target], context);
                Ok(said.map(|said| of_launchd(&said)).unwrap_or_default())
            }
        }
    }
}

/// What `systemctl show` says.
fn of_systemd(said: &str) -> Supervised {
    let told: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| told.get(name).copied().unwrap_or_default();
    Supervised {
        is_enabled: value("UnitFileState").starts_with("enabled"),
        is_running: matches!(value("ActiveState"), "active" | "reloading"),
        state: format!("{} ({})", value("ActiveState"), value("SubState")),
        process: value("MainPID").parse().ok().filter(|process| *process > 0),
    }
}

/// What `launchctl print` says of a service that is loaded.
fn of_launchd(said: &str) -> Supervised {
    let value = |name: &str| {
        let mut lines = said.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('=')).map(str::trim)
    };
    let state = value("state").unwrap_or_default();
    Supervised {
        is_enabled: true,
        is_running: state == "running",
        state: state.to_owned(),
        process: value("pid").and_then(|process| process.parse().ok()),
    }
}

/// The health of the server that uses a data directory; none if its address isn't known.
async fn health(context: &Context, data: &Path) -> Option<ServerHealth> {
    let address = composition::address_of(data)?;
    let named =
        ConnectionArguments { server: Some(address.clone()), ..ConnectionArguments::default() };
    let call = Call::new(Method::GET, "/health/ready", &Query::new());
    let status = match named.client(context).await {
        Err(failure) => Err(failure.what().to_owned()),
        Ok(client) => match client.call(call).await {
            Ok(answer) => match answer.json() {
                Ok(report) => Ok(report["status"].as_str().unwrap_or("unhealthy").to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        },
    };
    Some(ServerHealth { address, status })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_supervisors_say() {
        let running = "UnitFileState=enabled\nActiveState=active\nSubState=running\nMainPID=4411\n";
        let state = |state: &str| state.to_owned();
        assert_eq!(
            of_systemd(running),
            Supervised {
                is_enabled: true,
                is_running: true,
                state: state("active (running)"),
                process: Some(4411)
            }
        );
        let stopped = "UnitFileState=disabled\nActiveState=failed\nSubState=failed\nMainPID=0\n";
        assert_eq!(
            of_systemd(stopped),
            Supervised {
                is_enabled: false,
                is_running: false,
                state: state("failed (failed)"),
                process: None
            }
        );
        let loaded =
            "system/local.muster = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 77\n}\n";
        assert_eq!(
            of_launchd(loaded),
            Supervised {
                is_enabled: true,
                is_running: true,
                state: state("running"),
                process: Some(77)
            }
        );
    }
}
