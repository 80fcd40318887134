//! Latencies as a histogram whose classes never change.

use std::collections::BTreeMap;

/// The class of a latency: 0 to 3 microseconds have their own, above that four classes to each
/// doubling, so that a class is at most 25 % wide.
pub(crate) fn bucket(micros: u64) -> i64 {
    if micros < 4 {
        return micros.cast_signed();
    }
    let doublings = i64::from(micros.ilog2());
    let quarter = (micros >> (doublings - 2)) & 3;
    (doublings - 1) * 4 + quarter.cast_signed()
}

/// The longest latency of a class.
fn longest(bucket: i64) -> u64 {
    let bucket = bucket.clamp(0, 251).unsigned_abs();
    if bucket < 4 {
        return bucket;
    }
    let shift = bucket / 4 - 1;
    // The last class reaches to the end of the range.
    ((4 + bucket % 4) << shift) + ((1 << shift) - 1)
}

/// How long things took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    classes: BTreeMap<i64, u64>,
}

impl Latencies {
    /// Counts so many of a class.
    pub(crate) fn add(&mut self, bucket: i64, count: u64) {
        if count > 0 {
            *self.classes.entry(bucket).or_default() += count;
        }
    }

    /// How many ended.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.values().sum()
    }

    /// Microseconds within which this part (0 to 1) of them ended; at most a quarter too long.
    /// `None` when none did.
    #[must_use]
    pub fn within(&self, part: f64) -> Option<u64> {
        let all = self.count();
        let wanted = ((all as f64 * part).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        self.classes.iter().find_map(|(class, count)| {
            seen += count;
            (seen >= wanted).then(|| longest(*class))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_and_are_at_most_a_quarter_wide() {
        let mut before = (0, 0_u64);
        for micros in (0..5_000).chain([u64::from(u32::MAX), 1 << 62, u64::MAX]) {
            let class = bucket(micros);
            assert!(class >= before.0, "{micros}");
            if class != before.0 {
                before = (class, micros);
            }
            assert!(
                micros - before.1 <= before.1 / 4 || micros > 5_000,
                "{micros}"
            );
            let end = longest(class);
            assert!(
                end >= micros && (end == u64::MAX || bucket(end + 1) == class + 1),
                "{micros}"
            );
        }
    }

    #[test]
    fn a_part_of_them_ended_within() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.within(0.5), None);
        for micros in 1..=100 {
            latencies.add(bucket(micros * 1_000), 1);
        }
        for (part, micros) in [(0.5, 50_000), (0.9, 90_000), (0.99, 99_000), (0.0, 1_000)] {
            let told = latencies.within(part).unwrap();
            assert!((micros..=micros * 5 / 4).contains(&told), "{part}: {told}");
        }
    }
}
