//! The options in an attribute's parentheses, as written: every option may stand once, and what is wrong with one
//! does not hide what is wrong with the next. Whether they make sense for the function is `plan`'s to judge.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, LitBool, LitStr, Path, Token, bracketed, parenthesized};

use crate::errors::Errors;

/// Which attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attr {
    /// `#[record_action]`
    Action,
    /// `#[record_tool]`
    Tool,
    /// `#[record_llm]`
    Llm,
    /// `#[session]`
    Session,
    /// `#[track_agent]`
    Agent,
}

impl Attr {
    /// As users write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Attr::Action => "record_action",
            Attr::Tool => "record_tool",
            Attr::Llm => "record_llm",
            Attr::Session => "session",
            Attr::Agent => "track_agent",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Attr::Action | Attr::Tool => &[
                "name", "skip", "skip_all", "ret", "fields", "session", "agent", "crate",
            ],
            Attr::Llm => &[
                "model", "prompt", "extract", "skip", "skip_all", "ret", "fields", "session",
                "agent", "crate",
            ],
            Attr::Session => &["tags", "config", "crate"],
            Attr::Agent => &["name", "crate"],
        }
    }
}

/// An option's value and where its name stands.
pub(crate) struct Given<T> {
    pub(crate) span: Span,
    pub(crate) value: T,
}

/// The options of one attribute.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) skip: Option<Given<Vec<Ident>>>,
    pub(crate) skip_all: Option<Given<()>>,
    pub(crate) ret: Option<Given<LitBool>>,
    pub(crate) fields: Option<Given<Vec<Field>>>,
    pub(crate) session: Option<Given<Expr>>,
    /// Who acts: the `agent` of a call, the `name` of an agent.
    pub(crate) agent: Option<Given<Expr>>,
    pub(crate) model: Option<Given<Expr>>,
    pub(crate) prompt: Option<Given<Expr>>,
    pub(crate) extract: Option<Given<ExprPath>>,
    pub(crate) tags: Option<Given<Vec<Expr>>>,
    pub(crate) config: Option<Given<Expr>>,
    pub(crate) krate: Option<Given<Path>>,
}

/// One of `fields(key = expression)`.
pub(crate) struct Field {
    pub(crate) key: Ident,
    pub(crate) value: Expr,
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Field {
            key,
            value: input.parse()?,
        })
    }
}

impl Args {
    /// The options of a function in which `who` acts.
    pub(crate) fn acting(who: Expr, krate: Option<&Given<Path>>) -> Args {
        let krate = krate.map(|krate| Given {
            span: krate.span,
            value: krate.value.clone(),
        });
        Args {
            agent: Some(Given {
                span: who.span(),
                value: who,
            }),
            krate,
            ..Args::default()
        }
    }

    /// Reads the options of `attr`.
    pub(crate) fn read(attr: Attr, tokens: TokenStream, errors: &mut Errors) -> Args {
        let mut args = Args::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.option(attr, input, errors) {
                    errors.add(error);
                    skip_option(input)?;
                }
                if input.is_empty() {
                    break;
                }
                if let Err(error) = input.parse::<Token![,]>() {
                    errors.add(error);
                    skip_option(input)?;
                    let _ = input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.add(error);
        }
        args
    }

    fn option(
        &mut self,
        attr: Attr,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if input.peek(LitStr) {
            if attr == Attr::Agent {
                let value: Expr = input.parse()?;
                return set_once(&mut self.agent, "name", value.span(), value, errors);
            }
            if attr == Attr::Llm {
                let value: Expr = input.parse()?;
                return set_once(&mut self.model, "model", value.span(), value, errors);
            }
            let value: LitStr = input.parse()?;
            if attr == Attr::Session {
                errors.at(
                    value.span(),
                    "a session has no name; give it tags: `tags = [\"…\"]`",
                );
                return Ok(());
            }
            return set_once(&mut self.name, "name", value.span(), value, errors);
        }
        let key = input.call(Ident::parse_any)?;
        let (name, span) = (key.to_string(), key.span());
        if !attr.options().contains(&name.as_str()) {
            let known = attr.options().join("`, `");
            return Err(syn::Error::new(
                span,
                format!(
                    "unknown option `{name}`; `#[{}]` knows `{known}`",
                    attr.name()
                ),
            ));
        }
        match name.as_str() {
            "name" if attr == Attr::Agent => {
                set_once(&mut self.agent, &name, span, assigned(input)?, errors)
            }
            "name" => set_once(&mut self.name, &name, span, assigned(input)?, errors),
            "skip" => set_once(&mut self.skip, &name, span, names(input)?, errors),
            "skip_all" => set_once(&mut self.skip_all, &name, span, (), errors),
            "ret" => set_once(&mut self.ret, &name, span, assigned(input)?, errors),
            "fields" => set_once(&mut self.fields, &name, span, fields(input)?, errors),
            "session" => set_once(&mut self.session, &name, span, assigned(input)?, errors),
            "agent" => set_once(&mut self.agent, &name, span, assigned(input)?, errors),
            "model" => set_once(&mut self.model, &name, span, assigned(input)?, errors),
            "prompt" => set_once(&mut self.prompt, &name, span, assigned(input)?, errors),
            "extract" => set_once(&mut self.extract, &name, span, function(input)?, errors),
            "tags" => set_once(&mut self.tags, &name, span, list(input)?, errors),
            "config" => set_once(&mut self.config, &name, span, assigned(input)?, errors),
            _ => {
                input.parse::<Token![=]>()?;
                let path = input.call(Path::parse_mod_style)?;
                set_once(&mut self.krate, &name, span, path, errors)
            }
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the arms of a match that may fail"
)]
fn set_once<T>(
    slot: &mut Option<Given<T>>,
    name: &str,
    span: Span,
    value: T,
    errors: &mut Errors,
) -> syn::Result<()> {
    if slot.is_some() {
        errors.at(span, format!("`{name}` is given twice"));
    } else {
        *slot = Some(Given { span, value });
    }
    Ok(())
}

fn assigned<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn function(input: ParseStream<'_>) -> syn::Result<ExprPath> {
    input.parse::<Token![=]>()?;
    let at = input.span();
    let told = |_| syn::Error::new(at, "`extract` takes the path of a function");
    input.parse().map_err(told)
}

fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let inside;
    parenthesized!(inside in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&inside, Ident::parse_any)?;
    Ok(names.into_iter().collect())
}

fn fields(input: ParseStream<'_>) -> syn::Result<Vec<Field>> {
    let inside;
    parenthesized!(inside in input);
    let fields = Punctuated::<Field, Token![,]>::parse_terminated(&inside)?;
    Ok(fields.into_iter().collect())
}

fn list(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    input.parse::<Token![=]>()?;
    let inside;
    bracketed!(inside in input);
    let values = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?;
    Ok(values.into_iter().collect())
}

/// Passes over the rest of an option that cannot be read.
fn skip_option(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}
