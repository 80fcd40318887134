//! An impl block under `#[track_agent]`: every function inside becomes the agent's; everything else stays the tokens
//! it was.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::parse::discouraged::Speculative as _;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ItemImpl, LitStr, Token, Type, Visibility};

use crate::args::Attr;
use crate::item::{self, Item};

/// An impl block.
pub(crate) struct Block {
    /// What stands before the braces.
    head: TokenStream,
    /// What stands between them.
    items: TokenStream,
    braces: Group,
    /// The type's own name, where it has one.
    pub(crate) type_name: Option<LitStr>,
}

impl Block {
    /// Reads an impl block; `None` if this is something else.
    pub(crate) fn read(tokens: &TokenStream) -> Option<Block> {
        let is_impl = |input: ParseStream<'_>| {
            input.call(Attribute::parse_outer)?;
            let _: Visibility = input.parse()?;
            let _: Option<Token![default]> = input.parse()?;
            let _: Option<Token![unsafe]> = input.parse()?;
            let is_impl = input.peek(Token![impl]);
            input.parse::<TokenStream>()?;
            Ok(is_impl)
        };
        if !is_impl.parse2(tokens.clone()).unwrap_or(false) {
            return None;
        }
        let mut head: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let Some(TokenTree::Group(braces)) = head.pop() else {
            return None;
        };
        if braces.delimiter() != Delimiter::Brace {
            return None;
        }
        let head: TokenStream = head.into_iter().collect();
        // Without what stands inside, which may be half-typed.
        let mut empty = head.clone();
        TokenTree::from(Group::new(Delimiter::Brace, TokenStream::new())).to_tokens(&mut empty);
        let of: ItemImpl = syn::parse2(empty).ok()?;
        Some(Block {
            head,
            items: braces.stream(),
            braces,
            type_name: type_name(&of.self_ty),
        })
    }

    /// The block with every function that `who` can act in replaced.
    pub(crate) fn with_functions(
        &self,
        who: &Expr,
        mut replace: impl FnMut(Item) -> TokenStream,
    ) -> TokenStream {
        let needs_self = mentions_self(who.to_token_stream());
        let parser = |input: ParseStream<'_>| {
            let mut out = TokenStream::new();
            while !input.is_empty() {
                let ahead = input.fork();
                match item::read(Attr::Agent, &ahead) {
                    Ok(item) if can_act(&item, needs_self) => {
                        input.advance_to(&ahead);
                        out.extend(replace(item));
                    }
                    _ => pass_item(input, &mut out)?,
                }
            }
            Ok(out)
        };
        let items = parser
            .parse2(self.items.clone())
            .unwrap_or_else(|_| self.items.clone());
        let (head, span) = (&self.head, self.braces.span());
        let body = quote_spanned! {span=> { #items } };
        quote::quote! { #head #body }
    }
}

/// Whether a function can be the agent's: one that is `const` cannot, and one that names its agent itself need not.
fn can_act(item: &Item, needs_self: bool) -> bool {
    item.sig.constness.is_none()
        && item.sig.variadic.is_none()
        && (!needs_self || item.sig.receiver().is_some())
        && !item.attrs.iter().any(is_track_agent)
}

/// Whether an attribute is this one.
pub(crate) fn is_track_agent(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "track_agent")
}

fn pass_item(input: ParseStream<'_>, out: &mut TokenStream) -> syn::Result<()> {
    for attr in input.call(Attribute::parse_outer)? {
        attr.to_tokens(out);
    }
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        token.to_tokens(out);
        if ends {
            break;
        }
    }
    Ok(())
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

fn type_name(ty: &Type) -> Option<LitStr> {
    match ty {
        Type::Path(path) => {
            let ident: &Ident = &path.path.segments.last()?.ident;
            Some(LitStr::new(&ident.to_string(), ident.span()))
        }
        Type::Group(inside) => type_name(&inside.elem),
        Type::Paren(inside) => type_name(&inside.elem),
        Type::Reference(inside) => type_name(&inside.elem),
        _ => None,
    }
}
