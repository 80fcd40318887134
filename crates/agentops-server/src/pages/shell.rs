//! What stands around every page: where one is, and whose sessions these are.

use agentops_protocol::ProjectId;

use super::{assets, text};
use crate::app::Storage;
use crate::error::ApiError;

/// A place in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Sessions,
    Overview,
    Events,
    Compare,
    Projects,
    Nowhere,
}

/// The frame of a page.
pub(super) struct Shell {
    pub(super) assets: &'static str,
    pub(super) project: String,
    pub(super) links: Vec<NavLink>,
}

/// One link of the navigation.
pub(super) struct NavLink {
    pub(super) href: &'static str,
    pub(super) label: &'static str,
    pub(super) key: &'static str,
    pub(super) is_here: bool,
}

impl Shell {
    /// Of a page that shows a project's sessions.
    pub(super) fn of(
        store: &dyn Storage,
        project: &ProjectId,
        here: Place,
    ) -> Result<Self, ApiError> {
        let known = store.projects()?;
        let known = known.into_iter().find(|known| known.id == *project);
        let name = known.map_or_else(|| project.to_string(), |known| known.name);
        Ok(Self {
            project: text::brief(&name),
            ..Self::bare(here)
        })
    }

    /// Of a page that shows nobody's sessions.
    pub(super) fn bare(here: Place) -> Self {
        let link = |place, href, label, key| NavLink {
            href,
            label,
            key,
            is_here: place == here,
        };
        Self {
            assets: assets::base(),
            project: String::new(),
            links: vec![
                link(Place::Sessions, "/", "Sessions", "g s"),
                link(Place::Overview, "/overview", "Overview", "g o"),
                link(Place::Events, "/events", "Events", "g e"),
                link(Place::Compare, "/compare", "Compare", "g c"),
                link(Place::Projects, "/projects", "Projects", "g p"),
            ],
        }
    }
}
