//! The one table of all routes: path, handler and, for the API, what the document says of it.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};

use super::parameters::{AFTER, EVENTS, FORMAT, PAGE, QUESTION, RANGE, SESSIONS, TWO_SESSIONS};
use crate::app::App;
use crate::openapi::{Auth, Operation};
use crate::{pages, routes};

/// Under which prefixes a route exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    /// With `/v2` and without: the documented API.
    Both,
    /// With `/v2` only: our additions, so that none meets a page.
    V2,
    /// Without `/v2` only: what other programs expect at this place.
    Bare,
    /// As it stands: pages.
    Root,
}

/// A path and what answers there.
pub(super) struct Route {
    pub(super) under: Under,
    pub(super) path: &'static str,
    pub(super) handlers: MethodRouter<App>,
    pub(super) operations: Vec<(&'static str, Operation)>,
}

impl Route {
    pub(super) fn at(under: Under, path: &'static str) -> Self {
        Self {
            under,
            path,
            handlers: MethodRouter::new(),
            operations: Vec::new(),
        }
    }

    fn on<T: 'static>(
        mut self,
        filter: MethodFilter,
        handler: impl Handler<T, App>,
        operation: (&'static str, Operation),
    ) -> Self {
        self.handlers = self.handlers.on(filter, handler);
        self.operations.push(operation);
        self
    }

    pub(super) fn get<T: 'static>(
        self,
        handler: impl Handler<T, App>,
        operation: Operation,
    ) -> Self {
        self.on(MethodFilter::GET, handler, ("get", operation))
    }

    fn post<T: 'static>(self, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.on(MethodFilter::POST, handler, ("post", operation))
    }

    fn put<T: 'static>(self, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.on(MethodFilter::PUT, handler, ("put", operation))
    }

    fn delete<T: 'static>(self, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.on(MethodFilter::DELETE, handler, ("delete", operation))
    }

    /// A page's form, sent.
    fn form<T: 'static>(mut self, handler: impl Handler<T, App>) -> Self {
        self.handlers = self.handlers.on(MethodFilter::POST, handler);
        self
    }

    /// A page: for browsers, so no document speaks of it.
    fn page<T: 'static>(path: &'static str, handler: impl Handler<T, App>) -> Self {
        let mut route = Self::at(Under::Root, path);
        route.handlers = route.handlers.on(MethodFilter::GET, handler);
        route
    }
}

/// All routes but those of the document that describes them.
pub(super) fn table() -> Vec<Route> {
    let mut routes = written();
    routes.extend(read());
    routes.extend(browsed());
    routes.extend(watched());
    routes.extend([
        Route::page("/", pages::sessions),
        Route::page("/overview", pages::overview),
        Route::page("/events", pages::events),
        Route::page("/compare", pages::compare),
        Route::page("/projects", pages::projects).form(pages::create_project),
        Route::at(Under::Root, "/projects/switch").form(pages::switch_project),
        Route::at(Under::Root, "/keys").form(pages::create_key),
        Route::at(Under::Root, "/keys/{key}/revoke").form(pages::revoke_key),
        Route::page("/sessions/{id}", pages::session),
        Route::page("/sessions/{id}/outline.json", pages::session_outline),
        Route::page("/sessions/{id}/events/{event}/panel", pages::event_panel),
        Route::page("/sessions/{id}/session.html", pages::session_file),
        Route::at(Under::Root, "/sessions/{id}/delete").form(pages::delete_session),
        Route::page("/assets/{hash}/{name}", pages::asset),
        Route::page("/login", pages::login).form(pages::log_in),
        Route::at(Under::Root, "/logout").form(pages::logout),
    ]);
    routes
}

const CREATE_SESSION: Operation = Operation::new("createSession", "Makes or joins a session")
    .auth(Auth::Key)
    .body("CreateSession")
    .json("CreateSessionAnswer");

/// What clients record by.
fn written() -> Vec<Route> {
    let op = Operation::new;
    let both = |path| Route::at(Under::Both, path);
    let token = |id, summary| op(id, summary).auth(Auth::Token);
    let done = |id, summary, body| token(id, summary).body(body).json("Done");
    vec![
        both("/create_session").post(routes::create_session, CREATE_SESSION),
        both("/update_session").post(
            routes::update_session,
            token("updateSession", "Changes the session of the token")
                .body("UpdateSession")
                .json("UpdateSessionAnswer"),
        ),
        both("/create_events").post(
            routes::create_events,
            done("createEvents", "Adds events, all or none", "CreateEvents"),
        ),
        both("/update_events").post(
            routes::update_events,
            done("updateEvents", "Changes the fields given", "UpdateEvents"),
        ),
        both("/create_agent").post(
            routes::create_agent,
            done("createAgent", "Adds or renames an agent", "CreateAgent"),
        ),
        both("/create_thread").post(
            routes::create_thread,
            done("createThread", "Adds or moves a thread", "CreateThread"),
        ),
        both("/update_logs").put(
            routes::update_logs,
            token("updateLogs", "Appends to the session's log")
                .body("UpdateLogs")
                .json("LogsAnswer"),
        ),
        both("/reauthorize_jwt").post(
            routes::reauthorize_jwt,
            op("reauthorizeJwt", "A new token for a session")
                .auth(Auth::Key)
                .body("Reauthorize")
                .json("ReauthorizeAnswer"),
        ),
        both("/developer_errors").post(
            routes::developer_errors,
            op("developerErrors", "Reports a fault of an SDK")
                .auth(Auth::Key)
                .body("DeveloperError"),
        ),
    ]
}

/// What is asked of the server.
fn read() -> Vec<Route> {
    let op = Operation::new;
    let key = |id, summary| op(id, summary).auth(Auth::Key);
    let both = |path| Route::at(Under::Both, path);
    vec![
        both("/sessions/{id}/stats").get(
            routes::stats,
            key("sessionStats", "The counts of a session").json("Stats"),
        ),
        both("/sessions/{id}/export").get(
            routes::export,
            key("exportSession", "Everything of a session, whole")
                .takes(&[FORMAT])
                .content(&[
                    ("application/json", Some("Export")),
                    ("application/jsonl", None),
                    ("text/csv", None),
                    ("text/html", None),
                ]),
        ),
        both("/ttd/{id}").get(
            routes::ttd,
            key("timeTravel", "The LLM calls of a session, in order").json("TimeTravelRows"),
        ),
        both("/health").get(
            routes::health,
            op("health", "Whether the server is up").json("Health"),
        ),
    ]
}

/// What is looked through.
fn browsed() -> Vec<Route> {
    let key = |id, summary| Operation::new(id, summary).auth(Auth::Key);
    let v2 = |path| Route::at(Under::V2, path);
    vec![
        v2("/sessions")
            .get(
                routes::list_sessions,
                key("listSessions", "Sessions, the newest first unless sorted")
                    .takes(&[SESSIONS, PAGE])
                    .json("SessionList"),
            )
            .post(routes::create_session, CREATE_SESSION.named("createSessionRest")),
        v2("/sessions/{id}")
            .get(
                routes::get_session,
                key("getSession", "One session, without its events").json("SessionAnswer"),
            )
            .delete(
                routes::delete_session,
                key("deleteSession", "Takes a session away for good"),
            ),
        v2("/sessions/{id}/events").get(
            routes::session_events,
            key("sessionEvents", "Events of a session, in the order they began")
                .takes(&[EVENTS, PAGE])
                .json("SessionEventList"),
        ),
        v2("/sessions/{id}/events/{event}").get(
            routes::one_event,
            key("getEvent", "One event, whole").json("Event"),
        ),
        v2("/sessions/{id}/logs").get(
            routes::session_logs,
            key("sessionLogs", "The log of a session").json("Logs"),
        ),
        v2("/sessions/{id}/screenshots/{image}").get(
            routes::screenshot,
            key("getScreenshot", "An image that an action of the session shows")
                .content(&[("image/png", None), ("image/jpeg", None)]),
        ),
        v2("/events").get(
            routes::events,
            key("listEvents", "Events of all sessions, the newest arrival first; a page may hold fewer than more pages do")
                .takes(&[EVENTS, PAGE])
                .json("EventList"),
        ),
    ]
}

/// What is searched, summed up and followed.
fn watched() -> Vec<Route> {
    let key = |id, summary| Operation::new(id, summary).auth(Auth::Key);
    let v2 = |path| Route::at(Under::V2, path);
    vec![
        v2("/search").get(
            routes::search,
            key(
                "search",
                "Events that have all words of a question, the newest arrival first",
            )
            .takes(&[QUESTION, EVENTS, PAGE])
            .json("EventList"),
        ),
        v2("/compare").get(
            routes::compare,
            key(
                "compareSessions",
                "Two sessions of at most 50,000 events side by side, and where they part first",
            )
            .takes(&[TWO_SESSIONS])
            .json("Comparison"),
        ),
        v2("/events/stream").get(
            routes::stream,
            key(
                "followChanges",
                "Server-sent events: which sessions changed; resumable",
            )
            .takes(&[AFTER])
            .content(&[("text/event-stream", Some("Message"))]),
        ),
        v2("/metrics/overview").get(
            routes::overview,
            key(
                "overview",
                "Sums by day, model, tool, tag and reason; 30 days unless told",
            )
            .takes(&[RANGE])
            .json("Overview"),
        ),
        Route::at(Under::Bare, "/metrics").get(
            routes::metrics,
            key("metrics", "The server's own numbers, for Prometheus")
                .content(&[("text/plain", None)]),
        ),
    ]
}
