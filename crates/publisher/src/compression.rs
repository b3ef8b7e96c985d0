use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// Brotli's quality of 0 to 11: more costs several times the time for a percent of the size.
const BROTLI_QUALITY: u32 = 9;

/// Brotli's window, as a power of two in bytes: the largest that every reader allows.
const BROTLI_WINDOW: u32 = 22;

/// The bytes that Brotli takes at once.
const BROTLI_BUFFER: usize = 16 * 1024;

/// The precompressed forms of a file, each with the ending of its name.
///
/// # Errors
/// The compressor failed.
pub(crate) fn compressed(bytes: &[u8]) -> io::Result<[(&'static str, Bytes); 2]> {
    // The same bytes give the same file: no time and no name is written into it.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    let gzip = gzip.finish()?;
    let mut brotli = Vec::new();
    let mut writer =
        brotli::CompressorWriter::new(&mut brotli, BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    Ok([("gz", gzip.into()), ("br", brotli.into())])
}
