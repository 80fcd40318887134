//! The attribute macros of agentops: `record_action`, `record_tool`, `record_llm`, `session`, `track_agent`. Use them through the `agentops`
//! crate, which documents them.
//!
//! Stages: `args` and `item` read, `plan` judges, `expand` writes and cannot fail. All mistakes are reported
//! together, and the user's function is always there, so that one mistake does not become many.

mod args;
mod arguments;
mod errors;
mod expand;
mod hygiene;
mod impls;
mod in_place;
mod item;
mod plan;
mod returns;

use proc_macro2::TokenStream;

use crate::args::{Args, Attr};
use crate::errors::Errors;
use crate::impls::Block;
use crate::item::Item;
use crate::plan::{HandedOn, Plan};

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

/// Records each call of a function as a call of a language model.
#[proc_macro_attribute]
pub fn record_llm(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(Attr::Llm, args.into(), item.into()).into()
}

/// Runs a function in a session of its own; on `main`, in the session of the process.
#[proc_macro_attribute]
pub fn session(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(Attr::Session, args.into(), item.into()).into()
}

/// Attributes what happens in a function, or in every function of an impl block, to an agent.
#[proc_macro_attribute]
pub fn track_agent(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let (args, item) = (args.into(), TokenStream::from(item));
    match Block::read(&item) {
        Some(block) => impl_block(args, &block, item).into(),
        None => attribute(Attr::Agent, args, item).into(),
    }
}

fn impl_block(args: TokenStream, block: &Block, original: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = Args::read(Attr::Agent, args, &mut errors);
    if block.type_name.is_none() && args.agent.is_none() {
        errors.at(
            proc_macro2::Span::call_site(),
            "this type has no name of its own; give the agent one: `name = \"…\"`",
        );
    }
    let own = block.type_name.clone();
    let own = own.unwrap_or_else(|| syn::LitStr::new("agent", proc_macro2::Span::call_site()));
    let who = plan::agent_name(args.agent, &own, &mut errors);
    if !errors.is_empty() {
        return [errors.into_tokens(), original].into_iter().collect();
    }
    block.with_functions(&who, |item| {
        let args = Args::acting(who.clone(), args.krate.as_ref());
        acting(item, &who, args, Errors::default())
    })
}

/// A function in which an agent acts.
fn acting(item: Item, who: &syn::Expr, args: Args, errors: Errors) -> TokenStream {
    match plan::hand_on(item, who) {
        HandedOn::Yes(item) => [errors.into_tokens(), expand::unchanged(&item)]
            .into_iter()
            .collect(),
        HandedOn::No(item) => planned(Attr::Agent, args, item, errors),
    }
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
    if attr == Attr::Agent {
        let own = plan::own_name(&item);
        let who = plan::agent_name(args.agent, &own, &mut errors);
        let args = Args::acting(who.clone(), args.krate.as_ref());
        return acting(item, &who, args, errors);
    }
    planned(attr, args, item, errors)
}

fn planned(attr: Attr, args: Args, item: Item, errors: Errors) -> TokenStream {
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
