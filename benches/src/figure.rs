use serde::{Deserialize, Serialize};

use super::Spread;

/// One number of a run, and what it should be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The measure: a ratio or, where the name says µs, a time.
    pub value: Spread,
    /// What it should be; `None` if it is there to compare with.
    pub target: Option<Target>,
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

impl Target {
    /// Is this value as it should be?
    #[must_use]
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Figure {
    /// A figure that should be no more than `target`.
    pub fn at_most(name: impl Into<String>, value: Spread, target: f64) -> Self {
        Self {
            name: name.into(),
            value,
            target: Some(Target::AtMost(target)),
        }
    }

    /// A figure that should be no less than `target`.
    pub fn at_least(name: impl Into<String>, value: Spread, target: f64) -> Self {
        Self {
            name: name.into(),
            value,
            target: Some(Target::AtLeast(target)),
        }
    }

    /// A figure to compare with.
    pub fn without_target(name: impl Into<String>, value: Spread) -> Self {
        Self {
            name: name.into(),
            value,
            target: None,
        }
    }

    /// One line of JSON: `{"name": …, "value": …, "target": …}`.
    #[must_use]
    pub fn json(&self) -> String {
        let target = match self.target {
            Some(Target::AtMost(target) | Target::AtLeast(target)) => target.to_string(),
            None => "null".to_owned(),
        };
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
    fn a_target_is_met_on_its_own_side() {
        assert!(Target::AtMost(2.0).is_met_by(2.0));
        assert!(!Target::AtMost(2.0).is_met_by(2.1));
        assert!(Target::AtLeast(2.0).is_met_by(2.1));
        assert!(!Target::AtLeast(2.0).is_met_by(1.9));
    }

    #[test]
    fn a_line_of_json_has_name_value_and_target() {
        let line = Figure::at_most("a \"b\" ÷ c", spread(1.25), 2.0).json();
        assert_eq!(
            line,
            r#"{"name": "a \"b\" ÷ c", "value": 1.250, "target": 2}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
        let line = Figure::without_target("x", spread(0.5)).json();
        assert_eq!(line, r#"{"name": "x", "value": 0.500, "target": null}"#);
    }
}
