//! Binary types: the types of complex objects and of enums.

use super::{Operation, operations};
use crate::protocol::context::ProtocolVersion;

operations! { BinaryType since ProtocolVersion::new(1, 0, 0);
    /// `byte platform (0: Java), int type id`; the answer is `string class name`
    TYPE_NAME_GET = 3000, "OP_GET_BINARY_TYPE_NAME", Any, Read, Own;
    /// `byte platform (0: Java), int type id, string class name`
    TYPE_NAME_PUT = 3001, "OP_REGISTER_BINARY_TYPE_NAME", Any, AbsoluteWrite, Bool;
    /// `int type id`; the answer is `bool exists, [binary type]`
    TYPE_GET = 3002, "OP_GET_BINARY_TYPE", Any, Read, Own;
    /// a binary type, which is merged into what the cluster knows
    TYPE_PUT = 3003, "OP_PUT_BINARY_TYPE", Any, AbsoluteWrite, Empty;
    /// nothing; the answer is `bool compact footer, byte name mapper (0 full names, 1 simple names, 2 another one)`; since 2.11
    CONFIGURATION_GET = 3004, "OP_BINARY_CONFIGURATION_GET", Any, Read, Own;
}
