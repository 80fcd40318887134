//! The return type: what a closure may be annotated with, and whether the result may change its type.

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, PathArguments, ReturnType, Type, TypeImplTrait, TypeParamBound};

/// Traits that the wrappers of futures, streams and iterators forward.
const FORWARDED: &[&str] = &[
    "Future",
    "Stream",
    "Iterator",
    "ExactSizeIterator",
    "DoubleEndedIterator",
    "FusedIterator",
    "Send",
    "Sync",
    "Unpin",
    "UnwindSafe",
    "RefUnwindSafe",
    "Sized",
    "Clone",
    "Debug",
];
/// Those of them that say what the result is.
const LEADING: &[&str] = &[
    "Future",
    "Stream",
    "Iterator",
    "ExactSizeIterator",
    "DoubleEndedIterator",
    "FusedIterator",
];

/// What a function returns, as far as its tokens tell.
pub(crate) enum Returns {
    /// Nothing is written: `()`.
    Unit,
    /// `!`
    Never,
    /// `impl Fn(…) -> …`: a closure takes the types of its parameters from this very place.
    Closure {
        /// The type to annotate an async block with.
        erased: Box<Type>,
        /// What stands for the result: a closure has nothing to be captured but its type.
        shown: String,
    },
    /// A type. `erased` has `_` for every `impl Trait`; `opaque` says that a wrapper may take its place, and `items` what
    /// comes out of it then.
    Typed {
        /// The type to annotate a closure with.
        erased: Box<Type>,
        /// Whether the type of the result may change.
        opaque: bool,
        /// What the body may need to know of itself.
        items: Option<Items>,
    },
}

/// What comes out of an `impl Trait`. Its body may leave that open (`Ok(…)` in a stream of results), and once the
/// `impl Trait` is erased nothing else says it.
pub(crate) enum Items {
    /// Of a future, a stream or an iterator, by the name of the trait.
    Of(&'static str, Box<Type>),
    /// Of what is inside of a `Result` or an `Option`.
    Inside(Box<Items>),
}

impl Returns {
    /// Reads a return type.
    pub(crate) fn of(output: &ReturnType) -> Returns {
        let ReturnType::Type(_, written) = output else {
            return Returns::Unit;
        };
        if matches!(**written, Type::Never(_)) {
            return Returns::Never;
        }
        let mut erased = written.clone();
        EraseImpl.visit_type_mut(&mut erased);
        if is_closure(written) {
            let shown = shown(written);
            return Returns::Closure { erased, shown };
        }
        Returns::Typed {
            erased,
            opaque: may_change(written),
            items: items(written),
        }
    }
}

/// Whether a type says that it is a future: `impl Future`, a pinned or boxed `dyn Future`, an alias named so.
pub(crate) fn is_future(ty: &Type) -> bool {
    match ty {
        Type::ImplTrait(opaque) => opaque.bounds.iter().any(is_future_bound),
        Type::TraitObject(object) => object.bounds.iter().any(is_future_bound),
        Type::Paren(inside) => is_future(&inside.elem),
        Type::Group(inside) => is_future(&inside.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let inside = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.first(),
                _ => None,
            };
            let inside = matches!(inside, Some(GenericArgument::Type(inside)) if is_future(inside));
            let points = last.ident == "Pin" || last.ident == "Box";
            points && inside || last.ident.to_string().ends_with("Future")
        }),
        _ => false,
    }
}

fn is_future_bound(bound: &TypeParamBound) -> bool {
    let TypeParamBound::Trait(bound) = bound else {
        return false;
    };
    (bound.path.segments.last()).is_some_and(|last| last.ident == "Future")
}

/// A type's tokens with the spaces of rustfmt, nearly.
fn shown(ty: &Type) -> String {
    let mut shown = ty.to_token_stream().to_string();
    for (wide, narrow) in [
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" ::", "::"),
        (":: ", "::"),
        ("- >", "->"),
    ] {
        shown = shown.replace(wide, narrow);
    }
    shown
}

struct EraseImpl;

impl VisitMut for EraseImpl {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(_) = ty {
            *ty = syn::parse_quote!(_);
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

fn is_closure(ty: &Type) -> bool {
    let Type::ImplTrait(opaque) = ty else {
        return false;
    };
    opaque.bounds.iter().any(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return false;
        };
        bound
            .path
            .segments
            .last()
            .is_some_and(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
    })
}

/// What an `impl Trait` says of what comes out of it, by itself or in a `Result` or `Option`.
fn items(ty: &Type) -> Option<Items> {
    match ty {
        Type::ImplTrait(opaque) => opaque.bounds.iter().find_map(items_of_bound),
        Type::Paren(inside) => items(&inside.elem),
        Type::Group(inside) => items(&inside.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return None;
            };
            match arguments.args.first() {
                Some(GenericArgument::Type(inside @ Type::ImplTrait(_)))
                    if last.ident == "Result" || last.ident == "Option" =>
                {
                    Some(Items::Inside(Box::new(items(inside)?)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn items_of_bound(bound: &TypeParamBound) -> Option<Items> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    let kind = match last.ident.to_string().as_str() {
        "Future" => "FutureOf",
        "Stream" => "StreamOf",
        "Iterator" | "ExactSizeIterator" | "DoubleEndedIterator" | "FusedIterator" => "IterOf",
        _ => return None,
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" || item.ident == "Output" => {
            let mut ty = item.ty.clone();
            EraseImpl.visit_type_mut(&mut ty);
            Some(Items::Of(kind, Box::new(ty)))
        }
        _ => None,
    })
}

/// An `impl Trait` whose bounds are all forwarded, by itself or as the first argument of a `Result` or `Option`.
fn may_change(ty: &Type) -> bool {
    match ty {
        Type::ImplTrait(opaque) => is_forwarded(opaque),
        Type::Paren(inside) => may_change(&inside.elem),
        Type::Group(inside) => may_change(&inside.elem),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return false;
            };
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return false;
            };
            matches!(arguments.args.first(), Some(GenericArgument::Type(Type::ImplTrait(opaque))) if is_forwarded(opaque))
        }
        _ => false,
    }
}

fn is_forwarded(opaque: &TypeImplTrait) -> bool {
    let mut leads = false;
    opaque.bounds.iter().all(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let name = bound
                .path
                .segments
                .last()
                .map(|last| last.ident.to_string())
                .unwrap_or_default();
            leads |= LEADING.contains(&name.as_str());
            bound.maybe.is_none() && FORWARDED.contains(&name.as_str())
        }
        TypeParamBound::Lifetime(_) | TypeParamBound::PreciseCapture(_) => true,
        _ => false,
    }) && leads
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn an_impl_trait_may_change_only_if_every_bound_is_forwarded() {
        let rows: &[(ReturnType, bool)] = &[
            (parse_quote!(-> impl Future<Output = u8>), true),
            (
                parse_quote!(-> impl futures::Stream<Item = u8> + Send + 'a + use<'a, T>),
                true,
            ),
            (parse_quote!(-> Result<impl Stream<Item = u8>, E>), true),
            (
                parse_quote!(-> impl Iterator<Item = u8> + ExactSizeIterator),
                true,
            ),
            (parse_quote!(-> impl Iterator<Item = u8> + Named), false),
            (parse_quote!(-> impl Send), false),
            (parse_quote!(-> Vec<Box<dyn Iterator<Item = u8>>>), false),
        ];
        for (written, expected) in rows {
            let Returns::Typed { opaque, .. } = Returns::of(written) else {
                panic!("a type is written")
            };
            assert_eq!(opaque, *expected, "{}", written.to_token_stream());
        }
    }

    #[test]
    fn a_future_is_known_by_what_is_written() {
        let rows: &[(Type, bool)] = &[
            (
                parse_quote!(impl std::future::Future<Output = u8> + Send),
                true,
            ),
            (
                parse_quote!(Pin<Box<dyn Future<Output = u8> + Send + 'a>>),
                true,
            ),
            (parse_quote!(futures::future::BoxFuture<'a, u8>), true),
            (parse_quote!(Result<BoxFuture<'a, u8>, E>), false),
            (parse_quote!(Pin<Box<dyn Stream<Item = u8>>>), false),
            (parse_quote!(u8), false),
        ];
        for (written, expected) in rows {
            assert_eq!(
                is_future(written),
                *expected,
                "{}",
                written.to_token_stream()
            );
        }
    }

    #[test]
    fn every_impl_trait_is_erased() {
        let written: ReturnType = parse_quote!(-> Result<(impl Display, Vec<impl Send>), E>);
        let Returns::Typed { erased, .. } = Returns::of(&written) else {
            panic!("a type is written")
        };
        let expected: Type = parse_quote!(Result<(_, Vec<_>), E>);
        assert_eq!(
            erased.to_token_stream().to_string(),
            expected.to_token_stream().to_string()
        );
    }
}
