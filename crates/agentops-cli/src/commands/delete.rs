//! `agentops sessions delete`: sessions taken away for good.

use serde_json::json;

use crate::args::Delete;
use crate::backend::Backend;
use crate::exit::{Exit, Problem};
use crate::output::{self, Out};
use crate::text::counted;

pub(crate) fn run(args: &Delete, out: &mut Out) -> anyhow::Result<()> {
    let backend = Backend::open(&args.source)?;
    // All of them are looked at before the first one goes. Only ids in full: a beginning that was
    // unmistakable yesterday may fit another session today.
    for id in &args.ids {
        if backend.session(id)?.is_none() {
            return Err(backend.no_session(id).into());
        }
    }
    if !args.yes {
        let sessions = counted(args.ids.len() as u64, "session");
        match output::ask(&format!(
            "take {sessions} away from {} for good?",
            backend.place()
        )) {
            Some(true) => {}
            Some(false) => {
                return Err(Problem::new(Exit::Failure, "nothing was taken away").into());
            }
            None => {
                let message = "nobody can be asked here; give --yes to take sessions away";
                return Err(Problem::new(Exit::Usage, message).into());
            }
        }
    }
    let mut gone = Vec::new();
    for id in &args.ids {
        if backend.delete(id)? {
            gone.push(id);
        }
    }
    if args.json {
        return out.json(&json!({ "deleted": gone }).to_string());
    }
    for id in gone {
        out.line(format!("deleted {id}"))?;
    }
    Ok(())
}
