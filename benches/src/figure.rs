use serde::{Deserialize, Serialize};

use super::Spread;

/// One number of a run, and what it should be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The measure: a ratio or, where the name says µs, a time.
    pub value: Spread,
    /// What it should be.
    pub target: Target,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Figure {
    /// A figure that should be no more than `target`.
    pub fn at_most(name: impl Into<String>, value: Spread, target: f64) -> Self {
        Self {
            name: name.into(),
            value,
            target: Target::AtMost(target),
        }
    }

    /// A figure that should be no less than `target`.
    pub fn at_least(name: impl Into<String>, value: Spread, target: f64) -> Self {
        Self {
            name: name.into(),
            value,
            target: Target::AtLeast(target),
        }
    }

    /// Is it what it should be?
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.target {
            Target::AtMost(most) => self.value.median <= most,
            Target::AtLeast(least) => self.value.median >= least,
        }
    }

    /// One line of JSON: `{"name": …, "value": …, "target": …}`.
    #[must_use]
    pub fn json(&self) -> String {
        let (Target::AtMost(target) | Target::AtLeast(target)) = self.target;
        let name = serde_json::Value::from(self.name.as_str());
        let value = self.value.median;
        format!("{{\"name\": {name}, \"value\": {value:.3}, \"target\": {target}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> Spread {
        Spread {
            median,
            low: 0.0,
            high: 9.0,
        }
    }

    #[test]
    fn a_figure_is_met_on_its_own_side_of_the_target() {
        assert!(Figure::at_most("x", spread(2.0), 2.0).is_met());
        assert!(!Figure::at_most("x", spread(2.1), 2.0).is_met());
        assert!(Figure::at_least("x", spread(2.1), 2.0).is_met());
        assert!(!Figure::at_least("x", spread(1.9), 2.0).is_met());
    }

    #[test]
    fn a_line_of_json_has_name_value_and_target() {
        let line = Figure::at_most("a \"b\" ÷ c", spread(1.25), 2.0).json();
        assert_eq!(
            line,
            r#"{"name": "a \"b\" ÷ c", "value": 1.250, "target": 2}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
