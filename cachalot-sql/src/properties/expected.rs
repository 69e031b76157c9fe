//! The tables of a random statement.

use std::collections::BTreeSet;

use super::{
    Dialect,
    grammar::{
        Body, Change, Condition, Expr, Item, Name, Query, Sample, Select, Source, TABLES, With,
    },
};

#[derive(Debug, Default)]
pub(crate) struct PutIn {
    /// Read on every server.
    pub(crate) certain: BTreeSet<&'static str>,
    /// Read by the rules of PostgreSQL for the names that a `WITH` gives.
    pub(crate) by_the_book: BTreeSet<&'static str>,
    /// Named where a table is read, whatever the name refers to.
    pub(crate) named: BTreeSet<&'static str>,
    pub(crate) written: BTreeSet<&'static str>,
}

/// The tables of a statement.
pub(crate) fn put_in(sample: &Sample, dialect: Dialect) -> PutIn {
    let mut walk = Walk {
        dialect,
        found: PutIn::default(),
        scopes: Vec::new(),
    };
    match sample {
        Sample::Query(query) => walk.query(query),
        Sample::Change(with, change) => walk.under(with.as_ref(), |walk| walk.change(change)),
        Sample::Returned(change, query) => {
            walk.change(change);
            walk.body(&query.body);
        }
    }
    walk.found
}

struct Walk {
    dialect: Dialect,
    found: PutIn,
    scopes: Vec<Scope>,
}

/// The names of a `WITH` around the place that is looked at.
struct Scope {
    names: Vec<usize>,
    /// How many of them, from the first on, the book says to be visible here.
    visible: usize,
}

impl Walk {
    fn read(&mut self, name: &Name) {
        let table = TABLES[name.table];
        self.found.named.insert(table);
        let given = |names: &[usize]| !name.qualified && names.contains(&name.table);
        if !self.scopes.iter().any(|scope| given(&scope.names)) {
            self.found.certain.insert(table);
        }
        let visible = |scope: &Scope| given(&scope.names[..scope.visible]);
        if !self.scopes.iter().any(visible) {
            self.found.by_the_book.insert(table);
        }
    }

    fn under(&mut self, with: Option<&With>, inside: impl FnOnce(&mut Self)) {
        let Some(with) = with else {
            return inside(self);
        };
        let names: Vec<_> = with.queries.iter().map(|(name, _)| *name).collect();
        let all = names.len();
        self.scopes.push(Scope { names, visible: 0 });
        for (place, (_, query)) in with.queries.iter().enumerate() {
            self.see(if with.recursive { all } else { place });
            self.query(query);
        }
        self.see(all);
        inside(self);
        self.scopes.pop();
    }

    fn see(&mut self, visible: usize) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.visible = visible;
        }
    }

    fn query(&mut self, query: &Query) {
        self.under(query.with.as_ref(), |walk| walk.body(&query.body));
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Select(select, order, limit) => {
                self.select(select);
                order.iter().for_each(|order| self.expr(order));
                // MySQL takes numbers alone.
                if self.dialect != Dialect::Mysql {
                    limit.iter().for_each(|limit| self.expr(limit));
                }
            }
            Body::Set(a, _, b) => {
                self.select(a);
                self.select(b);
            }
            Body::Values(expr) => self.expr(expr),
        }
    }

    fn select(&mut self, select: &Select) {
        match &select.item {
            Item::Plain(expr) => self.expr(expr),
            Item::Count(condition) => self.condition(condition),
            Item::Window(a, b) => {
                self.expr(a);
                self.expr(b);
            }
        }
        select.from.iter().for_each(|source| self.source(source));
        select
            .filter
            .iter()
            .for_each(|filter| self.condition(filter));
        select.group.iter().for_each(|group| self.expr(group));
        select
            .having
            .iter()
            .for_each(|having| self.condition(having));
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Table(name) => self.read(name),
            Source::Derived(query) => self.query(query),
            Source::Join(a, _, b, on) => {
                self.source(a);
                self.source(b);
                self.condition(on);
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::One => {}
            Expr::Sum(a, b) | Expr::Call(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Expr::Case(when, then, other) => {
                self.condition(when);
                self.expr(then);
                self.expr(other);
            }
            Expr::Scalar(query) => self.query(query),
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Equal(a, b) | Condition::Between(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            Condition::In(a, query) => {
                self.expr(a);
                self.query(query);
            }
            Condition::Exists(query) => self.query(query),
            Condition::Not(inner) => self.condition(inner),
            Condition::And(a, b) => {
                self.condition(a);
                self.condition(b);
            }
        }
    }

    fn change(&mut self, change: &Change) {
        let target = match change {
            Change::Insert {
                target,
                rows,
                instead,
            } => {
                self.query(rows);
                instead.iter().for_each(|value| self.expr(value));
                target
            }
            Change::Update {
                target,
                value,
                from,
                filter,
            } => {
                self.expr(value);
                from.iter().for_each(|from| self.source(from));
                self.condition(filter);
                target
            }
            Change::Delete {
                target,
                using,
                filter,
            } => {
                using.iter().for_each(|using| self.source(using));
                self.condition(filter);
                target
            }
            Change::Merge {
                target,
                using,
                on,
                value,
            } => {
                self.source(using);
                self.condition(on);
                self.expr(value);
                target
            }
        };
        self.found.written.insert(TABLES[target.table]);
    }
}
