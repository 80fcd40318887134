//! Where the price of a call comes from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentops_pricing::{PriceFileError, Prices};
use agentops_protocol::api::PriceSource;
use agentops_store::Options;

/// Why a file of prices cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PricesError {
    /// It cannot be read.
    #[error("prices {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It cannot be understood.
    #[error("prices {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: PriceFileError,
    },
}

/// How a store is opened whose calls are priced by the built-in book, and first by this file.
///
/// # Errors
/// A file that cannot be read or understood.
pub fn store_options(prices: Option<&Path>) -> Result<Options, PricesError> {
    let builtin = Prices::builtin();
    let Some(path) = prices else {
        let mut options = Options::new(|model, usage| builtin.cost(model, usage));
        options.price_source = Some(source(builtin));
        return Ok(options);
    };
    let text = std::fs::read_to_string(path).map_err(|source| PricesError::Read {
        path: path.to_owned(),
        source,
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prices = builtin.with_file(&text, &name);
    let prices = Arc::new(prices.map_err(|source| PricesError::Content {
        path: path.to_owned(),
        source,
    })?);
    let source = source(&prices);
    let mut options = Options::new(move |model, usage| prices.cost(model, usage));
    options.price_source = Some(source);
    Ok(options)
}

fn source(prices: &Prices) -> PriceSource {
    PriceSource {
        source: prices.source().to_owned(),
        date: prices.date().to_owned(),
    }
}
