//! Compressed bodies pass as they are; what can be read of them cheaply is read beside.

use std::io::{self, Write};

use flate2::write::{GzDecoder, ZlibDecoder};

/// Undoes a `Content-Encoding`.
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    Gzip(Box<GzDecoder<Pieces>>),
    Deflate(Box<ZlibDecoder<Pieces>>),
    /// Not read: `br`, `zstd`, several, or broken.
    Unread(String),
}

/// What a decoder has given so far; taken after each piece that went in.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Vec<u8>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compressed bytes that go in at a time: what comes out is at most about a thousand times that.
const STEP: usize = 1 << 10;

impl Encoding {
    pub(crate) fn of(header: Option<&str>) -> Encoding {
        match header
            .map(str::trim)
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Gzip(Box::new(GzDecoder::new(Pieces::default()))),
            "deflate" => Encoding::Deflate(Box::new(ZlibDecoder::new(Pieces::default()))),
            other => Encoding::Unread(other.chars().take(64).collect()),
        }
    }

    /// Hands `each` what the piece stands for.
    pub(crate) fn push(&mut self, piece: &[u8], each: &mut dyn FnMut(&[u8])) {
        if let Encoding::Identity = self {
            return each(piece);
        }
        for step in piece.chunks(STEP) {
            let decoded = match self {
                Encoding::Gzip(decoder) => {
                    let result = decoder.write_all(step).and_then(|()| decoder.flush());
                    result.map(|()| decoder.get_mut())
                }
                Encoding::Deflate(decoder) => {
                    let result = decoder.write_all(step).and_then(|()| decoder.flush());
                    result.map(|()| decoder.get_mut())
                }
                Encoding::Identity | Encoding::Unread(_) => return,
            };
            match decoded {
                Ok(pieces) => {
                    each(&pieces.0);
                    pieces.0.clear();
                    pieces.0.shrink_to(64 << 10);
                }
                Err(_) => {
                    *self = Encoding::Unread("broken".to_owned());
                    return;
                }
            }
        }
    }

    /// Why it is not read.
    pub(crate) fn unread(&self) -> Option<&str> {
        match self {
            Encoding::Unread(name) => Some(name),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Encoding::Identity => "Identity",
            Encoding::Gzip(_) => "Gzip",
            Encoding::Deflate(_) => "Deflate",
            Encoding::Unread(_) => "Unread",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut encoding: Encoding, bytes: &[u8], step: usize) -> (Vec<u8>, Encoding) {
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            encoding.push(piece, &mut |decoded| out.extend_from_slice(decoded));
        }
        (out, encoding)
    }

    #[test]
    fn what_was_compressed_is_read_as_it_comes() {
        let text = "data: {\"a\":1}\n\n".repeat(1_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(text.as_bytes()).unwrap();
        let deflate = deflate.finish().unwrap();
        for step in [1, 7, 100_000] {
            assert_eq!(
                read(Encoding::of(Some("GZIP")), &gzip, step).0,
                text.as_bytes()
            );
            assert_eq!(
                read(Encoding::of(Some("deflate")), &deflate, step).0,
                text.as_bytes()
            );
        }
        assert_eq!(read(Encoding::of(None), b"abc", 2).0, b"abc");
        let (nothing, encoding) = read(Encoding::of(Some("br")), b"abc", 2);
        assert_eq!(
            (nothing.as_slice(), encoding.unread()),
            (&b""[..], Some("br"))
        );
        let (_, broken) = read(Encoding::of(Some("gzip")), b"this is no gzip at all", 30);
        assert_eq!(broken.unread(), Some("broken"));
    }

    #[test]
    fn every_piece_is_read_when_it_comes() {
        // A server flushes each event of a stream; the reader must not wait for the end.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"first").unwrap();
        gzip.flush().unwrap();
        let flushed = gzip.get_ref().clone();
        let (out, _) = read(Encoding::of(Some("gzip")), &flushed, flushed.len());
        assert_eq!(out, b"first");
    }
}
