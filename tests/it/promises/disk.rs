//! Disks that are small, full, read-only or not there: the program runs on, and every event is delivered, in the
//! spool, or counted by reason.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use agentops::{EndState, Loss, SessionOptions, ToolEvent};
use agentops_spool::{Op, Position, Spool};
use agentops_tests::{Faulty, Home, Process, Reaction, program, wait_for};
use serde_json::json;

use super::support::{LONG, Sdk, flush_in_time, record, spooled, unacknowledged};
use crate::common::{counted, list, new_key, text};

/// Bytes of files below a folder.
fn size(path: &Path) -> u64 {
    std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                size(&entry.path())
            } else {
                entry.metadata().unwrap().len()
            }
        })
        .sum()
}

#[test]
fn what_does_not_fit_is_counted_and_the_rest_arrives() {
    if super::support::elsewhere() {
        return;
    }
    const LIMIT: u64 = 200_000;
    // The threads' own buffers have this much too; in it they hold all that is recorded.
    const MEMORY: usize = 1_000_000;
    let mut server = Faulty::kind();
    server.stop();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(LIMIT).memory_limit(MEMORY)
    });
    let id = sdk.session.id().to_owned();
    let lost = wait_for("the limits", LONG, || {
        sdk.record(500);
        flush_in_time("disk limit", &sdk.client);
        sdk.session.dropped().get(&Loss::DiskFull).copied()
    });
    sdk.record(500);
    flush_in_time("beyond the limit", &sdk.client);
    let kept = spooled(sdk.data_dir.path());
    assert!(kept.len() > 100, "{}", kept.len());
    assert!(kept.is_sorted());
    assert!(sdk.session.spooled() <= kept.len() as u64);
    let bytes = size(&sdk.data_dir.path().join("spool"));
    println!(
        "{} on the disk, {bytes} bytes; {lost} lost by then",
        kept.len()
    );
    assert!(bytes < LIMIT + LIMIT / 4, "{bytes}");

    // The end has its place even now.
    let ended = sdk.session.end(EndState::Failure).reason("no room").wait();
    assert!(!ended.delivered);
    server.start_again();
    assert!(!sdk.session.flush_blocking(LONG), "not all of it");
    let (stored, dropped) = (server.stored(&id), sdk.session.dropped());
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    let (arrived, lost) = (stored.numbers(), dropped[&Loss::DiskFull]);
    println!("{} arrived, {lost} lost", arrived.len());
    assert_eq!(arrived.len() as u64 + lost, sdk.all().len() as u64);
    assert!(arrived.is_sorted() && arrived.starts_with(&kept));
    assert!(
        arrived.len() > kept.len() * 3,
        "memory holds more than the disk"
    );
    let end = stored.session.last().unwrap();
    assert_eq!(end["end_state"], "Fail", "{end}");
    assert_eq!(end["end_state_reason"], "no room");
    assert_eq!(end["dropped"], json!({ "disk_full": lost }));
}

/// A session that the server does not take fills the disk; the others go their way through memory.
#[test]
fn a_disk_that_one_session_has_filled_costs_the_others_nothing() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::start(|request| match request.session.starts_with("stuck") {
        true => Reaction::refuse(500),
        false => Reaction::Accept,
    });
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(200_000).memory_limit(1_000_000)
    });
    let stuck = SessionOptions::new().inherit("stuck");
    let stuck = sdk.client.start_session(stuck);
    for round in 0..40 {
        record(&stuck, round * 200..(round + 1) * 200);
        sdk.record(200);
        assert!(sdk.session.flush_blocking(LONG), "round {round}");
    }
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    let lost = stuck.dropped()[&Loss::DiskFull];
    println!("{lost} of the session that is not taken are lost");
    server.react(|_| Reaction::Accept);
    assert!(!stuck.flush_blocking(LONG), "some of it is lost");
    let arrived = server.stored("stuck").numbers();
    assert_eq!(arrived.len() as u64 + lost, 8_000);
    assert!(arrived.is_sorted() && arrived.len() > 1_000);
    // It has caught up, and the disk is used again.
    sdk.record(10);
    assert!(!sdk.client.flush_blocking(LONG), "told of the losses once");
    assert!(sdk.client.flush_blocking(LONG));
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
}

/// What it was written in is delivered and removed long before it ends; should the program die, it is known to have run.
#[test]
fn a_call_that_runs_stays_in_the_spool() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(300_000)
    });
    let call = sdk
        .session
        .start(ToolEvent::new("long").params(&"the one that matters"));
    let mut oldest = Vec::new();
    for _ in 0..20 {
        sdk.record(500);
        assert!(sdk.client.flush_blocking(LONG));
        let running = running(sdk.data_dir.path());
        assert!(!running.is_empty(), "it is known");
        assert!(running.iter().all(|(name, _)| name == "long"));
        oldest.push(running[0].1.segment);
    }
    assert!(
        oldest[19] > oldest[0] + 5,
        "its segment has gone: {oldest:?}"
    );
    call.finish(&1);
    assert!(sdk.client.flush_blocking(LONG));
    let events = server.stored(sdk.session.id()).events;
    assert_eq!(
        events
            .iter()
            .filter(|event| event["name"] == "long")
            .count(),
        1
    );
}

/// Names and places of the calls that the spool knows to run.
fn running(data_dir: &Path) -> Vec<(String, Position)> {
    let mut running = Vec::new();
    for directory in Spool::at(data_dir).directories().unwrap() {
        let mut reader = directory.reader();
        let mut at = Position::START;
        loop {
            let batch = reader.next_batch(at, 4_096, 8 << 20).unwrap();
            if batch.end == at {
                break;
            }
            at = batch.end;
            let open = batch.lines.iter().filter(|line| line.op == Op::Open);
            running.extend(open.map(|line| {
                let event: serde_json::Value = serde_json::from_str(line.body.get()).unwrap();
                (event["name"].as_str().unwrap().to_owned(), line.at)
            }));
        }
    }
    running
}

/// Nothing can be written any more, and all of it arrives all the same.
#[test]
fn a_spool_that_is_deleted_under_the_program_costs_nothing() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let mut sdk = Sdk::sending(&server);
    sdk.record(100);
    assert!(sdk.client.flush_blocking(LONG));
    std::fs::remove_dir_all(sdk.data_dir.path().join("spool")).unwrap();
    for _ in 0..10 {
        sdk.record(500);
        assert!(sdk.client.flush_blocking(LONG));
        assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    }
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    assert_eq!(
        sdk.session.spooled(),
        sdk.all().len() as u64,
        "they are safe"
    );
    let log = server.log();
    let batches: HashSet<_> = log.iter().map(|request| &request.batch).collect();
    assert_eq!(batches.len(), log.len(), "nothing was sent twice");
    assert!(sdk.session.end(EndState::Success).wait().delivered);
}

/// Somebody else has filled the disk, so that nothing of ours makes room.
#[test]
fn a_disk_that_others_have_filled_is_gone_around() {
    if super::support::elsewhere() {
        return;
    }
    let Some(mounted) = Mounted::tmpfs("size=1m") else {
        return;
    };
    let mut server = Faulty::kind();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.data_dir(mounted.path())
    });
    sdk.record(10);
    assert!(sdk.client.flush_blocking(LONG));
    let filler = mounted.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    drop(file);
    for _ in 0..5 {
        sdk.record(2_000);
        assert!(sdk.client.flush_blocking(LONG));
        assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    }
    // An outage meanwhile costs nothing that memory holds.
    server.stop();
    sdk.record(2_000);
    assert!(!flush_in_time("full disk", &sdk.client));
    server.start_again();
    assert!(sdk.client.flush_blocking(LONG));
    // With room again, what is recorded is on the disk first.
    std::fs::remove_file(&filler).unwrap();
    server.stop();
    let before = sdk.all().len() as u64;
    sdk.record(100);
    wait_for("the disk is used again", LONG, || {
        let new: Vec<u64> = (before..before + 100).collect();
        spooled(mounted.path()).ends_with(&new).then_some(())
    });
    server.start_again();
    sdk.all_delivered_from(&server, mounted.path());
}

/// What was delivered makes room: a limit is none on what goes through.
#[test]
fn a_small_limit_is_enough_for_much() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(300_000)
    });
    for _ in 0..50 {
        sdk.record(200);
        assert!(sdk.client.flush_blocking(LONG));
    }
    sdk.all_delivered(&server);
    let bytes = size(&sdk.data_dir.path().join("spool"));
    assert!(bytes <= 300_000, "{bytes}");
}

/// A place where nothing can be made, whoever asks: below a file.
#[test]
fn without_a_disk_events_go_from_memory() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.data_dir(file.path().join("below"))
    });
    sdk.record(1_000);
    assert!(sdk.client.flush_blocking(LONG));
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    assert_eq!(sdk.session.spooled(), 1_000, "they can be delivered");
}

#[test]
fn without_a_disk_and_a_server_memory_is_bounded_and_losses_are_counted() {
    if super::support::elsewhere() {
        return;
    }
    let mut server = Faulty::kind();
    server.stop();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        let config = config.data_dir(file.path().join("below"));
        config.memory_limit(1 << 20)
    });
    for _ in 0..20 {
        sdk.record(1_000);
        assert!(!flush_in_time("memory limit", &sdk.client));
    }
    let dropped = sdk.session.dropped();
    let lost = dropped[&Loss::MemoryFull];
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    server.start_again();
    // What was lost has been told; what was not arrives.
    assert!(sdk.client.flush_blocking(LONG));
    let delivered = server.stored(sdk.session.id()).numbers();
    println!("{} delivered, {lost} lost", delivered.len());
    assert_eq!(delivered.len() as u64 + lost, 20_000);
    assert!(delivered.len() > 1_000);
    assert!(delivered.is_sorted());
}

/// The program does not know that it has no disk, in local mode too.
#[test]
fn a_program_without_a_disk_runs_as_ever() {
    if super::support::elsewhere() {
        return;
    }
    let home = Home::new();
    std::fs::write(home.path().join("file"), "").unwrap();
    let mut places = vec![home.path().join("file/below")];
    let mounted = Mounted::tmpfs("ro");
    places.extend(mounted.as_ref().map(|mounted| mounted.path().join("below")));
    for place in places {
        let mut command = home.command(program!("puppet"));
        command.env("AGENTOPS_DATA_DIR", &place).args([
            "count 0 100 0",
            "flush 1000",
            "end Success fine",
        ]);
        let mut puppet = Process::spawn(command);
        assert!(!puppet.line_of("session").is_empty());
        let finished = puppet.finish();
        assert_eq!((finished.code, &*finished.err), (Some(0), ""));
        let done = finished
            .lines
            .iter()
            .filter(|line| line.starts_with("counted"));
        assert_eq!(done.count(), 100);
        assert!(!place.exists());
    }
}

/// Nobody has said where: no HOME, no XDG variable, and a user that the system does not know.
#[cfg(unix)]
#[test]
fn a_user_without_a_home_gets_a_private_place() {
    if super::support::elsewhere() {
        return;
    }
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let home = Home::new();
    let temporary = home.dir("tmp");
    let program = home.path().join("puppet");
    std::fs::copy(program!("puppet"), &program).unwrap();
    for path in [home.path(), &temporary] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let mut command = home.command(&program);
    command.env_remove("HOME").env("TMPDIR", &temporary).args([
        "count 0 100 0",
        "flush 1000",
        "end Success fine",
    ]);
    if std::fs::metadata(&temporary).unwrap().uid() == 0 {
        command.uid(54_321);
    } else {
        println!("skipped: only root can become a user that has no home");
        return;
    }
    let finished = Process::spawn(command).finish();
    assert_eq!((finished.code, &*finished.err), (Some(0), ""));
    assert!(finished.lines.contains(&"flushed true".to_owned()));
    let made: Vec<_> = std::fs::read_dir(&temporary)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(
        made[0].metadata().unwrap().mode() & 0o077,
        0,
        "it is private"
    );
    let sessions = crate::common::local_sessions(&home, &made[0].path());
    let export = home.export(&made[0].path(), text(&sessions[0], "session_id"));
    assert_eq!(counted(&export), (0..100).collect::<Vec<_>>());
    assert_eq!(list(&export, "tools").len(), 100);
}

#[test]
fn a_full_disk_holds_nothing_up_and_loses_nothing_that_fits_into_memory() {
    if super::support::elsewhere() {
        return;
    }
    let Some(mounted) = Mounted::tmpfs("size=1m") else {
        return;
    };
    let mut server = Faulty::kind();
    server.stop();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.data_dir(mounted.path())
    });
    for _ in 0..10 {
        sdk.record(1_000);
        assert!(!flush_in_time("full disk", &sdk.client));
    }
    let kept = spooled(mounted.path());
    println!("{} are on the disk", kept.len());
    assert!(kept.len() > 1_000 && kept.len() < 10_000);
    assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
    let safe = sdk.session.spooled();
    assert!(
        safe > 0 && safe <= kept.len() as u64,
        "{safe} are said to be safe"
    );
    assert_eq!(sdk.session.dropped(), BTreeMap::new());

    server.start_again();
    assert!(sdk.client.flush_blocking(LONG), "all of it, disk by disk");
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    wait_for("room on the disk", LONG, || {
        unacknowledged(mounted.path()).is_empty().then_some(())
    });
    let sent = server
        .log()
        .iter()
        .map(|request| request.events().len())
        .sum::<usize>();
    println!("{sent} events were sent for {}", sdk.all().len());
    assert!(sent < 20_000, "{sent}");
}

/// A file system of its own; unmounted when dropped.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where mounting is not allowed.
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(dir)),
            other => {
                skipped(&format!("{other:?}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[expect(
    clippy::print_stdout,
    reason = "nobody should believe that it was tested"
)]
fn skipped(why: &str) {
    println!("skipped: nothing can be mounted here: {why}");
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The worker of this process may still have a file open there.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
