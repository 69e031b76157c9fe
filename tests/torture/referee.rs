//! Knows which writes are acknowledged, and checks every cached read against them.
//!
//! A worker announces increments before it makes them, tells how they ended once its commit has
//! returned, and asks what is acknowledged before it reads. So the answer to `Ask` is never more than
//! what every later read must show, and a read can never show more than what was announced.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::message::{Answer, COUNTERS, Counts, Ending, Line, Message, ROWS, Saw};

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// P2 holds too: nothing makes the store lose what it has.
    pub(crate) p2: bool,
    /// A write that takes longer excuses P2 meanwhile, as documented.
    pub(crate) lease: Duration,
}

/// One of the promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Not older than what was acknowledged before the read began.
    P1,
    /// Not older than what a plain read just before showed.
    P2,
    /// Not more than was ever written: no row of a transaction that was rolled back.
    Written,
    /// Two counters that change together are seen together.
    Whole,
}

impl Promise {
    pub(crate) const ALL: [Self; 4] = [Self::P1, Self::P2, Self::Written, Self::Whole];
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    pub(crate) read: String,
    pub(crate) seat: u64,
    pub(crate) counters: Vec<usize>,
    pub(crate) saw: i64,
    /// The least (for [`Promise::Written`] the most) that it may show.
    pub(crate) bound: i64,
    /// From the `Ask` to the `Saw`, since the run began.
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// One counter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    announced: i64,
    pub(crate) acknowledged: i64,
    undone: i64,
}

impl Tally {
    /// The most that the database can hold.
    pub(crate) fn most(self) -> i64 {
        self.announced - self.undone
    }
}

/// A write during which P2 is excused: slower than its lease, or cut off from the store.
#[derive(Debug)]
struct Excuse {
    tables: [bool; 2],
    from: Duration,
    to: Duration,
}

#[derive(Debug, Default)]
struct State {
    tallies: [Tally; COUNTERS],
    violations: Vec<Violation>,
    excuses: Vec<Excuse>,
    /// Of each process, by its seat; the last counts of a killed process stay.
    counts: BTreeMap<u64, Counts>,
    seats: u64,
    totals: Totals,
}

/// What the workers did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) taken_back: u64,
    pub(crate) unknown: u64,
    pub(crate) cut_off: u64,
    /// The longest that one of them took until its invalidation was delivered.
    pub(crate) longest: Duration,
    pub(crate) slow: u64,
}

/// The outcome, as far as it is known.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) violations: Vec<Violation>,
    pub(crate) excused: usize,
    pub(crate) tallies: [Tally; COUNTERS],
    pub(crate) counts: Counts,
    pub(crate) totals: Totals,
}

/// The judge; shared by the threads that listen to the workers.
#[derive(Debug)]
pub(crate) struct Referee {
    rules: Rules,
    started: Instant,
    stop: AtomicBool,
    state: Mutex<State>,
}

/// One worker's place.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    asked: [i64; COUNTERS],
    asked_at: Duration,
    open: Option<Vec<usize>>,
    begun_at: Duration,
}

impl Referee {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            started: Instant::now(),
            stop: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Serves all connections until the process ends.
    pub(crate) fn listen(self: &Arc<Self>, listener: TcpListener) {
        let referee = Arc::clone(self);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut line) = stream.and_then(Line::new) else {
                    continue;
                };
                let referee = Arc::clone(&referee);
                thread::spawn(move || {
                    let mut seat = referee.seat();
                    while let Ok(message) = line.receive() {
                        if let Some(answer) = referee.hear(&mut seat, message)
                            && line.send(&answer).is_err()
                        {
                            break;
                        }
                    }
                    referee.leave(&seat);
                });
            }
        });
    }

    /// Tells the workers to finish.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Was this promise broken?
    pub(crate) fn has_found(&self, promise: Promise) -> bool {
        let state = self.state();
        state.violations.iter().any(|it| it.promise == promise)
    }

    /// Was anything written, and read from the cache?
    pub(crate) fn has_seen_work(&self) -> bool {
        let state = self.state();
        state.totals.writes > 0 && state.counts.values().any(|process| process.hits > 0)
    }

    /// A seat for a new worker.
    pub(crate) fn seat(&self) -> Seat {
        let mut state = self.state();
        state.seats += 1;
        Seat {
            number: state.seats,
            asked: [0; COUNTERS],
            asked_at: Duration::ZERO,
            open: None,
            begun_at: Duration::ZERO,
        }
    }

    /// Takes a message; some are answered.
    pub(crate) fn hear(&self, seat: &mut Seat, message: Message) -> Option<Answer> {
        let now = self.started.elapsed();
        let mut state = self.state();
        match message {
            Message::Ask => Some(self.answer(&state, seat, now)),
            Message::Begin { increments } => {
                for &counter in &increments {
                    state.tallies[counter].announced += 1;
                }
                seat.open = Some(increments);
                seat.begun_at = now;
                Some(self.answer(&state, seat, now))
            }
            Message::End(ending) => {
                self.ended(&mut state, seat, &ending, now);
                None
            }
            Message::Saw(saw) => {
                state.totals.reads += 1;
                let broken = self.judge(&state.tallies, seat, &saw, now);
                state.violations.extend(broken);
                None
            }
            Message::Stats(counts) => {
                state.counts.insert(seat.number, counts);
                None
            }
        }
    }

    /// The worker has disconnected: the outcome of the write that it had begun is unknown.
    pub(crate) fn leave(&self, seat: &Seat) {
        if seat.open.is_some() {
            self.state().totals.unknown += 1;
        }
    }

    fn answer(&self, state: &State, seat: &mut Seat, now: Duration) -> Answer {
        seat.asked = state.tallies.map(|tally| tally.acknowledged);
        seat.asked_at = now;
        Answer {
            acknowledged: seat.asked.to_vec(),
            stop: self.stop.load(Ordering::Relaxed),
        }
    }

    fn ended(&self, state: &mut State, seat: &mut Seat, ending: &Ending, now: Duration) {
        for &counter in &ending.kept {
            state.tallies[counter].acknowledged += 1;
        }
        for &counter in &ending.undone {
            state.tallies[counter].undone += 1;
        }
        let increments = seat.open.take().unwrap_or_default();
        let known = ending.kept.len() + ending.undone.len();
        let totals = &mut state.totals;
        let of = match (known == increments.len(), ending.kept.is_empty()) {
            (false, _) => &mut totals.unknown,
            (true, false) => &mut totals.writes,
            (true, true) => &mut totals.taken_back,
        };
        *of += 1;
        let slow = now - seat.begun_at > self.rules.lease;
        totals.slow += u64::from(slow);
        if ending.cut_off {
            totals.cut_off += 1;
            totals.longest = totals.longest.max(now - seat.begun_at);
        }
        if slow || ending.cut_off {
            state.excuses.push(Excuse {
                tables: tables(&increments),
                from: seat.begun_at,
                to: now,
            });
        }
    }

    /// What this read breaks.
    fn judge(
        &self,
        tallies: &[Tally; COUNTERS],
        seat: &Seat,
        saw: &Saw,
        now: Duration,
    ) -> Vec<Violation> {
        let violation = |promise, counters: &[usize], saw_value, bound| Violation {
            promise,
            read: saw.read.clone(),
            seat: seat.number,
            counters: counters.to_vec(),
            saw: saw_value,
            bound,
            from: seat.asked_at,
            to: now,
        };
        let mut broken = Vec::new();
        for seen in &saw.values {
            let sum = |of: &dyn Fn(usize) -> i64| seen.of.iter().map(|&counter| of(counter)).sum();
            let own = |counter: usize| saw.own.get(counter).copied().unwrap_or(0);
            let least: i64 = sum(&|counter| seat.asked[counter] + own(counter));
            if seen.value < least {
                broken.push(violation(Promise::P1, &seen.of, seen.value, least));
            }
            if let Some(plain) = seen.plain
                && self.rules.p2
                && seen.value < plain
            {
                broken.push(violation(Promise::P2, &seen.of, seen.value, plain));
            }
            let most: i64 = sum(&|counter| tallies[counter].most());
            if saw.own.is_empty() && seen.value > most {
                broken.push(violation(Promise::Written, &seen.of, seen.value, most));
            }
        }
        if let Some((one, other)) = saw.pair
            && saw.own.is_empty()
            && one != other
        {
            broken.push(violation(Promise::Whole, &crate::message::PAIR, one, other));
        }
        broken
    }

    /// The result of the run.
    pub(crate) fn verdict(&self) -> Verdict {
        let state = self.state();
        let (excused, violations): (Vec<_>, Vec<_>) = state
            .violations
            .iter()
            .cloned()
            .partition(|violation| state.excuses.iter().any(|excuse| excuse.covers(violation)));
        let mut counts = Counts::default();
        for process in state.counts.values() {
            counts.hits += process.hits;
            counts.misses += process.misses;
            counts.store_errors += process.store_errors;
            for (reason, number) in &process.bypasses {
                *counts.bypasses.entry(reason.clone()).or_default() += number;
            }
        }
        Verdict {
            violations,
            excused: excused.len(),
            tallies: state.tallies,
            counts,
            totals: state.totals,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Excuse {
    fn covers(&self, violation: &Violation) -> bool {
        let read = tables(&violation.counters);
        violation.promise == Promise::P2
            && self.from <= violation.to
            && violation.from <= self.to
            && (self.tables[0] && read[0] || self.tables[1] && read[1])
    }
}

/// Which of the two tables these counters are in.
fn tables(counters: &[usize]) -> [bool; 2] {
    [
        counters.iter().any(|&counter| counter < ROWS),
        counters.iter().any(|&counter| counter >= ROWS),
    ]
}
