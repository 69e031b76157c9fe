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

const NULL: u32 = u32::MAX;

/// The name of a column and the backend's code for its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) type_code: u32,
}

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

/// Rows read from bytes.
#[derive(Clone)]
pub(crate) struct Block<'a> {
    columns: Vec<Column<'a>>,
    rows: usize,
    cells: &'a [u8],
}

impl std::fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .field("bytes", &self.cells.len())
            .finish()
    }
}

impl<'a> Block<'a> {
    /// `None` if the bytes are not the output of a [`BlockWriter`]. Checks every cell.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let count = take_u32(&mut rest)? as usize;
        // A column takes at least eight bytes.
        let mut columns = Vec::with_capacity(count.min(rest.len() / 8));
        for _ in 0..count {
            let name = match take_cell(&mut rest)? {
                Some(name) => Some(std::str::from_utf8(name).ok()?),
                None => None,
            };
            columns.push(Column {
                name,
                type_code: take_u32(&mut rest)?,
            });
        }
        let rows = take_u32(&mut rest)? as usize;
        if rows > 0 && columns.is_empty() {
            return None;
        }
        let block = Self {
            columns,
            rows,
            cells: rest,
        };
        for _ in 0..rows.checked_mul(count)? {
            take_cell(&mut rest)?;
        }
        rest.is_empty().then_some(block)
    }

    pub(crate) fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Replaces `cells` by those of the next row. Returns `false` after the last row.
    pub(crate) fn next_row(&mut self, cells: &mut Vec<Option<&'a [u8]>>) -> bool {
        cells.clear();
        if self.rows == 0 {
            return false;
        }
        self.rows -= 1;
        for _ in 0..self.columns.len() {
            // `parse` has checked the same bytes.
            cells.push(take_cell(&mut self.cells).flatten());
        }
        true
    }
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

/// The outer `None` means too few bytes, the inner one NULL.
fn take_cell<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = take_u32(rest)?;
    if length == NULL {
        return Some(None);
    }
    let (head, tail) = rest.split_at_checked(length as usize)?;
    *rest = tail;
    Some(Some(head))
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

    #[test]
    fn rows_round_trip() {
        let bytes = two_rows();
        let mut block = Block::parse(&bytes).unwrap();
        assert_eq!(
            block.columns()[0],
            Column {
                name: Some("id"),
                type_code: 23
            }
        );
        assert_eq!(
            block.columns()[1],
            Column {
                name: None,
                type_code: 0
            }
        );
        let mut cells = Vec::new();
        assert!(block.next_row(&mut cells));
        assert_eq!(cells, [Some(b"\x01x".as_slice()), None]);
        assert!(block.next_row(&mut cells));
        assert_eq!(cells, [Some(b"\x02x".as_slice()), None]);
        assert!(!block.next_row(&mut cells));
    }

    #[test]
    fn an_empty_result_round_trips() {
        let mut bytes = Vec::new();
        BlockWriter::default().finish(&mut bytes);
        assert_eq!(Block::parse(&bytes).unwrap().rows(), 0);
    }

    #[test]
    fn truncated_and_lengthened_bytes_are_rejected() {
        let bytes = two_rows();
        for end in 0..bytes.len() {
            assert!(Block::parse(&bytes[..end]).is_none(), "{end} bytes");
        }
        assert!(Block::parse(&[bytes.as_slice(), b"x"].concat()).is_none());
    }

    #[test]
    fn huge_counts_in_few_bytes_are_rejected_without_allocating() {
        for bytes in [[0xff; 12].as_slice(), &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]] {
            assert!(Block::parse(bytes).is_none());
        }
    }
}
