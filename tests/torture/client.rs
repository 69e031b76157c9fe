//! What a thread works with: a plain connection that is watched, or a `CachalotConnection`.

use cachalot_diesel::{Cachalot, CachalotConnection, PlainConnection};
use clap::ValueEnum;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

/// What the threads work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clients {
    /// CachalotConnection, with plain Diesel calls
    Type,
    /// Plain connections, with `.cached()`
    Plain,
    /// Each of them in turn
    Mixed,
    /// CachalotConnection, which refuses writes that the store cannot be told of: outages excuse nothing
    Refusing,
}

impl Clients {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Plain => "plain",
            Self::Mixed => "mixed",
            Self::Refusing => "refusing",
        }
    }

    /// Does this thread work with the type?
    pub(crate) fn typed(self, thread: u64) -> bool {
        match self {
            Self::Type | Self::Refusing => true,
            Self::Plain => false,
            Self::Mixed => thread.is_multiple_of(2),
        }
    }
}

/// A connection whose reads are cached.
pub(crate) trait Client {
    type Plain;
    /// Are plain Diesel calls cached?
    const TYPED: bool;

    fn open(plain: Self::Plain, cache: &Cachalot) -> Self;

    /// Reads through it go past the cache.
    fn plain(&mut self) -> &mut Self::Plain;
}

macro_rules! plain {
    ($($connection:ty),*) => {
        $(impl Client for $connection {
            type Plain = Self;
            const TYPED: bool = false;

            fn open(mut plain: Self, cache: &Cachalot) -> Self {
                cache
                    .watch(&mut plain)
                    .expect("nothing else watches the connection");
                plain
            }

            fn plain(&mut self) -> &mut Self {
                self
            }
        })*
    };
}

plain!(SqliteConnection, PgConnection, MysqlConnection);

impl<C: PlainConnection> Client for CachalotConnection<C> {
    type Plain = C;
    const TYPED: bool = true;

    fn open(plain: C, cache: &Cachalot) -> Self {
        Self::new(plain, cache).expect("a connection that can be wrapped")
    }

    fn plain(&mut self) -> &mut C {
        self.inner_mut()
    }
}
