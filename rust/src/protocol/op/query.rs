//! Queries: each request opens a cursor and brings its first page; the next ones are asked for by the cursor's number.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::error::EncodeError;
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
