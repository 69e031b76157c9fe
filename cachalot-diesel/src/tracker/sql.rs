use std::fmt::{self, Write};

use diesel::connection::DebugQuery;

/// What Diesel prints between a query's SQL and its bind values.
const BINDS: &str = " -- binds: ";

/// The SQL of a query, without its bind values: formatting stops before the first of them.
///
/// `None` if the query cannot be displayed (an empty changeset, for example).
pub(super) fn text(query: &dyn DebugQuery) -> Option<String> {
    let mut sink = Sink {
        sql: String::new(),
        stopped: false,
    };
    match write!(sink, "{query}") {
        Ok(()) => Some(sink.sql),
        Err(fmt::Error) => sink.stopped.then_some(sink.sql),
    }
}

struct Sink {
    sql: String,
    stopped: bool,
}

impl Write for Sink {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        // Diesel writes the whole SQL as one piece and this as the next. If the SQL itself contains
        // this, that is part of the first piece, and kept.
        if piece == BINDS && !self.sql.is_empty() {
            self.stopped = true;
            return Err(fmt::Error);
        }
        self.sql.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display, Formatter};

    use super::*;

    struct Shown;
    struct Secret;

    impl Debug for Secret {
        fn fmt(&self, _: &mut Formatter<'_>) -> fmt::Result {
            panic!("a bind value was printed")
        }
    }

    impl Debug for Shown {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            Display::fmt(self, f)
        }
    }

    impl Display for Shown {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            let sql = String::from("SELECT ' -- binds: ' -- binds: []");
            write!(f, "{sql} -- binds: {Secret:?}")
        }
    }

    struct Broken;

    impl Debug for Broken {
        fn fmt(&self, _: &mut Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    impl Display for Broken {
        fn fmt(&self, _: &mut Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    struct Wrapper<T>(T);

    impl<T: Debug> Debug for Wrapper<T> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl<T: Display> Display for Wrapper<T> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    #[test]
    fn the_text_ends_before_the_first_bind_value() {
        use diesel::connection::StrQueryHelper;
        assert_eq!(text(&StrQueryHelper::new("SELECT 1")).unwrap(), "SELECT 1");
        let mut sink = Sink {
            sql: String::new(),
            stopped: false,
        };
        assert!(write!(sink, "{}", Wrapper(Shown)).is_err());
        assert!(sink.stopped);
        assert_eq!(sink.sql, "SELECT ' -- binds: ' -- binds: []");
    }

    #[test]
    fn a_query_that_cannot_be_displayed_does_not_panic() {
        let mut sink = Sink {
            sql: String::new(),
            stopped: false,
        };
        assert!(write!(sink, "{}", Wrapper(Broken)).is_err());
        assert!(!sink.stopped);
    }
}
