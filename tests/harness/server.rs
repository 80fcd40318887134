//! The executable as a server.

use std::path::{Path, PathBuf};

use crate::executable::agentops;
use crate::home::Home;
use crate::process::{Finished, Process};
use crate::rest::Rest;

/// A server process, which can be killed and started again at the same place.
#[derive(Debug)]
pub struct Server {
    home: Home,
    data_dir: PathBuf,
    url: String,
    process: Option<Process>,
}

impl Server {
    /// A server with a data directory of its own.
    #[must_use]
    pub fn start() -> Self {
        let home = Home::new();
        let data_dir = home.dir("server");
        Self::at(home, data_dir)
    }

    /// A server over a data directory that is there.
    #[must_use]
    pub fn over(data_dir: &Path) -> Self {
        Self::at(Home::new(), data_dir.to_owned())
    }

    fn at(home: Home, data_dir: PathBuf) -> Self {
        let mut server = Self {
            home,
            data_dir,
            url: "http://127.0.0.1:0".to_owned(),
            process: None,
        };
        server.start_again();
        server
    }

    /// Starts it where it was.
    ///
    /// # Panics
    /// When it runs already, or does not start.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let listen = self.url.strip_prefix("http://").expect("its own URL");
        let mut command = self.home.command(agentops());
        command
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(&self.data_dir);
        let mut process = Process::spawn(command);
        let url = process.line_of("serving");
        assert!(
            listen.ends_with(":0") || url == self.url,
            "it moved from {} to {url}",
            self.url
        );
        self.url = url;
        self.process = Some(process);
    }

    /// Ends it without a warning.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let process = self.process.take().expect("the server runs");
        drop(process.kill());
    }

    /// Asks it to end; it ends well.
    ///
    /// # Panics
    /// When it does not run or ends with a failure.
    pub fn terminate(&mut self) -> Finished {
        let process = self.process.take().expect("the server runs");
        let finished = process.terminate();
        assert_eq!(finished.code, Some(0), "{}", finished.err);
        finished
    }

    /// Where it is reached, without a last slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Requests to it with a key.
    #[must_use]
    pub fn rest(&self, key: &str) -> Rest {
        Rest::new(&self.url, key)
    }
}
