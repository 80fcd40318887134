//! `agentops projects`: what keeps the sessions of a server apart.

use agentops_store::{Catalog as _, Project};
use serde::Serialize;

use super::admin::{Admin, refused};
use crate::args::{Projects, Store};
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};

/// The longest name of a project.
const NAME_BYTES: usize = 200;

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> Shown<'a> {
    fn of(project: &'a Project) -> Self {
        Self {
            id: project.id.as_str(),
            name: &project.name,
        }
    }
}

pub(crate) fn run(args: &Projects, out: &mut Out) -> anyhow::Result<()> {
    match args {
        Projects::Create { name, store } => create(name, store, out),
        Projects::List(store) => list(store, out),
    }
}

fn create(name: &str, args: &Store, out: &mut Out) -> anyhow::Result<()> {
    if name.trim().is_empty() || name.len() > NAME_BYTES {
        let message = format!("a project's name has 1 to {NAME_BYTES} bytes, and not only spaces");
        return Err(Problem::new(Exit::Usage, message).into());
    }
    let admin = Admin::open(args)?;
    let project = agentops_server::create_project(&admin.store, name).map_err(refused)?;
    if args.json {
        return out.json(&serde_json::to_string(&Shown::of(&project))?);
    }
    out.line(format!("made project {} ({})", project.name, project.id))
}

fn list(args: &Store, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::open(args)?;
    // Made on first use: a list without it would not show where local sessions are.
    admin.store.default_project().map_err(refused)?;
    let projects = admin.store.projects().map_err(refused)?;
    if args.json {
        let shown: Vec<Shown<'_>> = projects.iter().map(Shown::of).collect();
        return out.json(&serde_json::to_string(&shown)?);
    }
    for project in &projects {
        out.line(
            Line::new()
                .and(Style::Strong, &project.name)
                .and(Style::Faint, format!("  {}", project.id)),
        )?;
    }
    Ok(())
}
