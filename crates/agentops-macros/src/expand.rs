//! Tokens from a plan. Nothing here can fail, and little is emitted: the work is done by functions of `v1`.
//!
//! ```text
//! sync    let call = v1::start(site, |params| …);
//!         v1::run(call, move || -> R { body }, |ret, call| …)
//! async   let call = v1::start(site, |params| …);
//!         let body = async move { body };
//!         match call { Some(call) => v1::Recorded::new(Some(call), body, |ret, call| …).await, None => body.await }
//! asked   let guard = v1::guard(v1::start(site, |params| …));
//!         let ret: R = 'body: { body };
//!         v1::leave(guard, ret, |ret, call| …)
//! main    fn main() -> R { #[tokio::main] async fn main() -> R { body }  v1::session_main(options, main, |ret, end| …) }
//! ```
//!
//! A closure that probes types stands inline as the argument of a call whose earlier arguments fix those types:
//! on a type that is not yet inferred, a method call would pick the ladder's highest rung.

mod finish;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::arguments::{Binding, Param, ParamValue};
use crate::hygiene::{at, local, v1};
use crate::in_place;
use crate::item::Item;
use crate::plan::{Ask, Call, Future, Opens, Plan, Session, Shape};
use crate::returns::Returns;
use finish::{finish, look};

/// The function, recorded.
pub(crate) fn expand(plan: &Plan) -> TokenStream {
    match plan.shape {
        Shape::Main => expand_main(plan),
        Shape::Sync => with_body(&plan.item, &expand_sync(plan)),
        Shape::Async => with_body(&plan.item, &expand_async(plan)),
    }
}

/// The function as the user wrote it.
pub(crate) fn unchanged(item: &Item) -> TokenStream {
    with_body(item, &item.body)
}

fn with_body(item: &Item, body: &TokenStream) -> TokenStream {
    let Item {
        attrs,
        vis,
        defaultness,
        sig,
        body_span,
        ..
    } = item;
    let body = quote_spanned! {*body_span=> { #body } };
    quote! { #(#attrs)* #vis #defaultness #sig #body }
}

fn expand_sync(plan: &Plan) -> TokenStream {
    let v1 = v1(plan.krate.as_ref());
    let open = open(plan);
    let body = &plan.item.body;
    let own = own(plan);
    let call = local("call");
    let annotated = match &plan.returns {
        Returns::Never => {
            let guard = local("guard");
            return quote! { let #guard = #v1::guard(#open); #body };
        }
        Returns::Closure { shown, .. } => {
            let guard = local("guard");
            let captures = plan.captures_result && matches!(plan.opens, Opens::Call(_));
            let shown = captures.then(|| quote! { .returning(#shown) });
            return quote! { let #guard = #v1::guard(#open) #shown; #body };
        }
        Returns::Unit => quote! { () },
        Returns::Typed { erased, .. } => erased.to_token_stream(),
    };
    let finish = finish(plan);
    if let Some(body) = &plan.in_place {
        let (guard, ret, label) = (local("guard"), local("ret"), in_place::label());
        return quote! {
            let #guard = #v1::guard(#open);
            let #ret: #annotated = #label: {
                if false { break #label #v1::fake(); }
                #body
            };
            #v1::leave(#guard, #ret, #finish)
        };
    }
    let run = match &plan.returns {
        Returns::Typed { opaque: true, .. } => quote! { run_any },
        _ => quote! { run },
    };
    let body = braced(plan, &behind(plan, &own));
    quote! {
        let #call = #open;
        #v1::#run(#call, move || -> #annotated #body, #finish)
    }
}

fn expand_async(plan: &Plan) -> TokenStream {
    let v1 = v1(plan.krate.as_ref());
    let open = open(plan);
    let own = own(plan);
    let finish = finish(plan);
    let (call, future) = (local("call"), local("future"));
    // The compiler learns here what the body returns: a mismatch is reported at the user's line.
    let (head, tail) = match &plan.returns {
        Returns::Never => (quote! { if false { return; } }, quote! { ; #v1::never() }),
        Returns::Unit => (quote! { if false { return; } }, TokenStream::new()),
        Returns::Typed { erased, .. } | Returns::Closure { erased, .. } => (
            quote_spanned! {erased.span()=> if false { return #v1::fake::<#erased>(); } },
            TokenStream::new(),
        ),
    };
    let run = match &plan.returns {
        // A wrapper changes the type of what it wraps, recorded or not.
        Returns::Typed { opaque: true, .. } => {
            quote! { #v1::Recorded::new(#call, #future, #finish).await }
        }
        // The call itself is moved out: what is left of a call that is not there needs no destructor, so the future
        // of a body that is not recorded keeps none.
        _ => quote! {
            match #call {
                ::core::option::Option::Some(#call) => {
                    #v1::Recorded::new(::core::option::Option::Some(#call), #future, #finish).await
                }
                ::core::option::Option::None => #future.await,
            }
        },
    };
    let body = braced(plan, &later(plan, &quote! { #own #head }));
    quote! {
        let #call = #open;
        let #future = async move #body;
        #run #tail
    }
}

fn expand_main(plan: &Plan) -> TokenStream {
    let v1 = v1(plan.krate.as_ref());
    let Opens::Session(session) = &plan.opens else {
        return unchanged(&plan.item);
    };
    let options = options(session, &v1);
    let Item {
        attrs,
        vis,
        sig,
        body,
        body_span,
        ..
    } = &plan.item;
    let (name, output, inner_attrs) = (&sig.ident, &sig.output, &session.inner_attrs);
    let inner_body = quote_spanned! {*body_span=> { #body } };
    let run = match &plan.returns {
        Returns::Never => quote! { #v1::session_main_never(#options, #name) },
        _ => {
            let look = look(plan);
            quote! { #v1::session_main(#options, #name, #look) }
        }
    };
    quote! {
        #(#attrs)* #vis fn #name() #output {
            #(#inner_attrs)* #sig #inner_body
            #run
        }
    }
}

/// `Option<Call>`: what the function's call opens.
fn open(plan: &Plan) -> TokenStream {
    let v1 = v1(plan.krate.as_ref());
    match &plan.opens {
        Opens::Session(session) => {
            let options = options(session, &v1);
            quote! { #v1::session(#options) }
        }
        Opens::Agent(who) => {
            let target = local("target");
            let acts = quote_spanned! {at(who)=> #target.agent(&(#who)) };
            quote! { #v1::act(|#target| #acts) }
        }
        Opens::Call(call) => open_call(call, &v1),
        Opens::Ask(ask) => open_ask(ask, plan.captures_result, &v1),
    }
}

fn open_ask(ask: &Ask, keeps_answer: bool, v1: &TokenStream) -> TokenStream {
    let question = local("question");
    let params = (ask.call.params.iter()).map(|param| write_param(param, &question, v1));
    let given = |method: &str, expression: &Option<Expr>| {
        let method = Ident::new(method, Span::mixed_site());
        let write = expression.as_ref().map(|written| write_field(written, v1));
        write.map(|write| quote! { #question.#method(#write); })
    };
    let (model, prompt) = (given("model", &ask.model), given("prompt", &ask.prompt));
    let target = target(&ask.call);
    let ladder = ladder(&ask.call, v1);
    let has_any = !ask.call.params.is_empty() || model.is_some() || prompt.is_some();
    let pattern = has_any.then_some(&question);
    let pattern = pattern.map_or_else(|| quote! { _ }, ToTokens::to_token_stream);
    quote! {
        #v1::ask(#keeps_answer, #target, |#pattern| { #ladder #(#params)* #model #prompt })
    }
}

/// The traits by which arguments are written, where some are.
fn ladder(call: &Call, v1: &TokenStream) -> Option<TokenStream> {
    let is_argument = |param: &Param| matches!(param.value, ParamValue::Binding(_));
    (call.params.iter().any(is_argument)).then(|| quote! { use #v1::arg::*; })
}

/// `|target| …`: where a call belongs that is not the current session's or agent's.
fn target(call: &Call) -> TokenStream {
    if call.session.is_none() && call.agent.is_none() {
        return quote! { |_| {} };
    }
    let target = local("target");
    let session = call
        .session
        .iter()
        .map(|session| quote_spanned! {at(session)=> #target.session(&(#session)); });
    let agent = call
        .agent
        .iter()
        .map(|agent| quote_spanned! {at(agent)=> #target.agent(&(#agent)); });
    quote! { |#target| { #(#session)* #(#agent)* } }
}

fn open_call(call: &Call, v1: &TokenStream) -> TokenStream {
    let name = &call.name;
    let site = if call.is_tool {
        quote! { tool }
    } else {
        quote! { action }
    };
    let site = quote! { const { &#v1::Site::#site(#name) } };
    let params = local("params");
    let writes = call
        .params
        .iter()
        .map(|param| write_param(param, &params, v1));
    let ladder = ladder(call, v1);
    let params = if call.params.is_empty() {
        quote! { _ }
    } else {
        quote! { #params }
    };
    let write = quote! { |#params| { #ladder #(#writes)* } };
    if call.session.is_none() && call.agent.is_none() {
        return quote! { #v1::start(#site, #write) };
    }
    let target = target(call);
    quote! { #v1::start_in(#site, #target, #write) }
}

fn write_param(param: &Param, params: &Ident, v1: &TokenStream) -> TokenStream {
    let key = &param.key;
    match &param.value {
        ParamValue::Binding(Binding { name, conditions }) => {
            let write = quote! { (&&&&&&&#v1::Arg(&#name)).cap(#params.key(#key)) };
            let write = if is_unused(name) {
                seen(&write, v1)
            } else {
                quote! { #write; }
            };
            quote! { #(#conditions)* #write }
        }
        ParamValue::Field(expression) => {
            let write = write_field(expression, v1);
            quote! { #params.field(#key, #write); }
        }
    }
}

/// `|cut| …`: an expression of the user is looked at where it stands, so one that names a place moves nothing.
fn write_field(expression: &Expr, v1: &TokenStream) -> TokenStream {
    let cut = local("cut");
    quote! {
        |#cut| {
            use #v1::arg::*;
            (&&&&&&&#v1::Arg(&(#expression))).cap(#cut);
        }
    }
}

fn options(session: &Session, v1: &TokenStream) -> TokenStream {
    let tags = session.tags.iter().map(|tag| quote! { .tag(#tag) });
    let config = session
        .config
        .iter()
        .map(|config| quote! { .config(#config) });
    quote! { #v1::Options::new() #(#tags)* #(#config)* }
}

/// A mention of every argument: so the body owns them as the function did, and drops them in the same order.
fn own(plan: &Plan) -> TokenStream {
    if plan.owned.is_empty() {
        return TokenStream::new();
    }
    let v1 = v1(plan.krate.as_ref());
    let is_plain = |binding: &Binding| binding.conditions.is_empty() && !is_unused(&binding.name);
    if plan.owned.iter().all(is_plain) {
        let names = plan.owned.iter().map(|binding| &binding.name);
        return quote! { let _ = (#(&#names,)*); };
    }
    let mentions = plan.owned.iter().map(|Binding { name, conditions }| {
        let mention = quote! { &#name };
        let mention = if is_unused(name) {
            seen(&mention, &v1)
        } else {
            quote! { let _ = #mention; }
        };
        quote! { #(#conditions)* #mention }
    });
    mentions.collect()
}

/// Whether a name says that nothing uses it.
fn is_unused(name: &Ident) -> bool {
    name.unraw().to_string().starts_with('_')
}

/// An expression that mentions such a name. Lints hold a use against whoever uses it, but for what stands left of an
/// assignment.
fn seen(expression: &TokenStream, v1: &TokenStream) -> TokenStream {
    quote! { { *#v1::seen(#expression) = (); } }
}

/// The body behind statements of ours: in a block of its own, so that the user's items stand first in theirs.
fn behind(plan: &Plan, ours: &TokenStream) -> TokenStream {
    let body = &plan.item.body;
    if ours.is_empty() {
        return body.clone();
    }
    // Ours, as far as lints about needless braces are concerned.
    let span = Span::mixed_site().located_at(plan.item.body_span);
    let body = quote_spanned! {span=> { #body } };
    quote! { #ours #body }
}

/// The body of an async function behind statements of ours. One whose result is a future is returned, and not what the
/// block comes to: lints take an async block that comes to a future for a mistake, and an `async fn` not.
fn later(plan: &Plan, ours: &TokenStream) -> TokenStream {
    let Some(future) = plan.future else {
        return behind(plan, ours);
    };
    let body = behind(plan, &TokenStream::new());
    let span = Span::mixed_site().located_at(plan.item.body_span);
    let result = match future {
        Future::Computed => quote_spanned! {span=> return { #body }; },
        Future::Never => quote_spanned! {span=> { #body }; },
    };
    quote! { #ours #result }
}

/// In the braces of the user: what is missing before the closing one is reported there.
fn braced(plan: &Plan, body: &TokenStream) -> TokenStream {
    let span = plan.item.body_span;
    quote_spanned! {span=> { #body } }
}
