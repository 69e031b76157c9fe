//! A store that tells what it was asked, and can fail.

use std::fmt::Write as _;

use parking_lot::Mutex;

use crate::store::{Command, Reply, Store, StoreError};

type Which = Box<dyn Fn(&Command<'_>) -> bool + Send>;
type Hook = Box<dyn FnOnce() + Send>;

pub(super) struct Spy {
    store: Box<dyn Store>,
    batches: Mutex<Vec<Vec<String>>>,
    broken: Mutex<Option<Which>>,
    hook: Mutex<Option<(Which, Hook)>>,
}

impl Spy {
    pub(super) fn on(store: impl Store) -> Self {
        Self {
            store: Box::new(store),
            batches: Mutex::default(),
            broken: Mutex::default(),
            hook: Mutex::default(),
        }
    }

    /// From now on such commands have no effect and fail.
    pub(super) fn break_if(&self, broken: impl Fn(&Command<'_>) -> bool + Send + 'static) {
        *self.broken.lock() = Some(Box::new(broken));
    }

    pub(super) fn repair(&self) {
        *self.broken.lock() = None;
    }

    /// Runs `hook` before the next batch with such a command.
    pub(super) fn before(
        &self,
        which: impl Fn(&Command<'_>) -> bool + Send + 'static,
        hook: impl FnOnce() + Send + 'static,
    ) {
        *self.hook.lock() = Some((Box::new(which), Box::new(hook)));
    }

    /// The batches since the last call, each as a list of commands and keys.
    pub(super) fn batches(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut *self.batches.lock())
    }

    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self.store.run(&[Command::Get { key }]).remove(0).unwrap() {
            Reply::Item { value, .. } => Some(value),
            _ => None,
        }
    }

    pub(super) fn set(&self, key: &str, value: &[u8]) {
        let ttl = None;
        let set = Command::Set { key, value, ttl };
        self.store.run(&[set]).remove(0).unwrap();
    }

    pub(super) fn delete(&self, key: &str) {
        let reply = self.store.run(&[Command::Delete { key }]).remove(0);
        assert!(matches!(reply, Ok(Reply::Stored(_))), "{reply:?}");
    }

    fn run_hook(&self, commands: &[Command<'_>]) {
        let mut hook = self.hook.lock();
        let is_due = |(which, _): &mut (Which, Hook)| commands.iter().any(&**which);
        let due = hook.take_if(is_due);
        drop(hook);
        if let Some((_, run)) = due {
            run();
        }
    }
}

impl Store for Spy {
    fn run(&self, commands: &[Command<'_>]) -> Vec<Result<Reply, StoreError>> {
        self.run_hook(commands);
        self.batches
            .lock()
            .push(commands.iter().map(shown).collect());
        let broken = self.broken.lock();
        match &*broken {
            None => {
                drop(broken);
                self.store.run(commands)
            }
            Some(broken) => {
                let answer = |command: &Command<'_>| match broken(command) {
                    true => Err(StoreError::Unavailable("broken".to_owned())),
                    false => self.store.run(&[*command]).remove(0),
                };
                commands.iter().map(answer).collect()
            }
        }
    }

    fn describe(&self) -> String {
        "spy".to_owned()
    }
}

fn shown(command: &Command<'_>) -> String {
    let mut shown = match command {
        Command::Get { .. } => "get ",
        Command::Set { .. } => "set ",
        Command::Add { .. } => "add ",
        Command::CompareAndSwap { .. } => "swap ",
        Command::Delete { .. } => "delete ",
    }
    .to_owned();
    let _ = write!(shown, "{}", command.key());
    shown
}
