//! A crate from the registry: fetched, copied, built and tested.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::rewrite::Exception;
use crate::cargo::cargo;

/// Longest that the tests of one binary run.
const LIMIT: Duration = Duration::from_secs(600);

/// A crate that ships its tests.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    features: &'static str,
    /// Macros of its own that make functions of what they are called with: they have the attribute from the rules.
    pub(super) covered: &'static [&'static str],
    /// Functions that cannot bear the attribute.
    pub(super) except: &'static [Exception],
    /// Changes to both copies.
    patches: &'static [Patch],
}

/// What stands in a file, what stands there instead, and why.
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    reason: &'static str,
}

/// Not the attribute's doing.
const SERDE_JSON: &str =
    "what an i32 is compared with is ambiguous in any program that also has serde_json";

/// All subjects.
pub(super) const SUBJECTS: [Subject; 3] = [
    Subject {
        name: "itertools",
        version: "0.14.0",
        features: "default",
        covered: &["quickcheck"],
        except: &[],
        patches: &[
            Patch {
                file: "tests/quick.rs",
                from: "assert_equal(empty, std::iter::once(Vec::new()))",
                to: "assert_equal(empty, std::iter::once(Vec::<i32>::new()))",
                reason: SERDE_JSON,
            },
            Patch {
                file: "tests/test_std.rs",
                from: "vec![vec![]]",
                to: "vec![Vec::<i32>::new()]",
                reason: SERDE_JSON,
            },
            Patch {
                file: "tests/test_std.rs",
                from: "<Vec<Vec<_>>>::new()",
                to: "<Vec<Vec<i32>>>::new()",
                reason: SERDE_JSON,
            },
        ],
    },
    Subject {
        name: "tower-http",
        version: "0.6.11",
        features: "full",
        covered: &[],
        except: &[],
        patches: &[],
    },
    Subject {
        name: "mini-redis",
        version: "0.4.1",
        features: "",
        covered: &[],
        except: &[],
        patches: &[],
    },
];

impl Subject {
    /// The sources, as cargo unpacked them.
    pub(super) fn fetch(&self, dir: &Path) -> anyhow::Result<PathBuf> {
        let dir = dir.join(self.name);
        fs::create_dir_all(dir.join("src"))?;
        fs::write(dir.join("src/lib.rs"), "")?;
        let manifest = format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
             [dependencies]\n{} = \"={}\"\n",
            self.name, self.version
        );
        fs::write(dir.join("Cargo.toml"), manifest)?;
        let output = cargo(&dir)
            .args(["metadata", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "cargo cannot fetch {}", self.name);
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let package = packages
            .iter()
            .find(|package| package["name"] == self.name && package["version"] == self.version);
        let manifest = package.and_then(|package| package["manifest_path"].as_str());
        let manifest = Path::new(manifest.context("the package was not fetched")?);
        Ok(manifest
            .parent()
            .context("a manifest lies somewhere")?
            .to_owned())
    }
}

/// A crate that opens the session of every process it is linked into, before `main`.
pub(super) fn session_crate(root: &Path, dir: &Path) -> anyhow::Result<PathBuf> {
    let dir = dir.join("torture-session");
    fs::create_dir_all(dir.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"torture-session\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nagentops = {{ path = {:?}, default-features = false, features = [\"enable\"] }}\n",
        root.join("crates/agentops")
    );
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::write(dir.join("src/lib.rs"), SESSION)?;
    Ok(dir)
}

const SESSION: &str = r#"
#[used]
#[unsafe(link_section = ".init_array")]
static OPEN: extern "C" fn() = open;

extern "C" fn open() {
    if std::env::var_os("AGENTOPS_DATA_DIR").is_some() {
        let config = agentops::Config::from_env();
        let session = agentops::init(config.disk_limit(256 << 20).summary(agentops::SummaryLine::Never));
        session.add_tags(["torture"]);
    }
}
"#;

/// What a copy's build and tests said.
pub(super) struct Report {
    pub(super) ran: BTreeSet<String>,
    pub(super) passed: BTreeSet<String>,
    pub(super) messages: BTreeSet<String>,
    pub(super) events: usize,
    pub(super) lost: u64,
    /// The end of what binaries said that failed.
    pub(super) trouble: Vec<String>,
}

/// A copy of a subject.
pub(super) struct Copy {
    path: PathBuf,
    features: &'static str,
}

impl Copy {
    /// Copies the sources, as a workspace of its own.
    pub(super) fn make(subject: &Subject, from: &Path, to: &Path) -> anyhow::Result<Copy> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        copy_all(from, to)?;
        let _ = fs::remove_file(to.join("Cargo.lock"));
        let copy = Copy {
            path: to.to_owned(),
            features: subject.features,
        };
        if let (Some(above), readme) = (to.parent(), to.join("README.md")) {
            // Tests look at the one of the repository, which is the same text.
            fs::copy(readme, above.join("README.md"))?;
        }
        for patch in subject.patches {
            let path = to.join(patch.file);
            let text = fs::read_to_string(&path)?;
            ensure!(
                text.contains(patch.from),
                "nothing to patch in {}",
                patch.file
            );
            fs::write(&path, text.replace(patch.from, patch.to))?;
            println!("patched: {}: {}", patch.file, patch.reason);
        }
        let manifest = fs::read_to_string(to.join("Cargo.toml"))?;
        if !manifest.contains("\n[workspace]") {
            copy.append("Cargo.toml", "\n[workspace]\n")?;
        }
        Ok(copy)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the copy one that can be recorded, in a session of each process.
    pub(super) fn depend_on(&self, root: &Path, session: &Path) -> anyhow::Result<()> {
        let agentops = root.join("crates/agentops");
        self.append(
            "Cargo.toml",
            &format!(
                "\n[dependencies.agentops]\npath = {agentops:?}\ndefault-features = false\nfeatures = [\"enable\"]\n\
                 \n[dependencies.torture-session]\npath = {session:?}\n"
            ),
        )?;
        self.append("src/lib.rs", "\nextern crate torture_session as _;\n")
    }

    fn append(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.path.join(file))?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Builds the tests and runs them.
    pub(super) fn test(&self, target: &Path) -> anyhow::Result<Report> {
        let built = self.cargo(target, &["test", "--no-run", "--lib", "--tests"], &[])?;
        let mut report = Report {
            ran: BTreeSet::new(),
            passed: BTreeSet::new(),
            messages: self.messages(&built),
            events: 0,
            lost: 0,
            trouble: Vec::new(),
        };
        for artifact in &built {
            let executable = artifact["executable"].as_str();
            if let (true, Some(executable)) = (artifact["profile"]["test"] == true, executable) {
                let name = artifact["target"]["name"].as_str().unwrap_or("lib");
                self.run(name, Path::new(executable), &mut report)?;
            }
        }
        Ok(report)
    }

    /// What clippy says, with its pedantic lints.
    pub(super) fn clippy(&self, target: &Path) -> anyhow::Result<BTreeSet<String>> {
        let lints = ["--", "-W", "clippy::all", "-W", "clippy::pedantic"];
        let said = self.cargo(target, &["clippy", "--lib", "--tests"], &lints)?;
        Ok(self.messages(&said))
    }

    fn cargo(&self, target: &Path, args: &[&str], last: &[&str]) -> anyhow::Result<Vec<Value>> {
        println!("cargo {} in {}", args.join(" "), self.path.display());
        let output = cargo(&self.path)
            .args(args)
            .args(["--quiet", "--features", self.features])
            .args(["--message-format", "json"])
            .args(last)
            .env("CARGO_TARGET_DIR", target)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        if output.status.success() {
            return Ok(lines);
        }
        let errors = lines
            .iter()
            .filter(|line| line["message"]["level"] == "error");
        let errors: Vec<_> = errors
            .filter_map(|line| line["message"]["rendered"].as_str())
            .take(20)
            .collect();
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("it does not compile:\n{said}{}", errors.join("\n"))
    }

    /// Code and place of what was said of this package. A line holds the same as without the attribute.
    fn messages(&self, said: &[Value]) -> BTreeSet<String> {
        let of_this = said.iter().filter(|line| {
            line["reason"] == "compiler-message"
                && line["manifest_path"]
                    .as_str()
                    .is_some_and(|path| Path::new(path).starts_with(&self.path))
        });
        of_this
            .filter_map(|line| {
                let message = &line["message"];
                let spans = message["spans"].as_array()?;
                let span = spans.iter().find(|span| span["is_primary"] == true)?;
                let code = message["code"]["code"].as_str().unwrap_or("no code");
                let file = span["file_name"].as_str()?;
                Some(format!("{code} at {file}:{}", span["line_start"]))
            })
            .collect()
    }

    fn run(&self, name: &str, executable: &Path, report: &mut Report) -> anyhow::Result<()> {
        let data = tempfile::tempdir()?;
        let log = data.path().join("log");
        let mut child = Command::new(executable)
            .current_dir(&self.path)
            .env("AGENTOPS_DATA_DIR", data.path())
            .env_remove("AGENTOPS_API_KEY")
            // Random cases, each of thousands of calls: unoptimised and all recorded, a hundred of each take an hour.
            .env("QUICKCHECK_TESTS", "10")
            .env_remove("AGENTOPS_API_ENDPOINT")
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()?;
        let started = Instant::now();
        while child.try_wait()?.is_none() {
            if started.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                report
                    .trouble
                    .push(format!("{name}: killed after {LIMIT:?}"));
                break;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let text = fs::read_to_string(&log)?;
        for line in text.lines() {
            let Some((test, how)) = line
                .strip_prefix("test ")
                .and_then(|line| line.rsplit_once(" ... "))
            else {
                continue;
            };
            // `should panic` is said behind the name of the test.
            let test = format!("{name}::{}", test.trim_end_matches(" - should panic"));
            if how == "ok" {
                report.passed.insert(test.clone());
            }
            report.ran.insert(test);
        }
        let (events, lost) = spooled(&data.path().join("spool"))?;
        report.events += events;
        report.lost += lost;
        println!(
            "  {name}: {:.1} s, {events} events, {lost} lost",
            started.elapsed().as_secs_f64()
        );
        Ok(())
    }
}

/// Events in a spool, and how many its last update says were lost.
fn spooled(spool: &Path) -> anyhow::Result<(usize, u64)> {
    let (mut events, mut lost) = (0, 0);
    if !spool.is_dir() {
        return Ok((events, lost));
    }
    for writer in fs::read_dir(spool)? {
        for file in fs::read_dir(writer?.path())? {
            let path = file?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != "ndjson")
            {
                continue;
            }
            for line in fs::read_to_string(&path)?.lines() {
                if line.contains("\"op\":\"event\"") {
                    events += 1;
                } else if line.contains("\"dropped\"") {
                    let line: Value = serde_json::from_str(line).unwrap_or_default();
                    let counts = line["body"]["dropped"].as_object();
                    let sum = counts.map(|counts| counts.values().filter_map(Value::as_u64).sum());
                    lost = lost.max(sum.unwrap_or(0));
                }
            }
        }
    }
    Ok((events, lost))
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
