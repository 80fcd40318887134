//! What to do after an attempt, and how long to wait before the next. Pure.

use std::time::Duration;

/// What an attempt at a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Accepted.
    Done,
    /// Try again, not before this long.
    Retry(Option<Duration>),
    /// The token is no longer good.
    Reauthorise,
    /// Too large, or a part of it is refused: try its parts.
    Split,
    /// Never accepted.
    Refused,
}

/// The longest pause between attempts.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that is honoured.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
const FIRST: Duration = Duration::from_millis(100);

/// What a status code means for a request; `retry_after` is that header's text.
pub(crate) fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        401 => Verdict::Reauthorise,
        408 | 425 | 429 | 500..=599 => Verdict::Retry(
            retry_after
                .and_then(|text| text.trim().parse().ok())
                .map(|seconds| Duration::from_secs(seconds).min(LONGEST_ASKED)),
        ),
        400 | 413 => Verdict::Split,
        _ => Verdict::Refused,
    }
}

/// How long to wait after the `attempt`-th failure (from 0): full jitter over a doubling bound.
/// `random` lies between 0 and 1.
pub(crate) fn pause(attempt: u32, random: f64) -> Duration {
    let bound = FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_to_do() {
        assert_eq!(verdict(204, None), Verdict::Done);
        assert_eq!(
            verdict(429, Some("7")),
            Verdict::Retry(Some(Duration::from_secs(7)))
        );
        assert_eq!(verdict(503, Some("soon")), Verdict::Retry(None));
        assert_eq!(
            verdict(429, Some("99999999")),
            Verdict::Retry(Some(LONGEST_ASKED))
        );
        assert_eq!(verdict(413, None), Verdict::Split);
        assert_eq!(verdict(401, None), Verdict::Reauthorise);
        assert_eq!(verdict(404, None), Verdict::Refused);
        assert_eq!(verdict(302, None), Verdict::Refused);
    }

    #[test]
    fn pauses_double_to_a_bound() {
        assert_eq!(pause(0, 1.0), FIRST);
        assert_eq!(pause(3, 1.0), FIRST * 8);
        assert_eq!(pause(40, 1.0), LONGEST);
        assert_eq!(pause(5, 0.0), Duration::ZERO);
    }
}
