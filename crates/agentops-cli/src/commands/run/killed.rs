//! Whether the kernel killed something here for want of memory, as the control group counts it.
//!
//! The command runs in the control group of this process, unless it leaves it. The kernel counts
//! the processes that it kills there before it kills them, so a count that has risen while the
//! command ran says why it was killed. Where there is no such count nothing is claimed.

use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// The control groups of this process, one hierarchy a line: `number:controllers:path`.
const OWN: &str = "/proc/self/cgroup";

/// The count, as it was when the watch began.
#[derive(Debug)]
pub(super) struct OutOfMemory(Option<(PathBuf, u64)>);

impl OutOfMemory {
    /// Remembers how many were killed until now.
    pub(super) fn watch() -> Self {
        let own = std::fs::read_to_string(OWN).unwrap_or_default();
        Self::of(Path::new(MOUNT), &own)
    }

    /// The count of the first group of `own` that has one.
    fn of(mount: &Path, own: &str) -> Self {
        let found = files(mount, own).find_map(|file| count(&file).map(|count| (file, count)));
        Self(found)
    }

    /// Whether any more were killed since.
    #[cfg(any(unix, test))]
    pub(super) fn has_killed(&self) -> bool {
        let Some((file, before)) = &self.0 else {
            return false;
        };
        count(file).is_some_and(|now| now > *before)
    }
}

/// Where the count may be: in version 2 of control groups, in version 1; by the path that the
/// kernel tells, or, in a container that sees its own part only, at the mount.
fn files(mount: &Path, own: &str) -> impl Iterator<Item = PathBuf> {
    let lines = own.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, file) = if controllers.is_empty() {
            (mount.to_owned(), "memory.events")
        } else if controllers.split(',').any(|name| name == "memory") {
            (mount.join(controllers), "memory.oom_control")
        } else {
            return None;
        };
        let path = root.join(path.trim_start_matches('/')).join(file);
        Some([path, root.join(file)])
    });
    lines.flatten()
}

/// The line `oom_kill N` of such a file.
fn count(file: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &str, at: &str, before: &str, after: &str, killed: bool) {
        let mount = tempfile::tempdir().unwrap();
        let file = mount.path().join(at);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, before).unwrap();
        let watch = OutOfMemory::of(mount.path(), own);
        assert!(!watch.has_killed());
        std::fs::write(&file, after).unwrap();
        assert_eq!(watch.has_killed(), killed, "{own:?} {at}");
    }

    #[test]
    fn a_count_that_rises_says_so() {
        let v2 = "0::/user.slice/a:b\n";
        let events = |kills: u64| format!("low 0\noom 7\noom_kill {kills}\noom_group_kill 0\n");
        let at = "user.slice/a:b/memory.events";
        check(v2, at, &events(3), &events(4), true);
        check(v2, at, &events(3), &events(3), false);
        check(v2, "memory.events", &events(0), &events(1), true);
        let v1 = "9:name=systemd:/\n4:memory:/box\n0::/\n";
        let control = |kills: u64| format!("oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n");
        let at = "memory/box/memory.oom_control";
        check(v1, at, &control(0), &control(1), true);
        check(v1, at, &control(5), &control(5), false);
    }

    #[test]
    fn without_a_count_nothing_is_claimed() {
        check("0::/", "memory.events", "low 0\n", "oom_kill 1\n", false);
        check("", "memory.events", "oom_kill 0\n", "oom_kill 1\n", false);
        check(
            "4:cpu:/",
            "memory.events",
            "oom_kill 0\n",
            "oom_kill 1\n",
            false,
        );
        check("garbage", "x", "", "", false);
    }
}
