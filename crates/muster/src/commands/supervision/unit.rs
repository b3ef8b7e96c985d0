use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use super::unit_words::{word, words};

/// Seconds that a stop may take beyond what the server gives to running requests: for the requests
/// to targets that run, the followers, and the last checkpoint.
const STOP_MARGIN_S: u32 = 35;

/// Seconds within which the server must show that it answers, or it is started again.
const WATCHDOG_S: u32 = 120;

/// Ports below this one need a capability.
const FIRST_FREE_PORT: u16 = 1_024;

/// Folders that `ProtectHome` hides.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// What a supervisor is told of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SupervisedServer {
    /// The name of the service.
    pub name: String,
    /// This program.
    pub program: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// The settings file.
    pub config: Option<PathBuf>,
    /// The address to listen on, if it isn't the settings'.
    pub listen: Option<String>,
    /// The port, as far as it is known.
    pub port: Option<u16>,
    /// The user that it runs as; none: whoever asks for it, in a session's own supervisor.
    pub account: Option<String>,
    /// Folders that it writes to besides the data directory.
    pub writable: Vec<PathBuf>,
    /// Seconds that running requests get when the server stops.
    pub stop_s: u32,
    /// The file that the log goes to, where nothing else keeps it.
    pub log_file: Option<String>,
}

impl SupervisedServer {
    /// The command that serves.
    pub fn command(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let mut command = vec![path(&self.program), "serve".to_owned()];
        for (flag, value) in [
            ("--config", self.config.as_deref().map(path)),
            ("--data", Some(path(&self.data))),
            ("--listen", self.listen.clone()),
            ("--log-file", self.log_file.clone()),
        ] {
            command.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        }
        command
    }

    /// How long a stop may take, in seconds.
    pub const fn stop_time_s(&self) -> u32 {
        self.stop_s.saturating_add(STOP_MARGIN_S)
    }

    /// The unit of systemd.
    pub fn unit(&self) -> String {
        let command: Vec<String> = self.command().iter().map(|part| word(part)).collect();
        let command = command.join(" ");
        let stop = self.stop_time_s();
        let mut text = format!(
            "\
# Written by: muster service install
[Unit]
Description=Muster registry ({})
Documentation=man:muster(1)
",
            self.name
        );
        if self.account.is_some() {
            text.push_str("After=network-online.target time-sync.target\n");
            text.push_str("Wants=network-online.target\n");
        }
        let _ = write!(
            text,
            "
[Service]
# It says by itself when it is ready, and asks for time while it reads a long ledger.
Type=notify
NotifyAccess=main
ExecStart={command}
# The log's file is opened again, the certificate is read again, the clock is believed again.
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2s
# Longer than the server takes by itself to finish what was begun.
TimeoutStopSec={stop}s
WatchdogSec={WATCHDOG_S}s
LimitNOFILE=65536
UMask=0077
"
        );
        self.write_account(&mut text);
        text.push_str(
            "
NoNewPrivileges=true
LockPersonality=true
MemoryDenyWriteExecute=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
",
        );
        let target = match self.account {
            Some(_) => {
                self.write_walls(&mut text);
                "multi-user.target"
            }
            None => "default.target",
        };
        let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
        text
    }

    fn write_account(&self, text: &mut String) {
        let Some(account) = &self.account else { return };
        let _ = write!(text, "User={0}\nGroup={0}\n", word(account));
        if let Some(folder) = self.state_directory() {
            let _ = write!(text, "StateDirectory={}\nStateDirectoryMode=0700\n", word(folder));
        }
    }

    /// What only the computer's own supervisor can do: it needs rights that a session's doesn't have.
    fn write_walls(&self, text: &mut String) {
        let is_at_home = |path: &PathBuf| HOMES.iter().any(|home| path.starts_with(home));
        let named = [Some(&self.data), self.config.as_ref(), Some(&self.program)];
        let at_home = named.into_iter().flatten().chain(&self.writable).any(is_at_home);
        let home = if at_home { "read-only" } else { "true" };
        let capability = match self.port {
            Some(port) if port < FIRST_FREE_PORT => {
                text.push_str("AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
                "CAP_NET_BIND_SERVICE"
            }
            _ => "",
        };
        let writable = std::iter::once(&self.data).chain(&self.writable);
        let writable: Vec<String> =
            writable.map(|path| word(&path.display().to_string())).collect();
        let _ = write!(
            text,
            "\
CapabilityBoundingSet={capability}
ProtectSystem=strict
ReadWritePaths={}
ProtectHome={home}
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
RemoveIPC=true
",
            writable.join(" ")
        );
    }

    /// The data directory below `/var/lib`, which systemd makes and gives to the user.
    pub fn state_directory(&self) -> Option<&str> {
        let below = self.data.strip_prefix("/var/lib").ok()?.to_str()?;
        (!below.is_empty()).then_some(below)
    }
}

/// The data directory that a unit names.
pub(super) fn data_of_unit(unit: &str) -> Option<PathBuf> {
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
    let words = words(command);
    let at = words.iter().position(|word| word == "--data")?;
    words.get(at + 1).map(PathBuf::from)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn server() -> SupervisedServer {
        SupervisedServer {
            name: "muster".to_owned(),
            program: "/usr/local/bin/muster".into(),
            data: "/var/lib/muster".into(),
            config: Some("/etc/muster/muster.toml".into()),
            listen: None,
            port: Some(8080),
            account: Some("muster".to_owned()),
            writable: Vec::new(),
            stop_s: 25,
            log_file: None,
        }
    }

    fn has(unit: &str, lines: &[&str]) {
        for line in lines {
            assert!(unit.lines().any(|one| one == *line), "{line} isn't in {unit}");
        }
    }

    #[test]
    fn the_file_in_deploy_is_what_the_program_prints() {
        let kept = include_str!("../../../../../deploy/systemd/muster.service");
        assert_eq!(server().unit(), kept);
    }

    #[test]
    fn a_unit_allows_what_the_server_needs_and_nothing_else() {
        let usual = server().unit();
        has(&usual, &["CapabilityBoundingSet=", "ProtectHome=true", "TimeoutStopSec=60s"]);
        has(&usual, &["ReadWritePaths=/var/lib/muster", "StateDirectory=muster"]);
        let other = SupervisedServer {
            data: "/home/ada/my registry".into(),
            writable: vec!["/srv/www".into()],
            port: Some(443),
            stop_s: 300,
            ..server()
        };
        let unit = other.unit();
        has(&unit, &["ReadWritePaths=\"/home/ada/my registry\" /srv/www", "ProtectHome=read-only"]);
        has(&unit, &["CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "TimeoutStopSec=335s"]);
        assert!(!unit.contains("StateDirectory"), "{unit}");
        assert_eq!(data_of_unit(&unit), Some(other.data));
    }

    #[test]
    fn a_unit_of_a_session_asks_for_nothing_that_a_session_may_not() {
        let unit = SupervisedServer { account: None, ..server() }.unit();
        has(&unit, &["WantedBy=default.target", "NoNewPrivileges=true", "Type=notify"]);
        for word in ["User=", "CapabilityBoundingSet", "ProtectSystem", "StateDirectory"] {
            assert!(!unit.contains(word), "{word}");
        }
    }
}
