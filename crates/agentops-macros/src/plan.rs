//! All judgement: from options and a function to what is to be generated, or to the list of what is wrong.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitStr, Macro, Meta, Path, ReturnType, Token};

use crate::args::{Args, Attr, Given};
use crate::arguments::{Binding, Param, bindings, owned, params};
use crate::errors::Errors;
use crate::hygiene::v1;
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

/// The attributes that record a call.
const RECORDING: &[&str] = &["record_action", "record_tool", "record_llm"];

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
    /// A call of a language model.
    Ask(Box<Ask>),
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

/// A call of a language model.
pub(crate) struct Ask {
    /// The arguments, in which model and prompt are looked for, and where the call belongs.
    pub(crate) call: Call,
    pub(crate) model: Option<Expr>,
    pub(crate) prompt: Option<Expr>,
    /// What finds the answer in the result.
    pub(crate) extract: Option<ExprPath>,
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
            Attr::Action | Attr::Tool | Attr::Llm => {
                let call = Call {
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
                };
                if attr == Attr::Llm {
                    Opens::Ask(Box::new(ask(
                        call,
                        args.model,
                        args.prompt,
                        args.extract,
                        &mut errors,
                    )))
                } else {
                    Opens::Call(call)
                }
            }
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
    if let Some(name) = literal(who)
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
        .is_some_and(|last| RECORDING.iter().any(|name| last.ident == name))
}

/// The attribute's own name, where it stands.
fn own_span(attr: &Attribute) -> Span {
    let last = attr.path().segments.last();
    last.map_or_else(|| attr.span(), |last| last.ident.span())
}

fn ask(
    call: Call,
    model: Option<Given<Expr>>,
    prompt: Option<Given<Expr>>,
    extract: Option<Given<ExprPath>>,
    errors: &mut Errors,
) -> Ask {
    if let Some(Given { value, .. }) = &model
        && let Some(name) = literal(value)
        && name.value().trim().is_empty()
    {
        errors.at(
            name.span(),
            "the model has no name; leave it out to have it found in arguments and result",
        );
    }
    Ask {
        call,
        model: model.map(value),
        prompt: prompt.map(value),
        extract: extract.map(value),
    }
}

/// The text, of an expression that is one.
fn literal(expression: &Expr) -> Option<&LitStr> {
    match expression {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => None,
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
        if matches!(attr, Attr::Action | Attr::Tool | Attr::Llm) && is_recording(other) {
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
