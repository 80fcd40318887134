//! The arguments of a function: what they bind, what of it is written, what the body owns.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, FnArg, Pat};

use crate::args::{Field, Given};
use crate::errors::Errors;
use crate::item::Item;

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

/// What is written about the arguments: those that are not left out, and what the user adds.
pub(crate) fn params(
    skip: Option<Given<Vec<Ident>>>,
    skip_all: Option<Given<()>>,
    fields: Option<Given<Vec<Field>>>,
    bindings: &[Binding],
    errors: &mut Errors,
) -> Vec<Param> {
    if let (Some(_), Some(skip)) = (&skip_all, &skip) {
        errors.at(skip.span, "`skip_all` leaves out every argument already");
    }
    let skipped = skip.map(|given| given.value).unwrap_or_default();
    for name in &skipped {
        // `self` is never captured, so leaving it out is no mistake.
        if name != "self" && !bindings.iter().any(|binding| binding.name == *name) {
            errors.at(name.span(), unknown_argument(name, bindings));
        }
    }
    let fields = fields.map(|given| given.value).unwrap_or_default();
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
pub(crate) fn bindings(item: &Item) -> Vec<Binding> {
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

/// Arguments are dropped last to first; a closure drops what it captured in the order of mention.
pub(crate) fn owned(item: &Item, bindings: Vec<Binding>) -> Vec<Binding> {
    let mut owned = bindings;
    owned.reverse();
    if let Some(receiver) = item.sig.receiver() {
        owned.push(Binding {
            name: Ident::new("self", receiver.self_token.span),
            conditions: Vec::new(),
        });
    }
    owned
}
