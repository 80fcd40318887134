//! `agentops sessions stats`: what a session amounts to.

use agentops_protocol::api::Stats;
use anyhow::Context as _;

use super::show::head;
use crate::args;
use crate::backend::Backend;
use crate::output::{Line, Out, Style};
use crate::text;

/// Columns of a model's name at most.
const MODEL: usize = 40;

pub(crate) fn run(args: &args::Stats, out: &mut Out) -> anyhow::Result<()> {
    let backend = Backend::open(&args.source)?;
    let stats = backend.of_session(&args.id, |id| backend.stats(id))?;
    if args.json {
        return out.json(&stats);
    }
    print(
        &serde_json::from_str(&stats).context("the counts cannot be read")?,
        out,
    )
}

fn print<W: std::io::Write>(stats: &Stats, out: &mut Out<W>) -> anyhow::Result<()> {
    let mut fact = |name: &str, value: String| out.line(head::fact(name, Style::Plain, value));
    fact("session", stats.session_id.clone())?;
    if !stats.status.is_empty() {
        fact("status", stats.status.clone())?;
    }
    fact("duration", text::seconds(stats.duration))?;
    fact("cost", head::cost(stats))?;
    fact("tokens", head::tokens(stats))?;
    for (name, tokens, of) in [
        (
            "cached",
            stats.cached_read_tokens,
            "prompt tokens read from a cache",
        ),
        (
            "written",
            stats.cached_write_tokens,
            "prompt tokens written to a cache",
        ),
        (
            "reasoning",
            stats.reasoning_tokens,
            "completion tokens spent on reasoning",
        ),
    ] {
        if tokens > 0 {
            fact(name, format!("{tokens} {of}"))?;
        }
    }
    fact(
        "events",
        head::counts(
            Some(stats),
            &[],
            usize::try_from(stats.events).unwrap_or(usize::MAX),
        ),
    )?;
    for (reason, count) in &stats.dropped {
        fact("lost", format!("{count} {reason}"))?;
    }
    models(stats, out)
}

fn models<W: std::io::Write>(stats: &Stats, out: &mut Out<W>) -> anyhow::Result<()> {
    if stats.models.is_empty() {
        return Ok(());
    }
    let widest = stats
        .models
        .keys()
        .map(|name| text::width(&text::clean(name)))
        .max();
    let name = widest.unwrap_or(0).clamp("model".len(), MODEL);
    out.line("")?;
    let head = format!(
        "{}  calls     prompt completion  cost",
        text::pad("model", name)
    );
    out.line(Line::new().and(Style::Faint, head))?;
    for (model, used) in &stats.models {
        let cost = used
            .cost
            .map_or_else(|| "?".to_owned(), |cost| format!("${cost}"));
        let model = text::pad(&text::clean(model), name);
        let (calls, prompt, completion) = (used.calls, used.prompt_tokens, used.completion_tokens);
        out.line(format!(
            "{model} {calls:>6} {prompt:>10} {completion:>10}  {cost}"
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_session_of_two_models() {
        let stats = serde_json::from_value(serde_json::json!({
            "session_id": "s\u{1b}[2J", "status": "ended", "duration": 2.5, "cost": null,
            "cost_known": "0.00930", "unpriced": 1, "events": 5, "llms": 2, "tools": 2, "actions": 1,
            "prompt_tokens": 450, "completion_tokens": 80, "cached_read_tokens": 100,
            "models": {
                "gpt-4": {"calls": 1, "prompt_tokens": 150, "completion_tokens": 80, "cost": "0.00930"},
                "own\u{202e}": {"calls": 1, "prompt_tokens": 300}},
            "dropped": {"disk_full": 3}
        }));
        let mut out = Out::memory(None, false);
        print(&stats.unwrap(), &mut out).unwrap();
        expect![[r#"
            session   s\u{1b}[2J
            status    ended
            duration  2.50 s
            cost      not known: $0.00930 and 1 LLM call without a known price
            tokens    450 prompt, 80 completion
            cached    100 prompt tokens read from a cache
            events    5: 1 action, 2 LLM calls, 2 tool calls
            lost      3 disk_full

            model        calls     prompt completion  cost
            gpt-4            1        150         80  $0.00930
            own\u{202e}      1        300          0  ?
        "#]]
        .assert_eq(out.text());
    }
}
