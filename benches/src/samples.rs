use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Into how many parts a run is cut to see how far its ratios spread.
const PARTS: usize = 10;

/// A median, and the range about it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median of the whole.
    pub median: f64,
    /// Of times: what a tenth of them stayed below. Of ratios and differences: the least that a
    /// tenth of the run would have shown.
    pub low: f64,
    /// The other end.
    pub high: f64,
}

/// What one subject took, round by round, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a round.
    pub fn push(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1e6);
    }

    /// Adds a round of several runs.
    pub fn push_share(&mut self, took: Duration, runs: u32) {
        self.push(took / runs);
    }

    /// The number of rounds.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.0.len()
    }

    /// The median in microseconds; 0 if there was no round.
    #[must_use]
    pub fn median(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    /// The median, and what a tenth and nine tenths of the rounds stayed below.
    #[must_use]
    pub fn spread(&self) -> Spread {
        Spread {
            median: self.median(),
            low: quantile(&self.0, 0.1),
            high: quantile(&self.0, 0.9),
        }
    }

    /// How many times as long as `other` this took.
    #[must_use]
    pub fn ratio_to(&self, other: &Self) -> Spread {
        self.against(other, |ours, theirs| ours / theirs)
    }

    /// How much longer than `other` this took, in microseconds.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Spread {
        self.against(other, |ours, theirs| ours - theirs)
    }

    fn against(&self, other: &Self, compare: impl Fn(f64, f64) -> f64) -> Spread {
        let of_part = |part: usize| {
            let median = |samples: &[f64]| {
                let (start, end) = (
                    samples.len() * part / PARTS,
                    samples.len() * (part + 1) / PARTS,
                );
                (start < end).then(|| quantile(&samples[start..end], 0.5))
            };
            Some(compare(median(&self.0)?, median(&other.0)?))
        };
        let parts: Vec<f64> = (0..PARTS).filter_map(of_part).collect();
        Spread {
            median: compare(self.median(), other.median()),
            low: quantile(&parts, 0.0),
            high: quantile(&parts, 1.0),
        }
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_leaves_out_a_tenth_at_either_end() {
        let samples: Samples = (0..=100).rev().map(f64::from).collect();
        let spread = samples.spread();
        assert_eq!((spread.low, spread.median, spread.high), (10.0, 50.0, 90.0));
    }

    #[test]
    fn a_ratio_compares_medians_and_shows_its_worst_and_best_tenth() {
        let ours: Samples = (0..100)
            .map(|round| if round < 10 { 6.0 } else { 2.0 })
            .collect();
        let theirs: Samples = (0..100)
            .map(|round| if round < 90 { 2.0 } else { 4.0 })
            .collect();
        let ratio = ours.ratio_to(&theirs);
        assert_eq!((ratio.low, ratio.median, ratio.high), (0.5, 1.0, 3.0));
        assert_eq!(ours.minus(&theirs).high, 4.0);
    }

    #[test]
    fn one_round_is_a_run_too() {
        let (ours, theirs): (Samples, Samples) =
            ([3.0].into_iter().collect(), [2.0].into_iter().collect());
        assert_eq!(ours.ratio_to(&theirs).median, 1.5);
        assert_eq!(ours.ratio_to(&theirs).low, 1.5);
        assert_eq!(Samples::default().median(), 0.0);
    }
}
