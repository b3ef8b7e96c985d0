//! Floods of HTTP/2 frames that are cheap to send and dear to answer.

use crate::{client::Client, harness::Server};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET /api` of localhost, as HPACK writes it (RFC 7541).
fn get() -> Vec<u8> {
    [&[0x82, 0x86, 0x44, 4][..], b"/api", &[0x41, 9], b"localhost"].concat()
}

fn streams() -> impl Iterator<Item = u32> {
    (0..20_000).map(|number| 2 * number + 1)
}

#[test]
fn bears_floods_of_frames() {
    let mut server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/x", "1").expect(201);
    let before = server.resident_bytes();
    let open = frame(SETTINGS, 0, 0, &[]);
    let resets: Vec<u8> = streams()
        .flat_map(|stream| {
            let get = frame(HEADERS, END_STREAM | END_HEADERS, stream, &get());
            [get, frame(RESET, 0, stream, &8_u32.to_be_bytes())].concat()
        })
        .collect();
    let requests: Vec<u8> = streams()
        .flat_map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &get()))
        .collect();
    let begun: Vec<u8> =
        streams().flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &get())).collect();
    let endless = [
        frame(HEADERS, 0, 1, &get()),
        frame(CONTINUATION, 0, 1, &[&[0x40, 1, b'a', 120][..], &[b'b'; 120]].concat().repeat(100))
            .repeat(2_000),
    ]
    .concat();
    let empty =
        [frame(HEADERS, 0, 1, &get()), frame(CONTINUATION, 0, 1, &[]).repeat(200_000)].concat();
    // One entry of 4,000 bytes in the table, named ten thousand times.
    let table = [&[0x40, 1, b'a', 0x7F, 0xA1, 0x1E][..], &[b'b'; 4_000], &[0xBE; 10_000]].concat();
    let bomb = frame(HEADERS, END_STREAM | END_HEADERS, 1, &[get(), table].concat());
    for (name, flood) in [
        ("resets", resets),
        ("requests", requests),
        ("requests without an end", begun),
        ("headers without an end", endless),
        ("empty continuations", empty),
        ("a table that doubles", bomb),
        ("pings", frame(PING, 0, 0, &[0; 8]).repeat(200_000)),
        ("settings", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]).repeat(100_000)),
        ("a window that overflows", frame(WINDOW, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF]).repeat(1_000)),
        ("data for nobody", frame(DATA, 0, 99, &[0; 1_000]).repeat(5_000)),
        ("frames of no kind", frame(77, 255, 5, &[1; 100]).repeat(20_000)),
        (
            "a frame beyond the limit",
            [&[0xFF, 0xFF, 0xFF, HEADERS, 4, 0, 0, 0, 1][..], &[0; 9_000]].concat(),
        ),
        (
            "noise",
            (0..50_000_u32)
                .flat_map(|number| (number.wrapping_mul(2_654_435_761)).to_be_bytes())
                .collect(),
        ),
    ] {
        let mut client = Client::connect(server.address);
        client.send_what_it_takes(&[PREFACE, &open, &flood].concat());
        server.get("/api/configs/app/entries/x").expect(200);
        drop(client);
        assert!(server.is_running(), "{name}");
        let grown = server.resident_bytes().saturating_sub(before);
        assert!(grown < 256 * 1024 * 1024, "{name}: {grown} bytes");
    }
    let log = server.log();
    assert!(!log.contains("ERROR"), "{log}");
}
