use object_store::{
    ObjectStore,
    azure::{AzureAccessKey, MicrosoftAzureBuilder, split_sas},
};

use super::connector::OwnConnections;
use crate::{AzureAccess, BadPlace, BucketScheme};

/// A container of Azure Blob Storage.
pub(super) fn store(
    container: &str,
    access: &AzureAccess,
) -> Result<Box<dyn ObjectStore>, BadPlace> {
    if access.account.is_empty() {
        return Err(BadPlace::NoKey(BucketScheme::Azure));
    }
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(&access.account)
        .with_container_name(container)
        .with_http_connector(OwnConnections::default());
    builder = match (access.signature.as_str(), access.key.as_str()) {
        ("", "") => return Err(BadPlace::NoKey(BucketScheme::Azure)),
        ("", key) => {
            AzureAccessKey::try_new(key)
                .map_err(|_| broken("AZURE_STORAGE_ACCOUNT_KEY", "it isn't in base 64"))?;
            builder.with_access_key(key)
        }
        (signature, _) => {
            let what = "it isn't a shared access signature such as sv=…&sig=…";
            let pairs =
                split_sas(signature).map_err(|_| broken("AZURE_STORAGE_SAS_TOKEN", what))?;
            builder.with_sas_authorization(pairs)
        }
    };
    if !access.endpoint.is_empty() {
        // The operator has named this address; a server of a test has no certificate.
        builder = builder.with_endpoint(access.endpoint.trim_end_matches('/').to_owned());
        builder = builder.with_allow_http(access.endpoint.starts_with("http://"));
    }
    let store = builder.build().map_err(|error| BadPlace::Address(error.to_string()))?;
    Ok(Box::new(store))
}

fn broken(variable: &'static str, what: &str) -> BadPlace {
    BadPlace::BrokenKey { variable, what: what.to_owned() }
}
