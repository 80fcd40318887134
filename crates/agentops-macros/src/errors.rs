//! All mistakes of an attribute, reported together, each at the token that is wrong.

use proc_macro2::{Span, TokenStream};
use syn::Error;

/// Collects mistakes.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    /// A mistake at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(Error::new(span, message));
    }

    /// A mistake the parser found.
    pub(crate) fn add(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes as items that fail to compile with their messages.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(Error::to_compile_error).collect()
    }
}
