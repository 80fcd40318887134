//! `cargo xtask bench all`: every part after the other, then all targets in one table.
//!
//! Each part compares with its peers and its floor in its own run; figures of different parts are never set against
//! each other.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::build::target;

/// A part that measures, by the name of the file that it writes.
pub(super) type Part<'a> = (&'static str, &'a dyn Fn() -> anyhow::Result<()>);

/// Runs the parts; one that fails does not keep the others from running.
pub(super) fn run(root: &Path, parts: &[Part<'_>]) -> anyhow::Result<()> {
    let mut broken = Vec::new();
    for (name, measure) in parts {
        println!("\n==> {name}");
        if let Err(error) = measure() {
            println!("{name}: {error:#}");
            broken.push(*name);
        }
    }
    println!(
        "\n{:<8} {:<56} {:>12} {:>12}",
        "part", "target", "measured", "limit"
    );
    for (name, _) in parts.iter().filter(|(name, _)| !broken.contains(name)) {
        let file = target(root).join("bench").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let figures: Value = serde_json::from_str(&text)?;
        for target in figures["targets"].as_array().into_iter().flatten() {
            println!("{name:<8} {}", line(target));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!("not measured: {}", broken.join(", "))
}

/// A target as a line of the table.
fn line(target: &Value) -> String {
    let number = |name: &str| target[name].as_f64().unwrap_or(f64::NAN);
    let name = target["name"].as_str().unwrap_or_default();
    let missed = if target["met"] == true {
        ""
    } else {
        "  MISSED"
    };
    format!(
        "{name:<56} {:>12.3} {:>12.3}{missed}",
        number("value"),
        number("limit")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::line;

    #[test]
    fn a_missed_target_says_so() {
        let target = |met| json!({"name": "add on, ns", "value": 1.5, "limit": 1.0, "met": met});
        assert!(line(&target(false)).ends_with("1.500        1.000  MISSED"));
        assert!(line(&target(true)).ends_with("1.500        1.000"));
    }
}
