//! Caches themselves: names, creation, destruction, configuration properties.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;

operations! { Cache since ProtocolVersion::new(1, 0, 0);
    /// nothing
    GET_NAMES = 1050, "OP_CACHE_GET_NAMES", Any, Read, Names;
    /// `int cache id`
    DESTROY = 1056, "OP_CACHE_DESTROY", Any, Conditional, Empty;
}

mod creation {
    use super::*;

    operations! { CacheCreation since ProtocolVersion::new(1, 0, 0);
        /// `string name`
        CREATE_WITH_NAME = 1051, "OP_CACHE_CREATE_WITH_NAME", Any, Conditional, Empty;
        /// `string name`
        GET_OR_CREATE_WITH_NAME = 1052, "OP_CACHE_GET_OR_CREATE_WITH_NAME", Any, AbsoluteWrite, Empty;
        /// configuration: `int length, short n, n x (short code, value)`
        CREATE_WITH_CONFIGURATION = 1053, "OP_CACHE_CREATE_WITH_CONFIGURATION", Any, Conditional, Empty;
        /// configuration: `int length, short n, n x (short code, value)`
        GET_OR_CREATE_WITH_CONFIGURATION = 1054, "OP_CACHE_GET_OR_CREATE_WITH_CONFIGURATION", Any, AbsoluteWrite, Empty;
    }
}

pub use creation::{
    ALL as CREATION, CREATE_WITH_CONFIGURATION, CREATE_WITH_NAME, GET_OR_CREATE_WITH_CONFIGURATION, GET_OR_CREATE_WITH_NAME,
};

/// How a configuration property is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyKind {
    Bool,
    Int,
    /// A long that can not be negative.
    Milliseconds,
    Long,
    String,
}

/// One property of a cache's configuration.
#[derive(Debug)]
pub struct Property {
    pub code: i16,
    pub name: &'static str,
    pub kind: PropertyKind,
}

macro_rules! properties {
    ($($name:ident = $code:literal, $kind:ident;)*) => {
        /// The properties that are one number, flag or string.
        pub static PROPERTIES: &[Property] = &[
            $(Property { code: $code, name: stringify!($name), kind: PropertyKind::$kind },)*
        ];
    };
}

properties! {
    PROP_NAME = 0, String;
    PROP_CACHE_MODE = 1, Int;
    PROP_CACHE_ATOMICITY_MODE = 2, Int;
    PROP_BACKUPS_NUMBER = 3, Int;
    PROP_WRITE_SYNCHRONIZATION_MODE = 4, Int;
    PROP_COPY_ON_READ = 5, Bool;
    PROP_READ_FROM_BACKUP = 6, Bool;
    PROP_DATA_REGION_NAME = 100, String;
    PROP_IS_ONHEAP_CACHE_ENABLED = 101, Bool;
    PROP_QUERY_PARALLELISM = 201, Int;
    PROP_QUERY_DETAIL_METRIC_SIZE = 202, Int;
    PROP_SQL_SCHEMA = 203, String;
    PROP_SQL_INDEX_INLINE_MAX_SIZE = 204, Int;
    PROP_SQL_ESCAPE_ALL = 205, Bool;
    PROP_MAX_QUERY_ITERATORS = 206, Int;
    PROP_REBALANCE_MODE = 300, Int;
    PROP_REBALANCE_DELAY = 301, Long;
    PROP_REBALANCE_TIMEOUT = 302, Milliseconds;
    PROP_REBALANCE_BATCH_SIZE = 303, Int;
    PROP_REBALANCE_BATCHES_PREFETCH_COUNT = 304, Long;
    PROP_REBALANCE_ORDER = 305, Int;
    PROP_REBALANCE_THROTTLE = 306, Long;
    PROP_GROUP_NAME = 400, String;
    PROP_DEFAULT_LOCK_TIMEOUT = 402, Milliseconds;
    PROP_MAX_CONCURRENT_ASYNC_OPERATIONS = 403, Int;
    PROP_PARTITION_LOSS_POLICY = 404, Int;
    PROP_EAGER_TTL = 405, Bool;
    PROP_STATISTICS_ENABLED = 406, Bool;
}

/// The property with this code.
pub fn property(code: i16) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.code == code)
}
