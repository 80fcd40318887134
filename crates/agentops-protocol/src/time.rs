//! Times: microseconds since 1970 in UTC; RFC 3339 on the wire.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use jiff::fmt::temporal::Pieces;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A moment in UTC with a resolution of one microsecond.
///
/// Parsing takes RFC 3339 with `Z` or an offset, and takes a time without either as UTC, as the
/// Python SDK's users write it. Years 0 to 9999. Written with six decimals and `+00:00`.
///
/// ```
/// # use agentops_protocol::Timestamp;
/// let a: Timestamp = "2024-03-14T13:00:00+01:00".parse()?;
/// let b: Timestamp = "2024-03-14T12:00:00".parse()?;
/// assert_eq!(a, b);
/// # Ok::<(), agentops_protocol::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time like 2024-03-14T12:00:00Z, years 0 to 9999")]
pub struct TimeError(());

/// 1970-01-01T00:00:00.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// 0000-01-01T00:00:00Z.
const FIRST_MICROS: i64 = -62_167_219_200_000_000;
/// 9999-12-31T23:59:59.999999Z.
const LAST_MICROS: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z; clamped to the years 0 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(FIRST_MICROS, LAST_MICROS))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to this moment; negative when it is the later one.
    #[must_use]
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        read(text.trim()).map(Self).ok_or(TimeError(()))
    }
}

/// jiff's own timestamps end a day before year 9999 does, so this counts from civil times.
fn read(text: &str) -> Option<i64> {
    let pieces = Pieces::parse(text).ok()?;
    let civil = DateTime::from_parts(pieces.date(), pieces.time()?);
    let offset = match pieces.to_numeric_offset() {
        Some(offset) => i64::from(offset.seconds()),
        // A zone's name says another time than UTC would, and this crate has no table of zones.
        None if pieces.time_zone_annotation().is_some() => return None,
        None => 0,
    };
    let micros = i64::try_from(civil.duration_since(EPOCH).as_micros()).ok()?;
    let micros = micros.checked_sub(offset * 1_000_000)?;
    (FIRST_MICROS..=LAST_MICROS)
        .contains(&micros)
        .then_some(micros)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = EPOCH
            .checked_add(SignedDuration::from_micros(self.0))
            .expect("a timestamp lies in the years 0 to 9999");
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second(),
            civil.subsec_nanosecond() / 1_000,
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time like 2024-03-14T12:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, written: &str) {
        assert_eq!(
            text.parse::<Timestamp>().unwrap().to_string(),
            written,
            "{text}"
        );
    }

    #[test]
    fn every_documented_form_is_read_and_one_is_written() {
        check("2024-03-14T12:00:00Z", "2024-03-14T12:00:00.000000+00:00");
        check(
            "2026-11-21T21:53:11.770984+00:00",
            "2026-11-21T21:53:11.770984+00:00",
        );
        check("2024-03-14T12:00:00", "2024-03-14T12:00:00.000000+00:00");
        check(
            "2024-03-14T12:00:00.1234567",
            "2024-03-14T12:00:00.123456+00:00",
        );
        check(
            "2024-03-14T14:30:00+02:30",
            "2024-03-14T12:00:00.000000+00:00",
        );
        check("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000+00:00");
        check("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000+00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "1710417600",
            "2024-03-14T12:00:00[Europe/Paris]",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_range_are_written() {
        assert_eq!(
            Timestamp::from_micros(i64::MIN).to_string(),
            "0000-01-01T00:00:00.000000+00:00"
        );
        assert_eq!(
            Timestamp::from_micros(i64::MAX).to_string(),
            "9999-12-31T23:59:59.999999+00:00"
        );
    }
}
