//! Handles: what a server keeps for one connection (cursors, transactions), in the hands of whoever opened it.
//!
//! A handle lives and dies with its connection. Its number is never sent over another one, where it would name something else.

use std::sync::{Arc, Weak};

use super::node::Node;
use super::shared::Shared;
use crate::protocol::op::Opens;

/// One connection, as a place where something is kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// A thread's lane to a node.
    Lane { node: Arc<Node>, generation: u64 },
    /// A shared connection.
    Shared(Weak<Shared>),
}

impl Place {
    /// Takes charge of what an answer over this connection opened; `None` when it left nothing open.
    pub fn open(&self, opens: Opens, payload: &[u8]) -> Option<Handle> {
        let id = opens.id(payload)?;
        match self {
            Self::Lane { node, generation } => node.keep(*generation, opens),
            Self::Shared(shared) => drop(shared.upgrade().inspect(|shared| shared.keep())),
        }
        Some(Handle { place: self.clone(), left: Left { opens, id, ahead: None }, is_open: true })
    }
}

/// What is left behind on a connection when nobody needs it any more.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    pub opens: Opens,
    pub id: i64,
    /// Request id of a page that was asked for ahead.
    pub ahead: Option<i64>,
}

/// An open cursor or transaction. Dropped, it is closed on the server without anybody waiting for that.
#[derive(Debug)]
pub struct Handle {
    place: Place,
    left: Left,
    is_open: bool,
}

impl Handle {
    /// Its number, which counts on its own connection only.
    pub fn id(&self) -> i64 {
        self.left.id
    }

    /// A page was asked for ahead, with this request id; or it is not any more.
    pub fn set_ahead(&mut self, request: Option<i64>) {
        self.left.ahead = request;
    }

    /// Request id of the page that was asked for ahead.
    pub fn ahead(&self) -> Option<i64> {
        self.left.ahead
    }

    /// Where requests about it have to go.
    pub fn target(&self) -> Target {
        Target::At(self.place.clone(), self.left.opens)
    }

    /// The server has closed it, or is being told so by a request of its own.
    pub fn release(mut self) {
        self.is_open = false;
        match &self.place {
            Place::Lane { node, generation } => node.release(*generation, self.left.opens),
            Place::Shared(shared) => drop(shared.upgrade().inspect(|shared| shared.release())),
        }
    }

    /// Forgets it without a word to the server: it belongs to another process.
    pub fn abandon(mut self) {
        self.is_open = false;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        match &self.place {
            Place::Lane { node, generation } => node.close_handle(*generation, self.left),
            Place::Shared(shared) => {
                if let Some(shared) = shared.upgrade() {
                    shared.close_handle(self.left.opens, self.left.id);
                    shared.release();
                }
            }
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Default)]
pub enum Target {
    /// To the node that served last.
    #[default]
    Any,
    /// To the node that has the keys of this hash, if that is known and the node can be had, else to any.
    Key { cache_id: i32, hash: i32 },
    /// To this node if it can be had, else to any.
    Primary(Arc<Node>),
    /// Over this connection and no other.
    At(Place, Opens),
}

impl Target {
    /// Where an attempt goes: a node that failed once is not insisted on.
    #[inline]
    pub fn at_attempt(&self, is_first: bool) -> &Self {
        match self {
            Self::Key { .. } | Self::Primary(_) if !is_first => &Self::Any,
            _ => self,
        }
    }
}
