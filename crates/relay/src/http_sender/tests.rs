#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf,
};

use super::*;
use crate::trust;

/// A connection whose end is an error, as rustls says it of one that ends without `close_notify`.
struct WithoutFarewell(DuplexStream);

impl AsyncRead for WithoutFarewell {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(context, buffer))?;
        match buffer.filled().len() > before {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl AsyncWrite for WithoutFarewell {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// What comes of an answer after which the connection ends so.
async fn received(answer: &'static str) -> Result<(u16, String), TryFailure> {
    let (own, mut other) = tokio::io::duplex(4_096);
    let receiver = tokio::spawn(async move {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(other.read_u8().await.unwrap());
        }
        other.write_all(answer.as_bytes()).await.unwrap();
    });
    let filter = AddressFilter::new(Vec::new());
    let sender = HttpSender::new(filter, trust(None).unwrap(), Arc::new(SystemResolver));
    let mut connection = begin(TokioIo::new(WithoutFarewell(own))).await.unwrap();
    let response = connection.send_request(Request::new(Full::default())).await;
    let response = response.map_err(|_| TryFailure::Broken)?;
    receiver.await.unwrap();
    let place = (true, Host::Name("receiver.example".into()), "127.0.0.1:443".parse().unwrap());
    let read = sender.received(place, (connection, response), ANSWER_BYTES_MAX).await?;
    Ok((read.status, String::from_utf8(read.body).unwrap()))
}

#[tokio::test]
async fn an_answer_without_a_length_counts_though_its_connection_ends_rudely() {
    for (answer, expect) in [
        ("HTTP/1.0 200 OK\r\n\r\nok", Some((200, "ok"))),
        ("HTTP/1.1 410 Gone\r\n\r\n", Some((410, ""))),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Some((200, "ok"))),
        // Here it is known that something is missing.
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", None),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        ("HTTP/1.1 200 OK\r\ncontent-", None),
    ] {
        let expect = expect.map(|(status, body)| (status, body.to_owned()));
        let found = received(answer).await;
        assert_eq!(found, expect.ok_or(TryFailure::Broken), "{answer}");
    }
}
