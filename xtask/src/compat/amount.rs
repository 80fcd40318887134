//! Sums of money as exact decimals.

use anyhow::{Context as _, ensure};

/// Decimals that are kept.
const PLACES: usize = 12;

/// An exact amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount(i128);

impl Amount {
    /// Reads `12.5`.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        ensure!(
            !whole.is_empty()
                && part.len() <= PLACES
                && part.bytes().all(|byte| byte.is_ascii_digit()),
            "no amount: {text}"
        );
        let digits = format!("{whole}{part:0<PLACES$}");
        let units = digits.parse();
        Ok(Self(units.with_context(|| format!("no amount: {text}"))?))
    }

    /// The sum.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_compared_by_value() {
        let read = |text| Amount::read(text).unwrap();
        assert_eq!(read("0.1").plus(read("0.20")), read("0.3"));
        assert_eq!(read("0.00"), Amount::default());
        assert_ne!(read("0.00009"), read("0.0001"));
        for wrong in ["", "x", "1e-5", "0.-1", "0.0000000000001"] {
            assert!(Amount::read(wrong).is_err(), "{wrong}");
        }
    }
}
