use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use cachalot_diesel::{Command, Reply, Store, StoreError};
use parking_lot::Mutex;

type Replies = Vec<Result<Reply, StoreError>>;

/// A store that remembers its last batch, and can give the answers to it again and again from
/// memory and without looking: what a hit costs above that is not the store's.
///
/// Clones are the same store.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    real: Box<dyn Store>,
    last: Mutex<(Vec<String>, Replies)>,
    replayed: OnceLock<Replies>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Records what `real` is asked.
    #[must_use]
    pub fn of(real: impl Store) -> Self {
        Self(Arc::new(Inner {
            real: Box::new(real),
            last: Mutex::default(),
            replayed: OnceLock::new(),
        }))
    }

    /// The keys of the last batch.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.0.last.lock().0.clone()
    }

    /// From now on the last answer is the answer to everything.
    pub fn replay(&self) {
        let replies = self.0.last.lock().1.clone();
        let _ = self.0.replayed.set(replies);
    }
}

impl Store for Recorder {
    fn run(&self, commands: &[Command<'_>]) -> Replies {
        if let Some(replies) = self.0.replayed.get() {
            return replies.clone();
        }
        let replies = self.0.real.run(commands);
        let keys = commands.iter().map(|command| command.key().to_owned());
        *self.0.last.lock() = (keys.collect(), replies.clone());
        replies
    }

    fn describe(&self) -> String {
        self.0.real.describe()
    }
}
