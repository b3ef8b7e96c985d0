use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use muster_client::{
    AddressError, Call, Client, ClientError, Method, Query, Socket, Timeouts, TransportError,
    TrustError, TrustedRoots,
};
use muster_words::{is_message, limits::MESSAGE_LENGTH_MAX};

use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    bounded_file, composition,
    output::Style,
};

/// The maximum size of a key file, in bytes; a key has fewer than a hundred.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

impl ConnectionArguments {
    /// A client for the named registry: a server, or a data directory that this process opens.
    ///
    /// # Errors
    /// The address or the key file is invalid, or the directory can't be opened. The first request
    /// shows whether a server answers.
    pub async fn client(&self, context: &Context) -> Result<Client, Failure> {
        if let Some(data) = &self.data {
            return open(context, data).await;
        }
        let key = self.key(context)?;
        Ok(Client::new(Arc::new(self.socket(context)?), key.as_deref()))
    }

    /// A client for another registry, whose key is in a file. The key of the named one is never sent
    /// there.
    ///
    /// # Errors
    /// The address or the key file is invalid.
    pub(crate) fn peer(
        &self,
        context: &Context,
        address: &str,
        key_file: Option<&Path>,
    ) -> Result<Client, Failure> {
        let server = Some(address.to_owned());
        let named = Self { server, ca_cert: self.ca_cert.clone(), ..Self::default() };
        let key = key_file.map(|file| read_key(context, file)).transpose()?;
        Ok(Client::new(Arc::new(named.socket(context)?), key.as_deref()))
    }

    /// As [`ConnectionArguments::client`]. If nothing was named and no server answers, the default data directory
    /// is used, if it exists. For commands that are needed before a server can run, or that are
    /// about its ledger.
    ///
    /// # Errors
    /// As [`ConnectionArguments::client`].
    pub async fn client_or_directory(&self, context: &Context) -> Result<Client, Failure> {
        match self.directory(context).await? {
            Some(directory) => open(context, &directory).await,
            None => self.client(context).await,
        }
    }

    /// The data directory that [`ConnectionArguments::client_or_directory`] would open; none if it would use a
    /// server.
    ///
    /// # Errors
    /// The address or the key file is invalid.
    pub async fn directory(&self, context: &Context) -> Result<Option<PathBuf>, Failure> {
        if self.data.is_some() {
            return Ok(self.data.clone());
        }
        let directory = context.data_directory();
        let is_named = self.server.is_some() || context.settings.client.is_named;
        if is_named || !directory.exists() {
            return Ok(None);
        }
        let alive = Call::new(Method::GET, "/health/live", &Query::new());
        match self.client(context).await?.call(alive).await {
            Err(ClientError::Transport(TransportError::Refused { .. })) => Ok(Some(directory)),
            _ => Ok(None),
        }
    }

    fn socket(&self, context: &Context) -> Result<Socket, Failure> {
        let set = &context.settings.client;
        let address = self.server.as_deref().unwrap_or(&set.server);
        let answer = Duration::from_secs(u64::from(set.timeout_s.max(1)));
        let timeouts = Timeouts { answer, ..Timeouts::default() };
        Socket::new(address, timeouts, &self.roots(context)).map_err(|error| match error {
            AddressError::Form(_) => {
                Failure::usage(error.to_string()).help("--server http://127.0.0.1:8080")
            }
            AddressError::Trust(error) => Failure::bad_roots(&error),
        })
    }

    /// Whose certificates are trusted.
    #[must_use]
    pub(crate) fn roots(&self, context: &Context) -> TrustedRoots {
        let set = &context.settings.client.ca_cert;
        match &self.ca_cert {
            Some(file) => TrustedRoots::File(file.clone()),
            None if set.is_empty() => TrustedRoots::System,
            None => TrustedRoots::File(context.set_path(set)),
        }
    }

    fn key(&self, context: &Context) -> Result<Option<String>, Failure> {
        let set = &context.settings.client.key_file;
        let file = match &self.key_file {
            Some(file) => Some(file.clone()),
            None if context.key_of_environment().is_some() || set.is_empty() => None,
            None => Some(context.set_path(set)),
        };
        match file {
            Some(file) => read_key(context, &file).map(Some),
            None => match context.key_of_environment() {
                Some(key) if !is_key(key) => {
                    Err(Failure::usage("MUSTER_API_KEY doesn't hold one key")
                        .help("set it to what muster keys create printed, and nothing else"))
                }
                key => Ok(key.map(str::to_owned)),
            },
        }
    }
}

impl Failure {
    /// The failure for a file of trusted certificates that can't be used.
    #[must_use]
    pub(crate) fn bad_roots(error: &TrustError) -> Self {
        Self::new(OwnCode::BadCertificate, error.to_string())
            .help("--ca-cert FILE names a file in PEM with the certificate of whoever signed the server's")
    }
}

impl Explanation {
    /// A client that sends this reason with its changes.
    ///
    /// # Errors
    /// The text is empty or too long, or has control characters.
    pub fn of(&self, client: Client) -> Result<Client, Failure> {
        let Some(message) = &self.message else { return Ok(client) };
        if is_message(message) {
            return Ok(client.explaining(message));
        }
        Err(Failure::usage(format!(
            "a message has 1 to {MESSAGE_LENGTH_MAX} characters, and no control characters"
        )))
    }
}

async fn open(context: &Context, data: &Path) -> Result<Client, Failure> {
    let transport = composition::open(context, data).await?;
    Ok(Client::new(transport, None))
}

/// Whether a text may be a key: characters allowed in a header, without spaces.
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_key(context: &Context, file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let failure = |what: String| {
        Failure::new(OwnCode::BadKeyFile, what)
            .help("the file holds one key, as muster keys create printed it; check its name, and that you may read it")
    };
    let metadata = std::fs::metadata(file)
        .map_err(|error| failure(format!("the key file {shown} can't be read: {error}")))?;
    if !metadata.is_file() || metadata.len() > KEY_FILE_BYTES_MAX {
        return Err(failure(format!("{shown} isn't a file with a key")));
    }
    let text = bounded_file::read_text(file, KEY_FILE_BYTES_MAX)
        .map_err(|error| failure(format!("the key file {shown} can't be read: {error}")))?;
    let key = text.trim();
    if !is_key(key) {
        return Err(failure(format!("{shown} doesn't hold one key")));
    }
    if metadata.permissions().mode() & 0o077 != 0 && context.screen.is_table() {
        let note = format!("other users can read the key in {shown}: chmod 600 {shown}");
        context.screen.note(&context.screen.paint_error(Style::Changed, &note));
    }
    Ok(key.to_owned())
}
