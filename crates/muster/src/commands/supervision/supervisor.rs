use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::{Args, ValueEnum};

use super::{
    account::is_root,
    plist::{data_of_plist, plist},
    unit::{SupervisedServer, data_of_unit},
};
use crate::{Context, Failure, OwnCode, arguments::quoted};

/// What starts the server with the computer, and again when it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Supervisor {
    /// Linux
    Systemd,
    /// macOS
    Launchd,
}

/// Whose supervisor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SupervisionScope {
    /// The computer's; needs root
    System,
    /// Your session's
    User,
}

/// Which service is meant.
#[derive(Clone, Debug, Args)]
pub struct SupervisionPlace {
    /// The name of the service
    #[arg(long, value_name = "NAME", default_value = "muster", value_parser = service_name)]
    pub name: String,
    /// What runs it: systemd or launchd [default: this computer's]
    #[arg(long, value_enum, value_name = "WHICH", hide_possible_values = true)]
    pub supervisor: Option<Supervisor>,
    /// Whose it is: system or user [default: system for root, otherwise user]
    #[arg(long, value_enum, value_name = "WHOSE", hide_possible_values = true)]
    pub scope: Option<SupervisionScope>,
}

/// A name that can be a part of a file's name, for clap.
fn service_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = text.bytes().all(is_plain) && text.len() <= 64;
    match is_name && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) {
        true => Ok(text.to_owned()),
        false => {
            Err("use at most 64 letters, digits and - _ . beginning with a letter or digit"
                .to_owned())
        }
    }
}

impl SupervisionPlace {
    /// What runs it.
    pub fn supervisor(&self) -> Supervisor {
        let own = if cfg!(target_os = "macos") { Supervisor::Launchd } else { Supervisor::Systemd };
        self.supervisor.unwrap_or(own)
    }

    /// Whose it is.
    pub fn scope(&self) -> SupervisionScope {
        self.scope.unwrap_or(if is_root() {
            SupervisionScope::System
        } else {
            SupervisionScope::User
        })
    }

    /// How the supervisor calls it.
    pub fn label(&self) -> String {
        match self.supervisor() {
            Supervisor::Systemd => format!("{}.service", self.name),
            Supervisor::Launchd => format!("local.{}", self.name),
        }
    }

    /// Its file.
    ///
    /// # Errors
    /// There is no home for a service of a session.
    pub fn file(&self, context: &Context) -> Result<PathBuf, Failure> {
        let home = || {
            let home = context.environment.get("HOME").filter(|home| home.starts_with('/'));
            home.map(PathBuf::from).ok_or_else(|| {
                Failure::usage("there is no HOME, where services of a session are")
                    .help("set HOME, or run it as root with --scope system")
            })
        };
        let folder = match (self.supervisor(), self.scope()) {
            (Supervisor::Systemd, SupervisionScope::System) => PathBuf::from("/etc/systemd/system"),
            (Supervisor::Systemd, SupervisionScope::User) => {
                let set = context.environment.get("XDG_CONFIG_HOME");
                let set = set.filter(|set| set.starts_with('/')).map(PathBuf::from);
                let config = set.map_or_else(|| home().map(|home| home.join(".config")), Ok)?;
                config.join("systemd/user")
            }
            (Supervisor::Launchd, SupervisionScope::System) => {
                PathBuf::from("/Library/LaunchDaemons")
            }
            (Supervisor::Launchd, SupervisionScope::User) => home()?.join("Library/LaunchAgents"),
        };
        Ok(match self.supervisor() {
            Supervisor::Systemd => folder.join(self.label()),
            Supervisor::Launchd => folder.join(format!("{}.plist", self.label())),
        })
    }

    /// The text of its file.
    pub fn text(&self, server: &SupervisedServer, context: &Context) -> String {
        match self.supervisor() {
            Supervisor::Systemd => server.unit(),
            Supervisor::Launchd => plist(server, &self.label(), &self.errors(context)),
        }
    }

    /// Where launchd keeps what a server says before it has its log.
    fn errors(&self, context: &Context) -> String {
        let home = context.environment.get("HOME").filter(|home| home.starts_with('/'));
        match (self.scope(), home) {
            (SupervisionScope::User, Some(home)) => {
                format!("{home}/Library/Logs/{}.log", self.name)
            }
            _ => format!("/var/log/{}.log", self.name),
        }
    }

    /// The data directory that the text of its file names.
    pub fn data_in(&self, text: &str) -> Option<PathBuf> {
        match self.supervisor() {
            Supervisor::Systemd => data_of_unit(text),
            Supervisor::Launchd => data_of_plist(text),
        }
    }

    /// The flags that name it, for a command that is suggested.
    pub fn flags(&self) -> String {
        let name = (self.name != "muster").then(|| format!(" --name {}", quoted(&self.name)));
        let scope = self.scope.map(|scope| match scope {
            SupervisionScope::System => " --scope system",
            SupervisionScope::User => " --scope user",
        });
        format!("{}{}", name.unwrap_or_default(), scope.unwrap_or_default())
    }

    /// Asks systemd to do something.
    ///
    /// # Errors
    /// It isn't there, or it refuses.
    pub fn systemctl(&self, arguments: &[&str]) -> Result<String, Failure> {
        let user = (self.scope() == SupervisionScope::User).then_some("--user");
        let all: Vec<&str> = user.into_iter().chain(arguments.iter().copied()).collect();
        run("systemctl", &all).map_err(|failure| match self.scope() {
            SupervisionScope::System => {
                failure.explain(&format!("journalctl -u {} -n 50", self.label()))
            }
            SupervisionScope::User => {
                failure.explain(&format!("journalctl --user -u {} -n 50", self.label()))
            }
        })
    }

    /// Asks launchd to do something.
    ///
    /// # Errors
    /// It isn't there, or it refuses.
    pub fn launchctl(&self, arguments: &[&str], context: &Context) -> Result<String, Failure> {
        let errors = self.errors(context);
        run("launchctl", arguments).map_err(|failure| failure.explain(&format!("tail {errors}")))
    }

    /// The domain of launchd.
    pub fn domain(&self) -> String {
        match self.scope() {
            SupervisionScope::System => "system".to_owned(),
            SupervisionScope::User => format!("gui/{}", rustix::process::geteuid().as_raw()),
        }
    }
}

/// Why a program of the supervisor did nothing.
struct Unsupervised {
    code: OwnCode,
    what: String,
}

impl Unsupervised {
    fn explain(self, look: &str) -> Failure {
        let help = match self.code {
            OwnCode::SupervisorMissing => {
                "muster service install --print prints the file to install by hand; in a container, \
                 let its own supervisor run muster serve"
                    .to_owned()
            }
            _ if self.what.contains("connect to bus") || self.what.contains("not been booted") => {
                "this computer or session doesn't run systemd: --scope names the other one, and \
                 --print prints the file to install by hand"
                    .to_owned()
            }
            _ if is_of_rights(&self.what) => "run it as root, or with --scope user".to_owned(),
            _ => format!("{look} shows what the server said; correct it and run this again"),
        };
        Failure::new(self.code, self.what).help(help)
    }
}

fn is_of_rights(what: &str) -> bool {
    let what = what.to_lowercase();
    ["permission denied", "access denied", "authentication required", "not permitted"]
        .iter()
        .any(|sign| what.contains(sign))
}

/// Runs a program to its end, and answers what it printed.
fn run(program: &str, arguments: &[&str]) -> Result<String, Unsupervised> {
    let mut command = Command::new(program);
    // Its words are searched, so they must be English.
    let output = command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Unsupervised {
            code: OwnCode::SupervisorMissing,
            what: format!("there is no {program} on this computer"),
        },
        _ => Unsupervised { code: OwnCode::SupervisorFailed, what: format!("{program}: {error}") },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
    let what = format!("{program} {}: {said} ({})", arguments.join(" "), output.status);
    Err(Unsupervised { code: OwnCode::SupervisorFailed, what })
}

/// A failure to read or write a file of a supervisor.
pub(super) fn file_failure(file: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::new(OwnCode::System, format!("{}: {error}", file.display()));
    match error.kind() {
        ErrorKind::PermissionDenied => {
            failure.help("run it as root, or for your own session with --scope user")
        }
        _ => failure.help("check that the folder is there and that its disk isn't full"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_part_of_a_files_name() {
        for name in ["muster", "muster-2", "prices.eu"] {
            assert!(service_name(name).is_ok(), "{name}");
        }
        for name in ["", "../x", "a b", "-x", ".x", "a/b", "ü"] {
            assert!(service_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_program_that_isnt_there_and_one_that_refuses_are_told_apart() {
        for (program, expect) in
            [("no-such-program", OwnCode::SupervisorMissing), ("false", OwnCode::SupervisorFailed)]
        {
            assert!(run(program, &[]).is_err_and(|refused| refused.code == expect), "{program}");
        }
        assert!(run("true", &[]).is_ok());
    }
}
