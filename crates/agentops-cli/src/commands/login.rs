//! `agentops login`: a link that logs one browser in, once, within ten minutes.

use agentops_server::running_server;
use serde::Serialize;

use super::admin::{Admin, refused};
use crate::args::Login;
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};

#[derive(Serialize)]
struct Made<'a> {
    url: &'a str,
    project: &'a str,
}

pub(crate) fn run(args: &Login, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::open(&args.store)?;
    let server = running_server(&admin.dir)
        .map_err(|error| Problem::new(Exit::DataDir, error.to_string()))?;
    let Some(server) = server else {
        let message = format!(
            "no server has {} open; start one with `agentops serve`, then log in",
            admin.dir.display()
        );
        return Err(Problem::new(Exit::Unreachable, message).into());
    };
    let project = admin.project(args.project.project.as_deref())?;
    let now = agentops_server::system_clock()();
    let code = agentops_server::create_login(&admin.store, &project.id, now).map_err(refused)?;
    let base = server.public_url.as_deref().unwrap_or(&server.url);
    let url = format!("{base}{}", code.path());
    if args.store.json {
        let made = Made {
            url: &url,
            project: &project.name,
        };
        return out.json(&serde_json::to_string(&made)?);
    }
    out.line(Line::new().and(Style::Strong, url))?;
    out.line(format!(
        "open it within ten minutes; it logs one browser in to project {}",
        project.name
    ))
}
