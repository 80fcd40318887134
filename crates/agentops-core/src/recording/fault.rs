//! How an error is written, chosen by its type.
//!
//! ```text
//! 4 Error            message and source chain
//! 3 derefs to Error  the same (anyhow, eyre, Box<dyn Error>, Arc<E>)
//! 2 Display          message
//! 1 Debug            message
//! 0 anything         type name
//! ```

use std::any::type_name;
use std::error::Error;
use std::fmt::{self, Debug, Display, Write as _};
use std::ops::Deref;

use super::Outcome;
use super::cut::max_field;
use super::end::{End, Wants};
use super::escape::push_text;
use super::shield::{PanicNote, cut_text, shielded};

/// Longest chain of sources that is followed; a chain may be a ring.
const CHAIN_LIMIT: usize = 32;

/// An error to be written.
#[derive(Debug)]
pub struct Fault<'a, E: ?Sized>(pub &'a E);

/// Rung 4.
pub trait FaultError {
    /// Writes the error.
    fn fail(&self, end: &mut End);
}
impl<E: Error + ?Sized> FaultError for &&&&Fault<'_, E> {
    #[cold]
    fn fail(&self, end: &mut End) {
        note_error(end, type_name::<E>(), |report| report.follow(self.0));
    }
}

/// Rung 3.
pub trait FaultDeref {
    /// Writes the error.
    fn fail(&self, end: &mut End);
}
impl<E: Deref + ?Sized> FaultDeref for &&&Fault<'_, E>
where
    E::Target: Error,
{
    #[cold]
    fn fail(&self, end: &mut End) {
        note_error(end, type_name::<E>(), |report| {
            report.follow(self.0.deref());
        });
    }
}

/// Rung 2.
pub trait FaultDisplay {
    /// Writes the error.
    fn fail(&self, end: &mut End);
}
impl<E: Display + ?Sized> FaultDisplay for &&Fault<'_, E> {
    #[cold]
    fn fail(&self, end: &mut End) {
        note_error(end, type_name::<E>(), |report| {
            report.message = report.text(format_args!("{}", self.0));
        });
    }
}

/// Rung 1.
pub trait FaultDebug {
    /// Writes the error.
    fn fail(&self, end: &mut End);
}
impl<E: Debug + ?Sized> FaultDebug for &Fault<'_, E> {
    #[cold]
    fn fail(&self, end: &mut End) {
        note_error(end, type_name::<E>(), |report| {
            report.message = report.text(format_args!("{:?}", self.0));
        });
    }
}

/// Rung 0.
pub trait FaultName {
    /// Writes the error.
    fn fail(&self, end: &mut End);
}
impl<E: ?Sized> FaultName for Fault<'_, E> {
    #[cold]
    fn fail(&self, end: &mut End) {
        note_error(end, type_name::<E>(), |report| {
            report.message = type_name::<E>().to_owned();
        });
    }
}

/// What an error says about itself.
struct Report {
    message: String,
    chain: Vec<String>,
    /// Bytes that may still be kept.
    room: usize,
}

impl Report {
    fn follow<E: Error + ?Sized>(&mut self, error: &E) {
        self.message = self.text(format_args!("{error}"));
        let mut source = error.source();
        while let Some(cause) = source
            && self.chain.len() < CHAIN_LIMIT
            && self.room > 0
        {
            let text = self.text(format_args!("{cause}"));
            self.chain.push(text);
            source = cause.source();
        }
    }

    fn text(&mut self, arguments: fmt::Arguments<'_>) -> String {
        let mut kept = Kept {
            text: String::new(),
            room: self.room,
        };
        // An error here is the limit, or a Display that fails: what was written so far stands.
        let _ = kept.write_fmt(arguments);
        self.room = kept.room;
        kept.text
    }
}

/// A text that stops growing at a limit.
struct Kept {
    text: String,
    room: usize,
}

impl fmt::Write for Kept {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = cut_text(text, self.room);
        self.text.push_str(fits);
        if fits.len() < text.len() {
            self.room = 0;
            return Err(fmt::Error);
        }
        self.room -= fits.len();
        Ok(())
    }
}

fn note_error(end: &mut End, type_name: &str, describe: impl FnOnce(&mut Report)) {
    end.set_outcome(Outcome::Error);
    if matches!(end.wants(), Wants::Metadata | Wants::Counts) {
        end.set_error(error_object(type_name, None, &[], None));
        return;
    }
    let mut report = Report {
        message: String::new(),
        chain: Vec::new(),
        room: max_field(),
    };
    if shielded(|| describe(&mut report)).is_none() {
        report.message = format!("{type_name}: panicked while it was shown");
    }
    match end.wants() {
        Wants::Reason => end.set_reason(reason(report)),
        _ => end.set_error(error_object(
            type_name,
            Some(&report.message),
            &report.chain,
            None,
        )),
    }
}

/// Message and causes on one line; a cause that its parent has already told is left out.
fn reason(report: Report) -> String {
    let mut reason = report.message;
    for cause in report.chain {
        if !reason.ends_with(&cause) {
            reason.push_str(": ");
            reason.push_str(&cause);
        }
    }
    reason
}

/// The error object of a call that panicked.
pub(crate) fn panic_object(note: Option<&PanicNote>, content: bool) -> Vec<u8> {
    let message = note.filter(|_| content).map(|note| note.message.as_str());
    error_object(
        "panic",
        message,
        &[],
        note.and_then(|note| note.location.as_deref()),
    )
}

/// The error object of a call whose failure is known by words, not by a value.
pub(crate) fn failure_object(
    error_type: &str,
    message: Option<&str>,
    code: Option<&str>,
) -> Vec<u8> {
    let mut object = error_object(error_type, message, &[], None);
    if let Some(code) = code {
        object.pop();
        object.extend_from_slice(b",\"code\":");
        push_text(&mut object, code, max_field());
        object.push(b'}');
    }
    object
}

fn error_object(
    type_name: &str,
    message: Option<&str>,
    chain: &[String],
    location: Option<&str>,
) -> Vec<u8> {
    let limit = max_field();
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(b"{\"error_type\":");
    push_text(&mut out, type_name, limit);
    out.extend_from_slice(b",\"details\":{\"message\":");
    push_optional(&mut out, message, limit);
    out.extend_from_slice(b",\"chain\":[");
    for (index, cause) in chain.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_text(&mut out, cause, limit);
    }
    out.extend_from_slice(b"],\"location\":");
    push_optional(&mut out, location, limit);
    out.extend_from_slice(b"}}");
    out
}

fn push_optional(out: &mut Vec<u8>, text: Option<&str>, limit: usize) {
    match text {
        Some(text) => push_text(out, text, limit),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    macro_rules! written {
        ($wants:expr, $error:expr) => {{
            let mut end = End::new($wants);
            (&&&&&Fault(&$error)).fail(&mut end);
            assert_eq!(end.outcome(), Outcome::Error);
            end
        }};
    }
    macro_rules! object {
        ($error:expr) => {
            serde_json::from_slice::<Value>(written!(Wants::Event, $error).error_bytes())
                .expect("valid JSON")
        };
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the index")]
    struct Open(#[source] std::io::Error);

    fn open() -> Open {
        Open(std::io::Error::other("disk gone"))
    }

    #[test]
    fn an_error_tells_type_message_and_chain() {
        let object = object!(open());
        assert!(
            object["error_type"]
                .as_str()
                .expect("a name")
                .ends_with("Open")
        );
        let details =
            json!({"message": "cannot open the index", "chain": ["disk gone"], "location": null});
        assert_eq!(object["details"], details);
    }

    #[test]
    fn boxed_and_shared_errors_tell_their_chain_too() {
        let boxed: Box<dyn Error + Send + Sync> = Box::new(open());
        assert_eq!(object!(boxed)["details"]["chain"], json!(["disk gone"]));
        assert_eq!(
            object!(Arc::new(open()))["details"]["message"],
            "cannot open the index"
        );
    }

    #[test]
    fn texts_debug_values_and_anything_are_told_as_well_as_they_can() {
        struct Nothing;
        #[derive(Debug)]
        struct Shown;
        assert_eq!(object!("plain")["details"]["message"], "plain");
        assert_eq!(
            object!(String::from("owned"))["details"]["message"],
            "owned"
        );
        assert_eq!(object!(Shown)["details"]["message"], "Shown");
        let name = object!(Nothing)["details"]["message"].clone();
        assert!(name.as_str().expect("a name").ends_with("Nothing"));
    }

    #[test]
    fn a_session_gets_a_line() {
        assert_eq!(
            written!(Wants::Reason, open()).take_reason().as_deref(),
            Some("cannot open the index: disk gone")
        );
    }

    #[test]
    fn without_content_only_the_type_is_told() {
        let end = written!(Wants::Metadata, open());
        let object: Value = serde_json::from_slice(end.error_bytes()).expect("valid JSON");
        assert_eq!(
            object["details"],
            json!({"message": null, "chain": [], "location": null})
        );
    }

    #[test]
    fn an_error_that_is_its_own_source_and_one_that_panics_are_survived() {
        #[derive(Debug)]
        struct Ring;
        impl Display for Ring {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("ring")
            }
        }
        impl Error for Ring {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&Ring)
            }
        }
        assert_eq!(
            object!(Ring)["details"]["chain"].as_array().map(Vec::len),
            Some(CHAIN_LIMIT)
        );
        struct Bad;
        impl Display for Bad {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("no")
            }
        }
        assert!(
            object!(Bad)["details"]["message"]
                .as_str()
                .expect("a text")
                .ends_with("panicked while it was shown")
        );
    }
}
