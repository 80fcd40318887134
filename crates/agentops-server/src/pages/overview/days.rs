//! Figures by day, as columns that each lead to the sessions of their day.

use agentops_protocol::Timestamp;
use agentops_store::{DaySums, Overview};

use crate::pages::chart::{Column, columns};
use crate::pages::html::Html;
use crate::pages::text;

const DAY: i64 = 24 * 3_600_000_000;

/// One figure over the days.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) drawing: Html,
    pub(super) first: String,
    pub(super) last: String,
}

/// Sessions, cost and tokens by day, days without anything included.
pub(super) fn charts(overview: &Overview, (from, to): (Timestamp, Timestamp)) -> Vec<Chart> {
    let first = from.as_micros().div_euclid(DAY);
    let last = (to.as_micros() - 1).div_euclid(DAY);
    let date = |day: i64| {
        let start = Timestamp::from_micros(day.saturating_mul(DAY));
        text::time(start).chars().take(10).collect::<String>()
    };
    type Figure = fn(&DaySums) -> (u64, u64, String);
    let figures: [(&'static str, &'static str, Figure); 3] = [
        ("Sessions by day", "sessions", |day| {
            let told = match day.fail {
                0 => text::counted(day.sessions, "session"),
                fail => format!("{}, {fail} failed", text::counted(day.sessions, "session")),
            };
            (day.sessions, day.fail, told)
        }),
        ("Cost by day", "cost", |day| {
            let picos = u64::try_from(day.sums.cost.as_picos()).unwrap_or(0);
            (picos, 0, text::dollars(day.sums.cost))
        }),
        ("Tokens by day", "tokens", |day| {
            let tokens = day
                .sums
                .prompt_tokens
                .saturating_add(day.sums.completion_tokens);
            (tokens, 0, text::counted(tokens, "token"))
        }),
    ];
    let chart = |(title, sort, figure): (&'static str, &str, Figure)| {
        let days = (first..=last).map(|day| {
            let sums = overview.days.get(&day).copied().unwrap_or_default();
            let (whole, bad, told) = figure(&sums);
            let sort = if sort == "sessions" {
                String::new()
            } else {
                format!("&sort={sort}")
            };
            Column {
                whole,
                bad,
                told: format!("{}: {told}", date(day)),
                href: format!("/?from={}&to={}{sort}", date(day), date(day + 1)),
            }
        });
        Chart {
            title,
            drawing: columns(title, &days.collect::<Vec<_>>()),
            first: date(first),
            last: date(last),
        }
    };
    figures.into_iter().map(chart).collect()
}
