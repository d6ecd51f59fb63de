//! From a key's hash to its partition.

/// The partition of a key with this hash in a cache of `partitions` partitions, as Ignite's rendezvous function finds it.
///
/// `None` for a cache without partitions.
pub fn partition(hash: i32, partitions: u32) -> Option<u32> {
    if partitions == 0 {
        return None;
    }
    if partitions.is_power_of_two() {
        let hash = hash as u32;
        return Some((hash ^ (hash >> 16)) & (partitions - 1));
    }
    // Java's remainder has the sign of the hash; its absolute value is the remainder of the magnitudes.
    Some(hash.unsigned_abs() % partitions)
}
