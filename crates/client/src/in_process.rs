use std::{fmt, future::Future, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;

use crate::{IncomingBody, Transport, TransportError};

type Answering = Pin<Box<dyn Future<Output = Response<IncomingBody>> + Send>>;

/// A transport to a registry that this process has opened itself: it calls the server's router
/// without a socket.
pub struct InProcess {
    place: String,
    route: Box<dyn Fn(Request<Bytes>) -> Answering + Send + Sync>,
}

impl InProcess {
    /// A transport that calls `route` for each request; `place` names the registry for people (its
    /// folder).
    pub fn new<R, F, B>(place: impl Into<String>, route: R) -> Self
    where
        R: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: http_body_util::BodyExt<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        let place = place.into();
        let named = place.clone();
        let route = move |request| -> Answering {
            let (answer, place) = (route(request), named.clone());
            Box::pin(async move {
                answer.await.map(|body| {
                    body.map_err(move |error| TransportError::Broken {
                        place: place.clone(),
                        cause: error.to_string(),
                    })
                    .boxed_unsync()
                })
            })
        };
        Self { place, route: Box::new(route) }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<IncomingBody>, TransportError> {
        Ok((self.route)(request).await)
    }

    fn place(&self) -> &str {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::{convert::Infallible, sync::Arc};

    use http::Method;
    use http_body_util::Full;
    use muster_words::json::Value;

    use super::*;
    use crate::{Call, Client, ClientError, Query};

    /// Echoes the request; unknown paths are refused.
    async fn route(request: Request<Bytes>) -> Response<Full<Bytes>> {
        let path = request.uri().path_and_query().unwrap().as_str();
        let body = Value::from(format!("{} {path}", request.method())).to_string();
        let mut response = Response::new(Full::new(body.into()));
        response.headers_mut().insert("muster-position", http::HeaderValue::from(7));
        if path.starts_with("/foreign") {
            response.headers_mut().clear();
        }
        response
    }

    #[tokio::test]
    async fn answers_from_the_route_that_the_process_has() {
        let client = Client::new(Arc::new(InProcess::new("a folder", route)), None);
        assert_eq!(client.place(), "a folder");
        let call = |path| Call::new(Method::GET, path, &Query::new().with("a", "b c"));
        let answer = client.call(call("/api")).await.unwrap();
        assert_eq!(answer.json().unwrap(), Value::from("GET /api?a=b%20c"));
        let foreign = client.call(call("/foreign")).await.unwrap_err();
        assert!(matches!(foreign, ClientError::Unexpected { .. }), "{foreign}");
    }

    #[tokio::test]
    async fn says_where_a_body_broke_off() {
        let broken = |_| async {
            let body = Full::new(Bytes::new());
            let body = body.map_err(|never: Infallible| -> String { match never {} });
            let mut response = Response::new(body.with_trailers(fail()));
            response.headers_mut().insert("muster-position", http::HeaderValue::from(7));
            response
        };
        let client = Client::new(Arc::new(InProcess::new("a folder", broken)), None);
        let error = client.call(Call::new(Method::GET, "/", &Query::new())).await.unwrap_err();
        let (place, cause) = ("a folder".to_owned(), "the disk is gone".to_owned());
        assert_eq!(error, ClientError::Transport(TransportError::Broken { place, cause }));
    }

    async fn fail() -> Option<Result<http::HeaderMap, String>> {
        Some(Err("the disk is gone".to_owned()))
    }
}
