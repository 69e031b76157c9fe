//! The columns that a query uses of each table that it reads.
//!
//! Every identifier in the tree is a column of all tables unless it is known to be something else: a part of
//! a relation's name, an alias, a function, or a qualified column, which is one of the tables that its
//! qualifier can mean anywhere in the statement. Words of the text that the tree does not have as
//! identifiers are columns, too, unless they are keywords. So a column may be found too many, none too few.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
    ptr,
    sync::Arc,
};

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableAlias, TableFactor, TableWithJoins, WindowType,
};

use super::{
    Columns, Dialect, keywords,
    lexer::{Token, TokenKind, back},
    names,
    writes::column,
};

/// A statement that names more columns than this, counted once for each table that they may belong to, uses
/// all columns.
const MAX_COLUMNS: usize = 4_096;

/// Functions of PostgreSQL that take any row as their only argument: `t.to_json` is `to_json(t)` if the
/// table has no such column.
const FUNCTIONS_OF_ROWS: &[&str] = &[
    "any_value",
    "array_agg",
    "concat",
    "hash_record",
    "json_agg",
    "json_agg_strict",
    "json_build_array",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_build_array",
    "max",
    "min",
    "num_nonnulls",
    "num_nulls",
    "pg_column_size",
    "quote_literal",
    "quote_nullable",
    "record_out",
    "record_send",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// Words between or after operands.
const INFIX: &[&str] = &["at", "ilike", "regexp", "rlike", "similar", "xor", "zone"];

/// Collects the columns while a tree is walked.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// By a name that qualifies columns: the tables that it can mean.
    tables: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Names that qualify columns of what is no table: a query or the result of a function.
    others: BTreeSet<Arc<str>>,
    /// Every identifier in the tree, and how often it is there.
    identifiers: HashMap<String, Identifier>,
    /// By their qualifier, the columns, as written.
    qualified: HashMap<String, HashSet<String>>,
    /// Qualifiers of wildcards.
    wildcards: BTreeSet<Arc<str>>,
    /// Tables of which all columns are used.
    whole: BTreeSet<Arc<str>>,
    /// All columns of all tables may be used.
    all: bool,
    /// Where the parts of the name at the current node stand: the addresses are compared, never followed.
    name: Range<*const u8>,
    /// The identifiers ahead that are no columns. The addresses are compared, never followed.
    aliases: HashSet<*const Ident>,
    /// For each `SELECT` around the current node: whether it uses all columns of its tables.
    selects: Vec<bool>,
    /// The table factor whose relation comes next.
    factor: Factor,
}

#[derive(Debug, Default)]
struct Identifier {
    count: usize,
    /// It may be an unqualified column.
    bare: bool,
}

#[derive(Debug, Default)]
struct Factor {
    alias: Option<Arc<str>>,
    whole: bool,
}

impl Used {
    pub(super) fn query(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.no_columns(&cte.alias);
        }
    }

    pub(super) fn select(&mut self, select: &Select) {
        let mut whole = select.from.iter().any(has_natural_join);
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => whole = true,
                SelectItem::QualifiedWildcard(kind, _) => match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(name) => self.wildcard(name),
                    // Visited as an expression.
                    SelectItemQualifiedWildcardKind::Expr(_) => {}
                },
                SelectItem::ExprWithAlias { alias, .. } => self.no_column(alias),
                SelectItem::ExprWithAliases { .. } | SelectItem::UnnamedExpr(_) => {}
            }
        }
        for window in &select.named_window {
            self.no_column(&window.0);
        }
        self.selects.push(whole);
    }

    pub(super) fn end_select(&mut self) {
        self.selects.pop();
    }

    pub(super) fn factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table {
                alias,
                args: None,
                version,
                partitions,
                ..
            } => {
                let renamed = alias.as_ref().is_some_and(|it| !it.columns.is_empty());
                if let Some(alias) = alias {
                    self.no_columns(alias);
                }
                self.factor = Factor {
                    alias: alias.as_ref().map(|it| names::folded(&it.name.value)),
                    // An update can move a row to another partition, or leave an older version of it.
                    whole: renamed || version.is_some() || !partitions.is_empty(),
                };
            }
            TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => {
                self.other_name(name);
                self.other(alias.as_ref());
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                // Its name stands for all of its tables.
                self.all |= alias.is_some();
                if has_natural_join(table_with_joins)
                    && let Some(whole) = self.selects.last_mut()
                {
                    *whole = true;
                }
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::JsonTable { alias, .. }
            | TableFactor::XmlTable { alias, .. } => self.other(alias.as_ref()),
            // Other databases' syntax.
            _ => self.all = true,
        }
    }

    /// Notes the relation of a table factor; it is a table that is read, or something else.
    pub(super) fn relation(&mut self, name: &ObjectName, table: Option<&Arc<str>>) {
        let factor = std::mem::take(&mut self.factor);
        let Some(table) = table else {
            self.others.extend(factor.alias);
            return self.other_name(name);
        };
        self.known(name);
        for called in factor.alias.into_iter().chain([Arc::clone(table)]) {
            let tables = self.tables.entry(called).or_default();
            tables.insert(Arc::clone(table));
        }
        if factor.whole || self.selects.last() != Some(&false) {
            self.whole.insert(Arc::clone(table));
        }
    }

    /// Notes a table of which all columns are used.
    pub(super) fn whole(&mut self, table: &Arc<str>) {
        self.whole.insert(Arc::clone(table));
    }

    pub(super) fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::CompoundIdentifier(path) => {
                self.name = addresses(path);
                if let [.., qualifier, column] = path.as_slice() {
                    self.qualified(&qualifier.value, &column.value);
                }
            }
            Expr::Wildcard(_) => self.all = true,
            Expr::QualifiedWildcard(name, _) => self.wildcard(name),
            Expr::Function(function) => self.call(function),
            Expr::Collate { collation, .. } => self.no_path(collation),
            Expr::Convert {
                charset: Some(charset),
                ..
            } => self.no_path(charset),
            Expr::Cast {
                data_type: DataType::Custom(name, _),
                ..
            } => self.no_path(name),
            _ => {}
        }
    }

    fn call(&mut self, function: &Function) {
        self.known(&function.name);
        if let Some(WindowType::NamedWindow(window)) = &function.over {
            self.no_column(window);
        }
        let FunctionArguments::List(list) = &function.args else {
            return;
        };
        for argument in &list.args {
            let (FunctionArg::Unnamed(argument)
            | FunctionArg::Named { arg: argument, .. }
            | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
            match argument {
                FunctionArgExpr::QualifiedWildcard(name) => self.wildcard(name),
                FunctionArgExpr::WildcardWithOptions(_) => self.all = true,
                // `count(*)`
                FunctionArgExpr::Wildcard | FunctionArgExpr::Expr(_) => {}
            }
        }
    }

    pub(super) fn identifier(&mut self, ident: &Ident) {
        let known =
            self.name.contains(&address(ident)) || self.aliases.remove(&ptr::from_ref(ident));
        if let Some(seen) = self.identifiers.get_mut(&ident.value) {
            seen.count += 1;
            seen.bare |= !known;
        } else {
            let seen = Identifier {
                count: 1,
                bare: !known,
            };
            self.identifiers.insert(ident.value.clone(), seen);
        }
    }

    fn qualified(&mut self, qualifier: &str, column: &str) {
        if let Some(columns) = self.qualified.get_mut(qualifier) {
            if !columns.contains(column) {
                columns.insert(column.to_owned());
            }
        } else {
            let columns = HashSet::from([column.to_owned()]);
            self.qualified.insert(qualifier.to_owned(), columns);
        }
    }

    fn wildcard(&mut self, name: &ObjectName) {
        match name.0.last().and_then(|part| part.as_ident()) {
            Some(ident) => _ = self.wildcards.insert(names::folded(&ident.value)),
            None => self.all = true,
        }
        self.no_path(name);
    }

    /// The parts of this name come next, and are no columns.
    fn known(&mut self, name: &ObjectName) {
        self.name = addresses::<ObjectNamePart>(&name.0);
    }

    /// The parts of this name come later, and are no columns.
    fn no_path(&mut self, name: &ObjectName) {
        let parts = name.0.iter().filter_map(|part| part.as_ident());
        self.aliases.extend(parts.map(ptr::from_ref));
    }

    fn no_column(&mut self, ident: &Ident) {
        self.aliases.insert(ptr::from_ref(ident));
    }

    fn no_columns(&mut self, alias: &TableAlias) {
        self.no_column(&alias.name);
        for column in &alias.columns {
            self.no_column(&column.name);
        }
    }

    fn other(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.no_columns(alias);
            self.others.insert(names::folded(&alias.name.value));
        }
    }

    fn other_name(&mut self, name: &ObjectName) {
        self.known(name);
        let own = name.0.last().and_then(|part| part.as_ident());
        self.others
            .extend(own.map(|ident| names::folded(&ident.value)));
    }

    /// Notes the words of the text that are no identifiers in the tree.
    pub(super) fn tokens(&mut self, tokens: &[Token<'_>], dialect: Dialect) {
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Word | TokenKind::Quoted => {
                    // In a full-text table of SQLite, the rank of a row depends on all of its columns.
                    self.all |= dialect == Dialect::Sqlite && token.is("match");
                    self.token(tokens, at, dialect);
                }
                // On MySQL it may be an identifier.
                TokenKind::Text if dialect == Dialect::Mysql && token.text.starts_with('"') => {
                    match token.literal() {
                        Some(name) => self.identifiers.entry(name).or_default().bare = true,
                        None => self.all = true,
                    }
                }
                _ => {}
            }
        }
    }

    fn token(&mut self, tokens: &[Token<'_>], at: usize, dialect: Dialect) {
        let Some((token, name)) = tokens.get(at).and_then(|it| Some((it, it.identifier()?))) else {
            return;
        };
        if token.kind == TokenKind::Word && is_syntax(tokens, at, dialect) {
            return;
        }
        match self.identifiers.get_mut(&*name) {
            Some(seen) if seen.count > 0 => seen.count -= 1,
            Some(seen) => seen.bare = true,
            None => self.identifiers.entry(name.into_owned()).or_default().bare = true,
        }
    }

    /// The columns of each table that is read. Of a table that is not in the map all columns may be used.
    pub(super) fn of(
        mut self,
        reads: &BTreeSet<Arc<str>>,
        dialect: Dialect,
    ) -> BTreeMap<Arc<str>, Columns> {
        self.resolve(reads, dialect).unwrap_or_default()
    }

    /// `None`: all columns of all tables.
    fn resolve(
        &mut self,
        reads: &BTreeSet<Arc<str>>,
        dialect: Dialect,
    ) -> Option<BTreeMap<Arc<str>, Columns>> {
        if self.all {
            return None;
        }
        for qualifier in &self.wildcards {
            match self.tables.get(qualifier) {
                Some(tables) => self.whole.extend(tables.iter().cloned()),
                None if self.others.contains(qualifier) => {}
                None => return None,
            }
        }
        let identifiers = self.identifiers.iter();
        let bare = identifiers.filter_map(|(name, seen)| seen.bare.then_some(name));
        let mut everywhere = BTreeSet::new();
        let mut count = 0;
        // The tables and columns of a qualifier.
        let mut somewhere = Vec::new();
        for (qualifier, columns) in &self.qualified {
            let tables = self.tables.get(&names::folded(qualifier));
            match tables.filter(|_| qualifier.is_ascii()) {
                Some(tables) => {
                    let mut found = BTreeSet::new();
                    for name in columns {
                        match column(name) {
                            Some(name) if !is_function_of_rows(dialect, &name) => {
                                _ = found.insert(name)
                            }
                            _ => self.whole.extend(tables.iter().cloned()),
                        }
                    }
                    count += found.len() * tables.len();
                    somewhere.push((tables, found));
                }
                None if self.others.contains(&names::folded(qualifier)) => {}
                None => {
                    for name in columns {
                        everywhere.insert(column(name)?);
                    }
                }
            }
        }
        for name in bare {
            everywhere.insert(column(name)?);
        }
        for name in &everywhere {
            // The whole row.
            self.whole
                .extend(self.tables.get(name).into_iter().flatten().cloned());
        }
        count += everywhere.len() * reads.len();
        if count > MAX_COLUMNS {
            return None;
        }
        let known = reads.iter().filter(|table| !self.whole.contains(*table));
        let mut columns: BTreeMap<_, _> = known
            .map(|table| (Arc::clone(table), everywhere.clone()))
            .collect();
        for (tables, found) in somewhere {
            for table in tables {
                if let Some(columns) = columns.get_mut(table) {
                    columns.extend(found.iter().cloned());
                }
            }
        }
        let columns = columns.into_iter();
        Some(
            columns
                .map(|(table, columns)| (table, Columns::Named(columns)))
                .collect(),
        )
    }
}

fn is_function_of_rows(dialect: Dialect, name: &str) -> bool {
    dialect == Dialect::Postgres && FUNCTIONS_OF_ROWS.contains(&name)
}

fn has_natural_join(tables: &TableWithJoins) -> bool {
    tables.joins.iter().any(|join| match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::StraightJoin(constraint) => *constraint == JoinConstraint::Natural,
        // Other databases' syntax.
        _ => true,
    })
}

/// Whether the word at a place is no identifier for the server, if the parser did not take it for one.
fn is_syntax(tokens: &[Token<'_>], at: usize, dialect: Dialect) -> bool {
    let Some(token) = tokens.get(at) else {
        return false;
    };
    // On SQLite, what is a column of the table is no constant. `interval + 1` is no interval.
    let columns: &[&str] = match dialect {
        Dialect::Postgres => &["interval"],
        Dialect::Mysql => &[],
        Dialect::Sqlite => &["false", "interval", "true"],
    };
    let before = back(tokens, at, 1);
    if token.is_any(columns) || before.is_some_and(|before| before.is_symbol(".")) {
        return false;
    }
    let is_alias_or_type = before.is_some_and(|before| before.is("as") || before.is_symbol(":"));
    let is_called = tokens.get(at + 1).is_some_and(|next| next.is_symbol("("));
    is_alias_or_type || is_called || token.is_any(INFIX) || keywords::is_syntax(token.text)
}

fn address<T>(node: &T) -> *const u8 {
    ptr::from_ref(node).cast()
}

fn addresses<T>(nodes: &[T]) -> Range<*const u8> {
    let Range { start, end } = nodes.as_ptr_range();
    start.cast()..end.cast()
}
