//! Code kept in the database that nobody can see through.

use std::collections::BTreeSet;

use super::{
    facts::{Code, Facts, Volatility},
    routines::Routines,
};
use crate::statement::{Events, Writes};

/// Code whose effect is not known: it makes up its SQL, is in a language that is not read, or may not
/// be seen by the account. For the command; no part of the library's interface.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnanalyzableCode {
    /// The account may not see which triggers there are.
    Triggers,
    /// Such a write of the table runs it, and so invalidates everything.
    Trigger {
        table: String,
        events: Events,
        /// What is called, where that has a name.
        routine: Option<String>,
    },
    /// A call may write anything, and so invalidates everything.
    Writing(String),
    /// It writes nothing, but which tables it reads is not known: what calls it is not cached.
    Reading(String),
}

impl Facts {
    /// What nobody can see through, triggers first. A routine that triggers call stands with them.
    pub(crate) fn unanalyzable(&self) -> Vec<UnanalyzableCode> {
        let routines = Routines::new(self);
        let anything = |writes: &Writes| matches!(writes, Writes::Everything);
        let mut found = Vec::new();
        if self.triggers_hidden {
            found.push(UnanalyzableCode::Triggers);
        }
        let mut named = BTreeSet::new();
        for trigger in &self.triggers {
            if !anything(&routines.of_code(&trigger.code).writes) {
                continue;
            }
            let routine = match &trigger.code {
                Code::Call(routine) => Some(routine),
                _ => None,
            };
            named.extend(routine);
            let trigger = UnanalyzableCode::Trigger {
                table: trigger.table.to_string(),
                events: trigger.events,
                routine: routine.map(ToString::to_string),
            };
            if !found.contains(&trigger) {
                found.push(trigger);
            }
        }
        let names: BTreeSet<_> = self.routines.iter().map(|it| &it.name).collect();
        let writing = names.into_iter().filter(|name| {
            let effect = routines.get(name);
            !named.contains(name) && effect.is_some_and(|effect| anything(&effect.writes))
        });
        found.extend(writing.map(|name| UnanalyzableCode::Writing(name.to_string())));
        let reading: BTreeSet<_> = self
            .routines
            .iter()
            .filter(|it| it.volatility == Volatility::Reading && !it.trusted)
            .map(|it| &it.name)
            .collect();
        found.extend(
            reading
                .into_iter()
                .map(|name| UnanalyzableCode::Reading(name.to_string())),
        );
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::facts::{Routine, Trigger},
        *,
    };
    use crate::statement::Dialect;

    fn routine(name: &str, volatility: Volatility, code: Code) -> Routine {
        Routine {
            name: name.into(),
            code,
            volatility,
            trusted: false,
            times: Default::default(),
        }
    }

    fn text(text: &str) -> Code {
        Code::Text(text.to_owned())
    }

    fn trigger(table: &str, code: Code) -> Trigger {
        Trigger {
            table: table.into(),
            events: Events::DELETE,
            code,
        }
    }

    #[test]
    fn what_can_be_read_is_not_opaque() {
        let mut facts = Facts::with_tables(Dialect::Postgres, &["a", "log"]);
        facts.routines = vec![
            routine(
                "note",
                Volatility::Volatile,
                text("INSERT INTO log VALUES (1)"),
            ),
            routine("total", Volatility::Stable, text("SELECT count(*) FROM a")),
            routine("soundex", Volatility::Stable, Code::Hidden),
        ];
        facts.triggers = vec![
            trigger("a", Code::Call("note".into())),
            trigger("a", text("DELETE FROM log")),
        ];
        assert_eq!(facts.unanalyzable(), []);
    }

    #[test]
    fn a_routine_is_told_once_with_the_trigger_that_calls_it_or_by_itself() {
        let mut facts = Facts::with_tables(Dialect::Postgres, &["a", "log"]);
        let made_up = || text("BEGIN EXECUTE 'x'; END");
        facts.routines = vec![
            routine("audit", Volatility::Volatile, made_up()),
            routine("run", Volatility::Volatile, made_up()),
            routine("runs", Volatility::Volatile, text("SELECT run()")),
            routine("crosstab", Volatility::Reading, Code::Hidden),
            routine("uuid", Volatility::Volatile, Code::Hidden),
        ];
        facts.triggers = vec![
            trigger("a", Code::Call("audit".into())),
            trigger("log", made_up()),
        ];
        let of = |table: &str, routine: Option<&str>| UnanalyzableCode::Trigger {
            table: table.to_owned(),
            events: Events::DELETE,
            routine: routine.map(str::to_owned),
        };
        let writing =
            ["run", "runs", "uuid"].map(|name| UnanalyzableCode::Writing(name.to_owned()));
        let mut expected = vec![of("a", Some("audit")), of("log", None)];
        expected.extend(writing);
        expected.push(UnanalyzableCode::Reading("crosstab".to_owned()));
        assert_eq!(facts.unanalyzable(), expected);

        facts.triggers_hidden = true;
        expected.insert(0, UnanalyzableCode::Triggers);
        assert_eq!(facts.unanalyzable(), expected);

        facts.trust(
            &["audit", "run", "crosstab", "uuid"]
                .map(str::to_owned)
                .into(),
        );
        assert_eq!(
            facts.unanalyzable(),
            [UnanalyzableCode::Triggers, of("log", None)]
        );
    }
}
