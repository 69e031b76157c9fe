//! The workers' store: memcached, seen and if so wanted sabotaged.

use std::cell::Cell;

use cachalot_diesel::{Command, MemcachedStore, Reply, Store, StoreError};
use clap::ValueEnum;

use crate::referee::Promise;

thread_local! {
    static FAILURES: Cell<u64> = const { Cell::new(0) };
}

/// How many commands of this thread the store has not carried out.
pub(crate) fn failures() -> u64 {
    FAILURES.get()
}

/// What is left out of the protocol, to see that the torture notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Writers are not announced, only published afterwards: breaks P2
    Begin,
    /// Nor are they published: breaks P1
    Write,
}

/// memcached, with its failures counted.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) store: MemcachedStore,
    pub(crate) sabotage: Option<Sabotage>,
    /// A write whose thread has seen failures of the store is acknowledged only once it is delivered.
    pub(crate) excuses: bool,
}

impl Sabotage {
    /// What has to be found.
    pub(crate) fn breaks(self) -> Promise {
        match self {
            Self::Begin => Promise::P2,
            Self::Write => Promise::P1,
        }
    }

    /// Is this command to be left out, though answered as if it had been carried out?
    fn leaves_out(self, command: &Command<'_>) -> bool {
        match command {
            Command::CompareAndSwap { value, .. } => self == Self::Write || announces(value),
            Command::Add { value, .. } => announces(value),
            _ => false,
        }
    }
}

/// Is this a record with a writer in flight?
fn announces(value: &[u8]) -> bool {
    let holds = |text: &[u8]| value.windows(text.len()).any(|part| part == text);
    holds(br#""writers":["#) && !holds(br#""writers":[]"#)
}

impl Seen {
    fn sabotaged(&self, command: &Command<'_>) -> bool {
        self.sabotage.is_some_and(|it| it.leaves_out(command))
    }
}

impl Store for Seen {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let wanted: Vec<_> = commands
            .iter()
            .filter(|command| !self.sabotaged(command))
            .copied()
            .collect();
        let mut replies = self.store.run(&wanted).into_iter();
        let replies: Vec<_> = commands
            .iter()
            .map(|command| match self.sabotaged(command) {
                true => Ok(Reply::Stored(None)),
                false => replies.next().unwrap_or(Ok(Reply::Missing)),
            })
            .collect();
        let failed = replies.iter().filter(|reply| reply.is_err()).count();
        if self.excuses {
            FAILURES.set(FAILURES.get() + failed as u64);
        }
        replies
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}
