//! What an expansion does with a result.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::hygiene::{local, v1};
use crate::plan::{Ask, Opens, Plan};
use crate::returns::{Items, Returns};

/// `|ret, call| …`: what is done with the result.
pub(super) fn finish(plan: &Plan) -> TokenStream {
    let v1 = v1(plan.krate.as_ref());
    let (ret, call) = (local("ret"), local("call"));
    let look = look(plan);
    let known = match &plan.returns {
        Returns::Typed {
            opaque: true,
            items: Some(items),
            ..
        } => {
            let items = known_items(items, &v1);
            Some(quote! { #v1::known(&#ret, #items); })
        }
        _ => None,
    };
    let tag = match &plan.returns {
        Returns::Typed { opaque: true, .. } => quote! { (&&&&&&&&&&&&&#v1::Tag::of(&#ret)).any() },
        _ => quote! { (&&&&#v1::Tag::of(&#ret)).same() },
    };
    quote! {
        |#ret, #call| {
            use #v1::tag::*;
            #known
            #tag.finish(#ret, #call, #look, #look)
        }
    }
}

/// A value whose type says what comes out of a result.
fn known_items(items: &Items, v1: &TokenStream) -> TokenStream {
    match items {
        Items::Of(kind, item) => {
            let kind = Ident::new(kind, Span::mixed_site());
            quote! { #v1::#kind::<#item>::new() }
        }
        Items::Inside(inside) => {
            let inside = known_items(inside, v1);
            quote! { #v1::Inside(#inside) }
        }
    }
}

/// `|ret, end| …`: what is learnt from a result, or from what comes out of one.
pub(super) fn look(plan: &Plan) -> TokenStream {
    if let Opens::Agent(_) = &plan.opens {
        return quote! { |_, _| {} };
    }
    let v1 = v1(plan.krate.as_ref());
    let (ret, end, value, error, cut) = (
        local("ret"),
        local("end"),
        local("value"),
        local("error"),
        local("cut"),
    );
    let (pattern, look, ladder) = match &plan.opens {
        Opens::Session(_) => (
            quote! { #value },
            quote! { (&&#v1::Exit(#value)).note(#end) },
            TokenStream::new(),
        ),
        Opens::Call(_) if plan.captures_result => {
            let look = quote! {
                if let ::core::option::Option::Some(mut #cut) = #end.returns() {
                    (&&&&&&&#v1::Arg(#value)).cap(&mut #cut);
                }
            };
            (quote! { #value }, look, quote! { use #v1::arg::*; })
        }
        Opens::Ask(ask) => {
            let look = look_at_answer(ask, &plan.returns, &value, &end, &v1);
            (quote! { #value }, look, quote! { use #v1::answer::*; })
        }
        Opens::Call(_) | Opens::Agent(_) => (quote! { _ }, quote! { () }, TokenStream::new()),
    };
    quote! {
        |#ret, #end| {
            use #v1::out::*;
            #ladder
            match (&&#v1::Out(#ret)).split() {
                #v1::Split::Value(#pattern) => #look,
                #v1::Split::Error(#error) => (&&&&&#v1::Fault(#error)).fail(#end),
            }
        }
    }
}

/// What is learnt from an answer: what it says, or what the user's function finds in it.
fn look_at_answer(
    ask: &Ask,
    returns: &Returns,
    value: &Ident,
    end: &Ident,
    v1: &TokenStream,
) -> TokenStream {
    let heard = local("heard");
    let hear = |value: &Ident, heard: &Ident| {
        let cut = local("cut");
        quote! {
            if !(&&&#v1::Said(#value)).tell(#heard) {
                use #v1::arg::*;
                #heard.other(|#cut| (&&&&&&&#v1::Arg(#value)).cap(#cut));
            }
        }
    };
    let look = match &ask.extract {
        None => hear(value, &heard),
        Some(find) => {
            let (found, inner) = (local("found"), local("inner"));
            let hear = hear(&found, &inner);
            let place = match returns {
                Returns::Typed { opaque: true, .. } => quote! { any },
                _ => quote! { same },
            };
            quote! {
                use #v1::one_of::*;
                (&&&&&#v1::OneOf(#value)).#place().extract(#value, #heard, #find, |#found, #inner| { #hear });
            }
        }
    };
    quote! {
        if let ::core::option::Option::Some(#heard) = &mut #end.heard() { #look }
    }
}
