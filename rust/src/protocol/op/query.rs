//! Queries: each request opens a cursor and brings its first page; the next ones are asked for by the cursor's number.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::protocol::object::standard;
use crate::protocol::read::Reader;
use crate::protocol::write::Writer;

operations! { Query since ProtocolVersion::new(1, 0, 0);
    /// Cache header, [`Sql`]; answer: `long cursor id`, a page of entries
    SQL = 2002, "OP_QUERY_SQL", Any, Conditional, Own, Cursor;
    /// `long cursor id`; answer: a page of entries
    SQL_PAGE = 2003, "OP_QUERY_SQL_CURSOR_GET_PAGE", Connection, Conditional, Own;
    /// Cache header, [`SqlFields`]; answer: `long cursor id, int columns, [columns x string name], ` a page of rows
    SQL_FIELDS = 2004, "OP_QUERY_SQL_FIELDS", Any, Conditional, Own, Cursor;
    /// `long cursor id`; answer: a page of rows
    SQL_FIELDS_PAGE = 2005, "OP_QUERY_SQL_FIELDS_CURSOR_GET_PAGE", Connection, Conditional, Own;
}

mod scan {
    use super::*;

    operations! { Cache since ProtocolVersion::new(1, 0, 0);
        /// Cache header, [`Scan`]; answer: `long cursor id`, a page of entries
        SCAN = 2000, "OP_QUERY_SCAN", Any, Read, Own, Cursor;
        /// `long cursor id`; answer: a page of entries
        SCAN_PAGE = 2001, "OP_QUERY_SCAN_CURSOR_GET_PAGE", Connection, Conditional, Own;
    }
}

pub use scan::{ALL as SCANS, SCAN, SCAN_PAGE};

/// Everything in a cache, or in one partition of it.
#[derive(Debug, Clone, Copy)]
pub struct Scan {
    /// Entries in a page, 1 or more.
    pub page_size: i32,
    /// Negative: all.
    pub partition: i32,
    /// Only what the node has that receives the request.
    pub local: bool,
}

impl Scan {
    /// `null filter, int page size, int partition, bool local`
    pub fn write(&self, out: &mut Writer) {
        out.null();
        out.i32(self.page_size);
        out.i32(self.partition);
        out.bool(self.local);
    }
}

/// A query for whole entries of one type.
#[derive(Debug, Clone, Copy)]
pub struct Sql<'a> {
    /// Name of the type or of its table.
    pub table: &'a str,
    pub query: &'a str,
    pub distributed_joins: bool,
    pub local: bool,
    pub replicated_only: bool,
    pub page_size: i32,
    pub timeout_ms: i64,
}

impl Sql<'_> {
    /// `string table, string query`; `int n, n x object` follow, then [`Sql::write_rest`].
    pub fn write_start(&self, out: &mut Writer) -> Result<(), EncodeError> {
        out.string(self.table)?;
        out.string(self.query)
    }

    /// `bool distributed joins, bool local, bool replicated only, int page size, long timeout in ms`
    pub fn write_rest(&self, out: &mut Writer) {
        out.bool(self.distributed_joins);
        out.bool(self.local);
        out.bool(self.replicated_only);
        out.i32(self.page_size);
        out.i64(self.timeout_ms);
    }
}

/// A statement of SQL.
#[derive(Debug, Clone, Copy)]
pub struct SqlFields<'a> {
    /// `None`: that of the cache in the header.
    pub schema: Option<&'a str>,
    pub page_size: i32,
    /// Servers read it and let all rows come.
    pub max_rows: i32,
    pub query: &'a str,
    /// 0 any, 1 select, 2 update
    pub statement_type: u8,
    pub distributed_joins: bool,
    pub local: bool,
    pub replicated_only: bool,
    pub enforce_join_order: bool,
    pub collocated: bool,
    pub lazy: bool,
    pub timeout_ms: i64,
    pub include_field_names: bool,
}

impl SqlFields<'_> {
    /// `string schema, int page size, int max rows, string query`; `int n, n x object` follow, then [`SqlFields::write_rest`].
    pub fn write_start(&self, out: &mut Writer) -> Result<(), EncodeError> {
        match self.schema {
            Some(schema) => out.string(schema)?,
            None => out.null(),
        }
        out.i32(self.page_size);
        out.i32(self.max_rows);
        out.string(self.query)
    }

    /// `byte statement type, 6 x bool, long timeout in ms, bool include field names`
    pub fn write_rest(&self, out: &mut Writer) {
        out.u8(self.statement_type);
        out.bool(self.distributed_joins);
        out.bool(self.local);
        out.bool(self.replicated_only);
        out.bool(self.enforce_join_order);
        out.bool(self.collocated);
        out.bool(self.lazy);
        out.i64(self.timeout_ms);
        out.bool(self.include_field_names);
    }
}

/// `int columns`, in the first answer to a statement. Without rows and names nothing else stands for them, so this is all that can be
/// checked.
pub fn read_column_count(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let offset = reader.offset();
    let columns = reader.i32()?;
    let kind = || DecodeErrorKind::Value { what: "number of columns", value: columns.into() };
    u16::try_from(columns).map(usize::from).map_err(|_| DecodeError::new(kind(), offset))
}

/// `columns x string`: their names, where they were asked for.
pub fn read_field_names<'a>(reader: &mut Reader<'a>, columns: usize) -> Result<Vec<&'a str>, DecodeError> {
    (0..columns).map(|_| Ok(standard::read_string(reader)?.unwrap_or_default())).collect()
}

/// `int n` in front of the entries of a page.
pub fn read_entry_count(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    reader.count("number of entries", 2)
}

/// `int n` in front of the rows of a page.
pub fn read_row_count(reader: &mut Reader<'_>, columns: usize) -> Result<usize, DecodeError> {
    // Rows without columns would cost nothing on the wire: one is as many as there can be.
    let size = if columns == 0 { usize::from(u16::MAX) } else { columns };
    reader.count("number of rows", size)
}

/// `bool more`, with which a page ends.
pub fn read_page_end(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let more = reader.bool()?;
    reader.finish()?;
    Ok(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_and_named() {
        let bytes = [2, 0, 0, 0, 9, 1, 0, 0, 0, b'A', 9, 1, 0, 0, 0, b'B'];
        let mut reader = Reader::new(&bytes);
        assert_eq!(read_column_count(&mut reader), Ok(2));
        assert_eq!(read_field_names(&mut reader, 2), Ok(vec!["A", "B"]));
        for count in [-1, 65_536, i32::MAX, i32::MIN] {
            assert!(read_column_count(&mut Reader::new(&count.to_le_bytes())).is_err(), "{count}");
        }
    }

    #[test]
    fn rows_that_can_not_follow_are_refused() {
        // Two rows, then six bytes.
        let bytes = [2, 0, 0, 0, 0x65, 0x65, 0x65, 0x65, 0x65, 1];
        for (columns, expected) in [(0, None), (1, Some(2)), (3, Some(2)), (4, None)] {
            assert_eq!(read_row_count(&mut Reader::new(&bytes), columns).ok(), expected, "{columns} columns");
        }
        assert_eq!(read_page_end(&mut Reader::new(&[1])), Ok(true));
        assert!(read_page_end(&mut Reader::new(&[1, 0])).is_err() && read_page_end(&mut Reader::new(&[])).is_err());
    }
}
