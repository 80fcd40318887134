//! All judgement: from options and a function to what is to be generated, or to the list of what is wrong.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, FnArg, LitStr, Pat, Path};

use crate::args::{Args, Attr, Given};
use crate::errors::Errors;
use crate::item::Item;
use crate::returns::Returns;

/// Attributes that speak to the compiler about a function, and stay on the outer of two functions.
const COMPILER_ATTRS: &[&str] = &[
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "no_mangle",
    "warn",
];

/// What is to be generated.
pub(crate) struct Plan {
    pub(crate) item: Item,
    /// The user's path to the runtime, if not `::agentops`.
    pub(crate) krate: Option<Path>,
    pub(crate) returns: Returns,
    pub(crate) shape: Shape,
    pub(crate) opens: Opens,
    /// Whether the result is captured.
    pub(crate) captures_result: bool,
    /// What the body owns, in the order in which a function would drop it.
    pub(crate) owned: Vec<Ident>,
}

/// How the body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// At the call.
    Sync,
    /// When awaited.
    Async,
    /// As an inner function that the session outlives.
    Main,
}

/// What a call opens.
pub(crate) enum Opens {
    /// An event.
    Call(Call),
    /// A session.
    Session(Session),
}

/// An event to be recorded.
pub(crate) struct Call {
    pub(crate) is_tool: bool,
    pub(crate) name: LitStr,
    /// What is written about the arguments.
    pub(crate) params: Vec<Param>,
    pub(crate) session: Option<Expr>,
    pub(crate) agent: Option<Expr>,
}

/// One entry of a call's arguments; `key` stands in JSON, quoted and with its colon.
pub(crate) struct Param {
    pub(crate) key: String,
    pub(crate) value: ParamValue,
}

/// Where it comes from.
pub(crate) enum ParamValue {
    /// An argument of the function.
    Binding(Ident),
    /// An expression of the user.
    Field(Expr),
}

/// A session to be opened.
pub(crate) struct Session {
    pub(crate) tags: Vec<Expr>,
    pub(crate) config: Option<Expr>,
    /// Attributes that stay with the inner function of a main.
    pub(crate) inner_attrs: Vec<Attribute>,
}

impl Plan {
    /// Judges; gives the item back if anything is wrong.
    pub(crate) fn make(
        attr: Attr,
        args: Args,
        mut item: Item,
        mut errors: Errors,
    ) -> Result<Plan, (Box<Item>, Errors)> {
        judge_function(attr, &item, &mut errors);
        let bindings = bindings(&item);
        let is_main =
            attr == Attr::Session && item.sig.ident == "main" && item.sig.inputs.is_empty();
        let opens = match attr {
            Attr::Session => {
                let mut inner_attrs = Vec::new();
                if is_main {
                    judge_main(&item, &mut errors);
                    let all = std::mem::take(&mut item.attrs);
                    (item.attrs, inner_attrs) = all.into_iter().partition(is_for_compiler);
                }
                let tags = args.tags.map(|tags| tags.value).unwrap_or_default();
                Opens::Session(Session {
                    tags,
                    config: args.config.map(value),
                    inner_attrs,
                })
            }
            Attr::Action | Attr::Tool => Opens::Call(Call {
                is_tool: attr == Attr::Tool,
                name: name(args.name, &item, &mut errors),
                params: params(
                    args.skip,
                    args.skip_all,
                    args.fields,
                    &bindings,
                    &mut errors,
                ),
                session: args.session.map(value),
                agent: args.agent.map(value),
            }),
        };
        if !errors.is_empty() {
            if let Opens::Session(session) = opens {
                item.attrs.extend(session.inner_attrs);
            }
            return Err((Box::new(item), errors));
        }
        let shape = match item.sig.asyncness {
            _ if is_main => Shape::Main,
            Some(_) => Shape::Async,
            None => Shape::Sync,
        };
        Ok(Plan {
            krate: args.krate.map(value),
            returns: Returns::of(&item.sig.output),
            shape,
            opens,
            captures_result: args.ret.is_none_or(|ret| ret.value.value),
            owned: owned(&item, bindings),
            item,
        })
    }
}

fn value<T>(given: Given<T>) -> T {
    given.value
}

fn judge_function(attr: Attr, item: &Item, errors: &mut Errors) {
    if let Some(token) = &item.sig.constness {
        errors.at(
            token.span,
            format!(
                "a const fn cannot be recorded; drop `const` or `#[{}]`",
                attr.name()
            ),
        );
    }
    if let Some(variadic) = &item.sig.variadic {
        errors.at(
            variadic.span(),
            "a function with C variadics cannot be recorded",
        );
    }
    for other in &item.attrs {
        let Some(last) = other.path().segments.last() else {
            continue;
        };
        if attr != Attr::Session && (last.ident == "record_action" || last.ident == "record_tool") {
            errors.at(
                other.span(),
                format!(
                    "already recorded by `#[{}]`; keep one of the two",
                    attr.name()
                ),
            );
        }
    }
}

fn judge_main(item: &Item, errors: &mut Errors) {
    let has_runtime = item.attrs.iter().any(|attr| !is_for_compiler(attr));
    if let Some(token) = &item.sig.asyncness
        && !has_runtime
    {
        errors.at(
            token.span,
            "an async main needs a runtime; write `#[tokio::main]` below `#[agentops::session]`",
        );
    }
}

fn is_for_compiler(attr: &Attribute) -> bool {
    COMPILER_ATTRS.iter().any(|name| attr.path().is_ident(name))
}

fn name(given: Option<Given<LitStr>>, item: &Item, errors: &mut Errors) -> LitStr {
    match given {
        Some(given) => {
            if given.value.value().trim().is_empty() {
                errors.at(
                    given.value.span(),
                    "the name is empty; leave it out to take the function's",
                );
            }
            given.value
        }
        None => LitStr::new(&item.sig.ident.unraw().to_string(), item.sig.ident.span()),
    }
}

fn params(
    skip: Option<Given<Vec<Ident>>>,
    skip_all: Option<Given<()>>,
    fields: Option<Given<Vec<crate::args::Field>>>,
    bindings: &[Ident],
    errors: &mut Errors,
) -> Vec<Param> {
    if let (Some(_), Some(skip)) = (&skip_all, &skip) {
        errors.at(skip.span, "`skip_all` leaves out every argument already");
    }
    let skipped = skip.map(value).unwrap_or_default();
    for name in &skipped {
        // `self` is never captured, so leaving it out is no mistake.
        if name != "self" && !bindings.contains(name) {
            errors.at(name.span(), unknown_argument(name, bindings));
        }
    }
    let fields = fields.map(value).unwrap_or_default();
    for (index, field) in fields.iter().enumerate() {
        if fields[..index]
            .iter()
            .any(|earlier| earlier.key == field.key)
        {
            errors.at(field.key.span(), format!("`{}` is given twice", field.key));
        }
    }
    let arguments = bindings.iter().filter(|name| {
        // A field of the same name takes the argument's place.
        skip_all.is_none()
            && !skipped.contains(name)
            && !fields.iter().any(|field| field.key == **name)
    });
    let arguments = arguments.map(|name| Param {
        key: key(name),
        value: ParamValue::Binding(name.clone()),
    });
    let mut params: Vec<_> = arguments.collect();
    params.extend(fields.into_iter().map(|field| Param {
        key: key(&field.key),
        value: ParamValue::Field(field.value),
    }));
    params
}

fn unknown_argument(name: &Ident, bindings: &[Ident]) -> String {
    let known: Vec<_> = bindings.iter().map(|name| format!("`{name}`")).collect();
    match known.is_empty() {
        true => format!("there is no argument `{name}`; the function has none"),
        false => format!(
            "there is no argument `{name}`; the function has {}",
            known.join(", ")
        ),
    }
}

/// An identifier as the name of a JSON member; identifiers need no escapes.
fn key(name: &Ident) -> String {
    format!("\"{}\":", name.unraw())
}

/// Every name that the arguments bind.
fn bindings(item: &Item) -> Vec<Ident> {
    let mut names = Vec::new();
    for input in &item.sig.inputs {
        if let FnArg::Typed(argument) = input {
            collect(&argument.pat, &mut names);
        }
    }
    names
}

fn collect(pattern: &Pat, names: &mut Vec<Ident>) {
    match pattern {
        Pat::Ident(binding) => {
            names.push(binding.ident.clone());
            if let Some((_, inside)) = &binding.subpat {
                collect(inside, names);
            }
        }
        Pat::Paren(inside) => collect(&inside.pat, names),
        Pat::Reference(inside) => collect(&inside.pat, names),
        Pat::Type(inside) => collect(&inside.pat, names),
        Pat::Tuple(tuple) => tuple
            .elems
            .iter()
            .for_each(|element| collect(element, names)),
        Pat::TupleStruct(tuple) => tuple
            .elems
            .iter()
            .for_each(|element| collect(element, names)),
        Pat::Slice(slice) => slice
            .elems
            .iter()
            .for_each(|element| collect(element, names)),
        Pat::Struct(fields) => fields
            .fields
            .iter()
            .for_each(|field| collect(&field.pat, names)),
        // Every case binds the same names.
        Pat::Or(cases) => cases
            .cases
            .first()
            .into_iter()
            .for_each(|case| collect(case, names)),
        _ => {}
    }
}

/// Arguments are dropped last to first; a closure drops what it captured in the order of mention.
fn owned(item: &Item, bindings: Vec<Ident>) -> Vec<Ident> {
    let mut owned = bindings;
    owned.reverse();
    if let Some(receiver) = item.sig.receiver() {
        owned.push(Ident::new("self", receiver.self_token.span()));
    }
    owned
}
