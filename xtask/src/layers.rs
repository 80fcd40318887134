//! Which crate may depend on which, and that the modules of a crate form no cycle. The table below is the rule.

mod graph;
mod resolve;
mod syntax;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};

/// Every package with its floor and the workspace packages that it may use: arrows point to lower floors only.
const ARROWS: &[(&str, u8, &[&str])] = &[
    ("agentops-protocol", 0, &[]),
    ("agentops-macros", 0, &[]),
    ("agentops-pricing", 1, &["agentops-protocol"]),
    ("agentops-spool", 1, &[]),
    ("agentops-store", 1, &["agentops-protocol"]),
    (
        "agentops-core",
        2,
        &["agentops-protocol", "agentops-pricing", "agentops-spool"],
    ),
    (
        "agentops-server",
        2,
        &[
            "agentops-protocol",
            "agentops-pricing",
            "agentops-spool",
            "agentops-store",
        ],
    ),
    (
        "agentops-tracing",
        3,
        &["agentops-core", "agentops-protocol"],
    ),
    ("agentops-http", 3, &["agentops-core", "agentops-protocol"]),
    (
        "agentops",
        4,
        &[
            "agentops-core",
            "agentops-macros",
            "agentops-tracing",
            "agentops-http",
        ],
    ),
    (
        "agentops-cli",
        4,
        &[
            "agentops-server",
            "agentops-core",
            "agentops-http",
            "agentops-protocol",
            "agentops-pricing",
            "agentops-spool",
            "agentops-store",
        ],
    ),
    ("agentops-examples", 5, &["agentops"]),
];

/// Packages that nothing ships and nothing uses: they may depend on all others.
const UNCHECKED: &[&str] = &["agentops-edition-2021", "agentops-tests", "xtask"];

/// What a package must do without, whatever it is called in a manifest.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "agentops-protocol",
        &["axum", "hyper", "reqwest", "rusqlite", "tokio", "tracing"],
    ),
    (
        "agentops-spool",
        &["axum", "hyper", "reqwest", "rusqlite", "tokio", "tracing"],
    ),
    ("agentops-core", &["axum", "rusqlite"]),
    (
        "agentops-store",
        &["axum", "http", "hyper", "reqwest", "tower", "tower-http"],
    ),
];

/// Checks the workspace and prints what breaks the rules.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let found: Vec<String> = crates(root)?.into_iter().chain(modules(root)?).collect();
    for line in &found {
        println!("{line}");
    }
    if found.is_empty() {
        println!("no forbidden dependency, no import cycle");
        return Ok(());
    }
    bail!(
        "{} broken; xtask/src/layers.rs holds the rules",
        found.len()
    )
}

/// Dependencies between the packages of the workspace at `root` that the table does not allow.
///
/// Development dependencies are left out: tests may look upwards.
pub(crate) fn crates(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = metadata(root)?;
    let members: Vec<&Package> = metadata.workspace_packages();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS
        .iter()
        .map(|(name, _, uses)| (*name, *uses))
        .collect();
    let mut found = Vec::new();
    for package in &members {
        let name = package.name.as_str();
        if UNCHECKED.contains(&name) {
            continue;
        }
        let Some(allowed) = allowed.get(name) else {
            found.push(format!(
                "{name}: not in the table; give it a floor and its arrows"
            ));
            continue;
        };
        let absent = ABSENT
            .iter()
            .find(|(package, _)| *package == name)
            .map_or(&[] as &[&str], |(_, absent)| absent);
        for dependency in package
            .dependencies
            .iter()
            .filter(|it| it.kind != DependencyKind::Development)
        {
            let used = dependency.name.as_str();
            let in_workspace = members.iter().any(|member| member.name.as_str() == used);
            if in_workspace && !allowed.contains(&used) {
                found.push(format!("{name} -> {used}: not an arrow of the table"));
            }
            if absent.contains(&used) {
                found.push(format!("{name} -> {used}: this crate must do without it"));
            }
        }
    }
    Ok(found)
}

/// Import cycles between the modules of each crate of the workspace at `root`.
pub(crate) fn modules(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = metadata(root)?;
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        for target in package
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(is_product))
        {
            match syntax::Tree::read(target.src_path.as_std_path()) {
                Ok(tree) => {
                    let cycles = graph::cycles(&resolve::edges(&tree));
                    found.extend(
                        cycles
                            .iter()
                            .map(|cycle| format!("{}: {}", package.name, cycle.describe(&tree))),
                    );
                }
                Err(error) => found.push(format!("{}: {error:#}", package.name)),
            }
        }
    }
    Ok(found)
}

/// Whether a target is code that others run, as opposed to a test of it.
fn is_product(kind: &TargetKind) -> bool {
    matches!(
        kind,
        TargetKind::Lib | TargetKind::ProcMacro | TargetKind::Bin | TargetKind::Example
    )
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .with_context(|| format!("cannot read the workspace at {}", root.display()))
}

#[cfg(test)]
mod tests;
