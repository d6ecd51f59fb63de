//! Routing: the node that a key lives on, and the questions to the servers that finding it takes.

use std::collections::HashMap;
use std::sync::Arc;

use super::affinity::Question;
use super::config::Address;
use super::handle::Target;
use super::node::Node;
use super::pool::Pool;
use crate::protocol::Writer;
use crate::protocol::error::DecodeError;
use crate::protocol::handshake::NodeId;
use crate::protocol::op::Operation;
use crate::protocol::op::affinity::{CACHE_PARTITIONS, Endpoints, NODE_ENDPOINTS, write_all_endpoints, write_cache_ids};
use crate::protocol::op::split::Split;

/// A question to the servers that a call asks on the side. Dropped unanswered, the next call asks it.
#[derive(Debug)]
pub struct Inquiry {
    pub operation: &'static Operation,
    /// As `Writer::request` began it.
    pub frame: Vec<u8>,
    about: About,
}

#[derive(Debug)]
enum About {
    /// Where keys live.
    Keys(Question),
    /// Where nodes listen.
    Nodes(Arc<Pool>),
}

impl Inquiry {
    /// The servers' answer.
    pub fn answer(self, payload: &[u8]) -> Result<(), DecodeError> {
        match self.about {
            About::Keys(question) => question.answer(payload),
            About::Nodes(pool) => {
                pool.know(&Endpoints::read(payload)?);
                Ok(())
            }
        }
    }

    /// The servers refuse to answer.
    pub fn give_up(self) {
        if let About::Keys(question) = self.about {
            question.give_up();
        }
    }
}

/// The node with this id; any, where that is not known.
fn target_of(nodes: &[Arc<Node>], primary: Option<NodeId>) -> Target {
    let node = primary.and_then(|id| nodes.iter().find(|node| node.id() == Some(id)));
    node.map_or(Target::Any, |node| Target::Primary(Arc::clone(node)))
}

impl Pool {
    /// Whether keys are looked up at all: see [`super::affinity::Affinity::is_routing`].
    #[inline]
    pub fn is_routing(&self) -> bool {
        self.affinity.is_routing()
    }

    /// What has to be asked before keys of this cache can be found; usually nothing. Each question is given to one caller.
    pub fn inquiries(self: &Arc<Self>, cache_id: i32) -> Vec<Inquiry> {
        let Some(question) = self.affinity.question(cache_id) else { return Vec::new() };
        // No node could be connected just now: each question would only try them all once more before the call itself does.
        if !self.nodes.load().iter().any(|node| node.health.is_promising()) {
            return Vec::new();
        }
        let Some(context) = self.context().filter(|context| CACHE_PARTITIONS.is_known_to(context)) else {
            question.give_up();
            return Vec::new();
        };
        let mut inquiries = Vec::with_capacity(2);
        let can_discover = NODE_ENDPOINTS.is_known_to(&context);
        if !can_discover {
            self.affinity.count_nodes(self.nodes.load().len());
            if !self.is_routing() {
                question.give_up();
                return Vec::new();
            }
        }
        if question.is_after_a_change() && can_discover {
            let mut out = Writer::request(Vec::new());
            write_all_endpoints(&mut out);
            let about = About::Nodes(Arc::clone(self));
            inquiries.push(Inquiry { operation: &NODE_ENDPOINTS, frame: out.into_buffer(), about });
        }
        let mut out = Writer::request(Vec::new());
        write_cache_ids(&mut out, &question.caches);
        inquiries.push(Inquiry { operation: &CACHE_PARTITIONS, frame: out.into_buffer(), about: About::Keys(question) });
        inquiries
    }

    /// The items of a request by the node that has them; `None` when they all go to one. `hash` is that of an encoded key's affinity
    /// value; a key without one goes to any node.
    pub fn split(
        &self,
        operation: &'static Operation,
        frame: &[u8],
        hash: impl Fn(i32, &[u8]) -> Option<i32>,
    ) -> Option<Vec<(Target, Vec<u8>)>> {
        if !self.config().split_multi_key || !self.is_routing() {
            return None;
        }
        // What can not be taken apart is for one node to judge.
        let split = Split::new(operation, frame).ok().flatten()?;
        let nodes = self.nodes.load();
        let mut groups: Vec<(Target, Vec<usize>)> = Vec::with_capacity(nodes.len() + 1);
        let mut places: HashMap<Option<NodeId>, usize> = HashMap::with_capacity(nodes.len() + 1);
        for (index, item) in split.items.iter().enumerate() {
            let primary = hash(split.cache_id, split.key(item)).and_then(|hash| self.affinity.primary(split.cache_id, hash));
            let place = *places.entry(primary).or_insert_with(|| {
                groups.push((target_of(&nodes, primary), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(index);
        }
        if groups.len() < 2 {
            return None;
        }
        // Every thread takes its lanes in the same order, so that none waits for one that waits for it.
        groups.sort_by_key(|(target, _)| match target {
            Target::Primary(node) => Arc::as_ptr(node) as usize,
            _ => 0,
        });
        groups.into_iter().map(|(target, items)| Some((target, split.part(&items).ok()?))).collect()
    }

    /// Id of the field that places keys of this type in this cache, if the servers said that it is not the whole key.
    pub fn key_field(&self, cache_id: i32, type_id: i32) -> Option<i32> {
        self.affinity.key_field(cache_id, type_id)
    }

    /// The nodes that are known.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.load().to_vec()
    }

    /// Place among [`Pool::nodes`] of the node that has keys of this hash, if it is known.
    pub fn primary(&self, cache_id: i32, hash: i32) -> Option<usize> {
        let id = self.affinity.primary(cache_id, hash)?;
        self.nodes.load().iter().position(|node| node.id() == Some(id))
    }

    /// A target by node instead of by key.
    pub(super) fn resolve(&self, target: &Target) -> Option<Target> {
        let Target::Key { cache_id, hash } = target else { return None };
        Some(target_of(&self.nodes.load(), self.affinity.primary(*cache_id, *hash)))
    }

    /// Takes note of where nodes listen: new ones are added, those that left are dropped unless they were configured.
    fn know(&self, endpoints: &Endpoints) {
        let before = self.nodes.load();
        let is_there = |node: &&Arc<Node>| node.id().is_some_and(|id| endpoints.nodes.iter().any(|endpoint| endpoint.id == id));
        let mut nodes: Vec<_> = before.iter().filter(|node| node.is_configured || is_there(node)).cloned().collect();
        for endpoint in &endpoints.nodes {
            if nodes.iter().any(|node| node.id() == Some(endpoint.id)) {
                continue;
            }
            let mut addresses = endpoint.hosts.iter().map(|host| Address { host: host.clone(), port: endpoint.port });
            match nodes.iter().find(|node| addresses.clone().any(|address| address == *node.address())) {
                // Another process at a place that is known.
                Some(node) => node.connected(Some(endpoint.id)),
                None => {
                    if let Some(address) = addresses.next() {
                        let (affinity, heartbeats) = (Arc::clone(&self.affinity), self.config().heartbeats);
                        nodes.push(Arc::new(Node::discovered(address, endpoint.id, affinity, heartbeats)));
                    }
                }
            }
        }
        let left: Vec<_> = before.iter().filter(|node| !nodes.iter().any(|kept| Arc::ptr_eq(kept, node))).cloned().collect();
        if left.iter().any(|node| Arc::ptr_eq(node, &self.current.load()))
            && let Some(first) = nodes.first()
        {
            self.current.store(Arc::clone(first));
        }
        self.affinity.listed(endpoints.version);
        self.set_nodes(nodes);
        left.iter().for_each(|node| self.part_with(node));
    }
}
