//! An axum handler that returns bytes from memory, and nothing else: what a service costs that
//! has no registry in it.

use std::{convert::Infallible, fs, net::SocketAddr, path::Path, time::Duration};

use axum::{Router, http::header, routing::get};
use bytes::Bytes;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tower_service::Service as _;

use crate::{
    Outcome,
    order::Order,
    process::{Running, Start, free_address},
};

/// Where the bytes are served.
pub(crate) const PATH: &str = "/document";

/// Starts this program again as the handler.
pub(crate) fn start(order: &Order, file: &Path, core: Option<usize>) -> Outcome<Running> {
    let address = free_address()?;
    Start {
        program: &std::env::current_exe()?,
        arguments: vec![
            "--bare".to_owned(),
            address.to_string(),
            "--file".to_owned(),
            file.display().to_string(),
        ],
        address,
        probe: Some(PATH),
        core,
        log: order.scratch.join("bare.log"),
        patience: Duration::from_secs(10),
    }
    .run()
}

/// Serves a file's bytes from memory until it is ended.
pub(crate) fn serve(address: SocketAddr, file: &Path) -> Outcome {
    let bytes = Bytes::from(fs::read(file)?);
    let answer = move || {
        let bytes = bytes.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], bytes) }
    };
    let router = Router::new().route(PATH, get(answer));
    // As many workers as there are cores to run on, as our server has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(accept(address, router))
}

async fn accept(address: SocketAddr, router: Router) -> Outcome {
    let listener = tokio::net::TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let router = router.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let mut router = router.clone();
                async move { Ok::<_, Infallible>(call(&mut router, request).await) }
            });
            // A client that leaves is no fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn call(
    router: &mut Router,
    request: hyper::Request<hyper::body::Incoming>,
) -> axum::response::Response {
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
