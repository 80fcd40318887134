//! All judgement: from options and a function to what is to be generated, or to the list of what is wrong.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Lit, LitStr, Macro, Meta, Pat, Path, ReturnType, Token,
};

use crate::args::{Args, Attr, Given};
use crate::errors::Errors;
use crate::impls::is_track_agent;
use crate::in_place;
use crate::item::Item;
use crate::returns::{Returns, is_future};

/// What `hand_on` says.
pub(crate) enum HandedOn {
    /// The function is not recorded by itself.
    No(Item),
    /// Its own attribute now says who acts.
    Yes(Item),
}

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

/// Macros that never come to a result.
const PANICS: &[&str] = &["panic", "todo", "unimplemented", "unreachable"];

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
    /// How the body comes to its result, if that is a future.
    pub(crate) future: Option<Future>,
    /// What the body owns, in the order in which a function would drop it.
    pub(crate) owned: Vec<Binding>,
    /// The body as it runs where it stands, for a function that asks who called it: a closure could not.
    pub(crate) in_place: Option<TokenStream>,
}

/// How a body comes to a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Future {
    /// As to any result.
    Computed,
    /// It is `todo!()` or the like.
    Never,
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
    /// The scope of an agent of this name.
    Agent(Expr),
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

/// A name that an argument binds.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) name: Ident,
    /// The conditions under which the argument is there at all.
    pub(crate) conditions: Vec<Attribute>,
}

/// Where it comes from.
pub(crate) enum ParamValue {
    /// An argument of the function.
    Binding(Binding),
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
            Attr::Agent => {
                let own = own_name(&item);
                Opens::Agent(args.agent.map_or_else(|| text(&own), value))
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
        let krate = args.krate.map(value);
        let is_asked = shape == Shape::Sync
            && item
                .attrs
                .iter()
                .any(|attr| attr.path().is_ident("track_caller"));
        let in_place = is_asked.then(|| in_place::body(&item.body, &v1(krate.as_ref())));
        Ok(Plan {
            krate,
            in_place: in_place.flatten(),
            future: future(&item),
            returns: Returns::of(&item.sig.output),
            shape,
            opens,
            captures_result: args.ret.is_none_or(|ret| ret.value.value),
            owned: owned(&item, bindings),
            item,
        })
    }
}

/// A function that is both the agent's and recorded: its event is the agent's too, so it is the attribute below that
/// must know who acts.
pub(crate) fn hand_on(mut item: Item, who: &Expr) -> HandedOn {
    let Some(below) = item.attrs.iter_mut().find(|attr| is_recording(attr)) else {
        return HandedOn::No(item);
    };
    let (path, options) = match &below.meta {
        Meta::Path(path) => (path.clone(), TokenStream::new()),
        Meta::List(list) => (list.path.clone(), list.tokens.clone()),
        Meta::NameValue(_) => return HandedOn::No(item),
    };
    let given = Args::read(Attr::Action, options.clone(), &mut Errors::default());
    if given.agent.is_some() {
        return HandedOn::Yes(item);
    }
    // First: what the user wrote may end in a comma.
    below.meta = syn::parse_quote! { #path(agent = #who, #options) };
    HandedOn::Yes(item)
}

/// The name of an agent: as given, or `default`.
pub(crate) fn agent_name(
    given: Option<Given<Expr>>,
    default: &LitStr,
    errors: &mut Errors,
) -> Expr {
    let who = given.map_or_else(|| text(default), value);
    judge_name(&who, errors);
    who
}

fn text(text: &LitStr) -> Expr {
    syn::parse_quote! { #text }
}

/// The function's own name.
pub(crate) fn own_name(item: &Item) -> LitStr {
    LitStr::new(&item.sig.ident.unraw().to_string(), item.sig.ident.span())
}

fn judge_name(who: &Expr, errors: &mut Errors) {
    if let Expr::Lit(ExprLit {
        lit: Lit::Str(name),
        ..
    }) = who
        && name.value().trim().is_empty()
    {
        errors.at(
            name.span(),
            "the name is empty; leave it out to take the type's or the function's",
        );
    }
}

fn is_recording(attr: &Attribute) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "record_action" || last.ident == "record_tool")
}

/// The attribute's own name, where it stands.
fn own_span(attr: &Attribute) -> Span {
    let last = attr.path().segments.last();
    last.map_or_else(|| attr.span(), |last| last.ident.span())
}

/// Where the functions are that an expansion calls.
pub(crate) fn v1(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote! { #path::__private::v1 },
        None => quote! { ::agentops::__private::v1 },
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
        if attr == Attr::Session && item.sig.ident != "main" && is_track_agent(other) {
            errors.at(
                own_span(other),
                "the agent must act inside the session; write `#[track_agent]` above `#[session]`",
            );
        }
        if matches!(attr, Attr::Action | Attr::Tool) && is_recording(other) {
            errors.at(
                own_span(other),
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
        None => own_name(item),
    }
}

fn params(
    skip: Option<Given<Vec<Ident>>>,
    skip_all: Option<Given<()>>,
    fields: Option<Given<Vec<crate::args::Field>>>,
    bindings: &[Binding],
    errors: &mut Errors,
) -> Vec<Param> {
    if let (Some(_), Some(skip)) = (&skip_all, &skip) {
        errors.at(skip.span, "`skip_all` leaves out every argument already");
    }
    let skipped = skip.map(value).unwrap_or_default();
    for name in &skipped {
        // `self` is never captured, so leaving it out is no mistake.
        if name != "self" && !bindings.iter().any(|binding| binding.name == *name) {
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
    let arguments = bindings.iter().filter(|binding| {
        // A field of the same name takes the argument's place.
        skip_all.is_none()
            && !skipped.contains(&binding.name)
            && !fields.iter().any(|field| field.key == binding.name)
    });
    let arguments = arguments.map(|binding| Param {
        key: key(&binding.name),
        value: ParamValue::Binding(binding.clone()),
    });
    let mut params: Vec<_> = arguments.collect();
    params.extend(fields.into_iter().map(|field| Param {
        key: key(&field.key),
        value: ParamValue::Field(field.value),
    }));
    params
}

fn unknown_argument(name: &Ident, bindings: &[Binding]) -> String {
    let known = bindings.iter().map(|binding| format!("`{}`", binding.name));
    let known: Vec<_> = known.collect();
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
fn bindings(item: &Item) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for input in &item.sig.inputs {
        if let FnArg::Typed(argument) = input {
            let mut names = Vec::new();
            collect(&argument.pat, &mut names);
            let conditions = argument.attrs.iter();
            let conditions = conditions.filter(|attr| attr.path().is_ident("cfg"));
            let conditions: Vec<_> = conditions.cloned().collect();
            bindings.extend(names.into_iter().map(|name| Binding {
                name,
                conditions: conditions.clone(),
            }));
        }
    }
    bindings
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

fn future(item: &Item) -> Option<Future> {
    let only_macro = |input: ParseStream<'_>| {
        let only: Macro = input.parse()?;
        input.parse::<Option<Token![;]>>()?;
        Ok(only)
    };
    let ReturnType::Type(_, written) = &item.sig.output else {
        return None;
    };
    if !is_future(written) {
        return None;
    }
    let only = only_macro.parse2(item.body.clone());
    let panics = only.is_ok_and(|only| PANICS.iter().any(|name| only.path.is_ident(name)));
    Some(if panics {
        Future::Never
    } else {
        Future::Computed
    })
}

/// Arguments are dropped last to first; a closure drops what it captured in the order of mention.
fn owned(item: &Item, bindings: Vec<Binding>) -> Vec<Binding> {
    let mut owned = bindings;
    owned.reverse();
    if let Some(receiver) = item.sig.receiver() {
        owned.push(Binding {
            name: Ident::new("self", receiver.self_token.span()),
            conditions: Vec::new(),
        });
    }
    owned
}
