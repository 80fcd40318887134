//! Images that events show: recognised by their first bytes, named by their content.
//!
//! A name is only ever made from a hash and read back into one, so nothing that a client sends
//! becomes a path.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// The forms of images that are kept. No other is: an SVG runs scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageForm {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

impl ImageForm {
    const ALL: [Self; 2] = [Self::Png, Self::Jpeg];

    /// The form that bytes begin as, whatever they are said to be.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(PNG) {
            Some(Self::Png)
        } else if bytes.starts_with(JPEG) {
            Some(Self::Jpeg)
        } else {
            None
        }
    }

    /// The media type it is served as.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Png => ".png",
            Self::Jpeg => ".jpg",
        }
    }
}

/// What an image is called in its session: the SHA-256 of its bytes, and its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName {
    /// SHA-256 of the bytes.
    pub hash: [u8; 32],
    /// The form.
    pub form: ImageForm,
}

impl ImageName {
    /// Reads 64 small hexadecimal digits and an ending; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, form) = ImageForm::ALL
            .into_iter()
            .find_map(|form| Some((text.strip_suffix(form.ending())?, form)))?;
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self { hash, form })
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(68);
        for byte in self.hash {
            write!(text, "{byte:02x}")?;
        }
        f.write_str(&text)?;
        f.write_str(self.form.ending())
    }
}

/// Capitals are refused: one image has one name.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// An image.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    name: ImageName,
    bytes: Vec<u8>,
}

impl Image {
    /// Takes bytes that begin as an image of a known form.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Option<Self> {
        let form = ImageForm::of(&bytes)?;
        let hash = Sha256::digest(&bytes).into();
        Some(Self {
            name: ImageName { hash, form },
            bytes,
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> ImageName {
        self.name
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}, {} bytes)", self.name, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_png_and_jpeg_are_images() {
        let png = [PNG, b"rest"].concat();
        assert_eq!(ImageForm::of(&png), Some(ImageForm::Png));
        assert_eq!(ImageForm::of(b"\xff\xd8\xff\xe0"), Some(ImageForm::Jpeg));
        for other in [
            &b""[..],
            b"\x89PNG",
            b"<svg onload='alert(1)'/>",
            b"GIF89a",
            b"<html>",
            b"RIFF....WEBP",
        ] {
            assert!(Image::of(other.to_vec()).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_a_name() {
        let image = Image::of([PNG, b"rest"].concat()).unwrap();
        let name = image.name().to_string();
        assert_eq!(ImageName::parse(&name), Some(image.name()));
        let upper = name.to_uppercase();
        for text in [
            "",
            ".png",
            "../agentops.db",
            "..%2fagentops.db",
            &name[1..],
            &name[..64],
            upper.as_str(),
            &format!("{name}\0"),
            &format!("../{name}"),
        ] {
            assert_eq!(ImageName::parse(text), None, "{text}");
        }
    }
}
