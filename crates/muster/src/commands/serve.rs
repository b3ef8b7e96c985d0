use std::path::{Path, PathBuf};

use clap::Args;
use muster_guard::Role;

use crate::{
    Context, Failure,
    composition::{self, ServeOptions, StartupMessage, TlsFiles},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster serve --demo
  muster serve --data /var/lib/muster --public-url https://registry.example
  muster serve --memory --bare --registry-id X --listen 127.0.0.1:9000
  muster serve --listen 0.0.0.0:8443 --tls-cert fullchain.pem --tls-key privkey.pem

A new registry gets its first key from MUSTER_ADMIN_KEY, or from muster keys create.

";

/// Serve a registry until Ctrl-C; creates it if there is none
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Load the example into an empty registry
    #[arg(long)]
    demo: bool,
    /// The data directory [default: MUSTER_DATA, or muster in your data folder]
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    data: Option<PathBuf>,
    /// Keep nothing on disk
    #[arg(long)]
    memory: bool,
    /// Start without the built-in model
    #[arg(long, conflicts_with = "demo")]
    bare: bool,
    /// The address to listen on, or only a port of this computer [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// An address for the metrics alone, where no key is asked for
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// A file for some of the metrics, written every 3 s; a relative path begins in the data
    /// directory
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    /// A file for the log instead of standard error; a relative path begins in the data directory
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// An address for Confluent's Schema Registry API at its root, for clients that take no path
    #[arg(long, value_name = "ADDR")]
    confluent_listen: Option<String>,
    /// The base of absolute URLs in answers [default: taken from the request]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Admit callers without a key, with a role that changes nothing, such as consumer
    #[arg(long, value_name = "ROLE")]
    anonymous: Option<String>,
    /// The id of a registry that is made new; without it a random one
    #[arg(long, value_name = "ID")]
    registry_id: Option<String>,
    /// Serve https with this certificate and those that sign it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl ServeArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        context.settings.check_log()?;
        let options = self.options(context)?;
        let screen = &context.screen;
        composition::serve(context, &options, &|greeting: &StartupMessage| {
            if screen.is_table() {
                // A server whose startup message can't be printed still serves.
                let _ = screen.write(greeting.render(screen).as_bytes());
            }
        })
    }

    /// Resolves the flags over the settings.
    fn options(self, context: &Context) -> Result<ServeOptions, Failure> {
        let set = &context.settings.server;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let data = match self.data {
            _ if self.memory => None,
            Some(data) => Some(data),
            None => Some(context.own_data_directory()?),
        };
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            _ => context.settings.tls.files()?,
        };
        let placed = Placed { context, data: data.as_deref() };
        let log_file = placed.file(self.log_file, &context.settings.log.file)?;
        let metrics_file = placed.file(self.metrics_file, &set.metrics_file)?;
        Ok(ServeOptions {
            log_file,
            metrics_file,
            data,
            tls,
            demo: self.demo,
            bare: self.bare,
            listen: self.listen.unwrap_or_else(|| set.listen.clone()),
            metrics_listen: self.metrics_listen.or_else(|| some(&set.metrics_listen)),
            confluent_listen: self.confluent_listen.or_else(|| some(&set.confluent_listen)),
            public_url: self.public_url.or_else(|| some(&set.public_url)),
            registry_id: self.registry_id.or_else(|| some(&set.registry_id)),
            key: context.key_of_environment().map(str::to_owned),
            admin_key: context.admin_key().map(str::to_owned),
            anonymous: anonymous(
                self.anonymous.as_deref().unwrap_or(&context.settings.access.anonymous),
            )?,
            limits: context.settings.limits.clone(),
            timeouts: context.settings.timeouts.clone(),
            allowed_origins: context.settings.http.allowed_origins.clone(),
            site: context.settings.site.clone(),
            backup: context.settings.backup.clone(),
            log: context.settings.log.clone(),
        })
    }
}

/// Where files of the server are that a relative path names.
struct Placed<'a> {
    context: &'a Context,
    data: Option<&'a Path>,
}

impl Placed<'_> {
    /// The file that a flag or a setting names, if one does.
    fn file(&self, flag: Option<PathBuf>, set: &str) -> Result<Option<PathBuf>, Failure> {
        let set = || (!set.is_empty()).then(|| self.context.set_path(set));
        let Some(file) = flag.or_else(set) else { return Ok(None) };
        match self.data {
            _ if file.is_absolute() => Ok(Some(file)),
            Some(data) => Ok(Some(data.join(file))),
            None => {
                let what = format!("{} has no folder: nothing is kept on disk", file.display());
                Err(Failure::usage(what).help("name it by its whole path, beginning with /"))
            }
        }
    }
}

/// The role of callers without a key; an empty name means none.
fn anonymous(name: &str) -> Result<Option<Role>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    let help = "consumer lets everybody read, auditor also see the log and the ledger";
    match name.parse::<Role>() {
        Ok(role) if !role.changes() => Ok(Some(role)),
        Ok(role) => {
            let what = format!("nobody can be {role} without a key: that role changes something");
            Err(Failure::usage(what).help(help))
        }
        Err(error) => Err(Failure::usage(error.to_string()).help(help)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

    use std::collections::BTreeMap;

    use clap::FromArgMatches;
    use muster_words::Moment;

    use super::*;
    use crate::{Arguments, commands::MusterCommand, output::Screen, settings::Settings};

    fn options(line: &str, file: &str, environment: &[(&str, &str)]) -> ServeOptions {
        try_options(line, file, environment).unwrap()
    }

    fn try_options(
        line: &str,
        file: &str,
        environment: &[(&str, &str)],
    ) -> Result<ServeOptions, Failure> {
        let environment: BTreeMap<String, String> =
            environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = Settings::resolve(Some(("muster.toml", file)), &environment).unwrap();
        let screen = Screen::plain(Moment::EPOCH);
        let context = Context { screen, settings, config: None, environment };
        let command = crate::command(clap::ColorChoice::Never);
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        match Arguments::from_arg_matches(&matches).unwrap().command {
            MusterCommand::Serve(serve) => serve.options(&context),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = "[server]\nlisten = \"file:1\"\n";
        let variables = [("MUSTER_SERVER_LISTEN", "environment:2"), ("MUSTER_DATA", "/d")];
        for (line, file, variables, expect) in [
            ("muster serve --memory", "", &[] as &[_], "127.0.0.1:8080"),
            ("muster serve --memory", file, &[], "file:1"),
            ("muster serve", file, &variables, "environment:2"),
            ("muster serve --listen flag:3", file, &variables, "flag:3"),
        ] {
            assert_eq!(options(line, file, variables).listen, expect);
        }
    }

    #[test]
    fn lets_people_in_without_a_key_who_change_nothing() {
        let file = "[access]\nanonymous = \"consumer\"\n";
        for (line, file, expect) in [
            ("muster serve --memory", "", Ok(None)),
            ("muster serve --memory", file, Ok(Some(Role::Consumer))),
            ("muster serve --memory --anonymous auditor", file, Ok(Some(Role::Auditor))),
            ("muster serve --memory --anonymous publisher", file, Err("nobody can be publisher")),
            ("muster serve --memory --anonymous reader", "", Err("there is no role \"reader\"")),
        ] {
            let anonymous = try_options(line, file, &[]).map(|options| options.anonymous);
            match (anonymous, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{line}"),
                (Err(refused), Err(expect)) => {
                    assert!(refused.what().contains(expect), "{}", refused.what());
                }
                (found, expect) => panic!("{line}: {found:?} {expect:?}"),
            }
        }
    }

    #[test]
    fn keeps_data_where_it_was_told_or_in_the_users_folder() {
        for (line, variables, expect) in [
            ("muster serve", &[("HOME", "/h")] as &[_], Some("/h/.local/share/muster")),
            ("muster serve", &[("HOME", "/h"), ("MUSTER_DATA", "/d")], Some("/d")),
            ("muster serve --data /f", &[("MUSTER_DATA", "/d")], Some("/f")),
            ("muster serve --memory", &[("MUSTER_DATA", "/d")], None),
        ] {
            let data = options(line, "", variables).data;
            assert_eq!(data, expect.map(PathBuf::from), "{line}");
        }
        let key = [("MUSTER_API_KEY", "muster_a_b")];
        assert_eq!(options("muster serve --memory", "", &key).key.as_deref(), Some("muster_a_b"));
        // A data directory has its own keys, but the server says that this one isn't used.
        let given = options("muster serve --data /d", "", &key).key;
        assert_eq!(given.as_deref(), Some("muster_a_b"));
        // Without a home, no folder is guessed.
        for nowhere in [&[][..], &[("HOME", "")], &[("XDG_DATA_HOME", "relative")]] {
            let refused = try_options("muster serve", "", nowhere).unwrap_err();
            assert!(refused.what().contains("there is no HOME"), "{nowhere:?}");
        }
    }
}
