//! The files that pages load. Built in, told apart by the hash of their content.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::error::ApiError;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    tag: OnceLock<HeaderValue>,
}

static ASSETS: [Asset; 2] = [
    Asset {
        name: "style.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("../../assets/style.css"),
        tag: OnceLock::new(),
    },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        content: include_str!("../../assets/icon.svg"),
        tag: OnceLock::new(),
    },
];

impl Asset {
    fn tag(&self) -> &HeaderValue {
        self.tag.get_or_init(|| {
            let hash = Sha256::digest(self.content.as_bytes());
            let mut tag = String::from("\"");
            for byte in &hash[..12] {
                write!(tag, "{byte:02x}").expect("a string takes everything");
            }
            tag.push('"');
            HeaderValue::from_str(&tag).expect("hexadecimal digits may stand in a header")
        })
    }
}

/// A file by its name; nothing, where the browser has it already.
pub(crate) async fn asset(
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(ApiError::no_route)?;
    let tag = asset.tag();
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|known| known == tag);
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let content_type = HeaderValue::from_static(asset.content_type);
    Ok((
        common,
        [(header::CONTENT_TYPE, content_type)],
        asset.content,
    )
        .into_response())
}
