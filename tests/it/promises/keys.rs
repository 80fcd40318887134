//! What was recorded for one key, one server or nobody is sent there and nowhere else, also when somebody else finds
//! it after its program died.

use std::collections::BTreeSet;

use agentops_tests::{Faulty, Home, Process, Reaction, Request, program};

use crate::common::new_key;

/// A place to send to; `None` is this machine.
type Target<'a> = Option<(&'a Faulty, &'a str)>;

struct Den {
    home: Home,
    data_dir: std::path::PathBuf,
}

impl Den {
    fn start(&self, target: Target<'_>) -> (Process, String) {
        let mut command = self.home.command(program!("puppet"));
        command
            .env("AGENTOPS_DATA_DIR", &self.data_dir)
            .env("AGENTOPS_FLUSH_TIMEOUT", "50");
        if let Some((server, key)) = target {
            command
                .env("AGENTOPS_API_ENDPOINT", server.url())
                .env("AGENTOPS_API_KEY", key);
        }
        let mut puppet = Process::spawn(command);
        let session = puppet.line_of("session");
        (puppet, session)
    }

    /// A program that dies and one that ends, neither of them heard.
    fn leave_behind(&self, target: Target<'_>) -> [String; 2] {
        let (mut puppet, killed) = self.start(target);
        puppet.ask("count 0 10 0", "done");
        puppet.ask("flush 100", "flushed");
        drop(puppet.kill());
        let (mut puppet, ended) = self.start(target);
        puppet.ask("count 0 10 0", "done");
        puppet.ask("end Success unheard", "ended");
        assert_eq!(puppet.finish().code, Some(0));
        [killed, ended]
    }

    /// A program that finds what the others left, and has the time to send it.
    fn pass_by(&self, target: Target<'_>) -> String {
        let (mut puppet, session) = self.start(target);
        puppet.ask("count 0 10 0", "done");
        assert_eq!(puppet.ask("flush 20000", "flushed"), "true");
        puppet.ask("end Success passed by", "ended");
        assert_eq!(puppet.finish().code, Some(0));
        session
    }
}

/// What a server was sent with a key: sessions by the requests that carry it, tokens by what they were made for.
fn sent_with(log: &[Request], key: &str) -> BTreeSet<String> {
    log.iter()
        .filter(|request| request.key.as_deref() == Some(key))
        .map(|request| request.session.clone())
        .collect()
}

#[test]
fn each_spool_goes_where_it_belongs() {
    if super::support::elsewhere() {
        return;
    }
    let (mut one, mut two) = (Faulty::kind(), Faulty::kind());
    let (mine, yours) = (new_key(), new_key());
    one.stop();
    two.stop();
    let home = Home::new();
    let data_dir = home.dir("shared");
    let den = Den { home, data_dir };
    let mut targets: Vec<(Target<'_>, BTreeSet<String>)> = Vec::new();
    let both = [(&one, &mine), (&one, &yours), (&two, &mine)];
    for target in both
        .map(|(server, key)| Some((server, key.as_str())))
        .into_iter()
        .chain([None])
    {
        let left = den.leave_behind(target);
        targets.push((target, left.into()));
    }
    let left: Vec<BTreeSet<String>> = targets.into_iter().map(|(_, left)| left).collect();
    one.react(|_| Reaction::Accept);
    one.start_again();
    two.start_again();

    // Passers-by, first those that have no business with any of it.
    den.pass_by(None);
    let stranger = new_key();
    let strange = den.pass_by(Some((&one, &stranger)));
    assert_eq!(one.sessions(), [&*strange]);
    assert_eq!(sent_with(&one.log(), &stranger), [strange].into());
    assert!(two.log().is_empty());

    let mut wanted = [left[0].clone(), left[1].clone(), left[2].clone()];
    for (at, (server, key)) in [(&one, &mine), (&one, &yours), (&two, &mine)]
        .into_iter()
        .enumerate()
    {
        let session = den.pass_by(Some((server, key)));
        wanted[at].insert(session);
        for id in &wanted[at] {
            assert_eq!(server.stored(id).numbers(), (0..10).collect::<Vec<_>>());
        }
    }
    for id in wanted.iter().flatten() {
        let stored = one.stored(id).numbers().len() + two.stored(id).numbers().len();
        assert_eq!(stored, 10, "once, at one of them");
    }
    assert_eq!(sent_with(&one.log(), &mine), wanted[0]);
    assert_eq!(sent_with(&one.log(), &yours), wanted[1]);
    assert_eq!(sent_with(&two.log(), &mine), wanted[2]);
    assert!(sent_with(&two.log(), &yours).is_empty());
    // Requests with a token are about the session of the token, which was given for a key.
    for (server, allowed) in [(&one, 0..2), (&two, 2..3)] {
        let allowed: BTreeSet<&String> = wanted[allowed].iter().flatten().collect();
        for request in server
            .log()
            .iter()
            .filter(|r| r.key.as_deref() != Some(&stranger))
        {
            let known = allowed.contains(&request.session);
            let strange = server.stored(&request.session).numbers().len() == 10;
            assert!(known || strange, "{request:?}");
        }
    }
    // Nothing of what was to stay here has left.
    for id in &left[3] {
        let named = |request: &Request| {
            request.session == *id || request.body.to_string().contains(id.as_str())
        };
        assert!(!one.log().iter().chain(&two.log()).any(named));
    }
}
