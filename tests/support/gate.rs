//! A store that can be stopped at a command, so that a test decides what happens meanwhile.

use std::{fmt, sync::Arc, time::Duration};

use cachalot_diesel::{Command, Reply, Store, StoreError};
use parking_lot::{Condvar, Mutex};

/// Longer than anything takes that a test waits for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

type Wanted = Box<dyn Fn(&Command<'_>) -> bool + Send>;

/// Wraps a store; clones are the same.
#[derive(Clone)]
pub struct Gated(Arc<Inner>);

struct Inner {
    store: Box<dyn Store>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next batch with such a command stops before it is run.
    wanted: Option<Wanted>,
    /// How many batches were held so far, and how many of them were let go.
    held: usize,
    released: usize,
    /// From the next batch with such a command on nothing passes.
    fatal: Option<Wanted>,
    dead: bool,
}

impl fmt::Debug for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gated")
    }
}

impl Gated {
    /// A gate before `store`, open.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(Inner {
            store: Box::new(store),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Holds the next batch that has a command of the `wanted` kind, before it is run.
    pub fn hold(&self, wanted: impl Fn(&Command<'_>) -> bool + Send + 'static) {
        self.0.state.lock().wanted = Some(Box::new(wanted));
    }

    /// Nothing passes from the next batch on that has a command of this kind: as if its process had
    /// been killed before it sent that.
    pub fn die_at(&self, fatal: impl Fn(&Command<'_>) -> bool + Send + 'static) {
        self.0.state.lock().fatal = Some(Box::new(fatal));
    }

    /// Waits until a batch is held.
    ///
    /// # Panics
    /// If none comes.
    pub fn wait_until_held(&self) {
        let mut state = self.0.state.lock();
        let changed = &self.0.changed;
        let timeout = changed.wait_while_for(
            &mut state,
            |state| state.held == state.released,
            WAIT_TIMEOUT,
        );
        drop(state);
        assert!(!timeout.timed_out(), "no batch came to the gate");
    }

    /// Is a batch held?
    #[must_use]
    pub fn is_held(&self) -> bool {
        let state = self.0.state.lock();
        state.held > state.released
    }

    /// Holds no further batch.
    pub fn open(&self) {
        self.0.state.lock().wanted = None;
    }

    /// Lets the batch go that is held.
    pub fn release(&self) {
        let mut state = self.0.state.lock();
        state.released = state.held;
        drop(state);
        self.0.changed.notify_all();
    }

    fn dies(&self, commands: &[Command<'_>]) -> bool {
        let mut state = self.0.state.lock();
        let fatal = state.fatal.as_ref();
        state.dead |= fatal.is_some_and(|fatal| commands.iter().any(fatal));
        state.dead
    }

    fn pass(&self, commands: &[Command<'_>]) {
        let mut state = self.0.state.lock();
        if !state
            .wanted
            .as_ref()
            .is_some_and(|wanted| commands.iter().any(wanted))
        {
            return;
        }
        state.wanted = None;
        state.held += 1;
        let own = state.held;
        self.0.changed.notify_all();
        let changed = &self.0.changed;
        let timeout =
            changed.wait_while_for(&mut state, |state| state.released < own, WAIT_TIMEOUT);
        assert!(!timeout.timed_out(), "nobody released the batch");
    }
}

/// Wraps a store: each command of a batch is one by itself, in the order of the batch or in the opposite one.
#[derive(Debug)]
pub struct OneByOne<S> {
    store: S,
    reversed: bool,
}

impl<S> OneByOne<S> {
    /// In the order of the batch, which a store has to keep for the items of one server.
    pub fn new(store: S) -> Self {
        let reversed = false;
        Self { store, reversed }
    }

    /// In the opposite order, which no store may choose.
    pub fn reversed(store: S) -> Self {
        let reversed = true;
        Self { store, reversed }
    }
}

impl<S: Store> Store for OneByOne<S> {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        let run = |command: &Command<'_>| self.store.run(&[*command]);
        if self.reversed {
            let mut replies: Vec<_> = commands.iter().rev().flat_map(run).collect();
            replies.reverse();
            return replies;
        }
        commands.iter().flat_map(run).collect()
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}

impl Store for Gated {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        self.pass(commands);
        if self.dies(commands) {
            let dead = || Err(StoreError::Unavailable("the process is dead".to_owned()));
            return commands.iter().map(|_| dead()).collect();
        }
        self.0.store.run(commands)
    }

    fn describe(&self) -> String {
        self.0.store.describe()
    }
}
