//! Tags as links to the sessions that have them.

use super::text;
use crate::links::segment;

pub(super) struct TagLink {
    pub(super) text: String,
    pub(super) href: String,
}

pub(super) fn tag_link(tag: &str) -> TagLink {
    TagLink {
        text: text::brief(tag),
        href: format!("/?tag={}", segment(tag)),
    }
}
