//! Rows as bytes: columns first, then every cell with its length.
//!
//! ```text
//! block  = columns:u32 column* rows:u32 cell*          (integers little-endian)
//! column = name:text type:u32                          (type 0 = unknown, all cells are null)
//! cell   = length:u32 bytes | NULL                     (NULL = 0xffff_ffff)
//! text   = length:u32 bytes | NULL
//! ```
//!
//! Parsing does not trust the bytes: every length is checked against the remaining bytes before
//! anything is allocated.

use std::{num::NonZeroU32, rc::Rc, sync::Arc};

const NULL: u32 = u32::MAX;

/// Collects rows.
#[derive(Default)]
pub(crate) struct BlockWriter {
    columns: Vec<(Option<String>, u32)>,
    rows: u32,
    cells: Vec<u8>,
}

impl std::fmt::Debug for BlockWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockWriter")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .field("bytes", &self.cells.len())
            .finish()
    }
}

impl BlockWriter {
    /// Starts a row. The names of the first row are used.
    pub(crate) fn start_row(&mut self, names: impl Iterator<Item = Option<String>>) {
        if self.rows == 0 {
            self.columns = names.map(|name| (name, 0)).collect();
        }
        self.rows = self.rows.saturating_add(1);
    }

    /// Appends the cell of `column`, with the code of its type (never 0).
    pub(crate) fn cell(&mut self, column: usize, type_code: u32, parts: [&[u8]; 2]) {
        if let Some((_, code)) = self.columns.get_mut(column) {
            *code = type_code;
        }
        let length = parts[0].len() + parts[1].len();
        self.cells
            .extend_from_slice(&u32::try_from(length).unwrap_or(NULL - 1).to_le_bytes());
        self.cells.extend_from_slice(parts[0]);
        self.cells.extend_from_slice(parts[1]);
    }

    pub(crate) fn null(&mut self) {
        self.cells.extend_from_slice(&NULL.to_le_bytes());
    }

    /// The size of the rows so far, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn finish(&self, out: &mut Vec<u8>) {
        out.reserve(self.cells.len() + 8 + self.columns.len() * 24);
        put_u32(out, self.columns.len());
        for (name, code) in &self.columns {
            match name {
                Some(name) => {
                    put_u32(out, name.len());
                    out.extend_from_slice(name.as_bytes());
                }
                None => out.extend_from_slice(&NULL.to_le_bytes()),
            }
            out.extend_from_slice(&code.to_le_bytes());
        }
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&self.cells);
    }
}

/// The size limit keeps lengths far below 4 GiB.
fn put_u32(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(NULL - 1).to_le_bytes());
}

/// Rows read from bytes. A clone shares the bytes.
#[derive(Clone)]
pub struct StoredRows(Rc<Table>);

struct Table {
    bytes: Arc<Vec<u8>>,
    columns: Vec<Column>,
    rows: usize,
    /// Where the cells are in the bytes, row by row.
    cells: Vec<Cell>,
}

struct Column {
    name: Cell,
    /// `None`: unknown, all cells are null.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "SQLite's cells tell their own types")
    )]
    type_code: Option<NonZeroU32>,
}

/// The place of a cell or name. Small, as there is one for every value that is read.
#[derive(Clone, Copy)]
struct Cell {
    start: u32,
    /// `NULL` for a null.
    length: u32,
}

impl std::fmt::Debug for StoredRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredRows")
            .field("columns", &self.columns())
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

impl StoredRows {
    /// The rows that begin at `start`. `None` if these are not the output of a [`BlockWriter`]. Checks
    /// every cell.
    pub(crate) fn parse(bytes: &Arc<Vec<u8>>, start: usize) -> Option<Self> {
        // Beyond this, a cell's place does not fit.
        u32::try_from(bytes.len()).ok()?;
        let mut rest = Rest { bytes, at: start };
        let count = rest.number()? as usize;
        // A column takes at least eight bytes.
        let mut columns = Vec::with_capacity(count.min(rest.left() / 8));
        for _ in 0..count {
            let name = rest.cell()?;
            // A name is short, and seldom anything else than ASCII.
            if let Some(name) = name.bytes(bytes).filter(|name| !name.is_ascii()) {
                std::str::from_utf8(name).ok()?;
            }
            columns.push(Column {
                name,
                type_code: NonZeroU32::new(rest.number()?),
            });
        }
        let rows = rest.number()? as usize;
        if rows > 0 && columns.is_empty() {
            return None;
        }
        let count = rows.checked_mul(count)?;
        // A cell takes at least four bytes.
        let mut cells = Vec::with_capacity(count.min(rest.left() / 4));
        for _ in 0..count {
            cells.push(rest.cell()?);
        }
        (rest.left() == 0).then(|| {
            Self(Rc::new(Table {
                bytes: Arc::clone(bytes),
                columns,
                rows,
                cells,
            }))
        })
    }

    pub(crate) fn columns(&self) -> usize {
        self.0.columns.len()
    }

    pub(crate) fn rows(&self) -> usize {
        self.0.rows
    }

    /// The name of a column, if it has one.
    pub(crate) fn name(&self, column: usize) -> Option<&str> {
        std::str::from_utf8(self.name_bytes(column)?).ok()
    }

    /// The first column of this name.
    pub(crate) fn column_named(&self, name: &str) -> Option<usize> {
        (0..self.columns()).find(|column| self.name_bytes(*column) == Some(name.as_bytes()))
    }

    fn name_bytes(&self, column: usize) -> Option<&[u8]> {
        self.0.columns.get(column)?.name.bytes(&self.0.bytes)
    }

    /// The backend's code for the type of a column, unless all its cells are null.
    #[cfg(any(feature = "postgres", feature = "mysql", test))]
    pub(crate) fn type_code(&self, column: usize) -> Option<&NonZeroU32> {
        self.0.columns.get(column)?.type_code.as_ref()
    }

    /// The bytes of a cell; `None` for a null.
    #[inline]
    pub(crate) fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        let cell = self.0.cells.get(row * self.columns() + column)?;
        cell.bytes(&self.0.bytes)
    }
}

impl Cell {
    #[inline]
    fn bytes(self, bytes: &[u8]) -> Option<&[u8]> {
        if self.length == NULL {
            return None;
        }
        bytes
            .get(self.start as usize..)?
            .get(..self.length as usize)
    }
}

/// What is not parsed yet.
struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes.get(self.at..)?.first_chunk::<4>()?;
        self.at += 4;
        Some(u32::from_le_bytes(*bytes))
    }

    fn cell(&mut self) -> Option<Cell> {
        let length = self.number()?;
        let start = self.at;
        if length != NULL {
            let length = length as usize;
            if length > self.left() {
                return None;
            }
            self.at += length;
        }
        Some(Cell {
            start: u32::try_from(start).ok()?,
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows() -> Vec<u8> {
        let mut writer = BlockWriter::default();
        for number in [1_u8, 2] {
            writer.start_row([Some("id".to_owned()), None].into_iter());
            writer.cell(0, 23, [&[number], b"x"]);
            writer.null();
        }
        let mut bytes = Vec::new();
        writer.finish(&mut bytes);
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<StoredRows> {
        StoredRows::parse(&Arc::new(bytes.to_vec()), 0)
    }

    #[test]
    fn rows_round_trip() {
        let rows = parse(&two_rows()).unwrap();
        assert_eq!((rows.rows(), rows.columns()), (2, 2));
        assert_eq!((rows.name(0), rows.name(1)), (Some("id"), None));
        assert_eq!(rows.column_named("id"), Some(0));
        assert_eq!(rows.type_code(0).map(|code| code.get()), Some(23));
        assert_eq!(rows.type_code(1), None);
        assert_eq!(rows.cell(0, 0), Some(b"\x01x".as_slice()));
        assert_eq!(rows.cell(1, 0), Some(b"\x02x".as_slice()));
        assert_eq!((rows.cell(1, 1), rows.cell(2, 0)), (None, None));
    }

    #[test]
    fn rows_may_begin_behind_something_else() {
        let bytes = [b"head".as_slice(), &two_rows()].concat();
        let rows = StoredRows::parse(&Arc::new(bytes), 4).unwrap();
        assert_eq!(rows.cell(1, 0), Some(b"\x02x".as_slice()));
    }

    #[test]
    fn an_empty_result_round_trips() {
        let mut bytes = Vec::new();
        BlockWriter::default().finish(&mut bytes);
        assert_eq!(parse(&bytes).unwrap().rows(), 0);
    }

    #[test]
    fn truncated_and_lengthened_bytes_are_rejected() {
        let bytes = two_rows();
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end]).is_none(), "{end} bytes");
        }
        assert!(parse(&[bytes.as_slice(), b"x"].concat()).is_none());
        assert!(StoredRows::parse(&Arc::new(bytes.clone()), bytes.len() + 1).is_none());
    }

    #[test]
    fn huge_counts_in_few_bytes_are_rejected_without_allocating() {
        for bytes in [[0xff; 12].as_slice(), &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]] {
            assert!(parse(bytes).is_none());
        }
    }
}
