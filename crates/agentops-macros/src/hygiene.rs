//! Names and places of tokens that are ours.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;
use syn::spanned::Spanned;

/// Where the functions are that an expansion calls.
pub(crate) fn v1(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote! { #path::__private::v1 },
        None => quote! { ::agentops::__private::v1 },
    }
}

/// The place of what the user wrote, for tokens of ours.
pub(crate) fn at(written: &impl ToTokens) -> Span {
    Span::mixed_site().located_at(written.span())
}

/// A name that neither sees the user's nor is seen by them.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
