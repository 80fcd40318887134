//! Being laid down.

mod ending;
mod recording;

#[doc(hidden)]
pub mod __private;
