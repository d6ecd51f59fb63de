//! Where keys live, and where nodes listen.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::error::{DecodeError, DecodeErrorKind};
use crate::protocol::frame::TopologyVersion;
use crate::protocol::handshake::NodeId;
use crate::protocol::object::standard;
use crate::protocol::read::Reader;
use crate::protocol::write::Writer;

operations! { Cache since ProtocolVersion::new(1, 4, 0);
    /// `int n, n x int cache id`; answer: [`Mapping`]
    CACHE_PARTITIONS = 1101, "OP_CACHE_PARTITIONS", Any, Read, Own;
}

/// Most partitions that a cache can have.
const MAX_PARTITIONS: usize = 65_000;

/// Caches whose keys are placed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Whether this client can tell where their keys are.
    pub is_applicable: bool,
    pub caches: Vec<CacheKeys>,
    /// Each node with the partitions that it is the primary node of.
    pub owners: Vec<(NodeId, Vec<u16>)>,
}

/// A cache, and which field of its keys places them: pairs of type id and field id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKeys {
    pub cache_id: i32,
    pub fields: Vec<(i32, i32)>,
}

/// Where the keys of some caches live, for one version of the topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub version: TopologyVersion,
    pub groups: Vec<Group>,
}

/// Body of `CACHE_PARTITIONS`.
pub fn write_cache_ids(out: &mut Writer, caches: &[i32]) {
    out.i32(caches.len() as i32);
    caches.iter().for_each(|cache| out.i32(*cache));
}

impl Mapping {
    /// `long + int version, int n, n x group`; a group is `bool applicable, int caches`, then, where it is, for each cache `int id,
    /// int k, k x (int type id, int field id)` and `int nodes, nodes x (uuid, int p, p x int partition)`, else `int id` for each cache.
    pub fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let version = TopologyVersion { major: reader.i64()?, minor: reader.i32()? };
        let length = reader.count("number of groups", 5)?;
        let groups = (0..length).map(|_| Group::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { version, groups })
    }
}

impl Group {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let is_applicable = reader.bool()?;
        let length = reader.count("number of caches", 4)?;
        let mut caches = Vec::with_capacity(length);
        for _ in 0..length {
            let cache_id = reader.i32()?;
            let fields = if is_applicable { reader.count("number of key types", 8)? } else { 0 };
            let fields = (0..fields).map(|_| Ok((reader.i32()?, reader.i32()?))).collect::<Result<_, DecodeError>>()?;
            caches.push(CacheKeys { cache_id, fields });
        }
        let nodes = if is_applicable { reader.count("number of nodes", 5)? } else { 0 };
        let owners = (0..nodes).map(|_| read_owner(reader)).collect::<Result<_, _>>()?;
        Ok(Self { is_applicable, caches, owners })
    }
}

fn read_owner(reader: &mut Reader<'_>) -> Result<(NodeId, Vec<u16>), DecodeError> {
    let offset = reader.offset();
    let Some((most, least)) = standard::read_uuid(reader)? else {
        return Err(DecodeError::new(DecodeErrorKind::Value { what: "node id", value: 0 }, offset));
    };
    let length = reader.count("number of partitions", 4)?;
    let partitions = (0..length).map(|_| {
        let offset = reader.offset();
        let partition = reader.i32()?;
        let fits = u16::try_from(partition).ok().filter(|partition| usize::from(*partition) < MAX_PARTITIONS);
        fits.ok_or_else(|| DecodeError::new(DecodeErrorKind::Value { what: "partition", value: partition.into() }, offset))
    });
    Ok((NodeId { most, least }, partitions.collect::<Result<_, _>>()?))
}

mod endpoints {
    use super::*;
    use crate::protocol::context::Feature;

    operations! { Cluster since ProtocolVersion::new(1, 7, 0), feature Some(Feature::NodeEndpoints);
        /// `long start version, long end version` (-1: unknown, now); answer: [`Endpoints`]
        NODE_ENDPOINTS = 5102, "OP_CLUSTER_GROUP_GET_NODE_ENDPOINTS", Any, Read, Own;
    }
}

pub use endpoints::{ALL as ENDPOINTS, NODE_ENDPOINTS};

/// Where the client connectors of the servers listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Major version of the topology.
    pub version: i64,
    pub nodes: Vec<Endpoint>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: NodeId,
    pub port: u16,
    /// Addresses first, host names behind them.
    pub hosts: Vec<String>,
}

/// Body of `NODE_ENDPOINTS`: all servers there are now.
pub fn write_all_endpoints(out: &mut Writer) {
    out.i64(-1);
    out.i64(-1);
}

impl Endpoints {
    /// `long version, int n, n x (2 x long id, int port, int k, k x string), int removed, removed x 2 x long`
    pub fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let version = reader.i64()?;
        let length = reader.count("number of nodes", 24)?;
        let nodes = (0..length).map(|_| Endpoint::read(&mut reader)).collect::<Result<_, _>>()?;
        let removed = reader.count("number of removed nodes", 16)?;
        reader.bytes(removed * 16)?;
        reader.finish()?;
        Ok(Self { version, nodes })
    }
}

impl Endpoint {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = NodeId { most: reader.u64()?, least: reader.u64()? };
        let offset = reader.offset();
        let port = reader.i32()?;
        let port = u16::try_from(port)
            .map_err(|_| DecodeError::new(DecodeErrorKind::Value { what: "port", value: port.into() }, offset))?;
        let length = reader.count("number of hosts", 1)?;
        let hosts = (0..length).map(|_| Ok(standard::read_string(reader)?.unwrap_or_default().to_owned()));
        Ok(Self { id, port, hosts: hosts.collect::<Result<_, DecodeError>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes as the protocol's description lays them out; the live tests hold the readers against real nodes.
    fn mapping() -> Vec<u8> {
        let mut out = Writer::bare();
        out.i64(5);
        out.i32(2);
        out.i32(2);
        out.bool(true);
        out.i32(1);
        out.i32(77);
        out.i32(1);
        out.i32(10);
        out.i32(20);
        out.i32(2);
        for (id, partitions) in [(1, [0, 2]), (2, [1, 3])] {
            out.uuid(id, id);
            out.i32(2);
            partitions.iter().for_each(|partition| out.i32(*partition));
        }
        out.bool(false);
        out.i32(2);
        out.i32(78);
        out.i32(79);
        out.into_buffer()
    }

    #[test]
    fn a_mapping_tells_the_owners_of_partitions() {
        let mapping = Mapping::read(&mapping()).unwrap();
        assert_eq!(mapping.version, TopologyVersion { major: 5, minor: 2 });
        let [first, second] = &mapping.groups[..] else { panic!("{mapping:?}") };
        assert_eq!(first.caches, [CacheKeys { cache_id: 77, fields: vec![(10, 20)] }]);
        assert_eq!(first.owners[1], (NodeId { most: 2, least: 2 }, vec![1, 3]));
        assert!(!second.is_applicable && second.owners.is_empty() && second.caches.len() == 2);
    }

    #[test]
    fn every_cut_of_a_mapping_is_an_error() {
        let mapping = mapping();
        for cut in 0..mapping.len() {
            assert!(Mapping::read(&mapping[..cut]).is_err(), "{cut}");
        }
        let mut broken = mapping.clone();
        // The first partition of the first node.
        let at = 8 + 4 + 4 + 1 + 4 + 4 + 4 + 8 + 4 + 17 + 4;
        broken[at..at + 4].copy_from_slice(&(-1i32).to_le_bytes());
        assert!(Mapping::read(&broken).is_err());
    }

    #[test]
    fn endpoints_tell_ids_ports_and_hosts() {
        let mut out = Writer::bare();
        out.i64(3);
        out.i32(1);
        out.u64(7);
        out.u64(8);
        out.i32(10_900);
        out.i32(2);
        out.string("127.0.0.1").unwrap();
        out.string("here").unwrap();
        out.i32(1);
        out.u64(1);
        out.u64(2);
        let bytes = out.into_buffer();
        let endpoints = Endpoints::read(&bytes).unwrap();
        let expected =
            Endpoint { id: NodeId { most: 7, least: 8 }, port: 10_900, hosts: vec!["127.0.0.1".into(), "here".into()] };
        assert_eq!(endpoints, Endpoints { version: 3, nodes: vec![expected] });
        assert!((0..bytes.len()).all(|cut| Endpoints::read(&bytes[..cut]).is_err()));
    }
}
