//! A random statement as text.

use super::{
    Dialect,
    grammar::{
        Body, COLUMNS, Change, Condition, Expr, Item, Name, Query, Sample, Select, Source, TABLES,
        With,
    },
};

/// The pieces of a statement; between any two there may be white space or a comment.
pub(crate) fn pieces(sample: &Sample, dialect: Dialect) -> Vec<String> {
    let mut writer = Writer {
        dialect,
        pieces: Vec::new(),
        aliases: 0,
    };
    match sample {
        Sample::Query(query) => writer.query(query),
        Sample::Change(with, change) => {
            if let Some(with) = with {
                writer.with(with);
            }
            writer.change(change, false);
        }
        Sample::Returned(change, query) => {
            writer.words("WITH returned AS (");
            writer.change(change, true);
            writer.words(")");
            writer.body(&query.body);
        }
    }
    writer.pieces
}

struct Writer {
    dialect: Dialect,
    pieces: Vec<String>,
    aliases: usize,
}

impl Writer {
    fn words(&mut self, words: &str) {
        self.pieces
            .extend(words.split_whitespace().map(str::to_owned));
    }

    /// The name in the quotes of the dialect.
    fn quoted(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("\"{name}\""),
            Dialect::Mysql => format!("`{name}`"),
            Dialect::Sqlite => format!("[{name}]"),
        }
    }

    fn name(&mut self, name: &Name) {
        let table = TABLES[name.table];
        if name.qualified {
            self.words(match self.dialect {
                Dialect::Postgres => "public .",
                Dialect::Mysql => "db .",
                Dialect::Sqlite => "main .",
            });
        }
        // The tables of MySQL are files: another case may be another table.
        let upper = name.upper && self.dialect != Dialect::Mysql && table.is_ascii();
        let text = if name.quoted {
            self.quoted(table)
        } else if upper {
            table.to_uppercase()
        } else {
            table.to_owned()
        };
        self.pieces.push(text);
    }

    fn alias(&mut self) {
        self.aliases += 1;
        self.words(&format!("AS s{}", self.aliases));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::One => self.words("1"),
            Expr::Column(column, alias) => {
                if let Some(alias) = alias {
                    self.words(&format!("s{alias} ."));
                }
                let column = self.quoted(COLUMNS[*column]);
                self.pieces.push(column);
            }
            Expr::Sum(a, b) => {
                self.expr(a);
                self.words("+");
                self.expr(b);
            }
            Expr::Call(a, b) => {
                self.words("coalesce (");
                self.expr(a);
                self.words(",");
                self.expr(b);
                self.words(")");
            }
            Expr::Case(when, then, other) => {
                self.words("CASE WHEN");
                self.condition(when);
                self.words("THEN");
                self.expr(then);
                self.words("ELSE");
                self.expr(other);
                self.words("END");
            }
            Expr::Scalar(query) => self.parenthesised(query),
        }
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Equal(a, b) => {
                self.expr(a);
                self.words("=");
                self.expr(b);
            }
            Condition::Between(a, b) => {
                self.words("1 BETWEEN");
                self.expr(a);
                self.words("AND");
                self.expr(b);
            }
            Condition::In(a, query) => {
                self.expr(a);
                self.words("IN");
                self.parenthesised(query);
            }
            Condition::Exists(query) => {
                self.words("EXISTS");
                self.parenthesised(query);
            }
            Condition::Not(inner) => {
                self.words("NOT (");
                self.condition(inner);
                self.words(")");
            }
            Condition::And(a, b) => {
                self.words("(");
                self.condition(a);
                self.words("AND");
                self.condition(b);
                self.words(")");
            }
        }
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Table(name) => {
                self.name(name);
                self.alias();
            }
            Source::Derived(query) => {
                self.parenthesised(query);
                self.alias();
            }
            Source::Join(a, kind, b, on) => {
                self.source(a);
                self.words(kind);
                self.joined(b);
                self.words("ON");
                self.condition(on);
            }
        }
    }

    /// What stands on the right of a `JOIN`.
    fn joined(&mut self, source: &Source) {
        let nested = matches!(source, Source::Join(..));
        if nested {
            self.words("(");
        }
        self.source(source);
        if nested {
            self.words(")");
        }
    }

    fn select(&mut self, select: &Select) {
        self.words("SELECT");
        match &select.item {
            Item::Plain(expr) => self.expr(expr),
            Item::Count(condition) => {
                self.words("count ( CASE WHEN");
                self.condition(condition);
                self.words("THEN 1 END )");
            }
            Item::Window(a, b) => {
                self.words("max (");
                self.expr(a);
                self.words(") OVER ( PARTITION BY abs (");
                self.expr(b);
                self.words(") )");
            }
            Item::Star => self.words("*"),
        }
        if !matches!(select.item, Item::Star) {
            self.words("AS a");
        }
        self.words("FROM");
        for (place, source) in select.from.iter().enumerate() {
            if place > 0 {
                self.words(",");
            }
            self.source(source);
        }
        if let Some(filter) = &select.filter {
            self.words("WHERE");
            self.condition(filter);
        }
        if let Some(group) = &select.group {
            self.words("GROUP BY abs (");
            self.expr(group);
            self.words(")");
        }
        if let Some(having) = &select.having {
            self.words("HAVING");
            self.condition(having);
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Select(select, order, limit) => {
                self.select(select);
                if let Some(order) = order {
                    self.words("ORDER BY abs (");
                    self.expr(order);
                    self.words(")");
                }
                if let Some(limit) = limit {
                    self.words("LIMIT");
                    // MySQL takes numbers alone.
                    self.expr(match self.dialect {
                        Dialect::Mysql => &Expr::One,
                        _ => limit,
                    });
                }
            }
            Body::Set(a, operator, b) => {
                self.select(a);
                self.words(operator);
                self.select(b);
            }
            Body::Values(expr) => {
                self.words("VALUES (");
                self.expr(expr);
                self.words(")");
            }
        }
    }

    fn with(&mut self, with: &With) {
        self.words("WITH");
        if with.recursive {
            self.words("RECURSIVE");
        }
        for (place, (table, query)) in with.queries.iter().enumerate() {
            if place > 0 {
                self.words(",");
            }
            let name = self.quoted(TABLES[*table]);
            self.pieces.push(name);
            self.words("AS");
            self.parenthesised(query);
        }
    }

    fn query(&mut self, query: &Query) {
        if let Some(with) = &query.with {
            self.with(with);
        }
        self.body(&query.body);
    }

    fn parenthesised(&mut self, query: &Query) {
        self.words("(");
        self.query(query);
        self.words(")");
    }

    fn change(&mut self, change: &Change, returns: bool) {
        match change {
            Change::Insert {
                target,
                rows,
                instead,
            } => {
                self.words("INSERT INTO");
                self.name(target);
                self.words("( a )");
                // SQLite would take `ON` for a join's if the query ended with a table.
                self.words("SELECT * FROM");
                self.parenthesised(rows);
                self.alias();
                self.words("WHERE 1 = 1");
                if let Some(value) = instead {
                    self.words(match self.dialect {
                        Dialect::Mysql => "ON DUPLICATE KEY UPDATE a =",
                        _ => "ON CONFLICT ( id ) DO UPDATE SET a =",
                    });
                    self.expr(value);
                }
            }
            Change::Update {
                target,
                value,
                from,
                filter,
            } => self.update(target, value, from.as_ref(), filter),
            Change::Delete {
                target,
                using,
                filter,
            } => self.delete(target, using.as_ref(), filter),
            Change::Merge {
                target,
                using,
                on,
                value,
            } => {
                self.words("MERGE INTO");
                self.name(target);
                self.words("USING");
                self.source(using);
                self.words("ON");
                self.condition(on);
                self.words("WHEN MATCHED THEN UPDATE SET a =");
                self.expr(value);
                self.words("WHEN NOT MATCHED THEN INSERT ( a ) VALUES (");
                self.expr(value);
                self.words(")");
            }
        }
        if returns {
            self.words("RETURNING 1 AS a");
        }
    }

    fn update(&mut self, target: &Name, value: &Expr, from: Option<&Source>, filter: &Condition) {
        self.words("UPDATE");
        self.name(target);
        match (self.dialect, from) {
            (Dialect::Mysql, Some(from)) => {
                self.words("AS target JOIN");
                self.joined(from);
                self.words("SET target . a =");
                self.expr(value);
            }
            (_, from) => {
                self.words("SET a =");
                self.expr(value);
                if let Some(from) = from {
                    self.words("FROM");
                    self.source(from);
                }
            }
        }
        self.words("WHERE");
        self.condition(filter);
    }

    fn delete(&mut self, target: &Name, using: Option<&Source>, filter: &Condition) {
        match (self.dialect, using) {
            (Dialect::Mysql, Some(using)) => {
                self.words("DELETE target FROM");
                self.name(target);
                self.words("AS target JOIN");
                self.joined(using);
            }
            (_, using) => {
                self.words("DELETE FROM");
                self.name(target);
                if let Some(using) = using {
                    self.words("USING");
                    self.source(using);
                }
            }
        }
        self.words("WHERE");
        self.condition(filter);
    }
}
