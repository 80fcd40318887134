//! What only SQLite can get wrong: files, threads, crashes, damage.

mod crash;

use std::sync::atomic::{AtomicBool, Ordering};

use agentops_protocol::{EventBody, ProjectId, Usage, Usd};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::store::FILE;
use super::upkeep::Stop;
use super::{Options, SqliteStore, upkeep};
use crate::contract::{at, batch, created, id, price, project, sqlite, updated};
use crate::{
    Batch, Catalog, CatalogError, EventFilter, Ingest, IngestError, KeyInfo, Mutation, PageSize,
    Query,
};

impl SqliteStore {
    /// Trains a dictionary now, if enough events are stored; whether it did.
    fn train_now(&self) -> bool {
        let shared = Arc::clone(&self.shared);
        self.readers
            .read(|connection, _| upkeep::train(&shared, connection))
            .unwrap()
    }

    /// Indexes everything that waits, now.
    fn index_now(&self) {
        let mut indexer = super::search::Indexer::open(self.readers.path()).unwrap();
        while indexer.step(&self.shared).unwrap() {}
    }

    fn finds(&self, project: &str, question: &str) -> String {
        let filter = EventFilter::default();
        let page = self.search(Some(&id(project)), question, &filter, PageSize::MAX, None);
        let rows = page.unwrap().rows;
        let ids: Vec<_> = rows.iter().map(|row| row.event.id.to_string()).collect();
        ids.join(" ")
    }

    fn open_at(directory: &Path) -> Self {
        Self::open(directory, Options::new(price)).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.readers
            .read(|connection, _| Ok(connection.query_row(sql, [], |row| row.get(0))?))
            .unwrap()
    }

    /// Takes the rows of deleted sessions away now.
    pub(crate) fn take_away_now(&self) {
        let shared = Arc::clone(&self.shared);
        self.readers
            .read(|connection, _| upkeep::take_away(&shared, connection, &Stop::default()))
            .unwrap();
        let left = "SELECT (SELECT count(*) FROM doomed) + (SELECT count(*) FROM events
            WHERE session NOT IN (SELECT seq FROM sessions))";
        assert_eq!(self.number(left), 0);
    }

    /// Counting the events anew gives the roll-ups.
    pub(crate) fn check_rollups(&self) {
        let anew = "SELECT (SELECT project FROM sessions s WHERE s.seq = session),
              CASE WHEN start_us >= 0 THEN start_us / 3600000000
                ELSE (start_us - 3599999999) / 3600000000 END,
              kind, coalesce(model, name, 0), count(*), sum(status IN (1, 2)),
              sum(coalesce(max(end_us - start_us, 0), 0)), sum(cost), sum(end_us IS NULL)
            FROM events GROUP BY 1, 2, 3, 4";
        let kept = "SELECT project, hour, kind, name, sum(events), sum(failed), sum(duration_us),
              sum(cost), sum(events * (bucket = -1))
            FROM rollups GROUP BY 1, 2, 3, 4 HAVING sum(events) > 0";
        let read = |sql: &str| {
            self.readers
                .read(|connection, _| {
                    let mut select = connection.prepare(&format!("{sql} ORDER BY 1, 2, 3, 4"))?;
                    let rows = select.query_map([], |row| {
                        (0..9)
                            .map(|column| Ok(row.get::<_, Option<i64>>(column)?.unwrap_or(0)))
                            .collect::<rusqlite::Result<Vec<i64>>>()
                    })?;
                    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
                })
                .unwrap()
        };
        assert_eq!(read(kept), read(anew));
        assert_eq!(
            self.number("SELECT count(*) FROM rollups WHERE events < 0"),
            0
        );
    }

    /// The database is whole and its counts are right.
    fn check(&self) {
        let whole: String = self
            .readers
            .read(|connection, _| {
                Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
            })
            .unwrap();
        assert_eq!(whole, "ok");
        let wrong = "SELECT count(*) FROM sessions s WHERE actions + llms + tools + errors
            <> (SELECT count(*) FROM events e WHERE e.session = s.seq)";
        assert_eq!(self.number(wrong), 0);
        self.check_rollups();
    }
}

fn put(store: &SqliteStore, mutation: Mutation) {
    store.submit(batch("s", mutation)).unwrap().wait().unwrap();
}

fn tool(number: usize) -> Mutation {
    let query = format!("what is the weather in city number {number} today?");
    let answer = format!("the weather in city number {number} is fine and warm");
    created(&format!(
        r#"{{"event_type":"tools","id":"{number}","name":"search",
            "params":{{"query":"{query}","limit":{number}}},"returns":"{answer}"}}"#
    ))
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("data");
    let store = SqliteStore::open_at(&inner);
    put(&store, tool(1));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for entry in std::fs::read_dir(&inner).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn everything_is_there_after_opening_again() {
    let (directory, store) = sqlite();
    let before = store.default_project().unwrap();
    put(&store, tool(1));
    let export = |store: &SqliteStore| {
        serde_json::to_string(&store.export(Some(&project()), &id("s")).unwrap()).unwrap()
    };
    let first = export(&store);
    drop(store);
    let store = SqliteStore::open_at(directory.path());
    assert_eq!(export(&store), first);
    assert_eq!(store.default_project().unwrap(), before);
    put(&store, tool(2));
    store.check();
}

#[test]
fn every_commit_is_synced() {
    let (_directory, store) = sqlite();
    let settings = store.change(|connection| {
        let full: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok((full, mode))
    });
    assert_eq!(settings.unwrap(), (2, "wal".to_owned()));
}

#[test]
fn closing_commits_what_waits() {
    let (directory, store) = sqlite();
    let pending: Vec<_> = (0..200)
        .map(|number| store.submit(batch("s", tool(number))).unwrap())
        .collect();
    drop(store);
    for pending in pending {
        pending.wait().unwrap();
    }
    let store = SqliteStore::open_at(directory.path());
    assert_eq!(store.number("SELECT count(*) FROM events"), 200);
    store.check();
}

#[test]
fn a_batch_that_fails_spoils_no_other() {
    let (_directory, store) = sqlite();
    let failing = || {
        let mut writes = batch(
            "s",
            created(r#"{"event_type":"llms","id":"gone","model":"m-gone"}"#),
        )
        .writes;
        let Mutation::UpdateEvents(mut patches) = updated(r#"{"id":"e","logs":"l"}"#) else {
            unreachable!()
        };
        patches[0].id = None;
        writes.extend(batch("s", Mutation::UpdateEvents(patches)).writes);
        Batch {
            writes,
            idempotency_key: Some("k".into()),
            cursor: None,
        }
    };
    let pending: Vec<_> = (0..30)
        .map(|number| {
            let batch = if number % 3 == 0 {
                failing()
            } else {
                batch("s", tool(number))
            };
            store.submit(batch).unwrap()
        })
        .collect();
    for (number, pending) in pending.into_iter().enumerate() {
        let result = pending.wait();
        assert_eq!(
            matches!(result, Err(IngestError::Storage(_))),
            number % 3 == 0
        );
    }
    assert!(store.writer_alive());
    assert_eq!(store.number("SELECT count(*) FROM events"), 20);
    assert_eq!(store.number("SELECT count(*) FROM requests"), 0);
    assert_eq!(
        store.number("SELECT count(*) FROM names WHERE text = 'm-gone'"),
        0
    );
    put(
        &store,
        created(r#"{"event_type":"llms","id":"gone","model":"m-gone"}"#),
    );
    let models = store
        .stats(Some(&project()), &id("s"))
        .unwrap()
        .unwrap()
        .models;
    assert_eq!(
        models.len(),
        1,
        "a name that was rolled back is stored again"
    );
    store.check();
}

#[test]
fn a_full_disk_refuses_and_loses_nothing_that_was_answered() {
    let (_directory, store) = sqlite();
    put(&store, tool(0));
    let room = |pages: i64| {
        let set = move |connection: &rusqlite::Connection| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            Ok(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?)
        };
        store.change(set).unwrap()
    };
    room(1); // As many as there are.
    let (mut stored, mut refused) = (1, 0);
    for round in 1..200 {
        let pending: Vec<_> = (0..4)
            .map(|part| store.submit(batch("s", tool(round * 4 + part))).unwrap())
            .collect();
        for pending in pending {
            match pending.wait() {
                Ok(_) => stored += 1,
                Err(error) => {
                    assert!(error.to_string().contains("full"), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0, "the disk was full");
    assert!(store.writer_alive());
    let events = || store.number("SELECT count(*) FROM events");
    assert_eq!(events(), stored);
    room(1 << 30);
    put(&store, tool(1_000_000));
    assert_eq!(events(), stored + 1);
    store.check();
}

#[test]
fn a_dead_writer_refuses_everything_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let panics = |model: &str, _: &Usage| -> Option<Usd> { panic!("no price for {model}") };
    let store = SqliteStore::open(directory.path(), Options::new(panics)).unwrap();
    put(&store, tool(1));
    let llm = created(r#"{"event_type":"llms","id":"x","model":"m","prompt_tokens":1}"#);
    let died = store.submit(batch("s", llm)).unwrap().wait();
    assert!(matches!(died, Err(IngestError::Stopped)), "{died:?}");
    // The answer is dropped a moment before the thread has ended.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while store.writer_alive() {
        assert!(
            std::time::Instant::now() < deadline,
            "the writer's end is seen"
        );
        std::thread::yield_now();
    }
    assert!(matches!(
        store.submit(batch("s", tool(2))),
        Err(IngestError::Stopped)
    ));
    assert!(store.create_project(&id("p9"), "n").is_err());
    assert_eq!(
        store.number("SELECT count(*) FROM events"),
        1,
        "reading goes on"
    );
}

#[test]
fn a_database_of_something_else_is_refused_with_words() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join(FILE),
        b"this is no database, it is a text file",
    )
    .unwrap();
    let error = SqliteStore::open(directory.path(), Options::new(price)).unwrap_err();
    assert!(
        error.to_string().contains("agentops.db cannot be opened"),
        "{error}"
    );
    let error = SqliteStore::open(&directory.path().join(FILE), Options::new(price)).unwrap_err();
    assert!(
        error.to_string().contains("choose another data directory"),
        "{error}"
    );
}

#[test]
fn a_damaged_database_is_an_error_and_not_a_hang() {
    let (directory, store) = sqlite();
    for number in 0..300 {
        put(&store, tool(number));
    }
    drop(store);
    let path = directory.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2 / 4_096 * 4_096;
    bytes[half..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let Ok(store) = SqliteStore::open(directory.path(), Options::new(price)) else {
        return;
    };
    // Somewhere among these is a damaged page; the writer says so and ends.
    let refused = (0..300).find_map(|number| {
        let update = updated(&format!(r#"{{"id":"{number}","logs":"l"}}"#));
        store
            .submit(batch("s", update))
            .and_then(crate::Pending::wait)
            .err()
    });
    assert!(refused.is_some());
    drop(store);
}

#[test]
fn bodies_shrink_with_a_dictionary_and_older_ones_stay_readable() {
    let (directory, store) = sqlite();
    assert!(!store.train_now(), "too few events");
    let number = |range: std::ops::Range<usize>| {
        let writes = range
            .flat_map(|number| batch("s", tool(number)).writes)
            .collect();
        let batch = Batch {
            writes,
            idempotency_key: None,
            cursor: None,
        };
        store.submit(batch).unwrap().wait().unwrap();
    };
    number(0..2_500);
    assert!(store.train_now());
    assert!(!store.train_now(), "not again for the same data");
    number(2_500..3_000);
    let mean = |from: i64, to: i64| {
        store.number(&format!(
            "SELECT sum(length(body)) / count(*) FROM events WHERE seq > {from} AND seq <= {to}"
        ))
    };
    assert_eq!(
        store.number("SELECT count(*) FROM events WHERE dict = 1"),
        500
    );
    assert!(
        mean(2_500, 3_000) * 2 < mean(0, 2_500),
        "{} {}",
        mean(2_500, 3_000),
        mean(0, 2_500)
    );
    put(&store, updated(r#"{"id":"7","returns":"changed"}"#));
    drop(store);
    let store = SqliteStore::open_at(directory.path());
    let export = store.export(Some(&project()), &id("s")).unwrap().unwrap();
    assert_eq!(export.tools.len(), 3_000);
    let told = |number: usize| {
        let Mutation::CreateEvents(events) = tool(number) else {
            unreachable!()
        };
        events[0].params.as_ref().unwrap().get().to_owned()
    };
    for number in [0, 7, 2_499, 2_500, 2_999] {
        assert_eq!(
            export.tools[number].params.as_ref().unwrap().get(),
            told(number)
        );
    }
    store.check();
}

#[test]
fn a_resent_history_costs_little() {
    let (_directory, store) = sqlite();
    let mut messages = Vec::new();
    let mut wire = 0;
    for turn in 0..30 {
        // Letters that do not compress away.
        let word: String = (0..600)
            .map(|n: u64| char::from(b'a' + ((n * n * 31 + turn * 97 + n * turn) % 26) as u8))
            .collect();
        messages.push(format!(r#"{{"role":"user","content":"{word}"}}"#));
        let prompt = format!("[{}]", messages.join(","));
        wire += prompt.len() as i64;
        put(
            &store,
            created(&format!(
                r#"{{"event_type":"llms","id":"{turn}","prompt":{prompt}}}"#
            )),
        );
    }
    let events = store.number("SELECT sum(length(body)) FROM events");
    let kept = events + store.number("SELECT sum(length(body)) FROM messages");
    assert!(kept * 100 < wire * 15, "{kept} of {wire}");
    let all = EventFilter::default();
    let page = store
        .events(None, &id("s"), &all, PageSize::MAX, None)
        .unwrap()
        .unwrap();
    let EventBody::Llm(llm) = &page.rows[29].event.body else {
        panic!("an LLM call")
    };
    assert_eq!(
        llm.prompt.as_ref().unwrap().get(),
        format!("[{}]", messages.join(","))
    );
}

#[test]
fn a_closed_store_is_one_file() {
    let (directory, store) = sqlite();
    for number in 0..50 {
        put(&store, tool(number));
    }
    let bytes = |name: &str| std::fs::metadata(directory.path().join(name)).map_or(0, |m| m.len());
    assert!(bytes("agentops.db-wal") > 0);
    store.number("SELECT count(*) FROM events");
    drop(store);
    assert_eq!(bytes("agentops.db-wal"), 0);
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join(FILE), copy.path().join(FILE)).unwrap();
    let copied = SqliteStore::open_at(copy.path());
    assert_eq!(copied.number("SELECT count(*) FROM events"), 50);
    copied.check();
}

#[test]
fn a_long_log_is_copied_beside_the_writer_and_begins_anew() {
    let (directory, store) = sqlite();
    let checkpoints = super::checkpoint::Checkpoints::open(&directory.path().join(FILE)).unwrap();
    let noise: String = (0..4_000_000_u32)
        .map(|number| char::from(b'a' + (number.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    let log = directory.path().join("agentops.db-wal");
    let mut longest = 0;
    for number in 0..60 {
        let body = format!("{number}{noise}");
        put(&store, Mutation::AppendLogs(body));
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
        if number % 10 == 9 {
            checkpoints.look(&store.shared.queue).unwrap();
        }
    }
    assert!(longest < 300 << 20, "{longest}");
    store.check();
}

#[test]
fn old_batch_ids_are_forgotten() {
    let (_directory, store) = sqlite();
    let keyed = |text: &str| {
        let log = Mutation::AppendLogs(text.into());
        let batch = Batch {
            idempotency_key: Some("k".into()),
            ..batch("s", log)
        };
        store.submit(batch).unwrap().wait().unwrap().repeated
    };
    assert!(!keyed("a") && keyed("a"));
    let week = 7 * 24 * 3_600 * 1_000_000;
    upkeep::forget(&store.shared, at(1_000_000 + week)).unwrap();
    assert!(keyed("a"), "seven days old");
    upkeep::forget(&store.shared, at(1_000_001 + week)).unwrap();
    assert!(!keyed("a"));
}

#[test]
fn two_stores_on_one_directory_see_each_other() {
    let (directory, first) = sqlite();
    let second = SqliteStore::open_at(directory.path());
    put(&first, tool(1));
    put(&second, tool(1));
    put(&second, tool(2));
    put(&first, tool(2));
    let events = |store: &SqliteStore| store.number("SELECT count(*) FROM events");
    assert_eq!((events(&first), events(&second)), (2, 2));
    first.check();
}

#[test]
fn projects_and_keys_are_kept() {
    let (_directory, store) = sqlite();
    let default = store.default_project().unwrap();
    assert_eq!(store.default_project().unwrap(), default);
    let made = store.create_project(&id("p1"), "one").unwrap();
    assert!(matches!(
        store.create_project(&id("p2"), "one"),
        Err(CatalogError::NameTaken)
    ));
    assert_eq!(store.projects().unwrap(), [default, made]);
    let key = |name: &str, project: &str| KeyInfo {
        id: name.into(),
        project: id(project),
        prefix: "ao_".into(),
        created: at(5),
        revoked: None,
    };
    store.add_key(&key("k1", "p1"), &[1; 32]).unwrap();
    store.add_key(&key("k2", "p1"), &[2; 32]).unwrap();
    let unknown = store.add_key(&key("k3", "nobody"), &[3; 32]);
    assert!(matches!(unknown, Err(CatalogError::NoProject)));
    assert_eq!(store.key_by_hash(&[1; 32]).unwrap(), Some(key("k1", "p1")));
    assert_eq!(store.key_by_hash(&[9; 32]).unwrap(), None);
    assert!(store.revoke_key("k1", at(9)).unwrap());
    assert!(store.revoke_key("k1", at(10)).unwrap());
    assert!(!store.revoke_key("nobody", at(9)).unwrap());
    assert_eq!(store.key("k1").unwrap().unwrap().revoked, Some(at(9)));
    let ids: Vec<_> = store
        .keys(&id::<ProjectId>("p1"))
        .unwrap()
        .into_iter()
        .map(|k| k.id)
        .collect();
    assert_eq!(ids, ["k1", "k2"]);
    assert_eq!(store.secret("jwt", [7; 32]).unwrap(), [7; 32]);
    assert_eq!(store.secret("jwt", [8; 32]).unwrap(), [7; 32]);
}

#[test]
fn reads_go_on_beside_writes_and_see_whole_batches() {
    let (_directory, store) = sqlite();
    let done = AtomicBool::new(false);
    put(&store, Mutation::AppendLogs(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let export = store.export(Some(&project()), &id("s")).unwrap().unwrap();
                    assert_eq!(export.tools.len() as u64, export.stats.tools);
                    assert_eq!(export.tools.len() % 5, 0, "whole batches only");
                }
            });
        }
        for number in 0..60 {
            let writes = (0..5).flat_map(|part| batch("s", tool(number * 5 + part)).writes);
            let batch = Batch {
                writes: writes.collect(),
                idempotency_key: None,
                cursor: None,
            };
            store.submit(batch).unwrap().wait().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    store.check();
}

#[test]
fn sums_of_hostile_numbers_stop_at_their_end_and_refuse_nothing() {
    let (_directory, store) = sqlite();
    let (cost, tokens) = ("8999999", 1_u64 << 53);
    for number in 0..3_000 {
        if number % 1_000 != 0 && number > 10 {
            continue;
        }
        put(
            &store,
            created(&format!(
                r#"{{"event_type":"llms","id":"{number}","model":"m","cost":{cost},"prompt_tokens":{tokens},
                    "init_timestamp":"1970-01-01T00:00:00Z","end_timestamp":"9999-12-31T23:59:59Z"}}"#
            )),
        );
    }
    let overview = store.overview(None, at(0), at(1_000_000)).unwrap();
    assert_eq!(overview.total.cost, Usd::from_picos(i64::MAX));
    assert_eq!(overview.models[0].sums.events, 13);
    let stats = store.stats(None, &id("s")).unwrap().unwrap();
    assert_eq!(stats.cost, Some(Usd::from_picos(i64::MAX)));
}

#[test]
fn changes_are_told_once_and_a_lost_place_is_told_too() {
    let (_directory, store) = sqlite();
    let changes = |project: &str, after: &crate::Revision| {
        store.changes(Some(&id(project)), Some(after)).unwrap()
    };
    let start = store.changes(None, None).unwrap();
    assert!(start.changes.is_empty() && !start.reset);
    put(&store, tool(1));
    put(&store, tool(2));
    let told = changes("p", &start.next);
    let names: Vec<_> = told
        .changes
        .iter()
        .map(|change| change.session.clone())
        .collect();
    assert_eq!(names, [Some(id("s"))]);
    assert!(changes("p", &told.next).changes.is_empty());
    assert!(changes("stranger", &start.next).changes.is_empty());
    put(&store, Mutation::Share(id("parent")));
    assert_eq!(changes("parent", &told.next).changes.len(), 1);
    let before = store.changes(None, None).unwrap().next;
    put(&store, Mutation::Delete);
    let deleted = changes("p", &before).changes;
    assert_eq!((deleted.len(), deleted[0].session.clone()), (1, None));
    // Another database, or one that was put back, or a place long gone.
    let other = crate::Revision {
        epoch: "other".into(),
        number: 0,
    };
    let ahead = crate::Revision {
        number: 99,
        ..start.next.clone()
    };
    assert!(changes("p", &other).reset && changes("p", &ahead).reset);
    store
        .change(|connection| Ok(connection.execute("DELETE FROM changes WHERE rev < 3", [])?))
        .unwrap();
    assert!(changes("p", &start.next).reset);
    assert!(!changes("p", &told.next).reset);
}

#[test]
fn events_are_found_by_their_words_as_they_are_now() {
    let (directory, store) = sqlite();
    assert_eq!(store.finds("p", "weather"), "", "nobody has searched yet");
    put(&store, tool(1));
    put(&store, tool(2));
    put(
        &store,
        created(
            r#"{"event_type":"llms","id":"l","model":"gpt-4","prompt":"Grüße aus Köln","completion":"C++ \u4f60\u597d"}"#,
        ),
    );
    store.index_now();
    for (question, found) in [
        ("weather", "2 1"),
        ("WEATHER city 2", "2"),
        ("fine warm", "2 1"),
        ("gpt 4", "l"),
        ("gruße koln", "l"),
        ("c++", "l"),
        ("你好", "l"),
        ("weather nobody", ""),
        ("\"weather\" OR *", ""),
        ("NEAR(weather)", ""),
        ("***", ""),
        ("", ""),
    ] {
        assert_eq!(store.finds("p", question), found, "{question}");
    }
    assert_eq!(store.finds("q", "weather"), "");
    // Changed, and gone.
    put(
        &store,
        updated(r#"{"id":"1","event_type":"tools","returns":"sunshine"}"#),
    );
    store.index_now();
    assert_eq!(
        (store.finds("p", "sunshine"), store.finds("p", "fine")),
        ("1".into(), "2".into())
    );
    assert_eq!(store.number("SELECT count(*) FROM unsearched"), 0);
    let size = PageSize::new(1).unwrap();
    let filter = EventFilter::default();
    let page = store.search(None, "weather", &filter, size, None).unwrap();
    assert_eq!(page.rows[0].event.id, id("2"));
    let page = store
        .search(None, "weather", &filter, size, page.next.as_ref())
        .unwrap();
    assert_eq!((page.rows[0].event.id.clone(), page.next), (id("1"), None));
    put(&store, Mutation::Delete);
    assert_eq!(store.finds("p", "sunshine"), "");
    store.take_away_now();
    store.index_now();
    // A damaged index, and one of another database, are made anew.
    put(&store, tool(3));
    std::fs::write(directory.path().join("search.db"), b"garbage".repeat(1_000)).unwrap();
    store.index_now();
    assert_eq!(store.finds("p", "weather"), "3");
    let (other, stranger) = sqlite();
    std::fs::copy(
        directory.path().join("search.db"),
        other.path().join("search.db"),
    )
    .unwrap();
    stranger.index_now();
    assert_eq!(stranger.finds("p", "weather"), "");
}

#[test]
fn old_and_too_many_sessions_go_and_the_file_shrinks() {
    let (directory, store) = sqlite();
    let day = 86_400_000_000_i64;
    for number in 0..60_i64 {
        let patch = format!(
            r#"{{"init_timestamp":"1970-01-{:02}T00:00:00Z"}}"#,
            1 + number / 2
        );
        let session = format!("s{number}");
        let patch = agentops_protocol::accept::session(patch.as_bytes()).unwrap();
        let mut state = number.unsigned_abs() * 7_919 + 1;
        let letters = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'0' + (state >> 58) as u8)
        });
        let text: String = letters.take(40_000).collect();
        for mutation in [Mutation::CreateSession(patch), Mutation::AppendLogs(text)] {
            store
                .submit(batch(&session, mutation))
                .unwrap()
                .wait()
                .unwrap();
        }
    }
    // Old, but still at work.
    store
        .submit(batch(
            "s0",
            created(r#"{"event_type":"tools","id":"t","init_timestamp":"1970-02-01T00:00:00Z"}"#),
        ))
        .unwrap()
        .wait()
        .unwrap();
    let retain = |age: Option<u64>, bytes: Option<u64>| {
        let age = age.map(|days| Duration::from_secs(days * 86_400));
        let retention = super::Retention { age, bytes };
        let shared = Arc::clone(&store.shared);
        let reader = super::readers::open(&directory.path().join(FILE)).unwrap();
        upkeep::retain(&shared, &reader, retention, at(31 * day), &Stop::default()).unwrap();
        store.number("SELECT count(*) FROM sessions")
    };
    assert_eq!(retain(None, None), 60);
    assert_eq!(
        retain(Some(10), None),
        19,
        "nine days of two, and the one at work"
    );
    let page = store.number("PRAGMA page_size");
    let size = || store.number("PRAGMA page_count") * page;
    let before = size();
    let used = before - store.number("PRAGMA freelist_count") * page;
    let empty = 50 * page;
    let left = retain(None, Some((empty + (used - empty) / 2).unsigned_abs()));
    assert!((1..19).contains(&left), "{left} of {used} bytes");
    assert!(size() < before, "{} of {before}", size());
    store.check();
    assert!(super::check(directory.path()).unwrap().is_clean());
}

#[test]
fn a_copy_holds_one_moment_and_is_put_back_whole() {
    let (directory, store) = sqlite();
    for number in 0..30 {
        put(&store, tool(number));
    }
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("copy.db");
    super::backup(directory.path(), &copy).unwrap();
    let again = super::backup(directory.path(), &copy)
        .unwrap_err()
        .to_string();
    assert!(
        again.contains("copy.db"),
        "a file is never written over: {again}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    for number in 30..60 {
        put(&store, tool(number));
    }
    store.index_now();
    let epoch = store.changes(None, None).unwrap().next;
    let wal = directory.path().join("agentops.db-wal");
    let leftover = std::fs::read(&wal).unwrap();
    drop(store);
    // As after a crash: a log that belongs to the old file.
    std::fs::write(&wal, leftover).unwrap();
    let report = super::restore(directory.path(), &copy).unwrap();
    assert!(report.is_clean() && report.events == 30, "{report:?}");
    let store = SqliteStore::open_at(directory.path());
    assert_eq!(store.number("SELECT count(*) FROM events"), 30);
    assert!(store.changes(None, Some(&epoch)).unwrap().reset);
    store.check();
    store.index_now();
    assert_eq!(store.finds("p", "weather").split(' ').count(), 30);
    drop(store);
    // What is no copy changes nothing.
    for bytes in [&b"garbage"[..], b""] {
        std::fs::write(&copy, bytes).unwrap();
        assert!(super::restore(directory.path(), &copy).is_err());
    }
    assert!(super::check(directory.path()).unwrap().is_clean());
}

#[test]
fn a_check_tells_what_is_wrong() {
    let (directory, store) = sqlite();
    put(&store, tool(1));
    put(
        &store,
        created(
            r#"{"event_type":"llms","id":"l","model":"gpt-4","prompt_tokens":9007199254740992,"completion_tokens":5,"cost":1}"#,
        ),
    );
    let check = || super::check(directory.path()).unwrap();
    assert!(check().is_clean(), "{:?}", check());
    for (sql, wrong) in [
        ("UPDATE sessions SET tools = 7", (1, 0, 0)),
        ("UPDATE sessions SET tools = 1, cost = 5", (1, 0, 0)),
        ("UPDATE rollups SET failed = 9 WHERE kind = 2", (1, 2, 0)),
        (
            "INSERT INTO events (session, id, kind, start_us, status) VALUES (99, 'x', 2, 0, 0)",
            (1, 3, 1),
        ),
    ] {
        store
            .change(move |connection| Ok(connection.execute(sql, [])?))
            .unwrap();
        let found = check();
        assert_eq!(
            (found.wrong_sessions, found.wrong_rollups, found.orphans),
            wrong,
            "{sql}"
        );
    }
    assert!(super::check(Path::new("/nowhere")).is_err());
}

#[test]
fn prices_that_were_unknown_are_found_later_and_told_ones_stay() {
    let directory = tempfile::tempdir().unwrap();
    let unpriced = SqliteStore::open(directory.path(), Options::new(|_, _| None)).unwrap();
    put(
        &unpriced,
        created(
            r#"{"event_type":"llms","id":"a","model":"gpt-4","prompt_tokens":150,"completion_tokens":80},
               {"event_type":"llms","id":"b","model":"gpt-4","prompt_tokens":150,"completion_tokens":80,"cost":1},
               {"event_type":"llms","id":"c","model":"unheard-of","prompt_tokens":1,"completion_tokens":1}"#,
        ),
    );
    drop(unpriced);
    let store = SqliteStore::open_at(directory.path());
    let stats = || store.stats(None, &id("s")).unwrap().unwrap();
    assert_eq!(
        (stats().cost_known.to_string(), stats().unpriced),
        ("1.00000".into(), 2)
    );
    for _ in 0..2 {
        put(&store, Mutation::Reprice);
        assert_eq!(
            (stats().cost_known.to_string(), stats().unpriced),
            ("1.00930".into(), 1)
        );
        store.check();
    }
    store
        .submit(batch("nobody", Mutation::Reprice))
        .unwrap()
        .wait()
        .unwrap();
    assert!(store.session(None, &id("nobody")).unwrap().is_none());
}
