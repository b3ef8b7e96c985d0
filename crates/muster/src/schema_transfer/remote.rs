use std::collections::BTreeSet;

use bytes::Bytes;
use muster_client::{Call, Client, ClientError, Method, Query};
use muster_wire::confluent::{ConfluentProblem, ConfluentSchema};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::record::{SchemaRecords, context_of};
use crate::Failure;

/// The media type of requests.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// The most schemas that are asked for at once.
const PAGE: usize = 1_000;

/// How many subjects are asked about at once.
const AT_ONCE: usize = 8;

/// A registry with Confluent's API.
#[derive(Clone)]
pub struct RemoteRegistry {
    client: Client,
    /// What paths begin with.
    base: String,
    /// The value of the header `Authorization`, if it isn't the client's own.
    authorization: Option<String>,
    /// The flag that holds its address, if it isn't this command's own server.
    flag: Option<&'static str>,
}

/// Where Muster has this API.
const OWN_PATH: &str = "/confluent";

impl RemoteRegistry {
    /// The command's own server.
    #[must_use]
    pub fn own(client: Client) -> Self {
        Self { client, base: OWN_PATH.to_owned(), authorization: None, flag: None }
    }

    /// Another registry, whose address a flag holds: its API is below this path, or, if it is a
    /// Muster, perhaps where that has it.
    ///
    /// # Errors
    /// There is no answer, or nothing there has this API.
    pub async fn other(
        client: Client,
        base: String,
        authorization: Option<String>,
        flag: &'static str,
    ) -> Result<Self, Failure> {
        let named = Self { client, base, authorization, flag: Some(flag) };
        if named.has_the_api().await? {
            return Ok(named);
        }
        let below = Self { base: format!("{}{OWN_PATH}", named.base), ..named.clone() };
        match below.has_the_api().await? {
            true => Ok(below),
            false => Err(named.strange("it doesn't know Confluent's API")),
        }
    }

    async fn has_the_api(&self) -> Result<bool, Failure> {
        match self.send(Method::GET, "/subjects", None).await {
            Ok(value) => Ok(value.is_array()),
            // What answers isn't JSON, such as a page.
            Err(ClientError::Unexpected { .. }) => Ok(false),
            Err(error) if code_of(&error) == Some(404) => Ok(false),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Asks for something; none if it isn't there.
    ///
    /// # Errors
    /// There is no answer, or it is another error.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.send(Method::GET, path, None).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if code_of(&error).is_some_and(|code| code / 100 == 404 || code == 404) => {
                Ok(None)
            }
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Sends a request; returns its answer.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send(method, path, body).await.map_err(|error| self.failure(error))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let mut call = Call::new(method, &format!("{}{path}", self.base), &Query::new());
        call = call.header(http::header::ACCEPT, MEDIA_TYPE);
        call = call.header_some(http::header::AUTHORIZATION, self.authorization.as_deref());
        if let Some(body) = body {
            call = call.body(MEDIA_TYPE, Bytes::from(body.to_string()));
        }
        let answer = self.client.call(call).await?;
        if answer.bytes.is_empty() { Ok(Value::Null) } else { answer.json() }
    }

    /// Reads everything, deleted versions too.
    ///
    /// # Errors
    /// There is no answer, or it isn't one of this API.
    pub async fn read(&self) -> Result<SchemaRecords, Failure> {
        let mut records = SchemaRecords::default();
        let live: BTreeSet<(String, u32)> = self
            .schemas(false)
            .await?
            .into_iter()
            .filter_map(named)
            .map(|(name, _)| name)
            .collect();
        for (name, schema) in self.schemas(true).await?.into_iter().filter_map(named) {
            let deleted = Some(true).filter(|_| !live.contains(&name));
            records.add(ConfluentSchema { deleted, ..schema });
        }
        let mut places: BTreeSet<Option<String>> = [None].into();
        for (subject, _) in records.schemas.keys() {
            let context = context_of(subject);
            places.extend((!context.is_empty()).then(|| Some(context.to_owned())));
            places.insert(Some(subject.clone()));
        }
        let places: Vec<_> = places.into_iter().collect();
        for some in places.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for place in some {
                let (remote, place) = (self.clone(), place.clone());
                asked.spawn(async move { remote.settings(place).await });
            }
            while let Some(found) = asked.join_next().await {
                let (place, config, mode) =
                    found.map_err(|error| self.strange(&error.to_string())).flatten()?;
                records.configs.extend(config.map(|config| (place.clone(), config)));
                records.modes.extend(mode.map(|mode| (place, mode)));
            }
        }
        Ok(records)
    }

    async fn schemas(&self, deleted: bool) -> Result<Vec<ConfluentSchema>, Failure> {
        let mut all = Vec::new();
        loop {
            let offset = all.len();
            let path = format!(
                "/schemas?subjectPrefix=:*:&deleted={deleted}&offset={offset}&limit={PAGE}"
            );
            let page = self.get(&path).await?.unwrap_or_default();
            let page: Vec<ConfluentSchema> = serde_json::from_value(page)
                .map_err(|error| self.strange(&format!("its schemas can't be read: {error}")))?;
            let count = page.len();
            all.extend(page);
            if count < PAGE {
                return Ok(all);
            }
        }
    }

    /// The settings and the mode of a place itself.
    async fn settings(
        &self,
        place: Option<String>,
    ) -> Result<(Option<String>, Option<Map<String, Value>>, Option<String>), Failure> {
        let below = |what: &str| match &place {
            Some(place) => format!("/{what}/{}", encoded(place)),
            None => format!("/{what}"),
        };
        let config = match self.get(&below("config")).await? {
            Some(Value::Object(map)) => Some(map),
            _ => None,
        };
        let mode = self.get(&below("mode")).await?;
        let mode = mode.and_then(|mode| mode["mode"].as_str().map(ToOwned::to_owned));
        let mode = mode.filter(|mode| place.is_some() || mode != "READWRITE");
        Ok((place, config, mode))
    }

    /// A failure that says what the registry said.
    fn failure(&self, error: ClientError) -> Failure {
        let problem = error.refusal().and_then(|refusal| {
            serde_json::from_value::<ConfluentProblem>(refusal.json.clone()).ok()
        });
        match (problem, error, self.flag) {
            (Some(problem), ..) => {
                self.strange(&format!("{} ({})", problem.message, problem.error_code))
            }
            (None, ClientError::Transport(error), Some(flag)) => {
                Failure::of_other_end(&error, flag)
            }
            (None, error, _) => error.into(),
        }
    }

    fn strange(&self, what: &str) -> Failure {
        let (place, base) = (self.client.place(), &self.base);
        let help = match self.flag {
            Some(flag) => format!(
                "check that {flag} leads to Confluent's API, such as http://127.0.0.1:8081, and a Muster's as http://127.0.0.1:8080/confluent"
            ),
            None => "check that the server is a Muster registry: muster status".to_owned(),
        };
        let what = format!("{place}{base} answers: {what}");
        Failure::new(crate::OwnCode::UnexpectedAnswer, what).help(help)
    }
}

fn named(schema: ConfluentSchema) -> Option<((String, u32), ConfluentSchema)> {
    Some(((schema.subject.clone()?, schema.version?), schema))
}

/// A name as a step of a path.
pub(super) fn encoded(name: &str) -> String {
    muster_client::encoded_step(name)
}

/// The code of an error of this API.
pub(super) fn code_of(error: &ClientError) -> Option<u32> {
    let refusal = error.refusal()?;
    let problem: Option<ConfluentProblem> = serde_json::from_value(refusal.json.clone()).ok();
    Some(problem.map_or_else(|| refusal.status.as_u16().into(), |problem| problem.error_code))
}
