//! Takes images out of events: what an action says is its screenshot is kept beside the events and
//! replaced by the path under which it is served.
//!
//! An image is what decodes from base64 and begins as a PNG or a JPEG, whatever it is said to be.
//! Everything else stays the text that it is, a URL for one, and is never fetched, shown or
//! followed here.

use agentops_protocol::{Event, EventBody, EventPatch, Patch, SessionId};
use agentops_store::{Image, ImageForm};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::links;

/// Most bytes of an image.
const IMAGE_BYTES: usize = 10 << 20;
/// So many characters of base64 say how the bytes begin.
const HEAD_CHARS: usize = 24;
/// Lenient about the padding, which some writers leave out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Takes the images out of events.
pub(super) fn of_events(session: &SessionId, events: &mut [Event]) -> Vec<Image> {
    let mut images = Vec::new();
    for event in events {
        if let EventBody::Action(action) = &mut event.body
            && let Some(screenshot) = &mut action.screenshot
        {
            images.extend(take(session, screenshot));
        }
    }
    images
}

/// Takes the images out of updates.
pub(super) fn of_patches(session: &SessionId, patches: &mut [EventPatch]) -> Vec<Image> {
    let mut images = Vec::new();
    for patch in patches {
        if let Patch::Set(screenshot) = &mut patch.screenshot {
            images.extend(take(session, screenshot));
        }
    }
    images
}

/// The image that a text is, if it is one; the text becomes the image's path then.
fn take(session: &SessionId, screenshot: &mut String) -> Option<Image> {
    let base64 = match screenshot.strip_prefix("data:") {
        // The type that is claimed does not matter.
        Some(rest) => rest.split_once(";base64,")?.1,
        None => screenshot.as_str(),
    };
    let head: String = base64
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .take(HEAD_CHARS)
        .collect();
    ImageForm::of(&BASE64.decode(head).ok()?)?;
    if base64.len() / 4 * 3 > IMAGE_BYTES {
        let most = IMAGE_BYTES >> 20;
        *screenshot = format!(
            "an image of {} bytes was sent; up to {most} MiB are kept",
            base64.len() / 4 * 3
        );
        return None;
    }
    let mut packed = base64.as_bytes().to_vec();
    packed.retain(|byte| !byte.is_ascii_whitespace());
    let image = Image::of(BASE64.decode(packed).ok()?)?;
    *screenshot = format!(
        "/v2/sessions/{}/screenshots/{}",
        links::segment(session.as_str()),
        image.name()
    );
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";

    fn taken(text: &str) -> (Option<Image>, String) {
        let mut text = text.to_owned();
        let image = take(&"a/b".parse().unwrap(), &mut text);
        (image, text)
    }

    #[test]
    fn an_image_is_taken_in_every_spelling_of_base64() {
        let base64 = BASE64.encode(PNG);
        let (plain, path) = taken(&base64);
        let plain = plain.unwrap();
        assert_eq!(plain.bytes(), PNG);
        assert_eq!(
            path,
            format!("/v2/sessions/a%2Fb/screenshots/{}", plain.name())
        );
        let broken: String = base64.chars().flat_map(|c| [c, '\n']).collect();
        for text in [
            format!("data:image/png;base64,{base64}"),
            // A lie about the type changes nothing: the bytes say what it is.
            format!("data:image/svg+xml;charset=utf-8;base64,{base64}"),
            base64.trim_end_matches('=').to_owned(),
            broken,
        ] {
            assert_eq!(taken(&text), (Some(plain.clone()), path.clone()), "{text}");
        }
    }

    #[test]
    fn everything_else_stays_text() {
        let svg = BASE64.encode("<svg onload='alert(1)'>");
        let html = BASE64.encode("<script>alert(1)</script>");
        for text in [
            "",
            "https://example.com/shot.png",
            "javascript:alert(1)",
            "../../agentops.db",
            "/v2/sessions/other/screenshots/00.png",
            "data:image/png;base64,",
            "data:image/png,%89PNG",
            "iVBORw0KGgo!!!!",
            &format!("data:image/png;base64,{svg}"),
            &html,
        ] {
            assert_eq!(taken(text), (None, text.to_owned()));
        }
    }

    #[test]
    fn an_image_over_the_limit_is_named_and_not_kept() {
        let mut large = PNG.to_vec();
        large.resize(IMAGE_BYTES + 16, 0);
        let (image, text) = taken(&BASE64.encode(large));
        assert_eq!(image, None);
        assert!(text.ends_with("up to 10 MiB are kept"), "{text}");
    }
}
