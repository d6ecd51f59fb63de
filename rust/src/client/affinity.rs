//! Where keys live: what the servers said last, and whether they have to be asked again. One question at a time; meanwhile calls go
//! on with the last answer, since a node that is not the primary one only passes the request on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;

use crate::lock::lock;
use crate::protocol::affinity::partition;
use crate::protocol::error::DecodeError;
use crate::protocol::frame::TopologyVersion;
use crate::protocol::handshake::NodeId;
use crate::protocol::op::affinity::{Group, Mapping};

/// Nodes by partition, of caches whose keys are placed alike.
#[derive(Debug)]
struct Owners {
    nodes: Vec<NodeId>,
    /// Index of the primary node, by partition; `NOBODY` where there is none.
    primary: Vec<u16>,
}

const NOBODY: u16 = u16::MAX;

impl Owners {
    fn new(group: &Group) -> Self {
        let last = group.owners.iter().flat_map(|(_, partitions)| partitions).max();
        let mut primary = vec![NOBODY; last.map_or(0, |last| usize::from(*last) + 1)];
        for (index, (_, partitions)) in group.owners.iter().enumerate() {
            for partition in partitions {
                if let Some(slot) = primary.get_mut(usize::from(*partition)) {
                    *slot = u16::try_from(index).unwrap_or(NOBODY);
                }
            }
        }
        Self { nodes: group.owners.iter().map(|(node, _)| *node).collect(), primary }
    }

    fn of(&self, hash: i32) -> Option<NodeId> {
        let partition = partition(hash, u32::try_from(self.primary.len()).ok()?)?;
        let index = self.primary.get(partition as usize)?;
        self.nodes.get(usize::from(*index)).copied()
    }
}

/// One cache.
#[derive(Debug, Clone)]
struct CacheMap {
    /// `None`: only the servers can tell.
    owners: Option<Arc<Owners>>,
    /// Which field of its keys places them, by type id.
    fields: Arc<[(i32, i32)]>,
}

#[derive(Debug, Default)]
struct Snapshot {
    version: TopologyVersion,
    caches: HashMap<i32, CacheMap>,
}

#[derive(Debug, Default)]
struct Asking {
    /// Newest version that any connection announced.
    announced: TopologyVersion,
    /// The announced version for which an answer has come, whatever version that told.
    answered: TopologyVersion,
    /// Major version for which the nodes were listed.
    listed: Option<i64>,
    /// Somebody asks now.
    busy: bool,
}

/// The partition maps of one client.
#[derive(Debug, Default)]
pub struct Affinity {
    snapshot: ArcSwap<Snapshot>,
    asking: Mutex<Asking>,
    /// The user wants keys to be looked up.
    enabled: bool,
    /// There may be more than one node, so that looking up is worth it.
    routes: AtomicBool,
}

/// Leave to ask the servers. Dropped without an answer, somebody else may ask.
#[derive(Debug)]
pub struct Question {
    affinity: Arc<Affinity>,
    /// The caches to ask for.
    pub caches: Vec<i32>,
    version: TopologyVersion,
    /// Nodes may have come or gone since they were listed last.
    after_change: bool,
}

impl Affinity {
    /// Nothing is known yet; as long as that is so there may be many nodes.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, routes: AtomicBool::new(enabled), ..Self::default() }
    }

    /// Whether keys are looked up at all: with one node there is nothing to choose.
    #[inline]
    pub fn is_routing(&self) -> bool {
        self.routes.load(Ordering::Relaxed)
    }

    /// The nodes were listed as they are in this version of the topology.
    pub fn listed(&self, major: i64) {
        self.lock().listed = Some(major);
    }

    /// So many nodes are known.
    pub fn count_nodes(&self, nodes: usize) {
        self.routes.store(self.enabled && nodes > 1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Asking> {
        lock(&self.asking)
    }

    /// The primary node of a key, by the hash of what places it.
    pub fn primary(&self, cache_id: i32, hash: i32) -> Option<NodeId> {
        self.snapshot.load().caches.get(&cache_id)?.owners.as_ref()?.of(hash)
    }

    /// Id of the field that places keys of this type in this cache, if it is not the whole key.
    pub fn key_field(&self, cache_id: i32, type_id: i32) -> Option<i32> {
        let snapshot = self.snapshot.load();
        let fields = &snapshot.caches.get(&cache_id)?.fields;
        fields.iter().find(|(of, _)| *of == type_id).map(|(_, field)| *field)
    }

    /// A connection tells that the topology changed. A version that falls comes from a cluster that was started anew: everything that
    /// was known belongs to the one before.
    pub fn announce(&self, version: TopologyVersion, node: Option<NodeId>) {
        let mut asking = self.lock();
        if version > asking.announced {
            if version.major != asking.announced.major {
                // Nodes came or went: look who is there.
                self.routes.store(self.enabled, Ordering::Relaxed);
            }
            asking.announced = version;
            return;
        }
        let snapshot = self.snapshot.load();
        let knows = |node| {
            let all = snapshot.caches.values().filter_map(|cache| cache.owners.as_ref());
            all.flat_map(|owners| &owners.nodes).any(|known| *known == node)
        };
        let is_new_cluster = version < asking.announced && node.is_some_and(|node| !knows(node)) && !snapshot.caches.is_empty();
        if is_new_cluster {
            *asking = Asking { announced: version, busy: asking.busy, ..Asking::default() };
            self.routes.store(self.enabled, Ordering::Relaxed);
            self.snapshot.store(Arc::default());
        }
    }

    /// Whether somebody has to ask before this cache's keys can be found; whoever gets the question asks it.
    pub fn question(self: &Arc<Self>, cache_id: i32) -> Option<Question> {
        let snapshot = self.snapshot.load();
        let is_known = snapshot.caches.contains_key(&cache_id);
        let mut asking = self.lock();
        if asking.busy || (is_known && asking.answered >= asking.announced) {
            return None;
        }
        asking.busy = true;
        let mut caches: Vec<i32> = snapshot.caches.keys().copied().collect();
        if !is_known {
            caches.push(cache_id);
        }
        let after_change = asking.listed.is_none_or(|listed| asking.announced.major > listed);
        Some(Question { affinity: Arc::clone(self), caches, version: asking.announced, after_change })
    }

    fn install(&self, mapping: &Mapping, asked: &[i32]) {
        let before = self.snapshot.load();
        // Of the same version: more caches are known. A lower one comes from a server that has yet to hear of the change.
        let mut caches = if mapping.version == before.version { before.caches.clone() } else { HashMap::new() };
        for cache_id in asked {
            caches.entry(*cache_id).or_insert_with(|| CacheMap { owners: None, fields: Arc::default() });
        }
        for group in &mapping.groups {
            let owners = group.is_applicable.then(|| Arc::new(Owners::new(group)));
            for cache in &group.caches {
                caches.insert(cache.cache_id, CacheMap { owners: owners.clone(), fields: cache.fields.as_slice().into() });
            }
        }
        self.snapshot.store(Arc::new(Snapshot { version: mapping.version, caches }));
    }
}

impl Question {
    /// Nodes may have come or gone since they were listed last.
    pub fn is_after_a_change(&self) -> bool {
        self.after_change
    }

    /// The servers' answer.
    pub fn answer(self, payload: &[u8]) -> Result<(), DecodeError> {
        let mapping = Mapping::read(payload)?;
        self.affinity.install(&mapping, &self.caches);
        let mut asking = self.affinity.lock();
        asking.answered = asking.answered.max(self.version).max(mapping.version.min(asking.announced));
        Ok(())
    }

    /// Servers do not answer; until the next change they are not asked again for what is known.
    pub fn give_up(self) {
        self.affinity.install(&Mapping { version: self.affinity.snapshot.load().version, groups: Vec::new() }, &self.caches);
        let mut asking = self.affinity.lock();
        asking.answered = asking.answered.max(self.version);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.affinity.lock().busy = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::op::affinity::CacheKeys;

    const V1: TopologyVersion = TopologyVersion { major: 1, minor: 0 };
    const V2: TopologyVersion = TopologyVersion { major: 2, minor: 0 };
    const V3: TopologyVersion = TopologyVersion { major: 3, minor: 1 };

    fn node(number: u64) -> NodeId {
        NodeId { most: number, least: number }
    }

    fn mapping(version: TopologyVersion, cache_id: i32, nodes: &[u64]) -> Mapping {
        let owners = nodes.iter().enumerate().map(|(at, id)| {
            let mine = (0..16u16).filter(|partition| usize::from(*partition) % nodes.len() == at);
            (node(*id), mine.collect())
        });
        let caches = vec![CacheKeys { cache_id, fields: vec![(5, 6)] }];
        Mapping { version, groups: vec![Group { is_applicable: true, caches, owners: owners.collect() }] }
    }

    fn answer(question: Question, mapping: &Mapping) {
        question.affinity.install(mapping, &question.caches);
        let mut asking = question.affinity.lock();
        asking.answered = asking.answered.max(question.version);
    }

    #[test]
    fn a_cache_is_asked_for_once_and_again_after_a_change() {
        let affinity = Arc::new(Affinity::default());
        affinity.announce(V1, Some(node(1)));
        let question = affinity.question(7).unwrap();
        assert_eq!(question.caches, [7]);
        assert!(affinity.question(7).is_none(), "one at a time");
        answer(question, &mapping(V1, 7, &[1, 2]));
        assert!(affinity.question(7).is_none());
        assert_eq!(affinity.primary(7, 4), Some(node(1)));
        assert_eq!(affinity.primary(7, 5), Some(node(2)));
        assert_eq!((affinity.key_field(7, 5), affinity.key_field(7, 4)), (Some(6), None));
        affinity.announce(V2, Some(node(2)));
        // Until the answer is there the old one serves.
        assert_eq!(affinity.primary(7, 5), Some(node(2)));
        let question = affinity.question(7).unwrap();
        answer(question, &mapping(V2, 7, &[1, 2, 3]));
        assert_eq!(affinity.primary(7, 5), Some(node(3)));
        assert!(affinity.question(7).is_none());
    }

    #[test]
    fn a_question_that_nobody_answers_can_be_asked_again() {
        let affinity = Arc::new(Affinity::default());
        drop(affinity.question(7).unwrap());
        let question = affinity.question(7).unwrap();
        question.give_up();
        assert!(affinity.question(7).is_none());
        assert_eq!(affinity.primary(7, 1), None);
        affinity.announce(V1, None);
        assert!(affinity.question(7).is_some());
    }

    #[test]
    fn a_cluster_that_was_started_anew_is_noticed_though_its_version_fell() {
        let affinity = Arc::new(Affinity::default());
        affinity.announce(V3, Some(node(1)));
        answer(affinity.question(7).unwrap(), &mapping(V3, 7, &[1, 2]));
        // A node of the old cluster that lags behind.
        affinity.announce(V2, Some(node(2)));
        assert!(affinity.primary(7, 0).is_some() && affinity.question(7).is_none());
        affinity.announce(V1, Some(node(9)));
        assert!(affinity.primary(7, 0).is_none());
        answer(affinity.question(7).unwrap(), &mapping(V1, 7, &[9]));
        assert_eq!(affinity.primary(7, 0), Some(node(9)));
        assert!(affinity.question(7).is_none());
    }

    #[test]
    fn several_caches_share_one_question() {
        let affinity = Arc::new(Affinity::default());
        affinity.announce(V1, None);
        answer(affinity.question(7).unwrap(), &mapping(V1, 7, &[1]));
        answer(affinity.question(8).unwrap(), &mapping(V1, 8, &[2]));
        assert_eq!((affinity.primary(7, 0), affinity.primary(8, 0)), (Some(node(1)), Some(node(2))));
        affinity.announce(V2, None);
        let mut asked = affinity.question(7).unwrap().caches.clone();
        asked.sort();
        assert_eq!(asked, [7, 8]);
    }
}
