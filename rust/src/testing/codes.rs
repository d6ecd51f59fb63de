//! Operations as the server knows them: a list of its own, so that a wrong code of the client does not find its like here.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: i16 = $code;)*

        /// Name of an operation in rules and counters.
        pub fn name_of(code: i16) -> Option<&'static str> {
            match code {
                $($code => Some($text),)*
                _ => None,
            }
        }

        /// Code of the operation with this name.
        pub fn code_of(name: &str) -> Option<i16> {
            match name {
                $($text => Some($code),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// Not an operation: a connection that was just accepted.
    CONNECT = -2, "connect";
    /// Not an operation either: a message of the handshake.
    HANDSHAKE = -1, "handshake";
    RESOURCE_CLOSE = 0, "resource_close";
    HEARTBEAT = 1, "heartbeat";
    GET_IDLE_TIMEOUT = 2, "get_idle_timeout";
    GET = 1000, "get";
    PUT = 1001, "put";
    PUT_IF_ABSENT = 1002, "put_if_absent";
    GET_ALL = 1003, "get_all";
    PUT_ALL = 1004, "put_all";
    GET_AND_PUT = 1005, "get_and_put";
    GET_AND_REPLACE = 1006, "get_and_replace";
    GET_AND_REMOVE = 1007, "get_and_remove";
    GET_AND_PUT_IF_ABSENT = 1008, "get_and_put_if_absent";
    REPLACE = 1009, "replace";
    REPLACE_IF_EQUALS = 1010, "replace_if_equals";
    CONTAINS_KEY = 1011, "contains_key";
    CONTAINS_KEYS = 1012, "contains_keys";
    CLEAR = 1013, "clear";
    CLEAR_KEY = 1014, "clear_key";
    CLEAR_KEYS = 1015, "clear_keys";
    REMOVE_KEY = 1016, "remove_key";
    REMOVE_IF_EQUALS = 1017, "remove_if_equals";
    REMOVE_KEYS = 1018, "remove_keys";
    REMOVE_ALL = 1019, "remove_all";
    GET_SIZE = 1020, "get_size";
    LOCAL_PEEK = 1021, "local_peek";
    GET_NAMES = 1050, "get_names";
    CREATE_WITH_NAME = 1051, "create_with_name";
    GET_OR_CREATE_WITH_NAME = 1052, "get_or_create_with_name";
    CREATE_WITH_CONFIGURATION = 1053, "create_with_configuration";
    GET_OR_CREATE_WITH_CONFIGURATION = 1054, "get_or_create_with_configuration";
    GET_CONFIGURATION = 1055, "get_configuration";
    DESTROY = 1056, "destroy";
    PARTITIONS = 1101, "partitions";
    QUERY_SCAN = 2000, "query_scan";
    QUERY_SCAN_PAGE = 2001, "query_scan_cursor_get_page";
    QUERY_SQL_PAGE = 2003, "query_sql_cursor_get_page";
    QUERY_SQL_FIELDS = 2004, "query_sql_fields";
    QUERY_SQL_FIELDS_PAGE = 2005, "query_sql_fields_cursor_get_page";
    GET_BINARY_TYPE_NAME = 3000, "get_binary_type_name";
    REGISTER_BINARY_TYPE_NAME = 3001, "register_binary_type_name";
    GET_BINARY_TYPE = 3002, "get_binary_type";
    PUT_BINARY_TYPE = 3003, "put_binary_type";
    GET_BINARY_CONFIGURATION = 3004, "get_binary_configuration";
    TX_START = 4000, "tx_start";
    TX_END = 4001, "tx_end";
    CLUSTER_GET_STATE = 5000, "cluster_get_state";
    CLUSTER_CHANGE_STATE = 5001, "cluster_change_state";
    CLUSTER_CHANGE_WAL_STATE = 5002, "cluster_change_wal_state";
    CLUSTER_GET_WAL_STATE = 5003, "cluster_get_wal_state";
    CLUSTER_GET_ENDPOINTS = 5102, "cluster_group_get_node_endpoints";
}
