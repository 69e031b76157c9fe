//! Reads queries and changes of rows through `sqlparser`.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    ptr,
    sync::Arc,
};

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    OrderByExpr, Query, Select, SetExpr, Statement as Tree, TableFactor, Value, Visit, Visitor,
};

use super::{
    Changes, Dialect, Kind, Statement, Writes,
    classify::{Calls, Findings, Tables},
    columns::Used,
    functions::{self, Purity},
    grammar, keys, keywords,
    lexer::Token,
    names,
    times::Times,
    write_targets::{self, Target},
};

/// Reads a statement; `None` if the parser refuses it or may have misunderstood it.
pub(super) fn read(tokens: &[Token<'_>], dialect: Dialect) -> Option<Statement> {
    let parsed = grammar::parse(tokens, dialect)?;
    let mut walk = Walk::new(dialect);
    if parsed.tree.visit(&mut walk).is_break() {
        return None;
    }
    // The parser does not tell SQLite's `REPLACE` from `INSERT`.
    if tokens.first()?.is("replace") {
        walk.writes
            .iter_mut()
            .for_each(|(_, changes)| *changes = Changes::ALL);
    }
    if dialect == Dialect::Mysql {
        walk.times.tokens(tokens);
    }
    walk.columns.tokens(tokens, dialect);
    let findings = Findings {
        kind: kind(&parsed.tree)?,
        keys: keys::of(&parsed, tokens, &walk.tables, dialect),
        columns: walk.columns.of(&walk.tables.reads, dialect),
        writes: walk.writes.into_iter().collect::<Writes>(),
        tables: walk.tables,
        calls: walk.calls,
        times: walk.times,
        from_fallback: false,
    };
    Some(findings.conclude(tokens, dialect))
}

fn kind(tree: &Tree) -> Option<Kind> {
    let mut tree = tree;
    while let Tree::Query(query) = tree {
        let mut body = &*query.body;
        while let SetExpr::Query(inner) = body {
            body = &inner.body;
        }
        tree = match body {
            SetExpr::Insert(inner)
            | SetExpr::Update(inner)
            | SetExpr::Delete(inner)
            | SetExpr::Merge(inner) => inner,
            _ => return Some(Kind::Select),
        };
    }
    match tree {
        Tree::Insert(_) => Some(Kind::Insert),
        Tree::Update(_) => Some(Kind::Update),
        Tree::Delete(_) => Some(Kind::Delete),
        Tree::Merge(_) => Some(Kind::Other),
        _ => None,
    }
}

/// Collects what a tree reads, writes and calls. It breaks off where it does not understand.
struct Walk {
    dialect: Dialect,
    /// One for each query around the current node.
    scopes: Vec<Scope>,
    /// Nodes that look like relations but are functions or the targets of a change. The addresses
    /// are compared, never followed.
    no_reads: HashSet<*const ObjectName>,
    /// How many `ORDER BY`s the current node stands in.
    orders: usize,
    tables: Tables,
    writes: Vec<(Arc<str>, Changes)>,
    calls: Calls,
    columns: Used,
    times: Times,
}

/// The names that a `WITH` gives to queries.
#[derive(Default)]
struct Scope {
    /// By name: its place in the list.
    names: HashMap<String, usize>,
    /// By the address of its query: its place in the list.
    places: HashMap<*const Query, usize>,
    /// How many of them, from the first on, are visible at the current node.
    visible: usize,
    /// A query of the list sees itself.
    recursive: bool,
    /// The current node stands in a query of the list.
    defining: bool,
}

impl Walk {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            scopes: Vec::new(),
            no_reads: HashSet::new(),
            orders: 0,
            tables: Tables::default(),
            writes: Vec::new(),
            calls: Calls::default(),
            columns: Used::default(),
            times: Times::default(),
        }
    }

    /// A name in a `WITH` as the server compares it. Where servers differ, names differ: then the
    /// name counts as a table.
    fn alias(&self, ident: &Ident) -> String {
        match self.dialect {
            Dialect::Postgres if ident.quote_style.is_none() => ident.value.to_ascii_lowercase(),
            Dialect::Postgres | Dialect::Mysql => ident.value.clone(),
            Dialect::Sqlite => ident.value.to_ascii_lowercase(),
        }
    }

    fn is_alias(&self, ident: &Ident) -> bool {
        let name = self.alias(ident);
        for scope in self.scopes.iter().rev() {
            if scope.names.get(&name).is_some_and(|at| *at < scope.visible) {
                return true;
            }
            // In a nested `WITH`, MariaDB does not see the names of the outer one, MySQL does.
            if scope.defining && self.dialect == Dialect::Mysql {
                return false;
            }
        }
        false
    }

    fn folded(&self, name: &str) -> Arc<str> {
        names::folded(name)
    }

    fn path(&self, name: &ObjectName) -> Option<Vec<Arc<str>>> {
        name.0
            .iter()
            .map(|part| Some(self.folded(&part.as_ident()?.value)))
            .collect()
    }

    /// Notes a call. `None`: it was not understood.
    fn call(&mut self, name: &ObjectName, arguments: &[FunctionArg]) -> Option<()> {
        let path = self.path(name)?;
        let (function, schemas) = path.split_last()?;
        let own = name.0.last()?.as_ident()?;
        let exact = self.dialect != Dialect::Postgres
            || own.quote_style.is_none()
            || own.value.as_str() == &**function;
        let builtin = exact
            && match schemas {
                [] => true,
                [schema] => self.dialect == Dialect::Postgres && &**schema == "pg_catalog",
                _ => false,
            };
        self.tables.schemas.extend(schemas.last().cloned());
        let mut purity = if builtin {
            functions::purity(self.dialect, function, arguments.len())
        } else {
            Purity::Unknown
        };
        if let Purity::Dated { first, last } = purity {
            let (times, modifiers) = arguments.split_at((last + 1).min(arguments.len()));
            let times = times.get(first..).unwrap_or_default();
            if !times.is_empty()
                && times.iter().all(is_fixed_time)
                && modifiers.iter().all(is_fixed_modifier)
            {
                purity = Purity::Pure;
            }
        }
        // Then it is certainly none of the user's.
        let servers = builtin && !schemas.is_empty() && purity == Purity::Pure;
        if !servers {
            self.calls.add(function, purity, self.orders > 0);
        }
        Some(())
    }

    /// Notes a call in `FROM`.
    fn table_call(&mut self, name: &ObjectName, arguments: &[FunctionArg]) -> Option<()> {
        // `FROM documents('word')` is how SQLite's virtual tables are searched. What else is called there
        // is a module, not a function, and none of the catalog's tables.
        if self.dialect == Dialect::Sqlite {
            let path = self.path(name)?;
            if functions::purity(self.dialect, path.last()?, arguments.len()) == Purity::Unknown {
                self.tables.add(&path, self.dialect);
                self.columns.whole(path.last()?);
                return Some(());
            }
        }
        self.call(name, arguments)
    }

    /// Notes a relation. `None`: it may be a keyword that the parser took for a name.
    fn relation(&mut self, name: &ObjectName) -> Option<()> {
        if self.no_reads.contains(&ptr::from_ref(name)) {
            self.columns.relation(name, None);
            return Some(());
        }
        if let [only] = name.0.as_slice() {
            let ident = only.as_ident()?;
            if is_keyword(ident) {
                return None;
            }
            let dual = self.dialect == Dialect::Mysql && ident.value.eq_ignore_ascii_case("dual");
            if self.is_alias(ident) || (dual && ident.quote_style.is_none()) {
                self.columns.relation(name, None);
                return Some(());
            }
        }
        let path = self.path(name)?;
        self.tables.add(&path, self.dialect);
        self.columns.relation(name, path.last());
        Some(())
    }

    fn statement(&mut self, tree: &Tree) -> Option<()> {
        let targets = match tree {
            Tree::Insert(insert) => write_targets::of_insert(insert, self.dialect)?,
            Tree::Update(update) => write_targets::of_update(update, self.dialect)?,
            Tree::Delete(delete) => write_targets::of_delete(delete, self.dialect)?,
            Tree::Merge(merge) => write_targets::of_merge(merge, self.dialect)?,
            Tree::Query(_) => return Some(()),
            _ => return None,
        };
        for Target { name, changes } in targets {
            let ident = name.0.last()?.as_ident()?;
            if name.0.len() == 1 && is_keyword(ident) {
                return None;
            }
            self.no_reads.insert(ptr::from_ref(name));
            self.writes.push((self.folded(&ident.value), changes));
        }
        Some(())
    }
}

/// A bare word that is more likely syntax than a name.
fn is_keyword(ident: &Ident) -> bool {
    ident.quote_style.is_none() && keywords::is_syntax(&ident.value)
}

/// Whether a time that SQLite is given cannot mean the present: a column, a literal that begins
/// with a digit or sign, or what another date function made of one. A bind could be `'now'`.
/// (So could a column's value; a text column that holds the word `now` as a date is not foreseen.)
fn is_fixed_time(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(mut time)) = argument.clone() else {
        return false;
    };
    while let Expr::Nested(inner) = time {
        time = *inner;
    }
    match time {
        // SQLite reads a quoted name that is no column as a string.
        Expr::Identifier(ident) => !ident.value.eq_ignore_ascii_case("now"),
        Expr::CompoundIdentifier(_) => true,
        Expr::Value(value) => match value.value {
            Value::Number(..) | Value::Null => true,
            Value::SingleQuotedString(text) => {
                text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
            }
            _ => false,
        },
        // Judged by itself.
        Expr::Function(function) => function
            .name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|name| {
                let name = name.value.to_ascii_lowercase();
                matches!(
                    functions::purity(Dialect::Sqlite, &name, 1),
                    Purity::Dated { .. }
                )
            }),
        _ => false,
    }
}

/// Whether a modifier of a time is sure not to bring in the time zone of the machine.
fn is_fixed_modifier(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
        return false;
    };
    match &value.value {
        Value::SingleQuotedString(text) => {
            let text = text.trim();
            !text.eq_ignore_ascii_case("localtime") && !text.eq_ignore_ascii_case("utc")
        }
        _ => false,
    }
}

/// Goes on, or breaks off.
fn flow(understood: Option<()>) -> ControlFlow<()> {
    match understood {
        Some(()) => ControlFlow::Continue(()),
        None => ControlFlow::Break(()),
    }
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_statement(&mut self, tree: &Tree) -> ControlFlow<()> {
        flow(self.statement(tree))
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(outer) = self.scopes.last_mut()
            && let Some(place) = outer.places.get(&ptr::from_ref(query))
        {
            outer.visible = place + usize::from(outer.recursive);
            outer.defining = true;
        }
        let times = self.dialect == Dialect::Mysql;
        if times {
            self.times.query(query);
        }
        let mut scope = Scope::default();
        if let Some(with) = &query.with {
            scope.recursive = with.recursive || self.dialect == Dialect::Sqlite;
            scope.visible = with.cte_tables.len();
            for (place, cte) in with.cte_tables.iter().enumerate() {
                if times {
                    self.times.renamed(Some(&cte.alias));
                }
                scope.names.insert(self.alias(&cte.alias.name), place);
                scope.places.insert(ptr::from_ref(&*cte.query), place);
            }
        }
        self.scopes.push(scope);
        self.columns.query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.columns.select(select);
        // Another database's syntax: here `top (a)` is a call.
        flow(select.top.is_none().then_some(()))
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.columns.end_select();
        ControlFlow::Continue(())
    }

    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<()> {
        self.columns.identifier(ident);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some(outer) = self.scopes.last_mut()
            && outer.places.contains_key(&ptr::from_ref(query))
        {
            outer.visible = outer.places.len();
            outer.defining = false;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        flow(self.relation(name))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.columns.factor(factor);
        match factor {
            TableFactor::Derived { alias, .. } if self.dialect == Dialect::Mysql => {
                self.times.renamed(alias.as_ref());
            }
            // Its columns have types of their own.
            TableFactor::JsonTable { .. } if self.dialect == Dialect::Mysql => {
                self.times.unread = true;
            }
            _ => {}
        }
        flow(match factor {
            TableFactor::Table {
                name,
                args: Some(arguments),
                ..
            } => {
                self.no_reads.insert(ptr::from_ref(name));
                self.table_call(name, &arguments.args)
            }
            TableFactor::Function { name, args, .. } => {
                self.no_reads.insert(ptr::from_ref(name));
                self.table_call(name, args)
            }
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::NestedJoin { .. } => Some(()),
            // Other databases' syntax.
            _ => None,
        })
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.dialect == Dialect::Mysql {
            self.times.expression(expr);
        }
        self.columns.expression(expr);
        flow(match expr {
            Expr::Function(Function { name, args, .. }) => {
                let arguments = match args {
                    FunctionArguments::List(list) => list.args.as_slice(),
                    FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
                };
                self.call(name, arguments)
            }
            _ => Some(()),
        })
    }

    fn pre_visit_order_by_expr(&mut self, _: &OrderByExpr) -> ControlFlow<()> {
        self.orders += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_order_by_expr(&mut self, _: &OrderByExpr) -> ControlFlow<()> {
        self.orders = self.orders.saturating_sub(1);
        ControlFlow::Continue(())
    }
}
