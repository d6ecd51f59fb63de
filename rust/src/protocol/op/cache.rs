//! Caches themselves: names, creation, destruction, configuration properties.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;
use crate::protocol::type_code::TypeCode;

operations! { Cache since ProtocolVersion::new(1, 0, 0);
    /// nothing
    GET_NAMES = 1050, "OP_CACHE_GET_NAMES", Any, Read, Names;
    /// cache header; answered with what [`CONFIGURATION`] lists
    GET_CONFIGURATION = 1055, "OP_CACHE_GET_CONFIGURATION", Any, Read, Configuration;
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

/// How a property, or a field of a record, is written.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Bool,
    /// An unsigned byte.
    Byte,
    Int,
    /// A long that can not be negative.
    Milliseconds,
    Long,
    /// A string or null.
    String,
    /// One data object, of the Java class that the field `type_name` names.
    Default,
    /// `bool present, [3 x long create, update, access]`
    Expiry,
    /// `int n, n x record`
    Records(&'static Record),
}

impl Kind {
    /// Its type in Python's tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::Byte => "Byte",
            Self::Int => "Int",
            Self::Milliseconds | Self::Long => "Long",
            Self::String => "String",
            Self::Default => "AnyDataObject",
            Self::Expiry => "ExpiryPolicy",
            Self::Records(record) => record.name,
        }
    }
}

/// What a field is when a record does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The record is refused.
    Refused,
    False,
    Null,
    /// -1: the server's own choice.
    Unset,
}

/// One field of a record.
#[derive(Debug)]
pub struct Field {
    /// Its key in Python.
    pub name: &'static str,
    pub kind: Kind,
    pub absent: Absent,
}

/// The fields of a dictionary within a property, in the order of the wire.
#[derive(Debug)]
pub struct Record {
    pub name: &'static str,
    pub fields: &'static [Field],
}

macro_rules! records {
    ($($(#[$doc:meta])* $record:ident $text:literal { $($field:ident: $kind:expr, $absent:ident;)* })*) => {
        $($(#[$doc])*
        pub static $record: Record = Record {
            name: $text,
            fields: &[$(Field { name: stringify!($field), kind: { use Kind::*; $kind }, absent: Absent::$absent },)*],
        };)*

        /// Every record.
        pub static RECORDS: &[&Record] = &[$(&$record,)*];
    };
}

records! {
    /// A column. Precision and scale since protocol 1.2, the oldest that this client speaks.
    QUERY_FIELD "QueryFields" {
        name: String, Refused;
        type_name: String, Refused;
        is_key_field: Bool, False;
        is_notnull_constraint_field: Bool, False;
        default_value: Default, Null;
        precision: Int, Unset;
        scale: Int, Unset;
    }
    FIELD_NAME_ALIAS "FieldNameAliases" {
        field_name: String, Refused;
        alias: String, Refused;
    }
    /// A column of an index.
    INDEX_FIELD "Fields" {
        name: String, Refused;
        is_descending: Bool, False;
    }
    QUERY_INDEX "QueryIndexes" {
        index_name: String, Refused;
        index_type: Byte, Refused;
        inline_size: Int, Refused;
        fields: Records(&INDEX_FIELD), Refused;
    }
    /// A table.
    QUERY_ENTITY "QueryEntities" {
        key_type_name: String, Refused;
        value_type_name: String, Refused;
        table_name: String, Refused;
        key_field_name: String, Refused;
        value_field_name: String, Refused;
        query_fields: Records(&QUERY_FIELD), Refused;
        field_name_aliases: Records(&FIELD_NAME_ALIAS), Refused;
        query_indexes: Records(&QUERY_INDEX), Refused;
    }
    /// Which field of a complex key says where an entry lives.
    KEY_CONFIGURATION "CacheKeyConfiguration" {
        type_name: String, Refused;
        affinity_key_field_name: String, Refused;
    }
}

/// The wire type that arrives in a server as an object of a Java class. Columns want theirs to the letter: a long as the default
/// of an int column is taken, and every query of it fails.
pub fn type_code_of(java_class: &str) -> Option<TypeCode> {
    Some(match java_class {
        "java.lang.Byte" => TypeCode::Byte,
        "java.lang.Short" => TypeCode::Short,
        "java.lang.Integer" => TypeCode::Int,
        "java.lang.Long" => TypeCode::Long,
        "java.lang.Float" => TypeCode::Float,
        "java.lang.Double" => TypeCode::Double,
        "java.lang.Character" => TypeCode::Char,
        "java.lang.Boolean" => TypeCode::Bool,
        "java.lang.String" => TypeCode::String,
        "java.util.UUID" => TypeCode::Uuid,
        "java.util.Date" => TypeCode::Date,
        "java.sql.Timestamp" => TypeCode::Timestamp,
        "java.sql.Time" => TypeCode::Time,
        "java.math.BigDecimal" => TypeCode::Decimal,
        "[B" => TypeCode::ByteArray,
        _ => return None,
    })
}

/// One property of a cache's configuration.
#[derive(Debug)]
pub struct Property {
    pub code: i16,
    pub name: &'static str,
    pub kind: Kind,
    /// The protocol version that introduced it, where that is not the first.
    pub since: Option<ProtocolVersion>,
}

macro_rules! first {
    () => {
        None
    };
    ($version:ident) => {
        Some(ProtocolVersion::$version)
    };
}

macro_rules! properties {
    ($($name:ident = $code:literal, $kind:expr $(, since $version:ident)?;)*) => {
        $(pub const $name: i16 = $code;)*

        /// All properties.
        pub static PROPERTIES: &[Property] = &[
            $(Property {
                code: $code,
                name: stringify!($name),
                kind: { use Kind::*; $kind },
                since: first!($($version)?),
            },)*
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
    PROP_QUERY_ENTITIES = 200, Records(&QUERY_ENTITY);
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
    PROP_CACHE_KEY_CONFIGURATION = 401, Records(&KEY_CONFIGURATION);
    PROP_DEFAULT_LOCK_TIMEOUT = 402, Milliseconds;
    PROP_MAX_CONCURRENT_ASYNC_OPERATIONS = 403, Int;
    PROP_PARTITION_LOSS_POLICY = 404, Int;
    PROP_EAGER_TTL = 405, Bool;
    PROP_STATISTICS_ENABLED = 406, Bool;
    PROP_EXPIRY_POLICY = 407, Expiry, since V1_6;
}

/// The answer to [`GET_CONFIGURATION`]: `int length`, then the values of these properties, without their codes. Those that came
/// with a later protocol stand at the end, and are missing from older servers' answers.
pub static CONFIGURATION: &[i16] = &[
    PROP_CACHE_ATOMICITY_MODE,
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_MODE,
    PROP_COPY_ON_READ,
    PROP_DATA_REGION_NAME,
    PROP_EAGER_TTL,
    PROP_STATISTICS_ENABLED,
    PROP_GROUP_NAME,
    PROP_DEFAULT_LOCK_TIMEOUT,
    PROP_MAX_CONCURRENT_ASYNC_OPERATIONS,
    PROP_MAX_QUERY_ITERATORS,
    PROP_NAME,
    PROP_IS_ONHEAP_CACHE_ENABLED,
    PROP_PARTITION_LOSS_POLICY,
    PROP_QUERY_DETAIL_METRIC_SIZE,
    PROP_QUERY_PARALLELISM,
    PROP_READ_FROM_BACKUP,
    PROP_REBALANCE_BATCH_SIZE,
    PROP_REBALANCE_BATCHES_PREFETCH_COUNT,
    PROP_REBALANCE_DELAY,
    PROP_REBALANCE_MODE,
    PROP_REBALANCE_ORDER,
    PROP_REBALANCE_THROTTLE,
    PROP_REBALANCE_TIMEOUT,
    PROP_SQL_ESCAPE_ALL,
    PROP_SQL_INDEX_INLINE_MAX_SIZE,
    PROP_SQL_SCHEMA,
    PROP_WRITE_SYNCHRONIZATION_MODE,
    PROP_CACHE_KEY_CONFIGURATION,
    PROP_QUERY_ENTITIES,
    PROP_EXPIRY_POLICY,
];

/// The property with this code.
pub fn property(code: i16) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_each_property_once_and_the_newest_last() {
        let mut codes = CONFIGURATION.to_vec();
        codes.sort_unstable();
        let all: Vec<_> = PROPERTIES.iter().map(|property| property.code).collect();
        assert_eq!(codes, all);
        let versions = CONFIGURATION.iter().map(|code| property(*code).and_then(|property| property.since));
        assert!(versions.is_sorted());
    }
}
