//! Money: US dollars as an exact integer.
//!
//! The unit is a picodollar (10^-12 USD): published prices go down to fractions of a nanodollar
//! a token (0.0375 USD a million cached tokens), and a session's cost must be their exact sum.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// An exact amount in US dollars, a whole number of picodollars; up to about 9.2 million.
///
/// Written as a decimal without exponent: `0.00` for zero, else at least five decimals and as
/// many more as the amount needs, up to twelve. Sums that leave the range stop at its end.
///
/// ```
/// # use agentops_protocol::Usd;
/// let given: Usd = "0.5".parse()?;
/// let counted: Usd = "9.3e-3".parse()?;
/// assert_eq!((given + counted).to_string(), "0.50930");
/// assert_eq!(Usd::ZERO.to_string(), "0.00");
/// assert_eq!("0.0123456".parse::<Usd>()?.to_six_decimals(), "0.012346");
/// # Ok::<(), agentops_protocol::UsdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

/// A text that is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a decimal amount of US dollars like 0.0093, below 9,000,000")]
pub struct UsdError(());

const DECIMALS: i32 = 12;
const PICOS_PER_DOLLAR: i64 = 1_000_000_000_000;

impl Usd {
    /// No cost.
    pub const ZERO: Self = Self(0);

    /// From picodollars (10^-12 USD).
    #[must_use]
    pub const fn from_picos(picos: i64) -> Self {
        Self(picos)
    }

    /// In picodollars (10^-12 USD).
    #[must_use]
    pub const fn as_picos(self) -> i64 {
        self.0
    }

    /// This amount `count` times; `None` when that leaves the range.
    #[must_use]
    pub fn times(self, count: u64) -> Option<Self> {
        let count = i64::try_from(count).ok()?;
        self.0.checked_mul(count).map(Self)
    }

    /// With exactly six decimals, rounded half up: the form of the end-of-session line.
    /// Zero is `0.00`.
    #[must_use]
    pub fn to_six_decimals(self) -> String {
        if self.0 == 0 {
            return "0.00".to_owned();
        }
        let micros = (self.0.unsigned_abs() + 500_000) / 1_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for Usd {
    type Err = UsdError;

    /// Reads a JSON number's text (also with an exponent). More than twelve decimals are
    /// rounded half up.
    fn from_str(text: &str) -> Result<Self, UsdError> {
        parse(text).ok_or(UsdError(()))
    }
}

fn parse(text: &str) -> Option<Usd> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    // Digits at or left of this position count whole picodollars.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(DECIMALS);
    let mut picos: i64 = 0;
    let mut round_up = false;
    let mut count: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let value = i64::from(digit - b'0');
        if count < kept {
            picos = picos.checked_mul(10)?.checked_add(value)?;
        } else if count == kept {
            round_up = value >= 5;
        }
        count += 1;
    }
    while count < kept && picos != 0 {
        picos = picos.checked_mul(10)?;
        count += 1;
    }
    let picos = picos.checked_add(i64::from(round_up))?;
    Some(Usd(if negative { -picos } else { picos }))
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0.00");
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let picos = self.0.unsigned_abs();
        let whole = picos / PICOS_PER_DOLLAR.unsigned_abs();
        let fraction = format!("{:012}", picos % PICOS_PER_DOLLAR.unsigned_abs());
        let needed = fraction.trim_end_matches('0').len().max(5);
        write!(f, "{sign}{whole}.{}", &fraction[..needed])
    }
}

impl serde::Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Usd {
    /// Reads a number or a decimal string.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        raw.get()
            .trim_matches('"')
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, written: &str) {
        assert_eq!(text.parse::<Usd>().unwrap().to_string(), written, "{text}");
    }

    #[test]
    fn amounts_are_exact_decimals() {
        check("0", "0.00");
        check("0.0", "0.00");
        check("0.5", "0.50000");
        check("1e-12", "0.000000000001");
        check("3.75e-8", "0.0000000375");
        check("12345.678901234567", "12345.678901234567");
        check("-0.25", "-0.25000");
        check("2E2", "200.00000");
        check("0.0000000000005", "0.000000000001");
        check("0.0000000000004", "0.00");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "-", "1e999", "99999999", "abc", "1.2.3", "0x1"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        assert!("1e-999".parse::<Usd>().is_ok_and(|usd| usd == Usd::ZERO));
    }

    #[test]
    fn the_documented_call_costs_its_exact_price() {
        // gpt-4: 0.00003 USD a prompt token, 0.00006 a completion token.
        let prompt: Usd = "0.00003".parse().unwrap();
        let completion: Usd = "0.00006".parse().unwrap();
        let cost = prompt.times(150).unwrap() + completion.times(80).unwrap();
        assert_eq!(cost.to_string(), "0.00930");
        assert_eq!(cost.to_six_decimals(), "0.009300");
    }

    #[test]
    fn sums_stop_at_the_end_of_the_range() {
        let most = Usd::from_picos(i64::MAX);
        assert_eq!(most + most, most);
        assert_eq!(most.times(2), None);
    }
}
