use std::{collections::BTreeMap, sync::Arc};

use muster_guard::{
    addresses::{AddressFilter, Network},
    secret_references::{SecretList, SecretSources},
};

use crate::{Failure, settings::Settings};

/// What the server may connect to on its own, and which secrets it may send where.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbound {
    /// The addresses.
    #[expect(dead_code, reason = "it is checked with the settings before anything connects")]
    pub addresses: AddressFilter,
    /// The secrets.
    pub secrets: Arc<SecretList>,
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
        let environment = Arc::new(environment.clone());
        let sources =
            SecretSources { variable: Arc::new(move |name| environment.get(name).cloned()) };
        let secrets = SecretList::read(&settings.secrets.list, sources)
            .map_err(|error| Failure::usage(format!("secrets.list: {error}")).help(help))?;
        Ok(Self { addresses, secrets: Arc::new(secrets) })
    }
}
