//! Random statements: a grammar of joins, sub-queries, common table expressions, set operations
//! and changes of rows. Every query has one column or a wildcard. What the names of columns refer to is left
//! to chance.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};

use super::Dialect;

/// The tables, and also the names that a `WITH` gives.
pub(crate) const TABLES: [&str; 8] = [
    "apples", "pears", "order", "we ird", "straße", "now", "select", "x2",
];

/// How many of them need no quotes.
const BARE: [bool; 8] = [true, true, false, false, true, false, false, true];

/// The columns, of any table.
pub(crate) const COLUMNS: [&str; 5] = ["c1", "name", "first name", "group", "interval"];

/// A table where it is used.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) table: usize,
    pub(crate) quoted: bool,
    pub(crate) qualified: bool,
    pub(crate) upper: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    One,
    /// A column, perhaps with the alias of this number before it.
    Column(usize, Option<usize>),
    Sum(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Box<Expr>),
    Case(Box<Condition>, Box<Expr>, Box<Expr>),
    Scalar(Box<Query>),
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Equal(Expr, Expr),
    Between(Expr, Expr),
    In(Expr, Box<Query>),
    Exists(Box<Query>),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
}

/// What a query selects.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Plain(Expr),
    Count(Condition),
    Window(Expr, Expr),
    Star,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    Table(Name),
    Derived(Box<Query>),
    Join(Box<Source>, &'static str, Box<Source>, Box<Condition>),
}

#[derive(Debug, Clone)]
pub(crate) struct Select {
    pub(crate) item: Item,
    pub(crate) from: Vec<Source>,
    pub(crate) filter: Option<Condition>,
    pub(crate) group: Option<Expr>,
    pub(crate) having: Option<Condition>,
}

#[allow(clippy::large_enum_variant, reason = "a query has it in a box")]
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// With an `ORDER BY` and a `LIMIT`.
    Select(Select, Option<Expr>, Option<Expr>),
    Set(Select, &'static str, Select),
    Values(Expr),
}

/// A list of named queries.
#[derive(Debug, Clone)]
pub(crate) struct With {
    pub(crate) recursive: bool,
    /// The tables whose names they take, each once.
    pub(crate) queries: Vec<(usize, Query)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) with: Option<With>,
    pub(crate) body: Box<Body>,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Insert {
        target: Name,
        rows: Query,
        /// What a row that is there already is changed to.
        instead: Option<Expr>,
    },
    Update {
        target: Name,
        value: Expr,
        from: Option<Source>,
        filter: Condition,
    },
    Delete {
        target: Name,
        using: Option<Source>,
        filter: Condition,
    },
    /// PostgreSQL alone.
    Merge {
        target: Name,
        using: Source,
        on: Condition,
        value: Expr,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Sample {
    Query(Query),
    Change(Option<With>, Change),
    /// PostgreSQL alone: a query of what a change returns.
    Returned(Change, Query),
}

/// A statement of a dialect.
pub(crate) fn sample(dialect: Dialect) -> BoxedStrategy<Sample> {
    let flat = Level::flat();
    let deep = flat.next().next();
    let query = deep.next().query.prop_map(Sample::Query);
    let change = (option::of(deep.with.clone()), deep.change(&flat, dialect));
    // MySQL knows no `WITH` before what it calls `INSERT`, and MariaDB before no change.
    let change = change.prop_map(move |(with, change)| {
        Sample::Change(with.filter(|_| dialect != Dialect::Mysql), change)
    });
    if dialect == Dialect::Postgres {
        let returned = (deep.change(&flat, dialect), deep.query.clone());
        let returned = returned.prop_map(|(change, query)| Sample::Returned(change, query));
        prop_oneof![3 => query, 2 => change, 1 => returned].boxed()
    } else {
        prop_oneof![query, change].boxed()
    }
}

fn leaf() -> BoxedStrategy<Expr> {
    let column = (0..COLUMNS.len(), option::of(1..8_usize));
    prop_oneof![
        Just(Expr::One),
        column.prop_map(|(column, alias)| Expr::Column(column, alias)),
    ]
    .boxed()
}

fn name() -> impl Strategy<Value = Name> {
    (0..TABLES.len(), any::<[bool; 3]>()).prop_map(|(table, [quoted, qualified, upper])| Name {
        table,
        quoted: quoted || !BARE[table],
        qualified,
        upper,
    })
}

/// What can be made of queries that are nested so deep at the most. Each level is made of the one
/// below.
struct Level {
    expr: BoxedStrategy<Expr>,
    condition: BoxedStrategy<Condition>,
    source: BoxedStrategy<Source>,
    query: BoxedStrategy<Query>,
    with: BoxedStrategy<With>,
}

impl Level {
    fn flat() -> Self {
        let expr = leaf();
        let equal = (expr.clone(), expr.clone());
        let condition = equal.prop_map(|(a, b)| Condition::Equal(a, b)).boxed();
        let source = name().prop_map(Source::Table).boxed();
        let query = body(&expr, &condition, &source)
            .prop_map(|body| Query { with: None, body })
            .boxed();
        let with = with(query.clone()).boxed();
        Self {
            expr,
            condition,
            source,
            query,
            with,
        }
    }

    fn next(&self) -> Self {
        let below = self.query.clone().prop_map(Box::new).boxed();
        let expr = self.next_expr(&below);
        let condition = self.next_condition(&expr, &below);
        let source = self.next_source(&below);
        let body = body(&expr, &condition, &source);
        let query = (option::weighted(0.3, self.with.clone()), body)
            .prop_map(|(with, body)| Query { with, body })
            .boxed();
        let with = with(query.clone()).boxed();
        Self {
            expr,
            condition,
            source,
            query,
            with,
        }
    }

    fn next_expr(&self, below: &BoxedStrategy<Box<Query>>) -> BoxedStrategy<Expr> {
        let one = || self.expr.clone().prop_map(Box::new);
        let when = self.condition.clone().prop_map(Box::new);
        prop_oneof![
            3 => leaf(),
            1 => (one(), one()).prop_map(|(a, b)| Expr::Sum(a, b)),
            1 => (one(), one()).prop_map(|(a, b)| Expr::Call(a, b)),
            1 => (when, one(), one()).prop_map(|(when, a, b)| Expr::Case(when, a, b)),
            2 => below.clone().prop_map(Expr::Scalar),
        ]
        .boxed()
    }

    fn next_condition(
        &self,
        expr: &BoxedStrategy<Expr>,
        below: &BoxedStrategy<Box<Query>>,
    ) -> BoxedStrategy<Condition> {
        let part = || self.condition.clone().prop_map(Box::new);
        let pair = || (expr.clone(), self.expr.clone());
        prop_oneof![
            pair().prop_map(|(a, b)| Condition::Equal(a, b)),
            pair().prop_map(|(a, b)| Condition::Between(a, b)),
            (self.expr.clone(), below.clone()).prop_map(|(a, query)| Condition::In(a, query)),
            below.clone().prop_map(Condition::Exists),
            part().prop_map(Condition::Not),
            (part(), part()).prop_map(|(a, b)| Condition::And(a, b)),
        ]
        .boxed()
    }

    fn next_source(&self, below: &BoxedStrategy<Box<Query>>) -> BoxedStrategy<Source> {
        let kind = select(vec!["JOIN", "LEFT JOIN", "INNER JOIN"]);
        let side = || self.source.clone().prop_map(Box::new);
        let on = self.condition.clone().prop_map(Box::new);
        prop_oneof![
            3 => name().prop_map(Source::Table),
            1 => below.clone().prop_map(Source::Derived),
            2 => (side(), kind, side(), on).prop_map(|(a, kind, b, on)| Source::Join(a, kind, b, on)),
        ]
        .boxed()
    }

    /// A change of rows; `flat` has no joins.
    fn change(&self, flat: &Self, dialect: Dialect) -> BoxedStrategy<Change> {
        let rows = (name(), self.query.clone(), option::of(self.expr.clone()));
        let insert = rows.prop_map(|(target, rows, instead)| Change::Insert {
            target,
            rows,
            instead,
        });
        let from = || option::of(self.source.clone());
        let update = (name(), self.expr.clone(), from(), self.condition.clone());
        let update = update.prop_map(|(target, value, from, filter)| Change::Update {
            target,
            value,
            from,
            filter,
        });
        let delete = (name(), from(), self.condition.clone());
        // SQLite deletes by one table alone.
        let delete = delete.prop_map(move |(target, using, filter)| Change::Delete {
            target,
            using: using.filter(|_| dialect != Dialect::Sqlite),
            filter,
        });
        let changes = prop_oneof![insert, update, delete];
        if dialect != Dialect::Postgres {
            return changes.boxed();
        }
        // The parser refuses a join here.
        let using = flat.source.clone();
        let merge = (name(), using, self.condition.clone(), self.expr.clone());
        let merge = merge.prop_map(|(target, using, on, value)| Change::Merge {
            target,
            using,
            on,
            value,
        });
        prop_oneof![3 => changes, 1 => merge].boxed()
    }
}

fn body(
    expr: &BoxedStrategy<Expr>,
    condition: &BoxedStrategy<Condition>,
    source: &BoxedStrategy<Source>,
) -> BoxedStrategy<Box<Body>> {
    let item = prop_oneof![
        4 => expr.clone().prop_map(Item::Plain),
        2 => condition.clone().prop_map(Item::Count),
        2 => (expr.clone(), expr.clone()).prop_map(|(a, b)| Item::Window(a, b)),
        1 => Just(Item::Star),
    ];
    let rare = || option::weighted(0.2, expr.clone());
    let perhaps = || option::of(condition.clone());
    let from = vec(source.clone(), 1..3);
    let query = (item, from, perhaps(), rare(), perhaps()).prop_map(
        |(item, from, filter, group, having)| Select {
            item,
            from,
            filter,
            having: having.filter(|_| group.is_some()),
            group,
        },
    );
    let query = query.boxed();
    let operator = select(vec!["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
    let ordered = (query.clone(), rare(), rare());
    let set = (query.clone(), operator, query);
    prop_oneof![
        5 => ordered.prop_map(|(query, order, limit)| Body::Select(query, order, limit)),
        2 => set.prop_map(|(a, operator, b)| Body::Set(a, operator, b)),
        1 => expr.clone().prop_map(Body::Values),
    ]
    .prop_map(Box::new)
    .boxed()
}

fn with(query: BoxedStrategy<Query>) -> impl Strategy<Value = With> {
    let tables = subsequence((0..TABLES.len()).collect::<Vec<_>>(), 1..3);
    (any::<bool>(), tables, vec(query, 2)).prop_map(|(recursive, tables, queries)| With {
        recursive,
        queries: tables.into_iter().zip(queries).collect(),
    })
}
