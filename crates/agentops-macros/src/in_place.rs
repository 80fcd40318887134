//! The body of a function that asks who called it (`#[track_caller]`). The body of any other becomes a closure's, but
//! a closure's caller is not the function's: so this one stays where it is, as a labelled block, and what left the
//! function early now leaves the block, also in the arguments of macros that take nothing but expressions. What any other macro
//! of the user expands to is not seen: a `return` in there leaves the function, and the call ends without its result.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Item, Lifetime, Macro, Token, parse_quote};

/// The statements of a labelled block; `None` if the body cannot be read, which the compiler will say.
pub(crate) fn body(body: &TokenStream, v1: &TokenStream) -> Option<TokenStream> {
    let mut statements = Block::parse_within.parse2(body.clone()).ok()?;
    let mut leave = Leave { label: label(), v1 };
    statements
        .iter_mut()
        .for_each(|statement| leave.visit_stmt_mut(statement));
    Some(statements.iter().map(ToTokens::to_token_stream).collect())
}

/// Macros of the standard library whose arguments are expressions, with names or without.
const EXPRESSIONS: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// The block's label.
pub(crate) fn label() -> Lifetime {
    Lifetime::new("'body", Span::mixed_site())
}

struct Leave<'a> {
    label: Lifetime,
    v1: &'a TokenStream,
}

impl VisitMut for Leave<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // What leaves one of these does not leave the function.
        if matches!(
            expr,
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) | Expr::TryBlock(_)
        ) {
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
        let (label, v1) = (&self.label, self.v1);
        match expr {
            Expr::Return(early) => {
                let (attrs, value) = (&early.attrs, &early.expr);
                *expr = match value {
                    Some(value) => parse_quote! { #(#attrs)* break #label #value },
                    None => parse_quote! { #(#attrs)* break #label () },
                };
            }
            Expr::Try(early) => {
                let (attrs, inside) = (&early.attrs, &early.expr);
                // What `?` cannot do is reported where it stands.
                let at = Span::mixed_site().located_at(early.question_token.span());
                let (value, rest) = (Ident::new("value", at), Ident::new("rest", at));
                let v1: TokenStream = (v1.clone().into_iter())
                    .map(|mut token| {
                        token.set_span(token.span().located_at(at));
                        token
                    })
                    .collect();
                let tokens = quote_spanned! {at=>
                    #(#attrs)* match #v1::Branch::branch(#inside) {
                        ::core::ops::ControlFlow::Continue(#value) => #value,
                        ::core::ops::ControlFlow::Break(#rest) => {
                            break #label #v1::FromRest::from_rest(#rest)
                        }
                    }
                };
                *expr = Expr::Verbatim(tokens);
            }
            _ => {}
        }
    }

    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        let name = call.path.segments.last().map(|last| &last.ident);
        if !name.is_some_and(|name| EXPRESSIONS.iter().any(|known| name == known)) {
            return;
        }
        let arguments = |input: ParseStream<'_>| {
            let mut out = TokenStream::new();
            while !input.is_empty() {
                let mut argument: Expr = input.parse()?;
                self.visit_expr_mut(&mut argument);
                argument.to_tokens(&mut out);
                // `;` stands in `vec![value; count]`.
                if input.peek(Token![;]) {
                    input.parse::<Token![;]>()?.to_tokens(&mut out);
                } else {
                    input.parse::<Option<Token![,]>>()?.to_tokens(&mut out);
                }
            }
            Ok(out)
        };
        // What cannot be read is the macro's to say.
        if let Ok(tokens) = arguments.parse2(call.tokens.clone()) {
            call.tokens = tokens;
        }
    }
}
