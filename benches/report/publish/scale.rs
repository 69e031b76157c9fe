use std::ops::Range;

use plotters::{
    coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter},
    prelude::Ranged,
};

use super::style::mark;

/// One axis: values to places on it.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    logarithmic: bool,
    range: Range<f64>,
    marks: Vec<f64>,
    unit: &'static str,
}

impl Scale {
    /// From zero to a little above the highest value, in equal steps.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let highest = values.into_iter().fold(f64::MIN_POSITIVE, f64::max);
        let power = 10f64.powf(highest.log10().floor());
        let step = [0.2, 0.5, 1.0, 2.0]
            .map(|share| share * power)
            .into_iter()
            .find(|step| highest / step <= 6.0)
            .unwrap_or(2.0 * power);
        let marks = (0..8).map(|n| f64::from(n) * step);
        Self {
            logarithmic: false,
            range: 0.0..highest * 1.08,
            marks: marks.filter(|mark| *mark <= highest * 1.08).collect(),
            unit: "",
        }
    }

    /// Each value as far from its double as any other.
    pub(super) fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|value| *value > 0.0).collect();
        let lowest = values.iter().copied().fold(f64::MAX, f64::min) / 1.25;
        let highest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max) * 1.25;
        let within = |mark: &f64| (lowest..=highest).contains(mark);
        let powers = (-6..10).map(|power| 10f64.powi(power));
        let mut marks: Vec<f64> = powers.clone().filter(within).collect();
        if marks.len() < 3 {
            marks = powers
                .flat_map(|power| [power, 2.0 * power, 5.0 * power])
                .filter(within)
                .collect();
        }
        Self {
            logarithmic: true,
            range: lowest..highest,
            marks,
            unit: "",
        }
    }

    /// Marks at these values and nowhere else.
    pub(super) fn marked_at(mut self, marks: impl IntoIterator<Item = f64>) -> Self {
        self.marks = marks.into_iter().collect();
        self
    }

    /// What stands behind the number of each mark.
    pub(super) fn in_units(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(super) fn marks(&self) -> &[f64] {
        &self.marks
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[allow(clippy::cast_possible_truncation, reason = "a pixel")]
    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let place = |value: f64| if self.logarithmic { value.ln() } else { value };
        let (low, high) = (place(self.range.start), place(self.range.end));
        let share = (place(*value) - low) / (high - low);
        start + (share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        mark(*value) + self.unit
    }
}
