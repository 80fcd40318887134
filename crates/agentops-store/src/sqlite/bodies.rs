//! What of an event has no column of its own: one field after the other as `tag, length, bytes`,
//! then packed. JSON is kept as the text it came in. Tags keep their meaning for ever.

use agentops_protocol::{Event, EventBody, EventKind, Json, Status};

use super::fault::Fault;
use super::pack::{put_number, take_number};

const PARAMS: u8 = 1;
const RETURNS: u8 = 2;
const LOGS: u8 = 3;
const SCREENSHOT: u8 = 4;
const THREAD: u8 = 5;
const PROMPT: u8 = 6;
/// A prompt cut into pieces by `messages`.
const PROMPT_PIECES: u8 = 7;
const COMPLETION: u8 = 8;
const FIRST_TOKEN: u8 = 9;
const TRIGGER_ID: u8 = 10;
const TRIGGER_KIND: u8 = 11;
const CODE: u8 = 12;
const DETAILS: u8 = 13;
/// The word of a status that this version does not know.
const STATUS: u8 = 14;

/// A prompt as the body holds it.
pub(crate) enum Prompt {
    /// None, or whole inside the event.
    Whole,
    /// Cut into pieces.
    Pieces(Vec<u8>),
}

/// Writes the body of `event` into `out`, which is emptied first.
pub(crate) fn write(event: &Event, prompt: &Prompt, out: &mut Vec<u8>) {
    out.clear();
    put_json(out, PARAMS, event.params.as_ref());
    put_json(out, RETURNS, event.returns.as_ref());
    put_json(out, LOGS, event.logs.as_ref());
    match &event.body {
        EventBody::Action(action) => {
            if let Some(screenshot) = &action.screenshot {
                put(out, SCREENSHOT, screenshot.as_bytes());
            }
        }
        EventBody::Tool(_) => {}
        EventBody::Llm(llm) => {
            match prompt {
                Prompt::Whole => put_json(out, PROMPT, llm.prompt.as_ref()),
                Prompt::Pieces(pieces) => put(out, PROMPT_PIECES, pieces),
            }
            put_json(out, COMPLETION, llm.completion.as_ref());
            if let Some(thread) = &llm.thread_id {
                put(out, THREAD, thread.as_str().as_bytes());
            }
            if let Some(micros) = llm.time_to_first_token_us {
                put(out, FIRST_TOKEN, &micros.to_le_bytes());
            }
        }
        EventBody::Error(error) => {
            put_json(out, CODE, error.code.as_ref());
            put_json(out, DETAILS, error.details.as_ref());
            if let Some(id) = &error.trigger_event_id {
                put(out, TRIGGER_ID, id.as_str().as_bytes());
            }
            if let Some(kind) = error.trigger_event_type {
                put(out, TRIGGER_KIND, kind.as_str().as_bytes());
            }
        }
    }
    if let Status::Unknown(word) = &event.status {
        put(out, STATUS, word.as_bytes());
    }
}

fn put_json(out: &mut Vec<u8>, tag: u8, value: Option<&Json>) {
    if let Some(value) = value {
        put(out, tag, value.get().as_bytes());
    }
}

fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads a body into `event`, whose kind is known. `join` makes a prompt of its pieces.
pub(crate) fn read(
    mut body: &[u8],
    event: &mut Event,
    mut join: impl FnMut(&[u8]) -> Result<Vec<u8>, Fault>,
) -> Result<(), Fault> {
    while let Some((&tag, rest)) = body.split_first() {
        body = rest;
        let length = usize::try_from(take_number(&mut body)?).unwrap_or(usize::MAX);
        let (bytes, rest) = body
            .split_at_checked(length)
            .ok_or(Fault::Damaged("body"))?;
        body = rest;
        match (tag, &mut event.body) {
            (PARAMS, _) => event.params = Some(json(bytes)?),
            (RETURNS, _) => event.returns = Some(json(bytes)?),
            (LOGS, _) => event.logs = Some(json(bytes)?),
            (STATUS, _) => event.status = Status::from_name(text(bytes)?),
            (SCREENSHOT, EventBody::Action(action)) => {
                action.screenshot = Some(text(bytes)?.to_owned());
            }
            (PROMPT, EventBody::Llm(llm)) => llm.prompt = Some(json(bytes)?),
            (PROMPT_PIECES, EventBody::Llm(llm)) => llm.prompt = Some(json(&join(bytes)?)?),
            (COMPLETION, EventBody::Llm(llm)) => llm.completion = Some(json(bytes)?),
            (THREAD, EventBody::Llm(llm)) => llm.thread_id = Some(id(bytes)?),
            (FIRST_TOKEN, EventBody::Llm(llm)) => {
                let micros = bytes.try_into().map_err(|_| Fault::Damaged("body"))?;
                llm.time_to_first_token_us = Some(u64::from_le_bytes(micros));
            }
            (TRIGGER_ID, EventBody::Error(error)) => error.trigger_event_id = Some(id(bytes)?),
            (TRIGGER_KIND, EventBody::Error(error)) => {
                error.trigger_event_type = EventKind::from_name(text(bytes)?);
            }
            (CODE, EventBody::Error(error)) => error.code = Some(json(bytes)?),
            (DETAILS, EventBody::Error(error)) => error.details = Some(json(bytes)?),
            _ => return Err(Fault::Damaged("body")),
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Damaged("text"))
}

fn id<T: std::str::FromStr>(bytes: &[u8]) -> Result<T, Fault> {
    text(bytes)?.parse().map_err(|_| Fault::Damaged("id"))
}

/// JSON that was stored as text.
pub(crate) fn json(bytes: &[u8]) -> Result<Json, Fault> {
    Json::parse(text(bytes)?).map_err(|_| Fault::Damaged("JSON"))
}

#[cfg(test)]
mod tests {
    use agentops_protocol::Timestamp;

    use super::*;

    fn check(event: &Event) {
        let mut body = Vec::new();
        write(event, &Prompt::Whole, &mut body);
        let mut back = Event::started(event.id.clone(), event.kind(), event.init_timestamp);
        back.status = event.status.clone();
        read(&body, &mut back, |_| panic!("no pieces")).unwrap();
        assert_eq!(
            serde_json::to_string(&back).unwrap(),
            serde_json::to_string(event).unwrap(),
            "letter by letter"
        );
    }

    #[test]
    fn every_kind_comes_back() {
        let json = |text: &str| Some(Json::parse(text).unwrap());
        for kind in EventKind::ALL {
            let mut event = Event::started("e".parse().unwrap(), kind, Timestamp::from_micros(1));
            check(&event);
            event.params = json(r#"{"b":1.50, "a":[null,"\u00e9"]}"#);
            event.returns = json("0");
            event.logs = json("\"l\"");
            event.status = Status::Unknown("queued".into());
            match &mut event.body {
                EventBody::Action(action) => action.screenshot = Some("x".into()),
                EventBody::Tool(_) => {}
                EventBody::Llm(llm) => {
                    llm.prompt = json("[1, 2]");
                    llm.completion = json("{ }");
                    llm.thread_id = Some("t".parse().unwrap());
                    llm.time_to_first_token_us = Some(u64::MAX);
                }
                EventBody::Error(error) => {
                    error.code = json("404");
                    error.details = json("{\"message\":\"m\"}");
                    error.trigger_event_id = Some("e".parse().unwrap());
                    error.trigger_event_type = Some(EventKind::Tool);
                }
            }
            check(&event);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let mut event = Event::started(
            "e".parse().unwrap(),
            EventKind::Tool,
            Timestamp::from_micros(1),
        );
        for body in [
            &[1][..],
            &[1, 5, b'1'],
            &[PROMPT, 1, b'1'],
            &[99, 0],
            &[1, 1, 0xff],
        ] {
            assert!(
                read(body, &mut event, |_| Ok(Vec::new())).is_err(),
                "{body:?}"
            );
        }
    }
}
