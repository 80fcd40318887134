//! A server's stream of changes, read by a thread of its own until it breaks off.

use std::sync::mpsc::SyncSender;

use super::remote::Remote;

/// The longest message that is read, in bytes; one names a session.
const MESSAGE_BYTES: usize = 64 << 10;

/// What a stream tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// The stream is open.
    Open,
    /// Something of this session changed; without one, a session is gone.
    Changed(Option<String>),
    /// Anything may have changed.
    Reset,
    /// The place behind what has been told.
    Place(String),
    /// The stream broke off, or could not be opened.
    Lost(anyhow::Error),
}

/// Starts to read the stream of a server, from behind the place `after` on. `send` is told all of
/// it, at last why it ended; when nobody listens any more the thread ends.
pub(crate) fn follow<M: Send + 'static>(
    remote: Remote,
    after: Option<String>,
    to: SyncSender<M>,
    wrap: fn(Told) -> M,
) -> std::io::Result<()> {
    let reader = std::thread::Builder::new().name("read-changes".to_owned());
    reader.spawn(move || {
        let lost = remote.block_on(read(&remote, after.as_deref(), &|told| {
            to.send(wrap(told)).is_ok()
        }));
        if let Some(error) = lost.err() {
            let _ = to.send(wrap(Told::Lost(error)));
        }
    })?;
    Ok(())
}

async fn read(
    remote: &Remote,
    after: Option<&str>,
    tell: &impl Fn(Told) -> bool,
) -> anyhow::Result<()> {
    let mut answer = remote.follow(after).await?;
    if !tell(Told::Open) {
        return Ok(());
    }
    let mut waiting = Vec::new();
    let mut message = Message::default();
    loop {
        let piece = answer.chunk().await?;
        let Some(piece) = piece else {
            anyhow::bail!("{} ended the stream", remote.url());
        };
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            for told in message.line(line.trim_end_matches(['\r', '\n'])) {
                if !tell(told) {
                    return Ok(());
                }
            }
        }
        if waiting.len() > MESSAGE_BYTES {
            anyhow::bail!("{} sends a message without an end", remote.url());
        }
    }
}

/// A message as far as it has come.
#[derive(Debug, Default)]
struct Message {
    id: Option<String>,
    event: String,
    data: String,
}

impl Message {
    /// Takes a line; an empty one ends the message.
    fn line(&mut self, line: &str) -> Vec<Told> {
        if line.is_empty() {
            return std::mem::take(self).told();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event),
            "data" => self.data.push_str(value),
            _ => {}
        }
        Vec::new()
    }

    fn told(self) -> Vec<Told> {
        let told = match self.event.as_str() {
            "session" => {
                let data: Result<serde_json::Value, _> = serde_json::from_str(&self.data);
                let id = data
                    .ok()
                    .and_then(|data| Some(data["session_id"].as_str()?.to_owned()));
                id.map(|id| Told::Changed(Some(id)))
            }
            "deleted" => Some(Told::Changed(None)),
            "reset" => Some(Told::Reset),
            _ => None,
        };
        told.into_iter().chain(self.id.map(Told::Place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn messages_are_read_line_by_line() {
        let mut message = Message::default();
        let text = ":\n\nevent: session\ndata: {\"session_id\":\"a\\nb\"}\n\n\
                    id: e-7\nevent: deleted\ndata: {\"project_id\":\"p\"}\n\n\
                    event: new\ndata: {}\n\nid: e-8\nevent: reset\ndata: {}\n\n";
        let told: Vec<String> = text
            .lines()
            .flat_map(|line| message.line(line))
            .map(|told| format!("{told:?}"))
            .collect();
        expect![[r#"Changed(Some("a\nb")) Changed(None) Place("e-7") Reset Place("e-8")"#]]
            .assert_eq(&told.join(" "));
    }
}
