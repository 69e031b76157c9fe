//! The rows of an entry, read back from private connections in batches.

use std::{fmt, slice, vec};

use diesel::{QueryResult, SqliteConnection, connection::LoadConnection};

use super::{
    connections::{PrivateConnections, SqliteRow},
    named::NamedRow,
    values::{Cell, Values, malformed},
};
use crate::rows::StoredRows;

/// The maximum number of values that one statement reads back. SQLite's limit is 32,766; the connection
/// keeps the statement, which takes about 30 bytes for each.
const MAX_PARAMETERS: usize = 8_000;
/// The numbers of rows that the statements read which read `rows` of them. There are few different
/// numbers, so that few statements are prepared; the last may be more than what is left.
fn batches(rows: usize, columns: usize) -> Vec<usize> {
    let max = (MAX_PARAMETERS / columns.max(1)).max(1);
    // 2ⁿ or 3·2ⁿ: not more than a number, and not less.
    let below = |number: usize| {
        let power = 1 << number.ilog2();
        if number >= power + power / 2 {
            power + power / 2
        } else {
            power
        }
    };
    let above = |number: usize| {
        let power = number.next_power_of_two();
        let between = power / 4 * 3;
        if between >= number { between } else { power }
    };
    let mut batches = Vec::with_capacity(2);
    let mut left = rows;
    while left > 0 {
        let next = match batches.len() {
            0 => below(left.min(max)),
            _ if left > max => max,
            _ => above(left).min(max),
        };
        batches.push(next);
        left = left.saturating_sub(next);
    }
    batches
}

/// The rows of an entry, read from private connections.
pub struct StoredCursor<'r> {
    rows: StoredRows,
    connections: slice::IterMut<'r, SqliteConnection>,
    batches: vec::IntoIter<usize>,
    /// The next row to return, and the first that the running statement does not read.
    next: usize,
    batch_end: usize,
    running: Option<Running<'r>>,
}

type Running<'r> = <SqliteConnection as LoadConnection>::Cursor<'r, 'static>;

impl<'r> StoredCursor<'r> {
    pub(super) fn new(rows: StoredRows, reader: &'r mut PrivateConnections) -> Option<Self> {
        let places =
            || (0..rows.rows()).flat_map(|row| (0..rows.columns()).map(move |it| (row, it)));
        if !places().all(|(row, column)| Cell::parse(rows.cell(row, column)).is_some()) {
            return None;
        }
        let batches = batches(rows.rows(), rows.columns());
        let connections = reader.some(batches.len()).ok()?.iter_mut();
        Some(Self {
            rows,
            connections,
            batches: batches.into_iter(),
            next: 0,
            batch_end: 0,
            running: None,
        })
    }

    fn next_batch(&mut self) -> QueryResult<()> {
        let (Some(count), Some(conn)) = (self.batches.next(), self.connections.next()) else {
            return Err(malformed());
        };
        let values = Values::of(&self.rows, self.next, count);
        self.running = Some(LoadConnection::load(conn, values)?);
        self.batch_end = self.next + count;
        Ok(())
    }
}

impl<'r> Iterator for StoredCursor<'r> {
    type Item = QueryResult<NamedRow<SqliteRow<'r>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.rows.rows() {
            return None;
        }
        if self.next >= self.batch_end
            && let Err(error) = self.next_batch()
        {
            return Some(Err(error));
        }
        self.next += 1;
        let row = self.running.as_mut().and_then(Iterator::next);
        Some(
            row.unwrap_or_else(|| Err(malformed()))
                .map(|inner| NamedRow {
                    inner,
                    names: self.rows.clone(),
                }),
        )
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.rows() - self.next;
        (left, Some(left))
    }
}

impl fmt::Debug for StoredCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCursor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn rows_are_read_in_few_statements_of_few_sizes() {
        assert!(batches(0, 3).is_empty());
        assert_eq!(batches(1, 3), [1]);
        assert_eq!(batches(100, 5), [96, 4]);
        assert_eq!(batches(1_000, 5), [768, 256]);
        assert_eq!(batches(10, 8_000), [1; 10]);
        assert_eq!(batches(3, 100_000), [1; 3]);
        let mut sizes = std::collections::BTreeSet::new();
        for rows in 1..5_000 {
            let batches = batches(rows, 4);
            assert!(batches.iter().sum::<usize>() >= rows);
            assert!(batches[..batches.len() - 1].iter().sum::<usize>() < rows);
            sizes.extend(batches);
        }
        assert!(sizes.len() < 30, "{sizes:?}");
    }
}
