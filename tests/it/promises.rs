//! What the SDK promises to the program that it is in: it never harms it and never loses silently.

#[cfg(unix)]
mod abort;
mod behind;
mod crowd;
mod deadlines;
mod disk;
mod hostile;
mod keys;
mod kill;
mod outage;
mod recorded;
mod refusals;
mod schedules;
#[cfg(unix)]
mod signals;
mod support;
