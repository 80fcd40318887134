//! The attribute on every function of a crate's sources: found by syn, put in as text, so that every line stays where it
//! was. Functions inside `macro_rules!` are found among the tokens they are made of.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, ItemFn, Macro, Signature, TraitItemFn};

/// What is put before a function.
const ATTRIBUTE: &str = "#[::agentops::record_action] ";

/// What was found, and what was done with it.
#[derive(Default)]
pub(super) struct Functions {
    pub(super) annotated: usize,
    pub(super) constant: usize,
    /// Place and reason.
    pub(super) skipped: Vec<(String, &'static str)>,
}

impl Functions {
    /// The share of those that are not `const` that bear the attribute.
    pub(super) fn share(&self) -> f64 {
        let all = self.annotated + self.skipped.len();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a crate has few thousand functions"
        )]
        let share = self.annotated as f64 / all.max(1) as f64;
        share
    }
}

/// A function that cannot bear the attribute, by the end of its file's path and its name, and why.
pub(super) type Exception = (&'static str, &'static str, &'static str);

/// Puts the attribute on every function of the package in `dir`. Functions in a call of one of the
/// `covered` macros have it from the rules of that macro.
pub(super) fn every_function(
    dir: &Path,
    covered: &[&str],
    except: &[Exception],
) -> anyhow::Result<Functions> {
    let mut functions = Functions::default();
    for folder in ["src", "tests"] {
        for path in sources(&dir.join(folder))? {
            let text = std::fs::read_to_string(&path)?;
            let file = syn::parse_file(&text)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let mut finder = Finder {
                place: path.strip_prefix(dir)?.display().to_string(),
                covered,
                except,
                functions: &mut functions,
                places: Vec::new(),
            };
            finder.visit_file(&file);
            let places = std::mem::take(&mut finder.places);
            std::fs::write(&path, inserted(&text, places))?;
        }
    }
    Ok(functions)
}

fn inserted(text: &str, mut places: Vec<usize>) -> String {
    places.sort_unstable();
    places.dedup();
    let mut out = String::with_capacity(text.len() + places.len() * ATTRIBUTE.len());
    let mut from = 0;
    for at in places {
        out.push_str(&text[from..at]);
        out.push_str(ATTRIBUTE);
        from = at;
    }
    out.push_str(&text[from..]);
    out
}

fn sources(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !dir.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.append(&mut sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

struct Finder<'a> {
    place: String,
    covered: &'a [&'a str],
    except: &'a [Exception],
    functions: &'a mut Functions,
    places: Vec<usize>,
}

impl Finder<'_> {
    /// `first` is the first token after the attributes.
    fn function(&mut self, first: Span, sig: &Signature) {
        let name = sig.ident.to_string();
        if sig.constness.is_some() {
            self.functions.constant += 1;
        } else if sig.variadic.is_some() {
            self.skip(&name, "has C variadics");
        } else {
            self.found(first, &name);
        }
    }

    fn found(&mut self, first: Span, name: &str) {
        let exception = self
            .except
            .iter()
            .find(|(file, function, _)| self.place.ends_with(file) && *function == name);
        if let Some((_, _, reason)) = exception {
            self.skip(name, reason);
        } else {
            self.functions.annotated += 1;
            self.places.push(first.byte_range().start);
        }
    }

    fn skip(&mut self, name: &str, reason: &'static str) {
        let place = format!("{}: {name}", self.place);
        self.functions.skipped.push((place, reason));
    }

    /// The rules of a `macro_rules!`: what they expand to is code, what they match is not.
    fn rules(&mut self, tokens: &TokenStream) {
        let mut after_arrow = false;
        let mut before = None;
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) if after_arrow => {
                    self.tokens(&group.stream(), None);
                    after_arrow = false;
                }
                TokenTree::Punct(punct) => {
                    after_arrow = punct.as_char() == '>' && before == Some('=');
                    before = Some(punct.as_char());
                }
                _ => before = None,
            }
        }
    }

    /// Functions among tokens; with a `reason`, none of them can bear the attribute.
    fn tokens(&mut self, tokens: &TokenStream, reason: Option<&'static str>) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(&group.stream(), reason),
                TokenTree::Ident(ident) if ident == "fn" => {
                    let Some(name) = name_of(&tokens[at + 1..]) else {
                        continue;
                    };
                    let first = first_of(&tokens[..at], token.span());
                    match reason {
                        _ if first.is_const => self.functions.constant += 1,
                        Some(reason) => self.skip(&name, reason),
                        None => self.found(first.span, &name),
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let first = first_span(item.vis.span(), &item.vis, &item.sig);
        self.function(first, &item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let first = first_span(item.vis.span(), &item.vis, &item.sig);
        self.function(first, &item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if item.default.is_some() {
            self.function(item.sig.span(), &item.sig);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last().map(|last| last.ident.to_string());
        let name = name.unwrap_or_default();
        if name == "macro_rules" {
            self.rules(&call.tokens);
        } else if self.covered.contains(&name.as_str()) {
            let mut inside = Functions::default();
            std::mem::swap(&mut inside, self.functions);
            self.tokens(
                &call.tokens,
                Some("is made by a macro that puts the attribute on"),
            );
            std::mem::swap(&mut inside, self.functions);
            self.functions.annotated += inside.skipped.len();
            self.functions.constant += inside.constant;
        } else {
            // The macro reads these tokens by a grammar of its own, which need not have attributes there.
            self.tokens(&call.tokens, Some("stands in a call of a macro"));
        }
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn first_span(vis: Span, written: &syn::Visibility, sig: &Signature) -> Span {
    match written {
        syn::Visibility::Inherited => sig.span(),
        _ => vis,
    }
}

/// The name behind `fn`, if a body follows: `fn` also begins a type.
fn name_of(after: &[TokenTree]) -> Option<String> {
    let name = match after {
        [TokenTree::Ident(name), ..] => name.to_string(),
        [TokenTree::Punct(dollar), TokenTree::Ident(name), ..] if dollar.as_char() == '$' => {
            format!("${name}")
        }
        _ => return None,
    };
    for (at, token) in after.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some(name);
            }
            // A body that the macro was given: behind the arguments, `$body` at the end.
            TokenTree::Punct(punct) if punct.as_char() == '$' && at > 2 => {
                let is_last = after.len() == at + 2;
                if is_last {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where a function begins.
struct First {
    span: Span,
    is_const: bool,
}

/// Goes back over what may stand before `fn`.
fn first_of(before: &[TokenTree], from: Span) -> First {
    let mut first = First {
        span: from,
        is_const: false,
    };
    let mut at = before.len();
    while at > 0 {
        let step = match &before[..at] {
            [.., TokenTree::Ident(word)] if word == "const" => {
                first.is_const = true;
                1
            }
            [.., TokenTree::Punct(dollar), TokenTree::Ident(_)] if dollar.as_char() == '$' => 2,
            [.., TokenTree::Ident(word), TokenTree::Group(group)]
                if word == "pub" && group.delimiter() == Delimiter::Parenthesis =>
            {
                2
            }
            [.., TokenTree::Ident(word), TokenTree::Literal(_)] if word == "extern" => 2,
            [.., TokenTree::Ident(word)]
                if ["pub", "async", "unsafe", "extern", "default"]
                    .iter()
                    .any(|known| word == known) =>
            {
                1
            }
            _ => break,
        };
        at -= step;
        first.span = before[at].span();
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `@` where the attribute would stand, and how many functions were left out.
    fn rewritten(text: &str) -> (String, usize, usize) {
        let mut functions = Functions::default();
        let mut finder = Finder {
            place: "lib.rs".to_owned(),
            covered: &["quickcheck"],
            except: &[("lib.rs", "hard", "for the test")],
            functions: &mut functions,
            places: Vec::new(),
        };
        finder.visit_file(&syn::parse_file(text).expect("it is Rust"));
        let places = std::mem::take(&mut finder.places);
        let text = inserted(text, places).replace(ATTRIBUTE, "@");
        (text, functions.constant, functions.skipped.len())
    }

    #[test]
    fn every_kind_of_function_is_found() {
        let rows = [
            (
                "#[a] pub(crate) unsafe fn f() {}",
                "#[a] @pub(crate) unsafe fn f() {}",
                0,
                0,
            ),
            (
                "impl T { pub async fn f() { fn g() {} } }",
                "impl T { @pub async fn f() { @fn g() {} } }",
                0,
                0,
            ),
            (
                "trait T { fn a(); fn b() {} }",
                "trait T { fn a(); @fn b() {} }",
                0,
                0,
            ),
            (
                "const fn f() {} fn hard() {}",
                "const fn f() {} fn hard() {}",
                1,
                1,
            ),
            (
                "macro_rules! m { (fn $n:ident) => { $v fn $n() {} pub const fn c() {} } }",
                "macro_rules! m { (fn $n:ident) => { @$v fn $n() {} pub const fn c() {} } }",
                1,
                0,
            ),
            ("other! { fn f() {} }", "other! { fn f() {} }", 0, 1),
            (
                "quickcheck! { fn f() {} }",
                "quickcheck! { fn f() {} }",
                0,
                0,
            ),
            (
                "type F = fn(u8); static S: fn() = f;",
                "type F = fn(u8); static S: fn() = f;",
                0,
                0,
            ),
        ];
        for (text, expected, constant, skipped) in rows {
            assert_eq!(rewritten(text), (expected.to_owned(), constant, skipped));
        }
    }
}
