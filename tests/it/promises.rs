//! What the SDK promises to the program that it is in: it never harms it and never loses silently.

mod crowd;
mod keys;
mod kill;
mod outage;
mod refusals;
mod support;
