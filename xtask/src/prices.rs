//! Writes the price book of `agentops-pricing` from the public price list that the Python package `litellm` ships.
//!
//! The list has one object a model, with prices in dollars a token. What the book needs of it is one line a model, in
//! picodollars; the format is described where it is read, in `agentops-pricing/src/price.rs`. Models that are not paid
//! by the token, and prices of other ways to call (batch, priority), are left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

/// Options of `cargo xtask prices`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Version of the package; the newest by default.
    #[arg(long)]
    version: Option<String>,
}

/// Kinds of models that take and give tokens of text.
const MODES: &[&str] = &["chat", "completion", "embedding", "responses"];

/// Beginning of the list's name in the package.
const LIST: &str = "model_prices_and_context_window";

/// Picodollars in a dollar.
const PICOS: f64 = 1e12;

/// A price list with its origin.
struct List {
    version: String,
    file: String,
    date: String,
    models: Map<String, Value>,
}

/// Fetches the list and writes the book.
pub(crate) fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    let list = fetch(args.version.as_deref())?;
    let lines = lines(&list.models)?;
    let path = root.join("crates/agentops-pricing/src/book.rs");
    std::fs::write(&path, render(&list, &lines))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!(
        "{} of {} models of litellm {} written to {}",
        lines.len(),
        list.models.len(),
        list.version,
        path.display()
    );
    Ok(())
}

fn fetch(version: Option<&str>) -> anyhow::Result<List> {
    let folder = tempfile::tempdir()?;
    let package = version.map_or_else(
        || "litellm".to_owned(),
        |version| format!("litellm=={version}"),
    );
    let to = folder
        .path()
        .to_str()
        .context("temporary folder has no printable name")?;
    python(&[
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        to,
        &package,
    ])?;
    let wheel = find(folder.path(), |name| {
        name.starts_with("litellm-") && name.ends_with(".whl")
    })?;
    let name = wheel
        .file_name()
        .and_then(|name| name.to_str())
        .context("wheel has no printable name")?;
    let version = name
        .split('-')
        .nth(1)
        .context("wheel has no version in its name")?
        .to_owned();
    python(&[
        "-m",
        "zipfile",
        "-e",
        wheel.to_str().context("wheel has no printable path")?,
        to,
    ])?;
    let file = find(&folder.path().join("litellm"), |name| {
        name.starts_with(LIST) && name.ends_with(".json")
    })?;
    let models = serde_json::from_slice(&std::fs::read(&file)?)
        .context("price list is not an object of models")?;
    let date = python(&[
        "-c",
        "import datetime; print(datetime.datetime.now(datetime.timezone.utc).date())",
    ])?;
    let file = file
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(LIST)
        .to_owned();
    Ok(List {
        version,
        file,
        date: date.trim().to_owned(),
        models,
    })
}

fn python(args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("python3")
        .args(args)
        .output()
        .context("cannot run python3, which has to have pip")?;
    ensure!(
        output.status.success(),
        "python3 failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn find(folder: &Path, wanted: impl Fn(&str) -> bool) -> anyhow::Result<PathBuf> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(&wanted)
        {
            return Ok(path);
        }
    }
    bail!("what was looked for is not in {}", folder.display())
}

/// Whether a price of nothing is meant: a model on the user's own machine. Elsewhere the list writes 0 for a price that
/// it does not know, and no price is better than a wrong one.
fn is_free(name: &str) -> bool {
    (name.starts_with("ollama/") || name.starts_with("lemonade/")) && !name.ends_with("-cloud")
}

/// The lines of the book, by model.
fn lines(models: &Map<String, Value>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for (name, model) in models {
        let Some(line) = model.as_object().and_then(line) else {
            continue;
        };
        let name = name.to_lowercase();
        if !is_free(&name)
            && line
                .split([',', '\t'])
                .all(|price| price.is_empty() || price == "0")
        {
            continue;
        }
        ensure!(
            !name.contains(['\n', '"', '#']) && !name.contains('\t'),
            "model name that breaks the book: {name}"
        );
        if let Some(other) = lines.get(&name).filter(|other| **other != line) {
            bail!("{name} has two prices, {other} and {line}");
        }
        lines.insert(name, line);
    }
    Ok(lines)
}

/// The prices of a model; `None` if it is not paid by the token.
fn line(model: &Map<String, Value>) -> Option<String> {
    let mode = model.get("mode")?.as_str()?;
    if !MODES.contains(&mode) {
        return None;
    }
    let embedding = mode == "embedding";
    let ranges = model.get("tiered_pricing").and_then(Value::as_array);
    let base = ranges
        .and_then(|ranges| ranges.first())
        .and_then(Value::as_object)
        .unwrap_or(model);
    let mut prices = prices(base, "")?;
    if prices[1].is_empty() {
        // Embeddings have no output; a chat model without a price for its output has no price.
        prices[1] = if embedding {
            "0".to_owned()
        } else {
            return None;
        };
    }
    let request = model.get("input_cost_per_request").and_then(picos);
    let mut line = join(prices.iter().cloned().chain([text(request)]));
    let tiers = match ranges {
        Some(ranges) => tiers_by_range(ranges)?,
        None => tiers_by_suffix(model),
    };
    for (above, prices) in tiers {
        write!(line, "\t{above},{}", join(prices)).ok()?;
    }
    Some(line)
}

/// Input, output, cache read, cache write and reasoning; `None` without a price for the input.
fn prices(model: &Map<String, Value>, suffix: &str) -> Option<[String; 5]> {
    let price = |key: &str| model.get(&format!("{key}{suffix}")).and_then(picos);
    let input = price("input_cost_per_token")?;
    let read =
        price("cache_read_input_token_cost").or_else(|| price("input_cost_per_token_cache_hit"));
    Some([
        text(Some(input)),
        text(price("output_cost_per_token")),
        text(read),
        text(price("cache_creation_input_token_cost")),
        text(price("output_cost_per_reasoning_token")),
    ])
}

/// Prices above a number of prompt tokens, from keys like `input_cost_per_token_above_200k_tokens`.
fn tiers_by_suffix(model: &Map<String, Value>) -> BTreeMap<u64, [String; 5]> {
    let thousands = model.keys().filter_map(|key| {
        key.strip_prefix("input_cost_per_token_above_")?
            .strip_suffix("k_tokens")?
            .parse::<u64>()
            .ok()
    });
    thousands
        .filter_map(|k| Some((k * 1000, prices(model, &format!("_above_{k}k_tokens"))?)))
        .collect()
}

/// Prices by range of prompt tokens, from `tiered_pricing`; the first range is the base.
fn tiers_by_range(ranges: &[Value]) -> Option<BTreeMap<u64, [String; 5]>> {
    let mut tiers = BTreeMap::new();
    for range in &ranges[1..] {
        let range = range.as_object()?;
        let above = range.get("range")?.as_array()?.first()?.as_f64()?;
        tiers.insert(above as u64, prices(range, "")?);
    }
    Some(tiers)
}

/// Picodollars. The list holds decimal numbers far above that unit, some with the noise of binary fractions.
fn picos(value: &Value) -> Option<u64> {
    let dollars = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    (0.0..1000.0)
        .contains(&dollars)
        .then(|| (dollars * PICOS).round() as u64)
}

fn text(picos: Option<u64>) -> String {
    picos.map(|picos| picos.to_string()).unwrap_or_default()
}

/// Comma-separated, without the empty ones at the end.
fn join(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    values.join(",").trim_end_matches(',').to_owned()
}

fn render(list: &List, lines: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "//! Generated by `cargo xtask prices`, not edited by hand: what models cost, one line a model.\n\
         //!\n\
         //! From the price list of the package litellm {version} (MIT licence, Berri AI), fetched {date}.\n\
         //! The format is that of `price.rs`.\n\
         \n\
         /// Where the prices are from.\n\
         pub(crate) static SOURCE: &str = \"litellm {version}, {file}\";\n\
         \n\
         /// When they were fetched.\n\
         pub(crate) static DATE: &str = \"{date}\";\n\
         \n\
         /// The lines, sorted by model.\n\
         pub(crate) static BOOK: &str = r#\"",
        version = list.version,
        date = list.date,
        file = list.file,
    );
    for (name, line) in lines {
        let _ = writeln!(text, "{name}\t{line}");
    }
    text + "\"#;\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: Value, expected: Option<&str>) {
        assert_eq!(
            line(model.as_object().unwrap()).as_deref(),
            expected,
            "{model}"
        );
    }

    #[test]
    fn prices_become_picodollars() {
        let gpt_4 = serde_json::json!({"mode": "chat", "input_cost_per_token": 3e-05, "output_cost_per_token": 6e-05});
        check(gpt_4, Some("30000000,60000000"));
        let noisy = serde_json::json!({"mode": "chat", "input_cost_per_token": 1.5000000000000002e-06,
            "output_cost_per_token": 3.75e-08, "cache_creation_input_token_cost": 1e-12, "input_cost_per_request": 0.005});
        check(noisy, Some("1500000,37500,,1,,5000000000"));
    }

    #[test]
    fn tiers_follow_in_order() {
        let suffixes = serde_json::json!({"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
            "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 3e-06,
            "input_cost_per_token_above_128k_tokens": 1.5e-06});
        check(
            suffixes,
            Some("1000000,2000000\t128000,1500000\t200000,2000000,3000000"),
        );
        let ranges = serde_json::json!({"mode": "chat", "tiered_pricing": [
            {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
            {"range": [32000.0, 128000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 4e-06}]});
        check(ranges, Some("1000000,2000000\t32000,2000000,4000000"));
    }

    #[test]
    fn a_price_of_nothing_is_believed_only_of_the_own_machine() {
        let free = serde_json::json!({"mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0});
        let models = ["ollama/llama3", "ollama/big:480b-cloud", "hosted/new-model"];
        let models = models
            .iter()
            .map(|name| ((*name).to_owned(), free.clone()))
            .collect();
        assert_eq!(
            lines(&models).unwrap().into_keys().collect::<Vec<_>>(),
            ["ollama/llama3"]
        );
    }

    #[test]
    fn what_is_not_paid_by_the_token_has_no_line() {
        check(
            serde_json::json!({"mode": "image_generation", "input_cost_per_token": 1e-06}),
            None,
        );
        check(
            serde_json::json!({"mode": "chat", "input_cost_per_token": 1e-06}),
            None,
        );
        check(
            serde_json::json!({"mode": "chat", "output_cost_per_token": 1e-06}),
            None,
        );
        check(
            serde_json::json!({"mode": "embedding", "input_cost_per_token": 1e-07}),
            Some("100000,0"),
        );
    }
}
