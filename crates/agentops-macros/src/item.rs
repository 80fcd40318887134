//! The function under an attribute. Its body stays the tokens it was: a half-typed body still expands, so the
//! editor keeps helping.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{AttrStyle, Attribute, Signature, Token, Visibility};

use crate::args::Attr;

/// A function.
pub(crate) struct Item {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// What stands between the braces.
    pub(crate) body: TokenStream,
    /// Where the braces stand.
    pub(crate) body_span: Span,
}

impl Item {
    /// Reads the function that `attr` stands on.
    pub(crate) fn read(attr: Attr, tokens: TokenStream) -> syn::Result<Item> {
        let parser = |input: ParseStream<'_>| read(attr, input);
        parser.parse2(tokens)
    }
}

/// Reads one function from a stream that may hold more.
pub(crate) fn read(attr: Attr, input: ParseStream<'_>) -> syn::Result<Item> {
    let mut attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    let defaultness = if input.peek(Token![default]) && !input.peek2(Token![!]) {
        Some(input.parse()?)
    } else {
        None
    };
    refuse_what_is_no_function(attr, input)?;
    let sig: Signature = input.parse()?;
    if input.peek(Token![;]) {
        let message = format!(
            "`#[{}]` goes on a function with a body; put it on the implementation",
            attr.name()
        );
        return Err(input.error(message));
    }
    let braces = braces(input.parse()?)?;
    let body = split_inner_attributes(braces.stream(), &mut attrs)?;
    Ok(Item {
        attrs,
        vis,
        defaultness,
        sig,
        body,
        body_span: braces.span(),
    })
}

/// The body's braces; a macro that was given them as a `block` hands them on in a group without delimiters.
fn braces(token: TokenTree) -> syn::Result<Group> {
    let span = token.span();
    if let TokenTree::Group(group) = token {
        match group.delimiter() {
            Delimiter::Brace => return Ok(group),
            Delimiter::None => {
                let mut inside = group.stream().into_iter();
                if let (Some(only), None) = (inside.next(), inside.next()) {
                    return braces(only);
                }
            }
            _ => {}
        }
    }
    Err(syn::Error::new(span, "expected the function's body"))
}

fn refuse_what_is_no_function(attr: Attr, input: ParseStream<'_>) -> syn::Result<()> {
    let what = if input.peek(Token![struct])
        || input.peek(Token![enum])
        || input.peek(Token![union])
    {
        "a type"
    } else if input.peek(Token![impl]) || input.peek(Token![unsafe]) && input.peek2(Token![impl]) {
        "an impl block"
    } else if input.peek(Token![trait]) {
        "a trait"
    } else if input.peek(Token![mod]) {
        "a module"
    } else {
        return Ok(());
    };
    let advice = match attr {
        Attr::Agent => {
            "an impl block or a function, not on {what}; put it on the `impl` of the type"
        }
        _ => "a function, not on {what}; put it on the functions inside",
    };
    let advice = advice.replace("{what}", what);
    Err(input.error(format!("`#[{}]` goes on {advice}", attr.name())))
}

/// Attributes written inside of a body (`#![allow(…)]`) are the function's: the body becomes a closure's, where
/// they may not stand.
fn split_inner_attributes(
    body: TokenStream,
    attrs: &mut Vec<Attribute>,
) -> syn::Result<TokenStream> {
    let parser = |input: ParseStream<'_>| {
        let inner = input.call(Attribute::parse_inner)?;
        Ok((inner, input.parse::<TokenStream>()?))
    };
    let (inner, rest) = parser.parse2(body)?;
    attrs.extend(inner.into_iter().map(|attr| Attribute {
        style: AttrStyle::Outer,
        ..attr
    }));
    Ok(rest)
}
