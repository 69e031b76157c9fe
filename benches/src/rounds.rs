use std::{
    fmt,
    hint::black_box,
    ops::Index,
    time::{Duration, Instant},
};

use super::Samples;

/// Subjects run at least this many rounds, however slow they are.
const MIN_ROUNDS: usize = 10;

/// Subjects that are measured in turns, so that whatever disturbs the machine disturbs them alike.
///
/// The order changes from round to round: what runs before a subject decides what it finds in the
/// processor's caches, and which server is awake.
pub struct Rounds<'a> {
    rounds: usize,
    limit: Duration,
    subjects: Vec<Subject<'a>>,
}

struct Subject<'a> {
    name: String,
    work: Box<dyn FnMut() + 'a>,
    runs: u32,
    samples: Samples,
}

impl fmt::Debug for Rounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rounds")
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

impl<'a> Rounds<'a> {
    /// Every subject runs `rounds` times, or fewer if that takes longer than `limit`.
    #[must_use]
    pub fn new(rounds: usize, limit: Duration) -> Self {
        Self {
            rounds: rounds.max(MIN_ROUNDS),
            limit,
            subjects: Vec::new(),
        }
    }

    /// Adds a subject.
    #[must_use]
    pub fn subject<T>(self, name: impl Into<String>, work: impl FnMut() -> T + 'a) -> Self {
        self.many(name, 1, work)
    }

    /// Adds a subject too short for the clock, which runs `runs` times in a round.
    #[must_use]
    pub fn many<T>(
        mut self,
        name: impl Into<String>,
        runs: u32,
        mut work: impl FnMut() -> T + 'a,
    ) -> Self {
        self.subjects.push(Subject {
            name: name.into(),
            work: Box::new(move || drop(black_box(work()))),
            runs,
            samples: Samples::default(),
        });
        self
    }

    /// Runs the subjects in turns; a tenth of the rounds before that is not counted.
    #[must_use]
    pub fn run(mut self) -> Results {
        self.rounds_of(self.rounds / 10, 1, self.limit / 10);
        for subject in &mut self.subjects {
            subject.samples = Samples::default();
        }
        self.rounds_of(self.rounds, MIN_ROUNDS, self.limit);
        let results = self.subjects.into_iter();
        Results(results.map(|it| (it.name, it.samples)).collect())
    }

    fn rounds_of(&mut self, max: usize, min: usize, limit: Duration) {
        let mut random = fastrand::Rng::with_seed(1);
        let mut order: Vec<usize> = (0..self.subjects.len()).collect();
        let start = Instant::now();
        for round in 0..max {
            if round >= min && start.elapsed() > limit {
                break;
            }
            random.shuffle(&mut order);
            for place in &order {
                let subject = &mut self.subjects[*place];
                let start = Instant::now();
                for _ in 0..subject.runs {
                    (subject.work)();
                }
                subject.samples.push_share(start.elapsed(), subject.runs);
            }
        }
    }
}

/// What each subject took.
#[derive(Debug, Clone)]
pub struct Results(Vec<(String, Samples)>);

impl Index<&str> for Results {
    type Output = Samples;

    /// # Panics
    /// If no subject has that name.
    fn index(&self, name: &str) -> &Samples {
        self.0
            .iter()
            .find_map(|(subject, samples)| (subject == name).then_some(samples))
            .unwrap_or_else(|| panic!("no subject is called `{name}`"))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, samples) in &self.0 {
            let it = samples.spread();
            writeln!(
                f,
                "  {name:<44} {:>10.1} µs   (10-90 %: {:.1}-{:.1}; {} rounds)",
                it.median,
                it.low,
                it.high,
                samples.rounds()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn subjects_take_turns_in_changing_order() {
        let order = RefCell::new(Vec::new());
        let results = Rounds::new(100, Duration::MAX)
            .subject("a", || order.borrow_mut().push('a'))
            .subject("b", || order.borrow_mut().push('b'))
            .run();
        assert_eq!((results["a"].rounds(), results["b"].rounds()), (100, 100));
        let order = order.into_inner();
        let rounds: Vec<_> = order.as_chunks::<2>().0.iter().collect();
        assert!(rounds.iter().all(|round| round[0] != round[1]));
        assert!(rounds.contains(&&['a', 'b']) && rounds.contains(&&['b', 'a']));
    }

    #[test]
    fn a_limit_cuts_a_run_short_but_never_to_nothing() {
        let results = Rounds::new(1_000_000, Duration::ZERO)
            .subject("slow", || ())
            .run();
        assert_eq!(results["slow"].rounds(), MIN_ROUNDS);
    }

    #[test]
    fn a_short_subject_counts_for_one_of_its_runs() {
        let mut runs = 0;
        let results = Rounds::new(10, Duration::MAX)
            .many("short", 100, || runs += 1)
            .run();
        assert_eq!(results["short"].rounds(), 10);
        assert_eq!(runs, 1_100);
    }
}
