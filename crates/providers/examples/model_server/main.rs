//! A small server that speaks the dialects of AI providers, for tests and for trying things out:
//! `cargo run -p muster-providers --example model_server -- 127.0.0.1:9000`. It has a model `tiny`
//! that says what it was told. `POST /fault/overloaded` makes it fail, `POST /fault/none` mends it.

#[expect(dead_code, reason = "tests use more of it")]
mod server;

use server::ModelServer;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let server = ModelServer::listen(&address).await?;
    #[expect(clippy::print_stdout, reason = "whoever starts it wants to know where it listens")]
    {
        println!("listening on http://{}", server.address);
    }
    server.ended().await;
    Ok(())
}
