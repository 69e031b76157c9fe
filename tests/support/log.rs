//! Events and spans of `tracing`, each with its name and fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::sync::{Arc, LazyLock};

use parking_lot::{Mutex, MutexGuard};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// Events as they come, and spans as they close, each a [`Line`]. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Line>>>);

/// One event or span, whole: what is not in here cannot be in a log.
#[derive(Clone, Debug)]
pub struct Line {
    metadata: &'static Metadata<'static>,
    fields: Fields,
    /// The name of the span that the event or span is in.
    within: Option<&'static str>,
}

type Fields = BTreeMap<&'static str, String>;

/// A place in the code that another thread reaches first, without a subscriber, would be off if it is registered just
/// while this thread sets one. While there is one that is never dropped, no place is off.
fn keep_interest() {
    static INTERESTED: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));
    LazyLock::force(&INTERESTED);
}

impl Log {
    /// A log that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What `work` returns, and what it told on this thread.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<Line>) {
        keep_interest();
        let before = self.lines().len();
        let done = tracing::subscriber::with_default(self.subscriber(), work);
        (done, self.lines()[before..].to_vec())
    }

    /// Hears every thread of this process from now on.
    ///
    /// # Panics
    ///
    /// If somebody does already.
    pub fn hear_all(&self) {
        tracing::subscriber::set_global_default(self.subscriber()).expect("nobody hears yet");
    }

    /// The lines of that name so far, as they are displayed.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<String> {
        let lines = self.lines();
        let named = lines.iter().filter(|line| line.metadata.name() == name);
        named.map(ToString::to_string).collect()
    }

    /// Is this text in any line so far?
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        let lines = self.lines();
        lines.iter().any(|line| line.to_string().contains(text))
    }

    /// The names of all lines of a target so far.
    #[must_use]
    pub fn names(&self, target: &str) -> BTreeSet<&'static str> {
        let lines = self.lines();
        let own = lines.iter().filter(|line| line.target() == target);
        own.map(|line| line.metadata.name()).collect()
    }

    fn subscriber(&self) -> impl Subscriber + use<> {
        Registry::default().with(self.clone())
    }

    /// A line that is pushed is whole.
    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock()
    }
}

impl Line {
    /// The module or subject that it is told under.
    #[must_use]
    pub fn target(&self) -> &'static str {
        self.metadata.target()
    }
}

/// `DEBUG event cachalot.bypass "bypass" reason=no_table tables= in cachalot.read`
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.metadata.is_span() {
            "span"
        } else {
            "event"
        };
        write!(
            f,
            "{} {kind} {}",
            self.metadata.level(),
            self.metadata.name()
        )?;
        if let Some(message) = self.fields.get("message") {
            write!(f, " {message:?}")?;
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| **name != "message") {
            write!(f, " {name}={value}")?;
        }
        match self.within {
            Some(span) => write!(f, " in {span}"),
            None => Ok(()),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Written::default();
        event.record(&mut fields);
        self.lines().push(Line {
            metadata: event.metadata(),
            fields: fields.0,
            within: context.event_span(event).map(|span| span.name()),
        });
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Written::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Written>()
        {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(fields) = span.extensions_mut().remove::<Written>()
        {
            self.lines().push(Line {
                metadata: span.metadata(),
                fields: fields.0,
                within: span.parent().map(|parent| parent.name()),
            });
        }
    }
}

#[derive(Default)]
struct Written(Fields);

impl Visit for Written {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
