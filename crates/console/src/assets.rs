use std::sync::LazyLock;

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use muster_http::CONSOLE;
use muster_words::Digest;

/// A file that pages load.
pub struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// The digest of the bytes. It is in the address, so a new release has new addresses and
    /// browsers may keep each file for ever.
    mark: LazyLock<String>,
}

/// The style of all pages.
pub static STYLE: Asset = Asset {
    name: "console.css",
    media_type: "text/css; charset=utf-8",
    bytes: STYLE_BYTES,
    mark: LazyLock::new(|| mark(STYLE_BYTES)),
};

/// The script of all pages. They work without it.
pub static SCRIPT: Asset = Asset {
    name: "console.js",
    media_type: "text/javascript; charset=utf-8",
    bytes: SCRIPT_BYTES,
    mark: LazyLock::new(|| mark(SCRIPT_BYTES)),
};

/// The script of the pages about the server.
pub static BOARDS_SCRIPT: Asset = Asset {
    name: "boards.js",
    media_type: "text/javascript; charset=utf-8",
    bytes: BOARDS_SCRIPT_BYTES,
    mark: LazyLock::new(|| mark(BOARDS_SCRIPT_BYTES)),
};

/// The icon of the window.
pub static ICON: Asset = Asset {
    name: "icon.svg",
    media_type: "image/svg+xml",
    bytes: ICON_BYTES,
    mark: LazyLock::new(|| mark(ICON_BYTES)),
};

const STYLE_BYTES: &[u8] = include_bytes!("assets/console.css");
const SCRIPT_BYTES: &[u8] = include_bytes!("assets/console.js");
const BOARDS_SCRIPT_BYTES: &[u8] = include_bytes!("assets/boards.js");
const ICON_BYTES: &[u8] = include_bytes!("assets/icon.svg");

/// How long a browser may keep a file.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

impl Asset {
    /// Where pages load it from.
    pub fn address(&self) -> String {
        format!("{CONSOLE}/assets/{}/{}", *self.mark, self.name)
    }
}

fn mark(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().trim_start_matches("sha256:").chars().take(16).collect()
}

/// A file of pages, under its present mark.
pub async fn show(Path((mark, name)): Path<(String, String)>) -> Response {
    let mut all = [&STYLE, &SCRIPT, &BOARDS_SCRIPT, &ICON].into_iter();
    let Some(asset) = all.find(|asset| asset.name == name && *asset.mark == mark) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    (headers, asset.bytes).into_response()
}
