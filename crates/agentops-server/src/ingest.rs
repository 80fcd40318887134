//! From what came in to what is written: bodies, their meaning, prices, the local spool.

mod body;
mod cost;
pub(crate) mod normalise;
mod screenshots;
mod spool_import;

pub use cost::{PricesError, store_options};
pub use spool_import::{ImportError, ImportReport, import_once};

pub(crate) use body::RequestBody;
pub(crate) use spool_import::keep_importing;
