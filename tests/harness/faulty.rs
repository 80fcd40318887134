//! A server of the API that does what a test tells it to: it accepts, refuses, stammers, falls silent or dies.
//!
//! Written on plain sockets, so that it can do what no HTTP library lets a server do. It keeps what it accepted, each
//! event once by its id as the real one does, and a log of everything it was sent.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::wait::{PATIENCE, wait_for};

/// A request as it arrived.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "headers and parts of a request by their names")]
pub struct Request {
    /// Which one of this server's, from 0.
    pub n: usize,
    pub at: Instant,
    pub path: String,
    pub key: Option<String>,
    pub token: Option<String>,
    /// The batch id.
    pub batch: Option<String>,
    pub body: Value,
    /// The session that it is about.
    pub session: String,
}

impl Request {
    /// The events it carries.
    #[must_use]
    pub fn events(&self) -> &[Value] {
        self.body["events"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether it asks for this endpoint.
    #[must_use]
    pub fn is(&self, endpoint: &str) -> bool {
        self.path.ends_with(endpoint)
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// Take it and say so.
    Accept,
    /// Take nothing and answer this.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Take it, and close the connection in the middle of the answer.
    HalfAnswer,
    /// Take the first half of its events and close the connection.
    HalfTaken,
    /// Close the connection.
    HangUp,
    /// Take nothing and answer nothing until the server is stopped.
    Silence,
    /// Take it and answer byte by byte, with a pause before each.
    Slowly(Duration),
}

impl Reaction {
    /// A refusal in the form of the API.
    #[must_use]
    pub fn refuse(status: u16) -> Self {
        let body = json!({ "error": "refused", "message": "told to", "path": "/" });
        let kind = ("Content-Type", "application/json".to_owned());
        Self::Answer(status, vec![kind], body.to_string())
    }

    /// A page for people.
    #[must_use]
    pub fn page(status: u16) -> Self {
        let kind = ("Content-Type", "text/html".to_owned());
        let page = "<!DOCTYPE html>\n<title>Welcome to the hotel</title>".to_owned();
        Self::Answer(status, vec![kind], page)
    }

    /// As it is, with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

type Script = Box<dyn FnMut(&Request) -> Reaction + Send>;

/// The server.
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Faulty").field(&self.address).finish()
    }
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    script: Script,
    log: Vec<Request>,
    stored: BTreeMap<String, Stored>,
    connections: Vec<TcpStream>,
    stopped: bool,
    /// Tokens are made anew at every authorisation.
    tokens: usize,
}

/// What was accepted of a session.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Bodies of create_session and update_session, in order.
    pub session: Vec<Value>,
    /// Events in the order in which they came, each once.
    pub events: Vec<Value>,
    ids: HashSet<String>,
}

impl Stored {
    /// The numbers in the events' arguments.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        let number = |event: &Value| event["params"]["number"].as_u64();
        self.events.iter().filter_map(number).collect()
    }

    fn take(&mut self, events: &[Value]) {
        for event in events {
            let id = event["id"].as_str().unwrap_or_default();
            if self.ids.insert(id.to_owned()) {
                self.events.push(event.clone());
            }
        }
    }
}

impl Faulty {
    /// A server that reacts as `script` says.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(script: impl FnMut(&Request) -> Reaction + Send + 'static) -> Self {
        let state = State {
            script: Box::new(script),
            log: Vec::new(),
            stored: BTreeMap::new(),
            connections: Vec::new(),
            stopped: false,
            tokens: 0,
        };
        let mut server = Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
            listening: None,
        };
        server.start_again();
        server
    }

    /// A server that accepts everything.
    #[must_use]
    pub fn kind() -> Self {
        Self::start(|_| Reaction::Accept)
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reacts in another way from now on.
    pub fn react(&self, script: impl FnMut(&Request) -> Reaction + Send + 'static) {
        self.shared.lock().script = Box::new(script);
    }

    /// Everything it was sent.
    #[must_use]
    pub fn log(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// What it accepted of a session.
    #[must_use]
    pub fn stored(&self, session: &str) -> Stored {
        let state = self.shared.lock();
        state.stored.get(session).cloned().unwrap_or_default()
    }

    /// The sessions of which it accepted anything.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.shared.lock().stored.keys().cloned().collect()
    }

    /// Waits until it has been sent something like this.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn wait_for_request(&self, what: &str, wanted: impl Fn(&Request) -> bool) -> Request {
        wait_for(what, PATIENCE, || {
            self.shared
                .lock()
                .log
                .iter()
                .find(|sent| wanted(sent))
                .cloned()
        })
    }

    /// Closes all connections and refuses new ones.
    pub fn stop(&mut self) {
        let connections = {
            let mut state = self.shared.lock();
            state.stopped = true;
            std::mem::take(&mut state.connections)
        };
        for connection in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(listening) = self.listening.take() {
            // The one that is being waited for: it finds that the server has stopped.
            let _ = TcpStream::connect(self.address);
            let _ = listening.join();
        }
    }

    /// Listens where it was.
    ///
    /// # Panics
    /// When its port is taken.
    pub fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).expect("a port");
        self.address = listener.local_addr().expect("it is bound");
        self.shared.lock().stopped = false;
        let shared = Arc::clone(&self.shared);
        self.listening = Some(std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if !shared.meet(&connection) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(connection));
            }
        }));
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a connection; `false` when the server has stopped.
    fn meet(&self, connection: &TcpStream) -> bool {
        let mut state = self.lock();
        if let Ok(clone) = connection.try_clone() {
            state.connections.push(clone);
        }
        !state.stopped
    }

    /// Serves a connection until either side has enough of it.
    fn serve(&self, connection: TcpStream) {
        let _ = connection.set_nodelay(true);
        let Ok(clone) = connection.try_clone() else {
            return;
        };
        let mut reader = BufReader::new(clone);
        let mut writer = connection;
        while let Ok(Some(request)) = read(&mut reader) {
            if !self.answer(request, &mut writer).unwrap_or(false) {
                let _ = writer.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// Reacts to a request; whether the connection goes on.
    fn answer(&self, request: Request, out: &mut TcpStream) -> io::Result<bool> {
        let (reaction, answer) = self.lock().take(request);
        match reaction {
            Reaction::Accept | Reaction::Answer(..) => {
                out.write_all(answer.as_bytes())?;
                Ok(true)
            }
            Reaction::HalfAnswer => {
                out.write_all(&answer.as_bytes()[..answer.len() - 4])?;
                Ok(false)
            }
            Reaction::HangUp | Reaction::HalfTaken => Ok(false),
            Reaction::Silence => {
                // Ends when somebody closes the connection.
                let _ = out.read(&mut [0]);
                Ok(false)
            }
            Reaction::Slowly(pause) => {
                for byte in answer.as_bytes() {
                    std::thread::sleep(pause);
                    out.write_all(&[*byte])?;
                }
                Ok(true)
            }
        }
    }
}

impl State {
    /// Logs a request, takes of it what is to be taken, and writes the answer.
    fn take(&mut self, mut request: Request) -> (Reaction, String) {
        request.n = self.log.len();
        let reaction = (self.script)(&request);
        self.log.push(request.clone());
        let answer = match &reaction {
            Reaction::Answer(status, headers, body) => response(*status, headers, body),
            Reaction::HangUp | Reaction::Silence => String::new(),
            Reaction::HalfTaken => {
                let half = request.events().len() / 2;
                self.of(&request).take(&request.events()[..half]);
                String::new()
            }
            Reaction::Accept | Reaction::HalfAnswer | Reaction::Slowly(_) => self.accept(&request),
        };
        (reaction, answer)
    }

    fn of(&mut self, request: &Request) -> &mut Stored {
        self.stored.entry(request.session.clone()).or_default()
    }

    fn accept(&mut self, request: &Request) -> String {
        self.tokens += 1;
        let token = format!("{}/{}", self.tokens, request.session);
        let body = if request.is("create_session") {
            self.of(request)
                .session
                .push(request.body["session"].clone());
            json!({ "status": "Success", "jwt": token, "session_id": request.session,
                    "session_url": "http://127.0.0.1/" })
        } else if request.is("reauthorize_jwt") {
            json!({ "status": "Success", "jwt": token })
        } else if request.is("update_session") {
            self.of(request)
                .session
                .push(request.body["session"].clone());
            json!({ "status": "success", "token_cost": "0.00", "session_url": "http://127.0.0.1/" })
        } else {
            self.of(request).take(request.events());
            json!("Success")
        };
        let kind = ("Content-Type", "application/json".to_owned());
        response(200, &[kind], &body.to_string())
    }
}

fn response(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
    let mut text = format!(
        "HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n" + body
}

/// The next request; `None` when there is no more.
fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let length = headers.get("content-length");
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let token = headers.get("authorization");
    let token = token.and_then(|text| Some(text.strip_prefix("Bearer ")?.to_owned()));
    Ok(Some(Request {
        n: 0,
        at: Instant::now(),
        session: session(&body, token.as_deref()),
        path,
        key: headers.get("x-agentops-api-key").cloned(),
        token,
        batch: headers.get("idempotency-key").cloned(),
        body,
    }))
}

/// The session of a token, else the one that the body names.
fn session(body: &Value, token: Option<&str>) -> String {
    let of_token = token.and_then(|token| token.split_once('/'));
    let named = || {
        body["session"]["id"]
            .as_str()
            .or(body["session_id"].as_str())
    };
    of_token
        .map(|(_, session)| session)
        .or_else(named)
        .unwrap_or_default()
        .to_owned()
}
