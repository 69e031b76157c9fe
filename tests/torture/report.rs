//! What is printed at the end.

use std::{fmt, time::Duration};

use crate::{
    chaos::{Chaos, Done},
    message::ROWS,
    referee::{Promise, Verdict, Violation},
};

/// How many violations of each promise are printed.
const PRINTED: usize = 5;

/// A finished run.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) time: Duration,
    pub(crate) chaos: Chaos,
    pub(crate) done: Done,
    pub(crate) verdict: Verdict,
    /// What every counter holds in the database.
    pub(crate) values: Vec<i64>,
    /// Workers that did not end well.
    pub(crate) failed: u64,
}

impl Report {
    /// Why the run does not pass; empty if it does.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let Verdict {
            violations,
            counts,
            totals,
            ..
        } = &self.verdict;
        let Done {
            kills,
            restarts,
            flushes,
            freezes,
            lost,
        } = self.done;
        let mut complaints = self.miscounted();
        let mut complain = |when: bool, what: &str| {
            if when {
                complaints.push(what.to_owned());
            }
        };
        complain(!violations.is_empty(), "promises were broken");
        complain(lost + self.failed > 0, "a worker did not end well");
        complain(counts.hits == 0, "nothing was read from the cache");
        complain(totals.writes == 0, "nothing was written");
        complain(self.chaos.kill && kills == 0, "nobody was killed");
        complain(
            self.chaos.restart && restarts == 0,
            "memcached was not restarted",
        );
        complain(
            self.chaos.flush && flushes == 0,
            "memcached was not emptied",
        );
        complain(
            self.chaos.freeze && freezes == 0,
            "memcached was not frozen",
        );
        complaints
    }

    /// Counters that do not hold what was acknowledged, give or take what is not known.
    fn miscounted(&self) -> Vec<String> {
        let tallies = self.verdict.tallies.iter().zip(&self.values).enumerate();
        tallies
            .filter(|(_, (tally, value))| !(tally.acknowledged..=tally.most()).contains(value))
            .map(|(counter, (tally, value))| {
                let (least, most) = (tally.acknowledged, tally.most());
                format!("{} holds {value}, not {least} to {most}", name(counter))
            })
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            violations,
            excused,
            counts,
            totals,
            ..
        } = &self.verdict;
        writeln!(f, "{}", self.title)?;
        writeln!(f, "  seconds          {:.1}", self.time.as_secs_f64())?;
        writeln!(f, "  reads            {}", totals.reads)?;
        writeln!(f, "  hits             {}", counts.hits)?;
        writeln!(f, "  misses           {}", counts.misses)?;
        for (reason, number) in &counts.bypasses {
            writeln!(f, "  bypasses         {number} {reason}")?;
        }
        writeln!(f, "  writes           {}", totals.writes)?;
        writeln!(f, "  taken back       {}", totals.taken_back)?;
        writeln!(f, "  outcome unknown  {}", totals.unknown)?;
        writeln!(
            f,
            "  cut off          {}, until the store had heard of them, at most {:.3} s",
            totals.cut_off,
            totals.longest.as_secs_f64()
        )?;
        writeln!(f, "  past their lease {}", totals.slow)?;
        writeln!(f, "  store errors     {}", counts.store_errors)?;
        writeln!(f, "  kills            {}", self.done.kills)?;
        writeln!(f, "  restarts         {}", self.done.restarts)?;
        writeln!(f, "  flushes          {}", self.done.flushes)?;
        writeln!(f, "  freezes          {}", self.done.freezes)?;
        writeln!(f, "  excused (P2)     {excused}")?;
        writeln!(f, "  violations       {}", violations.len())?;
        for promise in Promise::ALL {
            let broken = violations.iter().filter(|it| it.promise == promise);
            for violation in broken.take(PRINTED) {
                writeln!(f, "    {violation}")?;
            }
        }
        for complaint in self.complaints() {
            writeln!(f, "  FAILED: {complaint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.promise {
            Promise::P1 => "P1: less than was acknowledged before",
            Promise::P2 => "P2: less than a plain read just before",
            Promise::Written => "more than was ever written",
            Promise::Whole => "half a transaction",
        };
        let counters: Vec<_> = self.counters.iter().map(|&counter| name(counter)).collect();
        write!(
            f,
            "{what}: {} by worker thread {} from {:.6} to {:.6} s: {} is {}, against {}",
            self.read,
            self.seat,
            self.from.as_secs_f64(),
            self.to.as_secs_f64(),
            counters.join(" + "),
            self.saw,
            self.bound
        )
    }
}

/// The counter, as one finds it in the database.
fn name(counter: usize) -> String {
    let table = if counter < ROWS { "counters" } else { "posts" };
    format!("{table} {}", counter % ROWS + 1)
}
