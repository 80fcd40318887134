//! The checks find what they are for, in small workspaces made for the purpose, and pass what is allowed.

use std::fs;
use std::path::Path;

use super::{ARROWS, UNCHECKED, crates, metadata, modules};

/// A package: name, lines of `[dependencies]`, source files by path below `src/`.
type Package<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A workspace of library packages.
fn workspace(packages: &[Package<'_>]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
    )
    .unwrap();
    for (name, dependencies, files) in packages {
        let package = root.path().join("crates").join(name);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{dependencies}\n"
        );
        write(&package.join("Cargo.toml"), &manifest);
        write(&package.join("src/lib.rs"), "");
        for (path, source) in *files {
            write(&package.join("src").join(path), source);
        }
    }
    root
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn on(name: &str) -> String {
    format!("{name} = {{ path = \"../{name}\" }}")
}

fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let root = workspace(&[("agentops-protocol", "", files)]);
    modules(root.path()).unwrap()
}

#[test]
fn arrows_point_down() {
    let floor = |name: &str| {
        ARROWS
            .iter()
            .find(|(package, ..)| *package == name)
            .unwrap()
            .1
    };
    for (name, own, uses) in ARROWS {
        assert!(uses.iter().all(|used| floor(used) < *own), "{name}");
    }
}

#[test]
fn every_package_of_this_workspace_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for package in metadata(root).unwrap().workspace_packages() {
        let name = package.name.as_str();
        assert!(
            UNCHECKED.contains(&name) || ARROWS.iter().any(|(known, ..)| *known == name),
            "{name}"
        );
    }
}

#[test]
fn a_dependency_that_is_not_in_the_table_is_found() {
    let allowed = workspace(&[
        ("agentops-protocol", "", &[]),
        ("agentops-pricing", &on("agentops-protocol"), &[]),
    ]);
    assert_eq!(crates(allowed.path()).unwrap(), [""; 0]);
    let upward = workspace(&[
        ("agentops-protocol", &on("agentops-pricing"), &[]),
        ("agentops-pricing", "", &[]),
    ]);
    let found = crates(upward.path()).unwrap();
    assert_eq!(
        found,
        ["agentops-protocol -> agentops-pricing: not an arrow of the table"]
    );
    let under_another_name = workspace(&[
        (
            "agentops-spool",
            "wire = { package = \"agentops-protocol\", path = \"../agentops-protocol\" }",
            &[],
        ),
        ("agentops-protocol", "", &[]),
    ]);
    assert_eq!(crates(under_another_name.path()).unwrap().len(), 1);
}

#[test]
fn tests_may_look_upwards_and_builds_may_not() {
    let dev = format!("[dev-dependencies]\n{}", on("agentops"));
    let fine = workspace(&[("agentops-macros", &dev, &[]), ("agentops", "", &[])]);
    assert_eq!(crates(fine.path()).unwrap(), [""; 0]);
    let build = format!("[build-dependencies]\n{}", on("agentops"));
    let wrong = workspace(&[("agentops-macros", &build, &[]), ("agentops", "", &[])]);
    assert_eq!(crates(wrong.path()).unwrap().len(), 1);
}

#[test]
fn strangers_and_forbidden_libraries_are_found() {
    let stranger = workspace(&[("agentops-surprise", "", &[])]);
    assert_eq!(crates(stranger.path()).unwrap().len(), 1);
    let sql = workspace(&[(
        "agentops-core",
        "db = { package = \"rusqlite\", version = \"0.41\" }",
        &[],
    )]);
    assert_eq!(
        crates(sql.path()).unwrap(),
        ["agentops-core -> rusqlite: this crate must do without it"]
    );
}

#[test]
fn files_that_use_each_other_are_a_cycle() {
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f() { super::c::f() }"),
        ("c.rs", "pub fn f() { let _ = crate::a::A::default(); }"),
    ]);
    let expected = "agentops-protocol: import cycle: a.rs -> b.rs (crate::b::B) -> c.rs (super::c::f) \
                    -> a.rs (crate::a::A::default)";
    assert_eq!(found, [expected]);
}

#[test]
fn a_chain_and_a_facade_are_no_cycle() {
    let found = cycles_of(&[
        (
            "lib.rs",
            "//! Facade.\nmod a; mod b; pub use a::A; pub use b::{B, inner::Deep};",
        ),
        ("a.rs", "pub struct A;"),
        (
            "b.rs",
            "pub(crate) mod inner; pub use inner::Other; use crate::A; pub struct B(A);",
        ),
        (
            "b/inner.rs",
            "use crate::A; pub struct Deep(A); pub struct Other;",
        ),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_cycle_through_a_facade_is_found_where_it_is() {
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
        ("a.rs", "use crate::B; pub struct A(B);"),
        ("b.rs", "use super::A; pub struct B(Option<Box<A>>);"),
    ]);
    assert_eq!(
        found,
        ["agentops-protocol: import cycle: a.rs -> b.rs (crate::B) -> a.rs (super::A)"]
    );
}

#[test]
fn a_parent_that_uses_its_child_that_uses_its_parent_is_a_cycle() {
    let found = cycles_of(&[
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "mod child; pub struct Shared; pub fn f() { child::g() }",
        ),
        (
            "a/child.rs",
            "use super::Shared; pub fn g() { let _: Option<Shared> = None; }",
        ),
    ]);
    assert_eq!(
        found,
        ["agentops-protocol: import cycle: a.rs -> a/child.rs (child::g) -> a.rs (super::Shared)"]
    );
}

#[test]
fn paths_in_macros_attributes_and_imported_modules_count() {
    for use_of_b in [
        "fn f() { println!(\"{}\", crate::b::X); }",
        "#[derive(Debug)] struct S { #[serde(with = \"crate::b::X\")] x: u8 }",
        "use crate::b; fn f() -> u8 { b::X }",
        "use crate::b as other; fn f() -> u8 { other::X }",
        "use crate::{b::{self}}; fn f() -> u8 { b::X }",
        "mod inline { fn f() -> u8 { super::super::b::X } }",
        "fn f() { use crate::b::X; let _ = X; }",
    ] {
        let found = cycles_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", &format!("pub struct A; {use_of_b}")),
            (
                "b.rs",
                "use crate::a::A; pub const X: u8 = 0; fn f(_: A) {}",
            ),
        ]);
        assert_eq!(found.len(), 1, "{use_of_b}");
    }
}

#[test]
fn tests_visibility_and_documents_do_not_count() {
    for mention_of_b in [
        "#[cfg(test)] mod tests { use crate::b::X; }",
        "#[cfg(all(test, unix))] use crate::b::X;",
        "#[test] fn t() { crate::b::X; }",
        "pub(in crate::b) struct S;",
        "/// See [`crate::b::X`].\nstruct S;",
        "use ::b::X;",
    ] {
        let found = cycles_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", &format!("pub struct A; {mention_of_b}")),
            (
                "b.rs",
                "use crate::a::A; pub const X: u8 = 0; fn f(_: A) {}",
            ),
        ]);
        assert_eq!(found, [""; 0], "{mention_of_b}");
    }
    let when_testing_or_for_a_feature = "#[cfg(any(test, feature = \"testing\"))] use crate::b::X;";
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            &format!("pub struct A; {when_testing_or_for_a_feature}"),
        ),
        (
            "b.rs",
            "use crate::a::A; pub const X: u8 = 0; fn f(_: A) {}",
        ),
    ]);
    assert_eq!(found.len(), 1);
}
