//! The routes over a store that fails as it is told to: what a client gets then.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use agentops_protocol::api::{Export, Stats};
use agentops_protocol::{Event, EventId, ProjectId, SessionId, Timestamp};
use agentops_store::*;
use axum::body::Body;
use axum::extract::Request;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::router;
use crate::access::Peer;
use crate::app::{App, system_clock};
use crate::config::Limits;

const NOTHING: u8 = 0;
const BUSY: u8 = 1;
const STOPPED: u8 = 2;
const STORAGE: u8 = 3;
const HANG: u8 = 4;

const KEY: &str = "11111111-1111-4111-8111-111111111111";

/// A real store with a fault that can be switched on.
struct Faulty {
    real: SqliteStore,
    fault: AtomicU8,
    released: (Mutex<bool>, Condvar),
    _dir: tempfile::TempDir,
}

impl Faulty {
    fn new() -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = crate::ingest::store_options(None).unwrap();
        Arc::new(Self {
            real: SqliteStore::open(dir.path(), options).unwrap(),
            fault: AtomicU8::new(NOTHING),
            released: (Mutex::new(false), Condvar::new()),
            _dir: dir,
        })
    }

    fn fails(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }
}

impl Ingest for Faulty {
    fn submit(&self, batch: Batch) -> Result<Pending, IngestError> {
        match self.fault.load(Ordering::SeqCst) {
            BUSY => Err(IngestError::Busy),
            STOPPED => Err(IngestError::Stopped),
            STORAGE => Err(IngestError::Storage("disk /secret is full".to_owned())),
            _ => self.real.submit(batch),
        }
    }

    fn is_alive(&self) -> bool {
        self.fault.load(Ordering::SeqCst) != STOPPED
    }

    fn import_cursor(&self, directory: &str) -> Result<Option<ImportCursor>, IngestError> {
        self.real.import_cursor(directory)
    }

    fn keep_import_cursors(&self, directories: &[String]) -> Result<(), IngestError> {
        self.real.keep_import_cursors(directories)
    }
}

impl Query for Faulty {
    fn sessions(
        &self,
        project: Option<&ProjectId>,
        filter: &SessionFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<SessionPage, QueryError> {
        self.real.sessions(project, filter, size, cursor)
    }

    fn session(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<SessionRow>, QueryError> {
        self.real.session(project, id)
    }

    fn stats(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Stats>, QueryError> {
        match self.fault.load(Ordering::SeqCst) {
            STORAGE => return Err(QueryError::Storage("disk /secret is broken".to_owned())),
            HANG => {
                let released = self.released.0.lock().unwrap();
                drop(
                    self.released
                        .1
                        .wait_while(released, |released| !*released)
                        .unwrap(),
                );
            }
            _ => {}
        }
        self.real.stats(project, id)
    }

    fn export(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Export>, QueryError> {
        self.real.export(project, id)
    }

    fn events(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<Option<EventPage>, QueryError> {
        self.real.events(project, id, filter, size, cursor)
    }

    fn event(
        &self,
        project: Option<&ProjectId>,
        session: &SessionId,
        id: &EventId,
    ) -> Result<Option<Event>, QueryError> {
        self.real.event(project, session, id)
    }

    fn found(
        &self,
        project: Option<&ProjectId>,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        self.real.found(project, filter, size, cursor)
    }

    fn search(
        &self,
        project: Option<&ProjectId>,
        question: &str,
        filter: &EventFilter,
        size: PageSize,
        cursor: Option<&Cursor>,
    ) -> Result<FoundPage, QueryError> {
        self.real.search(project, question, filter, size, cursor)
    }

    fn overview(
        &self,
        project: Option<&ProjectId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Overview, QueryError> {
        self.real.overview(project, from, to)
    }

    fn changes(
        &self,
        project: Option<&ProjectId>,
        after: Option<&Revision>,
    ) -> Result<Changes, QueryError> {
        self.real.changes(project, after)
    }

    fn uncounted(
        &self,
        of: Option<(&ProjectId, &SessionId)>,
        most: usize,
    ) -> Result<Vec<FoundEvent>, QueryError> {
        self.real.uncounted(of, most)
    }

    fn image(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
        name: &ImageName,
    ) -> Result<Option<Image>, QueryError> {
        self.real.image(project, id, name)
    }

    fn logs(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<String>, QueryError> {
        self.real.logs(project, id)
    }

    fn agents(
        &self,
        project: Option<&ProjectId>,
        id: &SessionId,
    ) -> Result<Option<Vec<agentops_protocol::Agent>>, QueryError> {
        self.real.agents(project, id)
    }
}

impl Catalog for Faulty {
    fn default_project(&self) -> Result<Project, CatalogError> {
        self.real.default_project()
    }

    fn create_project(&self, id: &ProjectId, name: &str) -> Result<Project, CatalogError> {
        self.real.create_project(id, name)
    }

    fn projects(&self) -> Result<Vec<Project>, CatalogError> {
        self.real.projects()
    }

    fn add_key(&self, key: &KeyInfo, hash: &KeyHash) -> Result<(), CatalogError> {
        self.real.add_key(key, hash)
    }

    fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<KeyInfo>, CatalogError> {
        self.real.key_by_hash(hash)
    }

    fn key(&self, id: &str) -> Result<Option<KeyInfo>, CatalogError> {
        self.real.key(id)
    }

    fn keys(&self, project: &ProjectId) -> Result<Vec<KeyInfo>, CatalogError> {
        self.real.keys(project)
    }

    fn revoke_key(&self, id: &str, at: Timestamp) -> Result<bool, CatalogError> {
        self.real.revoke_key(id, at)
    }

    fn add_grant(&self, hash: &KeyHash, grant: &Grant, now: Timestamp) -> Result<(), CatalogError> {
        self.real.add_grant(hash, grant, now)
    }

    fn grant(&self, hash: &KeyHash) -> Result<Option<Grant>, CatalogError> {
        self.real.grant(hash)
    }

    fn remove_grant(&self, hash: &KeyHash) -> Result<bool, CatalogError> {
        self.real.remove_grant(hash)
    }

    fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], CatalogError> {
        self.real.secret(name, fresh)
    }
}

fn app(store: &Arc<Faulty>, limits: Limits) -> App {
    App::new(store.clone(), system_clock(), limits, None).unwrap()
}

fn request(method: &str, path: &str, body: &'static str) -> Request {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    let mut request = request
        .header("x-agentops-api-key", KEY)
        .body(Body::from(body))
        .unwrap();
    request
        .extensions_mut()
        .insert(Peer(([127, 0, 0, 1], 9).into()));
    request
}

async fn ask(app: &App, request: Request) -> (StatusCode, Option<String>, Value) {
    let answer = router(app.clone()).oneshot(request).await.unwrap();
    let retry = answer
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, retry, serde_json::from_slice(&body).unwrap())
}

const CREATE: (&str, &str, &str) = ("POST", "/create_session", r#"{"id":"s"}"#);

#[tokio::test]
async fn a_busy_writer_asks_for_patience_and_then_takes_it() {
    let store = Faulty::new();
    let app = app(&store, Limits::default());
    store.fails(BUSY);
    let (status, retry, body) = ask(&app, request(CREATE.0, CREATE.1, CREATE.2)).await;
    assert_eq!(
        (status, retry.as_deref()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
    );
    assert_eq!(body["path"], "/create_session");
    store.fails(NOTHING);
    assert_eq!(
        ask(&app, request(CREATE.0, CREATE.1, CREATE.2)).await.0,
        StatusCode::OK
    );
    assert!(!*app.stopped().borrow());
}

#[tokio::test]
async fn a_dead_writer_is_noticed_and_nothing_is_called_stored() {
    let store = Faulty::new();
    let app = app(&store, Limits::default());
    store.fails(STOPPED);
    let (status, _, _) = ask(&app, request(CREATE.0, CREATE.1, CREATE.2)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (health, _, _) = ask(&app, request("GET", "/health", "")).await;
    assert_eq!(health, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        *app.stopped().borrow(),
        "whoever runs the server is told to end it"
    );
}

#[tokio::test]
async fn what_broke_inside_stays_inside() {
    let store = Faulty::new();
    let app = app(&store, Limits::default());
    store.fails(STORAGE);
    for (method, path, body) in [CREATE, ("GET", "/v2/sessions/s/stats", "")] {
        let (status, _, body) = ask(&app, request(method, path, body)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"], "Internal error");
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_hangs_is_answered_in_time_and_holds_up_only_reads() {
    let store = Faulty::new();
    let limits = Limits {
        request_timeout: Duration::from_millis(100),
        reads: 1,
        ..Limits::default()
    };
    let app = app(&store, limits);
    let jwt = ask(&app, request(CREATE.0, CREATE.1, CREATE.2)).await.2["jwt"].clone();
    assert!(jwt.is_string());
    store.fails(HANG);
    for _ in 0..2 {
        let (status, retry, _) = ask(&app, request("GET", "/v2/sessions/s/stats", "")).await;
        assert_eq!(
            (status, retry.as_deref()),
            (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
        );
    }
    assert_eq!(
        ask(&app, request("GET", "/health", "")).await.0,
        StatusCode::OK
    );
    store.release();
}

#[tokio::test]
async fn a_request_whose_peer_nobody_knows_is_not_open() {
    let store = Faulty::new();
    let app = app(&store, Limits::default());
    let mut unknown = request(CREATE.0, CREATE.1, CREATE.2);
    unknown.extensions_mut().remove::<Peer>();
    assert_eq!(ask(&app, unknown).await.0, StatusCode::UNAUTHORIZED);
    let mut foreign = request(CREATE.0, CREATE.1, CREATE.2);
    foreign
        .extensions_mut()
        .insert(Peer(([192, 0, 2, 7], 9).into()));
    assert_eq!(ask(&app, foreign).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_good_for_a_day() {
    let store = Faulty::new();
    let now = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || Timestamp::from_micros(clock.load(Ordering::SeqCst)));
    let app = App::new(store.clone(), clock, Limits::default(), None).unwrap();
    let jwt = ask(&app, request(CREATE.0, CREATE.1, CREATE.2)).await.2["jwt"].clone();
    let bearer = format!("Bearer {}", jwt.as_str().unwrap());
    for (seconds, status) in [
        (24 * 3_600 - 1, StatusCode::OK),
        (24 * 3_600, StatusCode::UNAUTHORIZED),
    ] {
        now.store(seconds * 1_000_000, Ordering::SeqCst);
        let mut late = request("POST", "/create_events", r#"{"events":[]}"#);
        late.headers_mut()
            .insert("authorization", bearer.parse().unwrap());
        let (answered, _, body) = ask(&app, late).await;
        assert_eq!(answered, status, "{body}");
    }
}
