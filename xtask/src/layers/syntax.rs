//! The source files of one crate: its module tree, what each module names, and which paths it uses.
//!
//! A module is a file here; inline modules belong to their file. Test-only items are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path without its leading `crate`.
pub(crate) type ModulePath = Vec<String>;

/// All modules of a crate.
#[derive(Default)]
pub(crate) struct Tree {
    /// Files, the crate's root first.
    pub(crate) files: Vec<PathBuf>,
    /// Modules by their path; the root is the empty path.
    pub(crate) modules: BTreeMap<ModulePath, Module>,
}

/// One module, in a file of its own or inline.
#[derive(Default)]
pub(crate) struct Module {
    /// Index of its file.
    pub(crate) file: usize,
    /// Items defined in it.
    pub(crate) items: BTreeSet<String>,
    /// What its `use` declarations bring in.
    pub(crate) uses: Vec<Use>,
    /// Paths that stand in its code.
    pub(crate) paths: BTreeSet<Vec<String>>,
}

/// One name that a `use` declaration brings in, or all of a module's.
pub(crate) struct Use {
    /// The path as written.
    pub(crate) path: Vec<String>,
    /// The name it gets; `None` for a glob.
    pub(crate) name: Option<String>,
    /// Whether others see it: a re-export.
    pub(crate) public: bool,
}

impl Tree {
    /// Reads a crate from the file of its root module.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        let children = root
            .parent()
            .context("a source file lies in a folder")?
            .to_owned();
        tree.read_file(root.to_owned(), Vec::new(), children)?;
        Ok(tree)
    }

    /// A file's path below the folder of the crate's root.
    pub(crate) fn name_of(&self, file: usize) -> String {
        let base = self.files[0].parent().unwrap_or(Path::new(""));
        self.files[file]
            .strip_prefix(base)
            .unwrap_or(&self.files[file])
            .display()
            .to_string()
    }

    fn read_file(
        &mut self,
        path: PathBuf,
        module: ModulePath,
        children: PathBuf,
    ) -> anyhow::Result<()> {
        let source = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let parsed =
            syn::parse_file(&source).with_context(|| format!("cannot parse {}", path.display()))?;
        let file = self.files.len();
        let folder = path
            .parent()
            .context("a source file lies in a folder")?
            .to_owned();
        self.files.push(path);
        let place = Place {
            file,
            folder,
            children,
        };
        self.read_items(&parsed.items, module, &place)
    }

    fn read_items(
        &mut self,
        items: &[syn::Item],
        path: ModulePath,
        place: &Place,
    ) -> anyhow::Result<()> {
        let mut module = Module {
            file: place.file,
            ..Module::default()
        };
        let mut inner = Vec::new();
        for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
            if let syn::Item::Mod(item) = item {
                module.items.insert(item.ident.to_string());
                inner.push(item);
            }
            Collector {
                module: &mut module,
            }
            .visit_item(item);
        }
        self.modules.insert(path.clone(), module);
        for item in inner {
            let name = item.ident.to_string();
            let path: ModulePath = path.iter().cloned().chain([name.clone()]).collect();
            match &item.content {
                Some((_, items)) => {
                    let place = Place {
                        children: place.children.join(&name),
                        ..place.clone()
                    };
                    self.read_items(items, path, &place)?;
                }
                None => {
                    let file = place.file_of(item, &name)?;
                    self.read_file(file, path, place.children.join(&name))?;
                }
            }
        }
        Ok(())
    }
}

/// Where a module's source lies.
#[derive(Clone)]
struct Place {
    file: usize,
    /// The file's folder.
    folder: PathBuf,
    /// The folder of its child modules.
    children: PathBuf,
}

impl Place {
    fn file_of(&self, item: &syn::ItemMod, name: &str) -> anyhow::Result<PathBuf> {
        let given = item
            .attrs
            .iter()
            .find(|attribute| attribute.path().is_ident("path"));
        if let Some(syn::Meta::NameValue(given)) = given.map(|attribute| &attribute.meta)
            && let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) = &given.value
        {
            return Ok(self.folder.join(text.value()));
        }
        let file = self.children.join(format!("{name}.rs"));
        let old_style = self.children.join(name).join("mod.rs");
        [file, old_style]
            .into_iter()
            .find(|path| path.is_file())
            .with_context(|| format!("no file for module {name} in {}", self.children.display()))
    }
}

/// Gathers what one module defines, imports and names; stops at inner modules, which are modules of their own.
struct Collector<'a> {
    module: &'a mut Module,
}

impl Collector<'_> {
    fn add_use(&mut self, tree: &syn::UseTree, before: &[String], public: bool) {
        let with = |name: &syn::Ident| {
            before
                .iter()
                .cloned()
                .chain([name.to_string()])
                .collect::<Vec<_>>()
        };
        let mut add = |path: Vec<String>, name: Option<String>| {
            // `use a::{self}` brings in `a`.
            let path = if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path[..path.len() - 1].to_vec()
            } else {
                path
            };
            let name = match name.as_deref() {
                Some("self") => path.last().cloned(),
                _ => name,
            };
            self.module.uses.push(Use { path, name, public });
        };
        match tree {
            syn::UseTree::Path(tree) => {
                let path = with(&tree.ident);
                self.add_use(&tree.tree, &path, public);
            }
            syn::UseTree::Name(tree) => add(with(&tree.ident), Some(tree.ident.to_string())),
            syn::UseTree::Rename(tree) => add(with(&tree.ident), Some(tree.rename.to_string())),
            syn::UseTree::Glob(_) => add(before.to_vec(), None),
            syn::UseTree::Group(tree) => tree
                .items
                .iter()
                .for_each(|tree| self.add_use(tree, before, public)),
        }
    }

    /// Paths in tokens that are not parsed: those of macro calls and of attributes.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == ':' && !path.is_empty() && colons < 2 =>
                {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Literal(literal) => self.scan_literal(&literal),
                TokenTree::Punct(_) => {}
            }
            self.add_path(std::mem::take(&mut path));
            colons = 0;
        }
        self.add_path(path);
    }

    /// `#[serde(with = "crate::time")]` names a module as well.
    fn scan_literal(&mut self, literal: &proc_macro2::Literal) {
        let text = literal.to_string();
        let text = text.trim_matches('"');
        let is_path = text.split("::").all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|character| character == '_' || character.is_ascii_alphanumeric())
        });
        if is_path {
            self.add_path(text.split("::").map(str::to_owned).collect());
        }
    }

    fn add_path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.module.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_test_only(attributes(item)) {
            return;
        }
        self.module.items.extend(name(item));
        match item {
            syn::Item::Use(item) => {
                let public = !matches!(item.vis, syn::Visibility::Inherited);
                self.add_use(&item.tree, &[], public);
            }
            syn::Item::Mod(_) => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.add_path(
                path.segments
                    .iter()
                    .map(|segment| segment.ident.to_string())
                    .collect(),
            );
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            syn::Meta::List(list) => self.scan(list.tokens.clone()),
            syn::Meta::Path(_) | syn::Meta::NameValue(_) => {}
        }
    }

    /// `pub(in crate::a)` and `pub(super)` say who may look, not what is looked at.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Whether the item is compiled for tests only.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        path.is_ident("test")
            || (path.is_ident("cfg")
                && attribute
                    .parse_args::<syn::Meta>()
                    .is_ok_and(|meta| implies_test(&meta)))
    })
}

/// Whether a condition of `cfg` holds only when testing.
fn implies_test(meta: &syn::Meta) -> bool {
    let syn::Meta::List(list) = meta else {
        return meta.path().is_ident("test");
    };
    let parser = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
    let Ok(inner) = list.parse_args_with(parser) else {
        return false;
    };
    if list.path.is_ident("all") {
        inner.iter().any(implies_test)
    } else {
        list.path.is_ident("any") && inner.iter().all(implies_test)
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines in its module.
fn name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
