//! Queries: cursors with pages, and the recorded answers of SQL.

use std::collections::VecDeque;

use super::wire::{self, Cursor, Outcome, Refusal, Undecodable};

/// What a query that was recorded answers.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The statement; spaces at its ends and between its words make no difference.
    pub statement: String,
    /// Only for these arguments, each as a value.
    pub arguments: Option<Vec<Vec<u8>>>,
    pub columns: Vec<String>,
    /// Rows of values.
    pub rows: Vec<Vec<Vec<u8>>>,
    /// A failure in place of rows.
    pub refusal: Option<(i32, String)>,
}

fn words(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Recorded {
    fn answers(&self, statement: &str, arguments: &[Vec<u8>]) -> bool {
        words(&self.statement) == words(statement) && self.arguments.as_ref().is_none_or(|wanted| wanted == arguments)
    }
}

/// Rows that were not fetched yet; each is one after another of its values.
#[derive(Debug)]
pub struct OpenCursor {
    rows: VecDeque<Vec<u8>>,
    page: usize,
}

impl OpenCursor {
    pub fn new(rows: impl IntoIterator<Item = Vec<u8>>, page: usize) -> Self {
        Self { rows: rows.into_iter().collect(), page }
    }

    /// `int n, n x row, bool has more`; whether there is more.
    pub fn next_page(&mut self) -> (Vec<u8>, bool) {
        let length = self.page.min(self.rows.len());
        let mut page = wire::counted(self.rows.drain(..length));
        let more = !self.rows.is_empty();
        page.push(more.into());
        (page, more)
    }
}

/// A statement as it came, after the cache header.
#[derive(Debug)]
pub struct Statement {
    pub text: String,
    pub arguments: Vec<Vec<u8>>,
    pub page: usize,
    pub with_names: bool,
}

impl Statement {
    pub fn read(body: &mut Cursor<'_>) -> Result<Self, Undecodable> {
        body.string()?;
        let page = usize::try_from(body.i32()?).ok().filter(|page| *page > 0).ok_or(Undecodable)?;
        body.i32()?;
        let text = body.string()?.ok_or(Undecodable)?.to_owned();
        let arguments = match body.i32()? {
            count if count > 0 => (0..count).map(|_| body.value().map(wire::kept)).collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        // Statement type, then joins, local, replicated, order, collocated, lazy.
        body.bytes(7)?;
        body.i64()?;
        Ok(Self { text, arguments, page, with_names: body.bool()? })
    }

    /// The recorded answer; the newest one that fits.
    pub fn answer<'a>(&self, recorded: &'a [Recorded]) -> Result<&'a Recorded, Refusal> {
        let found = recorded.iter().rev().find(|recorded| recorded.answers(&self.text, &self.arguments));
        match found {
            Some(Recorded { refusal: Some((status, message)), .. }) => Err(Refusal::new(*status, message.clone())),
            Some(recorded) => Ok(recorded),
            None => {
                Err(Refusal::new(1, format!("42000: this stand-in for a node has no answer recorded for: {}", words(&self.text))))
            }
        }
    }
}

/// What stands between the cursor's id and the first page of an answer to SQL.
pub fn head(recorded: &Recorded, with_names: bool) -> Vec<u8> {
    let mut head = (recorded.columns.len() as i32).to_le_bytes().to_vec();
    if with_names {
        recorded.columns.iter().for_each(|name| head.extend(wire::string(name)));
    }
    head
}

/// The rows of an answer as they are sent.
pub fn rows(recorded: &Recorded) -> impl Iterator<Item = Vec<u8>> + '_ {
    recorded.rows.iter().map(|row| {
        let mut out = Vec::new();
        row.iter().for_each(|value| wire::put_value(&mut out, value));
        out
    })
}

/// The error of a cursor that is not there.
pub fn no_cursor(id: i64, of_query: bool) -> Outcome {
    let prefix = if of_query { "50000: " } else { "" };
    Err(Refusal::new(1011, format!("{prefix}Failed to find resource with id: {id}")))
}
