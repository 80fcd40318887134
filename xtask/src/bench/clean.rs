//! `cargo xtask bench build`: what a clean debug build of the dependency costs, beside those of the peers.
//!
//! Each subject is the only dependency (or the set that is used together) of an empty library in a temporary folder, with
//! an empty target directory. Sources are fetched before the clock starts. Rounds are interleaved, so that a busy
//! minute meets all of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::build::target;
use crate::cargo::cargo;

/// Rounds, and how many with `--quick`.
const ROUNDS: (usize, usize) = (3, 1);
/// The share of sentry's time that ours may take.
const SHARE: f64 = 0.7;

/// What a user would depend on, as lines of a manifest; `{agentops}` is where our crate lies.
const SUBJECTS: &[(&str, &str)] = &[
    ("agentops", "agentops = { path = \"{agentops}\" }"),
    ("sentry", "sentry = \"=0.49.5\""),
    (
        "tracing + otel + otlp",
        "tracing = \"0.1.44\"\ntracing-subscriber = \"0.3.23\"\ntracing-opentelemetry = \"=0.34.0\"\n\
         opentelemetry = \"=0.33.1\"\nopentelemetry_sdk = \"=0.33.1\"\nopentelemetry-otlp = \"0.33\"",
    ),
    (
        "fastrace",
        "fastrace = { version = \"=0.7.19\", features = [\"enable\"] }",
    ),
];

/// A subject that is being measured.
struct Subject {
    name: &'static str,
    folder: PathBuf,
    seconds: Vec<f64>,
    crates: usize,
}

/// Builds all of them and writes `target/bench/build.json`.
pub(super) fn run(root: &Path, quick: bool) -> anyhow::Result<()> {
    let here = tempfile::tempdir()?;
    let mut subjects = Vec::new();
    for (name, dependencies) in SUBJECTS {
        subjects.push(prepared(root, here.path(), name, dependencies)?);
    }
    for _ in 0..if quick { ROUNDS.1 } else { ROUNDS.0 } {
        for subject in &mut subjects {
            subject.build()?;
        }
    }
    let of = |name: &str| subjects.iter().find(|subject| subject.name == name);
    let (ours, sentry) = of("agentops")
        .zip(of("sentry"))
        .context("both were built")?;
    let targets = [
        target_of("build / sentry's", ours.median() / sentry.median(), SHARE),
        target_of(
            "crates / sentry's",
            ours.crates as f64 / sentry.crates as f64,
            1.0,
        ),
    ];
    println!(
        "{:<24} {:>7} {:>9}",
        "clean debug build", "crates", "seconds"
    );
    for subject in &subjects {
        println!(
            "{:<24} {:>7} {:>9.1}",
            subject.name,
            subject.crates,
            subject.median()
        );
    }
    let rows: Vec<Value> = subjects.iter().map(Subject::row).collect();
    let json = json!({"quick": quick, "rows": rows, "targets": targets});
    let folder = target(root).join("bench");
    std::fs::create_dir_all(&folder)?;
    let out = folder.join("build.json");
    std::fs::write(&out, format!("{json:#}\n"))?;
    println!("figures: {}", out.display());
    Ok(())
}

/// In the form that the other benchmarks write.
fn target_of(name: &str, value: f64, limit: f64) -> Value {
    json!({"name": name, "value": value, "limit": limit, "met": value <= limit})
}

/// An empty library with these dependencies, their sources at hand.
fn prepared(
    root: &Path,
    here: &Path,
    name: &'static str,
    dependencies: &str,
) -> anyhow::Result<Subject> {
    let folder = here.join(name.replace(' ', ""));
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("src").join("lib.rs"), "")?;
    let ours = root.join("crates").join("agentops");
    let dependencies = dependencies.replace("{agentops}", &ours.to_string_lossy());
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{dependencies}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    // The toolchain of the project, also outside of it.
    let pinned = Path::new("rust-toolchain.toml");
    std::fs::copy(root.join(pinned), folder.join(pinned))?;
    let fetched = cargo(&folder).args(["fetch", "--quiet"]).status()?;
    ensure!(fetched.success(), "the sources of {name} cannot be fetched");
    Ok(Subject {
        name,
        folder,
        seconds: Vec::new(),
        crates: 0,
    })
}

impl Subject {
    /// One clean build, by the clock.
    fn build(&mut self) -> anyhow::Result<()> {
        let target = self.folder.join("target");
        if target.exists() {
            std::fs::remove_dir_all(&target)?;
        }
        let begun = Instant::now();
        let built = cargo(&self.folder)
            .args(["build", "--offline", "--quiet", "--message-format", "json"])
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .stderr(Stdio::inherit())
            .output()?;
        self.seconds.push(begun.elapsed().as_secs_f64());
        ensure!(built.status.success(), "{} cannot be built", self.name);
        self.crates = crates(&String::from_utf8_lossy(&built.stdout));
        std::fs::remove_dir_all(&target)?;
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    }

    fn row(&self) -> Value {
        json!({
            "subject": self.name,
            "crates": self.crates,
            "seconds": self.seconds,
            "median_s": self.median(),
        })
    }
}

/// How many packages cargo built, the empty library not counted.
fn crates(messages: &str) -> usize {
    let built: BTreeSet<String> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| message["package_id"].as_str().map(str::to_owned))
        .collect();
    built.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::crates;

    #[test]
    fn a_package_counts_once_and_the_library_itself_not() {
        let artifact =
            |id: &str| format!("{{\"reason\":\"compiler-artifact\",\"package_id\":\"{id}\"}}\n");
        let other = "{\"reason\":\"build-script-executed\",\"package_id\":\"z\"}\nno json\n";
        let messages = artifact("a") + &artifact("a") + other + &artifact("b") + &artifact("user");
        assert_eq!(crates(&messages), 2);
    }
}
