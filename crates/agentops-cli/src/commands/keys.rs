//! `agentops keys`: what programs reach a project by.

use agentops_protocol::Timestamp;
use agentops_store::{Catalog as _, KeyInfo, Project};
use serde::Serialize;

use super::admin::{Admin, refused};
use crate::args::{Keys, Store};
use crate::exit::{Exit, Problem};
use crate::output::{Line, Out, Style};

/// A key as it may be shown: never the key.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    project: &'a str,
    prefix: &'a str,
    created: Timestamp,
    revoked: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    project: &'a str,
    key: &'a str,
}

pub(crate) fn run(args: &Keys, out: &mut Out) -> anyhow::Result<()> {
    match args {
        Keys::Create { project, store } => create(project.project.as_deref(), store, out),
        Keys::List { project, store } => list(project.project.as_deref(), store, out),
        Keys::Revoke { id, store } => revoke(id, store, out),
    }
}

fn create(project: Option<&str>, args: &Store, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::open(args)?;
    let project = admin.project(project)?;
    let now = agentops_server::system_clock()();
    let made = agentops_server::create_key(&admin.store, &project.id, now);
    let (key, info) = made.map_err(refused)?;
    if args.json {
        let made = Made {
            id: &info.id,
            project: &project.name,
            key: key.reveal(),
        };
        return out.json(&serde_json::to_string(&made)?);
    }
    out.line(Line::new().and(Style::Strong, key.reveal()))?;
    let kept = "it is not kept and cannot be shown again";
    out.line(format!(
        "key {} of project {}; {kept}",
        info.id, project.name
    ))
}

fn list(project: Option<&str>, args: &Store, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::open(args)?;
    let projects = match project {
        Some(_) => vec![admin.project(project)?],
        None => admin.store.projects().map_err(refused)?,
    };
    let mut keys: Vec<(&Project, KeyInfo)> = Vec::new();
    for project in &projects {
        let of_it = admin.store.keys(&project.id).map_err(refused)?;
        keys.extend(of_it.into_iter().map(|key| (project, key)));
    }
    if args.json {
        let shown: Vec<Shown<'_>> = keys
            .iter()
            .map(|(project, key)| Shown {
                id: &key.id,
                project: &project.name,
                prefix: &key.prefix,
                created: key.created,
                revoked: key.revoked,
            })
            .collect();
        return out.json(&serde_json::to_string(&shown)?);
    }
    for (project, key) in &keys {
        let mut line = Line::new()
            .and(Style::Strong, format!("{}…", key.prefix))
            .and(
                Style::Plain,
                format!("  {}  made {}", project.name, key.created),
            )
            .and(Style::Faint, format!("  {}", key.id));
        if let Some(at) = key.revoked {
            line = line.and(Style::Bad, format!("  revoked {at}"));
        }
        out.line(line)?;
    }
    Ok(())
}

fn revoke(id: &str, args: &Store, out: &mut Out) -> anyhow::Result<()> {
    let admin = Admin::open(args)?;
    let now = agentops_server::system_clock()();
    if !admin.store.revoke_key(id, now).map_err(refused)? {
        let message = format!("no key {id:?}; `agentops keys list` shows their ids");
        return Err(Problem::new(Exit::Failure, message).into());
    }
    out.line(format!("revoked key {id}"))
}
