use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::{
    account::check_account,
    supervisor::{SupervisionPlace, SupervisionScope, Supervisor, file_failure},
    unit::SupervisedServer,
};
use crate::{Context, Failure, OwnCode, commands::delete::confirm, output::Style};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster service install --print
  sudo muster service install --config /etc/muster/muster.toml
  sudo muster service install --name prices --data /srv/prices --listen 127.0.0.1:8090
  muster service install --print --supervisor launchd

";

/// Write the unit or the property list, and start the server with the computer
#[derive(Debug, Args)]
pub struct InstallArguments {
    /// The data directory [default: server.data, or /var/lib/NAME, or muster in your data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on [default: the settings']
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The user that the server runs as, for a service of the computer
    #[arg(long, value_name = "USER", default_value = "muster")]
    run_as: String,
    /// The program that is started [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    #[command(flatten)]
    place: SupervisionPlace,
    /// Print the file, and change nothing
    #[arg(long)]
    print: bool,
    /// Don't start it now, only with the computer
    #[arg(long)]
    no_start: bool,
    /// Replace a file that differs without asking
    #[arg(long, short)]
    yes: bool,
}

impl InstallArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let server = self.server(context)?;
        let text = self.place.text(&server, context);
        if self.print {
            return context.screen.write(text.as_bytes());
        }
        let file = self.place.file(context)?;
        let before = match fs::read_to_string(&file) {
            Ok(before) => Some(before),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(file_failure(&file, &error)),
        };
        self.check(&server)?;
        self.reach(context)?;
        let is_changed = before.as_ref() != Some(&text);
        if let Some(before) = before.as_ref().filter(|_| is_changed) {
            if !self.yes {
                show_plan(context, &file, before, &text);
            }
            confirm(context, self.yes, "Replace it?")?;
        }
        if is_changed {
            write(&file, &text).map_err(|error| file_failure(&file, &error))?;
        }
        self.begin(context, &file, before.is_some() && is_changed)?;
        let (shown, label) = (context.shown(&file), self.place.label());
        if !context.screen.is_table() {
            return context.screen.value(&json!({
                "name": self.place.name,
                "file": file.display().to_string(),
                "data": server.data.display().to_string(),
                "changed": is_changed,
                "started": !self.no_start,
            }));
        }
        let how = if is_changed { "installed" } else { "unchanged" };
        let state = if self.no_start { "starts with the computer" } else { "runs" };
        context.screen.line(&format!("{how} {label} ({shown}): it {state}"))?;
        if context.screen.is_terminal {
            let next = format!("muster service status{} shows how it is", self.place.flags());
            context.screen.note(&context.screen.paint_error(Style::Dim, &next));
        }
        Ok(())
    }

    /// What the supervisor is told of the server.
    fn server(&self, context: &Context) -> Result<SupervisedServer, Failure> {
        let set = &context.settings;
        let is_system = self.place.scope() == SupervisionScope::System;
        let config = match context.config.as_deref() {
            Some(config) => Some(absolute(config)?),
            None => None,
        };
        let data = match &self.data {
            Some(data) => absolute(data)?,
            None if set.server.data.is_empty() && is_system => {
                Path::new("/var/lib").join(&self.place.name)
            }
            None => absolute(&context.own_data_directory()?)?,
        };
        let program = match &self.program {
            Some(program) => absolute(program)?,
            None => std::env::current_exe().map_err(|error| {
                Failure::new(OwnCode::System, format!("this program's file isn't known: {error}"))
                    .help("name it with --program FILE")
            })?,
        };
        let listen = self.listen.as_deref().unwrap_or(&set.server.listen);
        let port = listen.rsplit(':').next().and_then(|port| port.parse().ok());
        // launchd keeps no log, and what it writes to a file grows for ever.
        let needs_log = self.place.supervisor() == Supervisor::Launchd && set.log.file.is_empty();
        Ok(SupervisedServer {
            name: self.place.name.clone(),
            program,
            writable: writable(context, &data),
            data,
            config,
            listen: self.listen.clone(),
            port,
            account: is_system.then(|| self.run_as.clone()),
            stop_s: set.timeouts.stop_s,
            log_file: needs_log.then(|| "logs/registry.log".to_owned()),
        })
    }

    /// Whether the server could start.
    fn check(&self, server: &SupervisedServer) -> Result<(), Failure> {
        let Some(account) = &server.account else { return Ok(()) };
        let data = server.data.display().to_string();
        check_account(account, &data)?;
        let is_made =
            self.place.supervisor() == Supervisor::Systemd && server.state_directory().is_some();
        for folder in std::iter::once(&server.data).filter(|_| !is_made).chain(&server.writable) {
            if !folder.is_dir() {
                let folder = folder.display();
                let what = format!("{folder} isn't there, and the server can't make it");
                return Err(Failure::new(OwnCode::NoFile, what).help(format!(
                    "install --directory --owner {account} --group {account} --mode 0700 {folder}"
                )));
            }
        }
        Ok(())
    }

    /// Whether the supervisor answers, before anything is written.
    fn reach(&self, context: &Context) -> Result<(), Failure> {
        match self.place.supervisor() {
            Supervisor::Systemd => self.place.systemctl(&["show-environment"])?,
            Supervisor::Launchd => self.place.launchctl(&["managername"], context)?,
        };
        Ok(())
    }

    /// Makes the supervisor read its file, and starts the server.
    fn begin(&self, context: &Context, file: &Path, is_replaced: bool) -> Result<(), Failure> {
        let (place, label) = (&self.place, self.place.label());
        match place.supervisor() {
            Supervisor::Systemd => {
                place.systemctl(&["daemon-reload"])?;
                place.systemctl(&["enable", &label])?;
                if !self.no_start {
                    // One that runs already goes on, unless what runs was replaced.
                    place.systemctl(&[if is_replaced { "restart" } else { "start" }, &label])?;
                }
            }
            Supervisor::Launchd => {
                let (domain, path) = (place.domain(), file.display().to_string());
                let target = format!("{domain}/{label}");
                place.launchctl(&["enable", &target], context)?;
                let is_loaded = place.launchctl(&["print", &target], context).is_ok();
                if is_loaded && is_replaced && !self.no_start {
                    place.launchctl(&["bootout", &target], context)?;
                }
                if !self.no_start && (!is_loaded || is_replaced) {
                    place.launchctl(&["bootstrap", &domain, &path], context)?;
                }
            }
        }
        Ok(())
    }
}

/// Folders outside of the data directory that the settings let the server write to.
fn writable(context: &Context, data: &Path) -> Vec<PathBuf> {
    let set = &context.settings;
    let folder_of = |file: &String| data.join(context.set_path(file)).parent().map(Path::to_owned);
    let files = [&set.log.file, &set.server.metrics_file].into_iter();
    let files = files.filter(|file| !file.is_empty()).filter_map(folder_of);
    let places = set.site.destinations.iter().filter_map(|text| text.split_once('='));
    let places = places.map(|(_, place)| place.trim()).chain([set.backup.to.as_str()]);
    let folders = places.filter(|place| place.starts_with('/')).map(PathBuf::from);
    let mut all: Vec<PathBuf> =
        files.chain(folders).filter(|folder| !folder.starts_with(data)).collect();
    all.sort();
    all.dedup();
    all
}

/// A path that doesn't depend on where the server is started.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(OwnCode::System, format!("{}: {error}", path.display())))
}

/// Writes the file as a whole, for everybody to read: it holds no secret.
fn write(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = file.with_file_name(name);
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o644))?;
    fs::rename(&beside, file)
}

/// Shows which lines would come and go.
fn show_plan(context: &Context, file: &Path, before: &str, after: &str) {
    if !context.screen.is_table() {
        return;
    }
    let screen = &context.screen;
    screen.note(&format!("~ {}", context.shown(file)));
    for (one, other, sign, style) in
        [(before, after, '-', Style::Removed), (after, before, '+', Style::Added)]
    {
        for line in one.lines().filter(|line| !other.lines().any(|there| there == *line)) {
            screen.note(&screen.paint_error(style, &format!("  {sign} {line}")));
        }
    }
}
