//! The front page says what the code says.

use std::collections::BTreeSet;

const README: &str = include_str!("../../README.md");

/// The variables that the page names.
fn named() -> BTreeSet<&'static str> {
    README
        .split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'))
        .filter(|word| word.starts_with("AGENTOPS_"))
        .collect()
}

#[test]
fn the_table_of_variables_is_whole_and_names_no_other() {
    let known: BTreeSet<&str> = agentops::VARIABLES
        .iter()
        .map(|variable| variable.name)
        .collect();
    assert_eq!(named(), known);
}

#[test]
fn the_page_names_every_example() {
    let manifest = include_str!("../Cargo.toml");
    let names = manifest
        .split("[[example]]")
        .skip(1)
        .filter_map(|example| example.split('"').nth(1));
    let missing: Vec<&str> = names
        .filter(|name| {
            !README.contains(&format!("`{name}`")) && !README.contains(&format!("--example {name}"))
        })
        .collect();
    assert!(missing.is_empty(), "not on the front page: {missing:?}");
}
