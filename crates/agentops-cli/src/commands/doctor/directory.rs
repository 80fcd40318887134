//! The data directory: whether it can be written and by whom read, the disk under it, the spool.

use std::io;
use std::path::Path;

use super::check::Check;
use crate::commands::spool::left;
use crate::text::{counted, size};
use crate::{backend, env};

/// Free bytes below which recording will soon stop, and below which it is no matter yet.
const TOO_LITTLE: u64 = 64 << 20;
const LITTLE: u64 = 1 << 30;

pub(super) fn checks(given: Option<&Path>) -> Vec<Check> {
    let dir = match backend::data_dir(given) {
        Ok(dir) => dir,
        Err(error) => {
            let fix = format!("give --data-dir, or set {}", env::DATA_DIR);
            return vec![Check::fault("data directory", format!("{error:#}"), fix)];
        }
    };
    let mut checks = vec![directory(&dir, given)];
    checks.extend(space(&dir));
    if dir.is_dir() {
        checks.extend(permissions(&dir));
        checks.push(spool(&dir));
        checks.push(local_server(&dir));
    }
    checks
}

/// Whether there is a directory and files can be made in it.
fn directory(dir: &Path, given: Option<&Path>) -> Check {
    let shown = dir.display();
    let whose = match given {
        Some(_) => "by --data-dir",
        None if env::get(env::DATA_DIR).is_some() => "by AGENTOPS_DATA_DIR",
        None => "the platform's",
    };
    let name = "data directory";
    match std::fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // It is made with the first session; whether that will work, its nearest parent tells.
            let parent = dir.ancestors().find(|above| above.exists());
            match parent.map(is_writable) {
                Some(Ok(())) => Check::good(name, format!("{shown} ({whose}), not made yet")),
                Some(Err(error)) => Check::fault(
                    name,
                    format!("{shown} ({whose}) cannot be made: {error}"),
                    "make it, or choose another one by AGENTOPS_DATA_DIR",
                ),
                None => Check::fault(
                    name,
                    format!("{shown} ({whose}) has no parent"),
                    "choose another one",
                ),
            }
        }
        Err(error) => Check::fault(
            name,
            format!("{shown} ({whose}): {error}"),
            "mend its permissions",
        ),
        Ok(found) if !found.is_dir() => Check::fault(
            name,
            format!("{shown} ({whose}) is no directory"),
            "remove that file, or choose another directory by AGENTOPS_DATA_DIR",
        ),
        Ok(_) => match is_writable(dir) {
            Ok(()) => Check::good(name, format!("{shown} ({whose}), writable")),
            Err(error) => Check::fault(
                name,
                format!("{shown} ({whose}) cannot be written: {error}"),
                "give this user the right to write there, or choose another one by AGENTOPS_DATA_DIR",
            ),
        },
    }
}

/// Makes a file without a name, or one that is gone at once.
fn is_writable(dir: &Path) -> io::Result<()> {
    let probe = dir.join(format!(".agentops-doctor-{}", uuid::Uuid::new_v4()));
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe);
    made?;
    std::fs::remove_file(&probe)
}

#[cfg(unix)]
fn permissions(dir: &Path) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(dir).ok()?.permissions().mode() & 0o777;
    let name = "permissions";
    Some(match mode & 0o077 {
        0 => Check::good(name, format!("{mode:03o}, only its owner can read it")),
        _ => Check::warning(
            name,
            format!("{mode:03o}, others can look into it"),
            format!("chmod 700 {}", dir.display()),
        ),
    })
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Option<Check> {
    None
}

#[cfg(unix)]
fn space(dir: &Path) -> Option<Check> {
    let there = dir.ancestors().find(|above| above.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let (name, shown) = ("disk", format!("{} free", size(free)));
    let fix = "make room; `agentops serve --keep-days` and `--keep-mb` bound what a server keeps";
    Some(match free {
        ..TOO_LITTLE => Check::fault(name, shown, fix),
        TOO_LITTLE..LITTLE => Check::warning(name, shown, fix),
        _ => Check::good(name, shown),
    })
}

#[cfg(not(unix))]
fn space(_: &Path) -> Option<Check> {
    None
}

/// What waits in the spool and will not go by itself.
fn spool(dir: &Path) -> Check {
    let name = "spool";
    let (found, refused) = match (left::all(dir), left::refused(dir)) {
        (Ok(found), Ok(refused)) => (found, refused),
        (Err(error), _) | (_, Err(error)) => {
            return Check::fault(
                name,
                error.to_string(),
                "mend the permissions of what is in it",
            );
        }
    };
    if refused > 0 {
        let shown = format!(
            "{} that a server refused for good",
            counted(refused, "line")
        );
        let fix = format!(
            "look into {}, then remove it",
            dir.join(left::QUARANTINE).display()
        );
        return Check::warning(name, shown, fix);
    }
    let damaged: u64 = found.iter().map(|left| left.damaged).sum();
    if damaged > 0 {
        let shown = format!("{} that cannot be read", counted(damaged, "line"));
        return Check::warning(
            name,
            shown,
            "check the disk; `agentops spool status` says where they are",
        );
    }
    // What is for this machine is imported by whoever reads it; what living programs wrote, they send.
    let waiting = found
        .iter()
        .filter(|left| !left.live && left.endpoint.is_some());
    let waiting: u64 = waiting.map(|left| left.waiting).sum();
    match waiting {
        0 => Check::good(name, "nothing waits for a server"),
        lines => Check::warning(
            name,
            format!(
                "{} of programs that are gone wait for a server",
                counted(lines, "line")
            ),
            "`agentops spool flush` sends them; `agentops spool status` says for whom they are",
        ),
    }
}

/// Whether a server has the directory.
fn local_server(dir: &Path) -> Check {
    let name = "local server";
    match agentops_server::running_server(dir) {
        Ok(Some(place)) => Check::good(name, format!("{} has this directory open", place.url)),
        Ok(None) => Check::good(name, "none; the commands open the directory themselves"),
        Err(error) => Check::fault(
            name,
            error.to_string(),
            "mend the permissions of server.lock",
        ),
    }
}
