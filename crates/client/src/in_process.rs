use std::{fmt, future::Future, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;

use crate::{Body, Transport, TransportError};

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The way to a registry that this process has opened itself: the same router that a server
/// answers from, without a socket in between.
pub struct InProcess {
    place: String,
    route: Box<dyn Fn(Request<Bytes>) -> Answering + Send + Sync>,
}

impl InProcess {
    /// A way through `route`, which answers each request; `place` names the registry for people
    /// (its folder).
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
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok((self.route)(request).await)
    }

    fn place(&self) -> &str {
        &self.place
    }
}
