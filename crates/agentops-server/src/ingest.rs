//! From what came in to what is written: bodies, their meaning, prices, the local spool.

mod body;
mod cost;
mod counting;
pub(crate) mod normalise;
mod screenshots;
mod spool_import;
mod tokens;

pub use cost::{PricesError, store_options};
pub use spool_import::{ImportError, ImportReport, import_once};

pub(crate) use body::RequestBody;
pub(crate) use counting::{finish, keep_counting};
pub(crate) use spool_import::keep_importing;
