//! The instrumentation of a connection that stands inside a [`CachalotConnection`](crate::CachalotConnection).

use diesel::connection::{Instrumentation, InstrumentationEvent};

use super::Tracker;

/// Passes every event on to the program's own instrumentation. What the program does with the connection
/// itself is reported to the tracker, which is here for that time.
#[derive(Default)]
pub(crate) struct Relay {
    tracker: Option<Tracker>,
    own: Option<Box<dyn Instrumentation>>,
    /// The statements that run now are the library's own.
    hides: bool,
    /// The last statement was put into Diesel's cache of prepared statements.
    prepared: bool,
}

impl Relay {
    pub(crate) fn new(own: Option<Box<dyn Instrumentation>>) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    pub(crate) fn set_own(&mut self, own: Box<dyn Instrumentation>) {
        self.own = Some(own);
    }

    pub(crate) fn take_own(&mut self) -> Option<Box<dyn Instrumentation>> {
        self.own.take()
    }

    pub(crate) fn hide(&mut self, hides: bool) {
        self.hides = hides;
    }

    pub(crate) fn just_prepared(&self) -> bool {
        self.prepared
    }

    /// From now on the connection is used by itself.
    pub(crate) fn lend(&mut self, tracker: Tracker) {
        self.tracker = Some(tracker);
    }

    pub(crate) fn take_back(&mut self) -> Option<Tracker> {
        self.tracker.take()
    }

    pub(super) fn lent(&mut self) -> Option<&mut Tracker> {
        self.tracker.as_mut()
    }
}

impl Instrumentation for Relay {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.prepared = false,
            InstrumentationEvent::CacheQuery { .. } => self.prepared = true,
            _ => {}
        }
        if self.hides {
            return;
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.report(&event);
        }
        if let Some(own) = &mut self.own {
            own.on_connection_event(event);
        }
    }
}
