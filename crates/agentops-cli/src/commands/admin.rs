//! The catalog of a data directory, opened by who owns it, beside a running server or without one.

use std::path::{Path, PathBuf};

use agentops_server::KeyError;
use agentops_store::{Catalog, CatalogError, Project, SqliteStore};

use crate::args::Store;
use crate::backend;
use crate::exit::{Exit, Problem};

/// A data directory whose catalog is open.
pub(super) struct Admin {
    pub(super) dir: PathBuf,
    pub(super) store: SqliteStore,
}

impl Admin {
    pub(super) fn open(args: &Store) -> anyhow::Result<Self> {
        Self::priced(args, None)
    }

    /// With these prices before the built-in ones.
    pub(super) fn priced(args: &Store, prices: Option<&Path>) -> anyhow::Result<Self> {
        let dir = backend::data_dir(args.data_dir.as_deref())?;
        let options = agentops_server::store_options(prices)
            .map_err(|error| Problem::new(Exit::Usage, error.to_string()))?;
        let store = SqliteStore::open(&dir, options)
            .map_err(|error| Problem::new(Exit::DataDir, error.to_string()))?;
        Ok(Self { dir, store })
    }

    /// The project of a name or id; the local one for none.
    pub(super) fn project(&self, wanted: Option<&str>) -> anyhow::Result<Project> {
        let Some(wanted) = wanted else {
            return self.store.default_project().map_err(refused);
        };
        let projects = self.store.projects().map_err(refused)?;
        let by = |is_it: &dyn Fn(&Project) -> bool| projects.iter().find(|p| is_it(p)).cloned();
        // A name may be another project's id: names are what people write.
        let found = by(&|project| project.name == wanted)
            .or_else(|| by(&|project| project.id.as_str() == wanted));
        found.ok_or_else(|| {
            let message =
                format!("no project {wanted:?}; `agentops projects list` shows what there is");
            Problem::new(Exit::Failure, message).into()
        })
    }
}

/// Why the catalog did not do it.
pub(super) fn refused(error: impl Into<KeyError>) -> anyhow::Error {
    match error.into() {
        KeyError::Catalog(error @ CatalogError::Storage(_)) => {
            Problem::new(Exit::DataDir, error.to_string()).into()
        }
        other => anyhow::Error::from(other),
    }
}
