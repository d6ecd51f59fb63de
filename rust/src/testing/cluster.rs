//! What the nodes of a stand-in cluster share: caches, types, recorded queries, members, the partition map.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::caches::Cache;
use super::query::Recorded;
use super::types::Types;
use super::wire::{self, Cursor, NULL, Outcome, Refusal, Topology, Undecodable, Version};
use crate::lock::lock;
use crate::protocol::{affinity, hash};

/// A node of the cluster, there or gone.
#[derive(Debug, Clone)]
struct Member {
    id: [u8; 16],
    port: u16,
    joined: i64,
    left: Option<i64>,
}

/// The shared state.
#[derive(Debug)]
pub struct Store {
    pub caches: BTreeMap<i32, Cache>,
    pub types: Types,
    pub recorded: Vec<Recorded>,
    /// 0 inactive, 1 active, 2 read-only.
    pub state: u8,
    wal_off: Vec<String>,
    pub topology: Topology,
    members: Vec<Member>,
    partitions: u32,
    any_cache: bool,
}

/// A stand-in cluster.
#[derive(Debug)]
pub struct Cluster(Mutex<Store>);

impl Cluster {
    /// With `any_cache` a cache that was never created is made by its first use.
    pub fn new(partitions: u32, any_cache: bool) -> Self {
        Self(Mutex::new(Store {
            caches: BTreeMap::new(),
            types: Types::default(),
            recorded: Vec::new(),
            state: 1,
            wal_off: Vec::new(),
            topology: (0, 0),
            members: Vec::new(),
            partitions,
            any_cache,
        }))
    }

    pub fn lock(&self) -> MutexGuard<'_, Store> {
        lock(&self.0)
    }
}

fn no_such_cache(id: i32) -> Refusal {
    Refusal::new(1000, format!("Cache does not exist [cacheId= {id}]"))
}

impl Store {
    /// A node is there, for the first time or again.
    pub fn joined(&mut self, id: [u8; 16], port: u16) {
        self.topology = (self.topology.0 + 1, 0);
        self.members.retain(|member| member.id != id);
        self.members.push(Member { id, port, joined: self.topology.0, left: None });
    }

    pub fn left(&mut self, id: [u8; 16]) {
        if let Some(member) = self.members.iter_mut().find(|member| member.id == id && member.left.is_none()) {
            self.topology = (self.topology.0 + 1, 0);
            member.left = Some(self.topology.0);
        }
    }

    fn present(&self) -> Vec<&Member> {
        let mut present: Vec<_> = self.members.iter().filter(|member| member.left.is_none()).collect();
        present.sort_by_key(|member| member.id);
        present
    }

    pub fn names(&self) -> Vec<String> {
        self.caches.values().map(|cache| cache.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    /// A cache by its id.
    pub fn cache(&mut self, id: i32) -> Result<&mut Cache, Refusal> {
        if self.any_cache {
            return Ok(self.caches.entry(id).or_insert_with(Cache::unknown));
        }
        self.caches.get_mut(&id).ok_or_else(|| no_such_cache(id))
    }

    /// Makes a cache; one that exists is an error, or is left as it is.
    pub fn create(&mut self, cache: Cache, or_get: bool) -> Outcome {
        if cache.name.is_empty() {
            return Err(Refusal::new(1, "a cache needs a name"));
        }
        let id = hash::cache_id(&cache.name);
        let exists = self.caches.get(&id).is_some_and(|known| !known.name.is_empty());
        if !exists {
            self.topology.1 += 1;
            // Entries of a cache that was used before it got its name stay.
            let entries = self.caches.remove(&id);
            let mut cache = cache;
            entries.into_iter().flat_map(|mut before| before.entries()).for_each(|(key, value)| cache.put(key, value, None));
            self.caches.insert(id, cache);
        } else if !or_get {
            return Err(Refusal::new(1001, format!("Cache already exists [cacheName={}]", cache.name)));
        }
        Ok(Vec::new())
    }

    pub fn destroy(&mut self, id: i32) -> Outcome {
        if self.caches.remove(&id).is_none() && !self.any_cache {
            return Err(no_such_cache(id));
        }
        self.topology.1 += 1;
        Ok(Vec::new())
    }

    /// Which partition a key is in.
    pub fn partition(&self, key: &[u8]) -> Option<u32> {
        affinity::partition(hash::value(key).ok()?, self.partitions)
    }

    /// Which node has a key, as the map tells it: its id.
    pub fn primary(&self, key: &[u8]) -> Option<[u8; 16]> {
        let present = self.present();
        let partition = usize::try_from(self.partition(key)?).ok()?;
        present.get(partition.checked_rem(present.len())?).map(|member| member.id)
    }

    /// Answer to a request for partition maps. Partitions go round the nodes that are there.
    pub fn partition_map(&self, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let wanted = body.each(Cursor::i32)?;
        if self.state == 0 {
            return Ok(Err(Refusal::new(1, "the cluster is inactive")));
        }
        let known = wanted.iter().filter_map(|id| self.caches.get(id).map(|cache| (*id, cache)));
        let (spread, everywhere): (Vec<_>, Vec<_>) = known.partition(|(_, cache)| cache.is_partitioned());
        let mut groups = Vec::new();
        if !spread.is_empty() {
            let mut group = vec![1];
            group.extend(wire::counted(spread.iter().map(|(id, cache)| {
                let keys = cache.affinity_fields().into_iter().map(|(type_name, field)| {
                    [hash::entity_id(&type_name).to_le_bytes(), hash::entity_id(&field).to_le_bytes()].concat()
                });
                [id.to_le_bytes().to_vec(), wire::counted(keys)].concat()
            })));
            let present = self.present();
            group.extend(wire::counted(present.iter().enumerate().map(|(place, member)| {
                let own = (place..self.partitions as usize).step_by(present.len().max(1));
                let numbers = wire::counted(own.map(|partition| (partition as i32).to_le_bytes().to_vec()));
                [&[10][..], &member.id, &numbers].concat()
            })));
            groups.push(group);
        }
        if !everywhere.is_empty() {
            let ids = wire::counted(everywhere.iter().map(|(id, _)| id.to_le_bytes().to_vec()));
            groups.push([vec![0], ids].concat());
        }
        let (major, minor) = self.topology;
        Ok(Ok([major.to_le_bytes().to_vec(), minor.to_le_bytes().to_vec(), wire::counted(groups)].concat()))
    }

    /// Nodes that joined and left between two versions of the topology.
    pub fn endpoints(&self, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let (start, end) = (body.i64()?, body.i64()?);
        let end = if end < 0 { self.topology.0 } else { end };
        let between = |version: i64| version > start && version <= end;
        let is_new = |member: &&Member| {
            if start < 0 { member.left.is_none() } else { between(member.joined) && member.left.is_none_or(|left| left > end) }
        };
        let added = self.members.iter().filter(is_new).map(|member| {
            let host = wire::counted([wire::string("127.0.0.1")]);
            [&member.id[..], &i32::from(member.port).to_le_bytes(), &host].concat()
        });
        let is_gone = |member: &&Member| start >= 0 && member.joined <= start && member.left.is_some_and(between);
        let removed = self.members.iter().filter(is_gone).map(|member| member.id.to_vec());
        Ok(Ok([end.to_le_bytes().to_vec(), wire::counted(added), wire::counted(removed)].concat()))
    }

    pub fn set_state(&mut self, state: u8) -> Outcome {
        if state > 2 {
            return Err(Refusal::new(1, format!("there is no cluster state {state}")));
        }
        self.state = state;
        Ok(Vec::new())
    }

    /// Turns the write-ahead log of a cache on or off; whether that changed something.
    pub fn set_wal(&mut self, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let (name, enable) = (body.string()?.unwrap_or_default().to_owned(), body.bool()?);
        let was_on = !self.wal_off.contains(&name);
        self.wal_off.retain(|other| *other != name);
        if !enable {
            self.wal_off.push(name);
        }
        Ok(Ok(vec![(was_on != enable).into()]))
    }

    pub fn wal(&self, body: &mut Cursor<'_>) -> Result<Outcome, Undecodable> {
        let name = body.string()?.unwrap_or_default();
        Ok(Ok(vec![(!self.wal_off.iter().any(|other| other == name)).into()]))
    }

    /// Settings of a cache as a server tells them.
    pub fn settings(&mut self, id: i32, version: Version) -> Outcome {
        self.cache(id).map(|cache| cache.told(version))
    }

    /// Entries of a cache as rows of a scan, in the order of their keys' bytes.
    pub fn scan(&mut self, id: i32, partition: i32) -> Result<Vec<Vec<u8>>, Refusal> {
        let partitions = self.partitions;
        let wanted = match u32::try_from(partition) {
            Ok(number) if number >= partitions => return Err(Refusal::new(1, format!("there is no partition {partition}"))),
            wanted => wanted.ok(),
        };
        let mut entries = self.cache(id)?.entries();
        entries.retain(|(key, _)| wanted.is_none() || self.partition(key) == wanted);
        Ok(entries
            .into_iter()
            .map(|(key, value)| {
                let mut row = Vec::with_capacity(key.len() + value.len());
                wire::put_value(&mut row, &key);
                wire::put_value(&mut row, &value);
                row
            })
            .collect())
    }
}

/// A value of a request that has to be null: filters are Java classes, which nobody runs here.
pub fn no_filter(body: &mut Cursor<'_>) -> Result<Result<(), Refusal>, Undecodable> {
    if body.value()? == NULL {
        return Ok(Ok(()));
    }
    body.u8()?;
    Ok(Err(Refusal::new(1, "this stand-in for a node runs no filters")))
}
