//! A proxy that passes requests and answers on as they are, with hyper and nothing else: what a
//! gateway costs that knows nothing.

use std::net::SocketAddr;

use hyper::{
    Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{HOST, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};

use crate::{
    Outcome,
    order::Order,
    process::{Running, Start, free_address},
};

/// Starts this program again as the proxy.
pub(crate) fn start(order: &Order, upstream: SocketAddr, core: Option<usize>) -> Outcome<Running> {
    let address = free_address()?;
    Start {
        program: &std::env::current_exe()?,
        arguments: vec![
            "--proxy".to_owned(),
            address.to_string(),
            "--upstream".to_owned(),
            upstream.to_string(),
        ],
        address,
        probe: Some("/v1/models"),
        core,
        log: order.scratch.join("proxy.log"),
        patience: std::time::Duration::from_secs(10),
    }
    .run()
}

type Passing = Client<HttpConnector, Incoming>;

/// Passes on until it is ended.
pub(crate) fn serve(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    // As many workers as there are cores to run on, as our server has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(accept(address, upstream))
}

async fn accept(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Passing = Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let client = client.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| pass(&client, upstream, request));
            // A client that leaves is no fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn pass(
    client: &Passing,
    upstream: SocketAddr,
    mut request: Request<Incoming>,
) -> Outcome<Response<Incoming>> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let authority = upstream.to_string();
    *request.uri_mut() =
        Uri::builder().scheme("http").authority(authority.as_str()).path_and_query(path).build()?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&authority)?);
    let response = client.request(request).await?;
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(format!("the provider answered {status}").into()),
    }
}
