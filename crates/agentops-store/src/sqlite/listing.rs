//! Which sessions a project sees, and lists of them.

use agentops_protocol::{ProjectId, SessionId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::fault::Fault;
use super::sessions::{self, Stored};
use crate::page::Place;
use crate::{PageSize, SessionFilter, SessionOrder, SessionSort};

/// How long a session took, as `Facts::duration_micros` has it.
const DURATION: &str =
    "max(coalesce(max(s.end_us, s.last_us), s.end_us, s.last_us, s.start_us) - s.start_us, 0)";

/// The session of an id that a project sees: its own, else one that is shared with it.
pub(crate) fn find(
    connection: &Connection,
    project: Option<&ProjectId>,
    id: &SessionId,
) -> Result<Option<Stored>, Fault> {
    let sql = format!(
        "{}WHERE s.id = ?1 AND (?2 IS NULL OR p.id = ?2 OR EXISTS (SELECT 1 FROM readers r
             JOIN projects q ON q.seq = r.project WHERE r.session = s.seq AND q.id = ?2))
         ORDER BY p.id = ?2 DESC, s.start_us DESC, s.seq DESC LIMIT 1",
        sessions::SELECT
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query((id.as_str(), project.map(ProjectId::as_str)))?;
    rows.next()?.map(sessions::read).transpose()
}

/// One page; each session with its place in the order, and whether more follow.
pub(crate) fn page(
    connection: &Connection,
    project: Option<&ProjectId>,
    filter: &SessionFilter,
    size: PageSize,
    from: Option<Place>,
) -> Result<(Vec<(Place, Stored)>, bool), Fault> {
    let (terms, values) = conditions(connection, project, filter, from)?;
    let value = sorted_by(filter.order.by);
    let direction = if filter.order.ascending {
        "ASC"
    } else {
        "DESC"
    };
    let sql = format!(
        "{}WHERE {terms} ORDER BY {value} {direction}, s.seq {direction} LIMIT {}",
        sessions::SELECT,
        size.get() + 1
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut found = select.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        if rows.len() == size.get() {
            return Ok((rows, true));
        }
        let stored = sessions::read(row)?;
        let place = Place {
            start: rank(&stored, filter.order.by),
            order: stored.seq,
            index: 0,
        };
        rows.push((place, stored));
    }
    Ok((rows, false))
}

fn sorted_by(sort: SessionSort) -> &'static str {
    match sort {
        SessionSort::Start => "s.start_us",
        SessionSort::Duration => DURATION,
        SessionSort::Cost => "s.cost",
        SessionSort::Errors => "s.errors",
        SessionSort::Tokens => "s.prompt_tokens + s.completion_tokens",
    }
}

/// What [`sorted_by`] gives for a session.
fn rank(stored: &Stored, sort: SessionSort) -> i64 {
    let (facts, sums) = (&stored.facts, &stored.sums);
    match sort {
        SessionSort::Start => facts.start.as_micros(),
        SessionSort::Duration => facts.duration_micros(sums.last).cast_signed(),
        SessionSort::Cost => sums.cost,
        SessionSort::Errors => sums.kinds[3],
        SessionSort::Tokens => sums.prompt_tokens.wrapping_add(sums.completion_tokens),
    }
}

/// Terms of a WHERE, with the values for its question marks.
#[derive(Default)]
struct Terms {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Terms {
    fn add(&mut self, term: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.terms.push(term.into());
        self.values.extend(values);
    }

    fn at_least(&mut self, what: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.add(format!("{what} >= ?"), [value.into()]);
        }
    }

    fn below(&mut self, what: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.add(format!("{what} < ?"), [value.into()]);
        }
    }

    fn at_most(&mut self, what: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.add(format!("{what} <= ?"), [value.into()]);
        }
    }
}

/// What must hold of a listed session.
fn conditions(
    connection: &Connection,
    project: Option<&ProjectId>,
    filter: &SessionFilter,
    from: Option<Place>,
) -> Result<(String, Vec<Value>), Fault> {
    let mut terms = Terms::default();
    terms.add("true", []);
    if let Some(project) = project {
        seen_by(connection, project, &mut terms)?;
    }
    named(filter, &mut terms);
    if let Some(state) = filter.end_state {
        terms.add("s.end_state = ?", [sessions::state_number(state).into()]);
    }
    if let Some(running) = filter.running {
        terms.add("(s.end_us IS NULL) = ?", [i64::from(running).into()]);
    }
    let micros = |at: agentops_protocol::Timestamp| at.as_micros();
    terms.at_least("s.start_us", filter.from.map(micros));
    terms.below("s.start_us", filter.to.map(micros));
    if filter.with_errors {
        terms.add("s.errors > 0", []);
    }
    let signed = |micros: u64| i64::try_from(micros).unwrap_or(i64::MAX);
    terms.at_least(DURATION, filter.micros.0.map(signed));
    terms.at_most(DURATION, filter.micros.1.map(signed));
    let picos = |cost: agentops_protocol::Usd| cost.as_picos();
    terms.at_least("s.cost", filter.cost.0.map(picos));
    terms.at_most("s.cost", filter.cost.1.map(picos));
    if let Some(place) = from {
        terms.add(
            after(filter.order),
            [place.start.into(), place.order.into()],
        );
    }
    Ok((terms.terms.join(" AND "), terms.values))
}

fn after(order: SessionOrder) -> String {
    let than = if order.ascending { ">" } else { "<" };
    format!("({}, s.seq) {than} (?, ?)", sorted_by(order.by))
}

/// Most projects read nothing but their own: then an index leads to their sessions.
fn seen_by(connection: &Connection, project: &ProjectId, terms: &mut Terms) -> Result<(), Fault> {
    let seq: Option<i64> = connection
        .prepare_cached("SELECT seq FROM projects WHERE id = ?1")?
        .query_row([project.as_str()], |row| row.get(0))
        .optional()?;
    let seq = seq.unwrap_or(-1);
    let shares: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM readers WHERE project = ?1)")?
        .query_row([seq], |row| row.get(0))?;
    if shares {
        let term = "(s.project = ? OR EXISTS (SELECT 1 FROM readers r
            WHERE r.project = ? AND r.session = s.seq))";
        terms.add(term, [seq.into(), seq.into()]);
    } else {
        terms.add("s.project = ?", [seq.into()]);
    }
    Ok(())
}

fn named(filter: &SessionFilter, terms: &mut Terms) {
    if let Some(text) = &filter.text {
        let text = Value::from(text.to_ascii_lowercase());
        let term = "(instr(lower(s.id), ?) OR instr(lower(coalesce(s.reason, '')), ?)
            OR EXISTS (SELECT 1 FROM json_each(s.tags) t WHERE instr(lower(t.value), ?)))";
        terms.add(term, [text.clone(), text.clone(), text]);
    }
    if let Some(tag) = &filter.tag {
        let term = "EXISTS (SELECT 1 FROM json_each(s.tags) t WHERE t.value = ?)";
        terms.add(term, [tag.clone().into()]);
    }
    if let Some(agent) = &filter.agent {
        let term = "EXISTS (SELECT 1 FROM agents a WHERE a.session = s.seq
            AND (a.id = ? OR a.name = ?))";
        terms.add(term, [agent.clone().into(), agent.clone().into()]);
    }
    if let Some(model) = &filter.model {
        let term = "EXISTS (SELECT 1 FROM session_models m JOIN names n ON n.id = m.model
            WHERE m.session = s.seq AND m.calls > 0 AND n.text = ?)";
        terms.add(term, [model.clone().into()]);
    }
}
