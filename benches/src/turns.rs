use std::time::{Duration, Instant};

/// Subjects that are measured in turns, so that whatever disturbs the machine disturbs them alike.
#[derive(Debug)]
pub struct Turns {
    rounds: usize,
    subjects: Vec<(&'static str, Vec<Duration>)>,
}

impl Turns {
    /// Every subject runs `rounds` times.
    #[must_use]
    pub fn new(rounds: usize) -> Self {
        Self {
            rounds: rounds.max(1),
            subjects: Vec::new(),
        }
    }

    /// Runs the subjects in turns; a tenth of the rounds before that is not counted.
    pub fn run(&mut self, subjects: &mut [(&'static str, &mut dyn FnMut())]) {
        self.subjects = subjects
            .iter()
            .map(|(name, _)| (*name, Vec::new()))
            .collect();
        let warm_up = self.rounds / 10;
        for round in 0..warm_up + self.rounds {
            for ((_, work), (_, times)) in subjects.iter_mut().zip(&mut self.subjects) {
                let start = Instant::now();
                work();
                let took = start.elapsed();
                if round >= warm_up {
                    times.push(took);
                }
            }
        }
    }

    /// The median of a subject, in microseconds; 0 for one that did not run.
    #[must_use]
    pub fn median(&self, subject: &str) -> f64 {
        self.quantile(subject, 0.5)
    }

    /// The time that this share of a subject's runs stayed below, in microseconds.
    #[must_use]
    pub fn quantile(&self, subject: &str, share: f64) -> f64 {
        let Some((_, times)) = self.subjects.iter().find(|(name, _)| *name == subject) else {
            return 0.0;
        };
        let mut times = times.clone();
        times.sort();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a short list"
        )]
        let place = ((times.len().saturating_sub(1)) as f64 * share) as usize;
        times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }

    /// Prints every subject's median and its spread.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (name, _) in &self.subjects {
            let (median, low, high) = (
                self.median(name),
                self.quantile(name, 0.1),
                self.quantile(name, 0.9),
            );
            table.push_str(&format!(
                "  {name:<44} {median:>9.1} µs   (10–90 %: {low:.1}–{high:.1})\n"
            ));
        }
        table
    }
}

/// One number of a run, and what it should be.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// The measure: a ratio or, where the name says µs, a difference of two medians.
    pub value: f64,
    /// The most it should be.
    pub target: f64,
}

impl Figure {
    /// One line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        format!(
            "{{\"name\": \"{}\", \"value\": {:.3}, \"target\": {}}}",
            self.name, self.value, self.target
        )
    }
}
