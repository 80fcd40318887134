//! From the paths in the source to the files they mean.
//!
//! A path is followed through re-exports to the file that defines the item, so that a facade is no detour and hides no
//! cycle. A parent that re-exports from its own children does not import them.

use std::collections::BTreeMap;

use super::syntax::{Module, ModulePath, Tree, Use};

/// Re-exports that are followed before a path counts as unknown; more would be a circle of re-exports.
const DEPTH: u32 = 16;

/// Which file uses which, with a path that shows it.
pub(crate) type Edges = BTreeMap<usize, BTreeMap<usize, String>>;

/// What a path means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Something defined in a file.
    Item(usize),
    /// A module itself, in a file.
    Module(usize),
}

/// The uses between the files of a crate.
pub(crate) fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (path, module) in &tree.modules {
        let used = module
            .uses
            .iter()
            .filter_map(|used| Some((used.path.as_slice(), file_used(tree, path, used)?)));
        let named = module
            .paths
            .iter()
            .filter_map(|named| match meaning(tree, path, named)? {
                Target::Item(file) => Some((named.as_slice(), file)),
                Target::Module(_) => None,
            });
        for (written, file) in used.chain(named).filter(|(_, file)| *file != module.file) {
            edges
                .entry(module.file)
                .or_default()
                .entry(file)
                .or_insert_with(|| written.join("::"));
        }
    }
    edges
}

/// The file that a `use` declaration makes its module depend on.
fn file_used(tree: &Tree, module: &ModulePath, used: &Use) -> Option<usize> {
    let absolute = absolute(tree, module, &used.path)?;
    let from_own_child = absolute.len() > module.len() && absolute.starts_with(module);
    if used.public && from_own_child {
        return None;
    }
    match (resolve(tree, &absolute, DEPTH)?, &used.name) {
        (Target::Item(file), _) => Some(file),
        // A glob may bring in anything of that module; a module that is only named is used where a path goes through it.
        (Target::Module(file), None) => Some(file),
        (Target::Module(_), Some(_)) => None,
    }
}

/// What a path written in a module means, if it means something of this crate.
fn meaning(tree: &Tree, module: &ModulePath, written: &[String]) -> Option<Target> {
    resolve(tree, &absolute(tree, module, written)?, DEPTH)
}

/// The path from the crate's root; `None` if it begins outside the crate.
fn absolute(tree: &Tree, module: &ModulePath, written: &[String]) -> Option<ModulePath> {
    let (first, rest) = written.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => parent(module)?,
        name => {
            let here = tree.modules.get(module)?;
            if child(tree, module, name).is_none() {
                let used = here
                    .uses
                    .iter()
                    .find(|used| used.name.as_deref() == Some(name))?;
                // Its own first name would be looked up here for ever.
                let begins_here = used.path.first().is_some_and(|first| first == name);
                let base = if begins_here {
                    None
                } else {
                    absolute(tree, module, &used.path)
                }?;
                return Some(base.into_iter().chain(rest.iter().cloned()).collect());
            }
            return Some(module.iter().chain(written).cloned().collect());
        }
    };
    let mut rest = rest;
    while let Some((_, after)) = rest.split_first().filter(|(name, _)| *name == "super") {
        base = parent(&base)?;
        rest = after;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// What a path from the root means.
fn resolve(tree: &Tree, path: &[String], depth: u32) -> Option<Target> {
    let mut module: ModulePath = Vec::new();
    for (index, name) in path.iter().enumerate() {
        if let Some(inner) = child(tree, &module, name) {
            module = inner;
            continue;
        }
        let here = tree.modules.get(&module)?;
        let through = depth
            .checked_sub(1)
            .and_then(|depth| reexported(tree, &module, here, &path[index..], depth));
        return Some(through.unwrap_or(Target::Item(here.file)));
    }
    Some(Target::Module(tree.modules.get(&module)?.file))
}

/// What a name means that a module does not define but brings in.
fn reexported(
    tree: &Tree,
    path: &ModulePath,
    module: &Module,
    rest: &[String],
    depth: u32,
) -> Option<Target> {
    let (name, after) = rest.split_first()?;
    if module.items.contains(name) {
        return None;
    }
    if let Some(used) = module
        .uses
        .iter()
        .find(|used| used.name.as_ref() == Some(name))
    {
        let target: ModulePath = absolute(tree, path, &used.path)?
            .into_iter()
            .chain(after.iter().cloned())
            .collect();
        return resolve(tree, &target, depth);
    }
    module
        .uses
        .iter()
        .filter(|used| used.name.is_none())
        .find_map(|glob| {
            let target = absolute(tree, path, &glob.path)?;
            let source = tree.modules.get(&target)?;
            let known = source.items.contains(name)
                || source
                    .uses
                    .iter()
                    .any(|used| used.name.as_ref() == Some(name));
            known
                .then(|| resolve(tree, &[target, rest.to_vec()].concat(), depth))
                .flatten()
        })
}

fn child(tree: &Tree, module: &ModulePath, name: &str) -> Option<ModulePath> {
    let path: ModulePath = module.iter().cloned().chain([name.to_owned()]).collect();
    tree.modules.contains_key(&path).then_some(path)
}

fn parent(module: &ModulePath) -> Option<ModulePath> {
    module.split_last().map(|(_, parent)| parent.to_vec())
}
