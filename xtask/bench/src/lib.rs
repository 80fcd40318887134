//! What one recorded call costs, beside peers that do the same, and what is left under load.
//!
//! Each subject runs in a process of its own, because most of them install something global; their rounds are
//! interleaved by the process that started them. Nothing here is part of the product.

pub mod allocations;
pub mod child;
pub mod clocks;
pub mod memory;
pub mod peers;
pub mod server;
pub mod target;
pub mod work;
