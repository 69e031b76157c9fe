//! Code in the database that the library cannot analyse.

use std::collections::BTreeSet;

use super::{
    facts::{Code, Facts, Volatility},
    routines::Routines,
};
use cachalot_sql::{Events, Writes};

/// Code whose effect is unknown: it uses dynamic SQL, is in an unsupported language, or is not visible
/// to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnanalyzableCode {
    /// The account cannot see triggers.
    Triggers,
    /// These events on the table run the code, so they invalidate everything.
    Trigger {
        /// The table, as it is compared.
        table: String,
        /// The events that run the code.
        events: Events,
        /// The routine that the trigger calls, if any.
        routine: Option<String>,
    },
    /// The routine may write anything, so a call invalidates everything.
    Writing(String),
    /// The routine does not write, but which tables it reads is unknown: queries that call it are not
    /// cached.
    Reading(String),
}

impl Facts {
    /// All such code, triggers first. A routine that triggers call is listed only with them.
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
    use cachalot_sql::Dialect;

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
    fn readable_code_is_analyzable() {
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
    fn a_routine_is_listed_once() {
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
