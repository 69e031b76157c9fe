//! Records every event that Diesel tells an instrumentation.

use std::sync::{Arc, LazyLock};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use parking_lot::Mutex;

static OF_THIS_PROCESS: LazyLock<Recorder> = LazyLock::new(Recorder::default);

/// The events of connections, in order, each as text. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    /// A recorder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new instrumentation that reports to this recorder.
    #[must_use]
    pub fn instrumentation(&self) -> Box<dyn Instrumentation> {
        let recorder = self.clone();
        Box::new(move |event: InstrumentationEvent<'_>| recorder.0.lock().push(text(&event)))
    }

    /// The events since this was asked last.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }

    /// What [`default_instrumentation`](Self::default_instrumentation) reports to.
    #[must_use]
    pub fn of_this_process() -> Self {
        OF_THIS_PROCESS.clone()
    }

    /// A constructor for [`set_default_instrumentation`](diesel::connection::set_default_instrumentation).
    #[must_use]
    #[allow(clippy::unnecessary_wraps, reason = "the type of a constructor")]
    pub fn default_instrumentation() -> Option<Box<dyn Instrumentation>> {
        Some(OF_THIS_PROCESS.instrumentation())
    }
}

fn text(event: &InstrumentationEvent<'_>) -> String {
    let error = |failed: bool| if failed { "failed" } else { "succeeded" };
    match event {
        InstrumentationEvent::StartEstablishConnection { url, .. } => format!("connects {url}"),
        InstrumentationEvent::FinishEstablishConnection { url, error: it, .. } => {
            format!("connected {url}: {}", error(it.is_some()))
        }
        InstrumentationEvent::StartQuery { query, .. } => format!("starts {query}"),
        InstrumentationEvent::CacheQuery { sql, .. } => format!("prepares {sql}"),
        InstrumentationEvent::FinishQuery {
            query, error: it, ..
        } => {
            format!("finishes {query}: {}", error(it.is_some()))
        }
        InstrumentationEvent::BeginTransaction { depth, .. } => format!("begins {depth}"),
        InstrumentationEvent::CommitTransaction { depth, .. } => format!("commits {depth}"),
        InstrumentationEvent::RollbackTransaction { depth, .. } => format!("rolls back {depth}"),
        other => format!("{other:?}"),
    }
}
