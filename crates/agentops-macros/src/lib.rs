//! The attribute macros of agentops: `record_action`, `record_tool`, `session`. Use them through the `agentops`
//! crate, which documents them.
//!
//! Stages: [`args`] and [`item`] read, [`plan`] judges, [`expand`] writes and cannot fail. All mistakes are reported
//! together, and the user's function is always there, so that one mistake does not become many.

mod args;
mod errors;
mod expand;
mod item;
mod plan;
mod returns;

use proc_macro2::TokenStream;

use crate::args::{Args, Attr};
use crate::errors::Errors;
use crate::item::Item;
use crate::plan::Plan;

/// Records each call of a function as an action.
#[proc_macro_attribute]
pub fn record_action(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(Attr::Action, args.into(), item.into()).into()
}

/// Records each call of a function as a call of a tool.
#[proc_macro_attribute]
pub fn record_tool(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(Attr::Tool, args.into(), item.into()).into()
}

/// Runs a function in a session of its own; on `main`, in the session of the process.
#[proc_macro_attribute]
pub fn session(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(Attr::Session, args.into(), item.into()).into()
}

fn attribute(attr: Attr, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = Args::read(attr, args, &mut errors);
    let original = item.clone();
    let item = match Item::read(attr, item) {
        Ok(item) => item,
        Err(error) => {
            errors.add(error);
            return [errors.into_tokens(), original].into_iter().collect();
        }
    };
    match Plan::make(attr, args, item, errors) {
        Ok(plan) => expand::expand(&plan),
        Err((item, errors)) => [errors.into_tokens(), expand::unchanged(&item)]
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
