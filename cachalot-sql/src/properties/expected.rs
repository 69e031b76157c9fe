//! The tables of a random statement.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Dialect,
    grammar::{
        Body, COLUMNS, Change, Condition, Expr, Item, Name, Query, Sample, Select, Source, TABLES,
        With,
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
    pub(crate) columns: Columns,
}

/// The columns of a query.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Those without a qualifier.
    pub(crate) bare: BTreeSet<&'static str>,
    /// By the number of the alias.
    pub(crate) qualified: BTreeSet<(usize, &'static str)>,
    /// By the number of their alias, the tables that are read on every server.
    pub(crate) tables: BTreeMap<usize, &'static str>,
    /// How many aliases there are.
    pub(crate) aliases: usize,
    /// Tables of which a wildcard selects all columns, on every server.
    pub(crate) all: BTreeSet<&'static str>,
    /// Names at which a wildcard does, whatever they refer to.
    pub(crate) perhaps_all: BTreeSet<&'static str>,
}

impl Columns {
    /// The columns of a table that the query uses at least.
    pub(crate) fn at_least(&self, table: &str) -> BTreeSet<&'static str> {
        let qualified = self.qualified.iter().filter(|(alias, _)| {
            // What no alias explains may be a column of any table.
            *alias > self.aliases || self.tables.get(alias) == Some(&table)
        });
        let qualified = qualified.map(|(_, column)| *column);
        qualified.chain(self.bare.iter().copied()).collect()
    }
}

/// The tables of a statement.
pub(crate) fn put_in(sample: &Sample, dialect: Dialect) -> PutIn {
    let mut walk = Walk {
        dialect,
        found: PutIn::default(),
        scopes: Vec::new(),
        stars: Vec::new(),
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
    /// For each `SELECT` around the place: whether it has a wildcard.
    stars: Vec<bool>,
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
            self.found
                .columns
                .tables
                .insert(self.found.columns.aliases + 1, table);
            if self.stars.last() == Some(&true) {
                self.found.columns.all.insert(table);
            }
        }
        if self.stars.last() == Some(&true) {
            self.found.columns.perhaps_all.insert(table);
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
        self.stars.push(matches!(select.item, Item::Star));
        match &select.item {
            Item::Star => {}
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
        self.stars.pop();
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Table(name) => {
                self.read(name);
                self.found.columns.aliases += 1;
            }
            Source::Derived(query) => {
                self.query(query);
                self.found.columns.aliases += 1;
            }
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
            Expr::Column(column, alias) => {
                let column = COLUMNS[*column];
                let columns = &mut self.found.columns;
                match alias {
                    Some(alias) => _ = columns.qualified.insert((*alias, column)),
                    None => _ = columns.bare.insert(column),
                }
            }
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
