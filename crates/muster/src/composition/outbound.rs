use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use muster_guard::{
    addresses::{AddressFilter, Network},
    secret_references::{SecretList, SecretSources},
};
use muster_providers::{DiscoveryOptions, ProviderTls};
use muster_relay::trust;

use crate::{Failure, settings::Settings};

/// What the server may connect to on its own, and which secrets it may send where.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbound {
    /// The addresses.
    pub addresses: AddressFilter,
    /// The secrets.
    pub secrets: Arc<SecretList>,
    /// How connections within TLS are made, to receivers and to AI providers; none: to whom this
    /// system trusts.
    pub tls: Option<ProviderTls>,
    /// Where AI providers are declared, besides documents.
    pub discovery: DiscoveryOptions,
    /// How often the file that declares some is looked at.
    pub refresh: Duration,
}

impl Outbound {
    /// Reads the settings. Secrets come from the environment that the program was started with.
    ///
    /// # Errors
    /// A network or a secret is written in another form.
    pub fn read(
        settings: &Settings,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let help = "muster config default explains the setting";
        let allowed = settings.propagation.allow.iter().map(|text| {
            text.parse::<Network>().map_err(|error| {
                Failure::usage(format!("propagation.allow: {text:?} isn't a network: {error}"))
                    .help(help)
            })
        });
        let addresses = AddressFilter::new(allowed.collect::<Result<_, _>>()?);
        let area = &settings.providers;
        let finds_in_environment = match area.environment.as_str() {
            "on" => true,
            "off" => false,
            other => {
                let what = format!("providers.environment is on or off, not {other:?}");
                return Err(Failure::usage(what).help(help));
            }
        };
        let discovery = DiscoveryOptions {
            config_path: Some(&area.file).filter(|file| !file.is_empty()).map(Into::into),
            environment: environment.clone(),
            finds_in_environment,
            opt_in: area.opt_in.clone(),
        };
        let refresh = Duration::from_secs(u64::from(area.refresh_s));
        let environment = Arc::new(environment.clone());
        let sources =
            SecretSources { variable: Arc::new(move |name| environment.get(name).cloned()) };
        let secrets = SecretList::read(&settings.secrets.list, sources)
            .map_err(|error| Failure::usage(format!("secrets.list: {error}")).help(help))?;
        let ca_cert = Some(&settings.propagation.ca_cert).filter(|path| !path.is_empty());
        let tls = trust(ca_cert.map(Path::new)).map_err(|error| {
            Failure::usage(format!("propagation.ca_cert: {error}"))
                .help("name a file of certificates in PEM, or leave the setting empty")
        })?;
        Ok(Self { addresses, secrets: Arc::new(secrets), tls: Some(tls), discovery, refresh })
    }
}
