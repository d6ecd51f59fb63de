//! The byte in front of every value.

use std::fmt;

macro_rules! type_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Kind of a value on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum TypeCode { $($(#[$doc])* $name = $code,)* }

        impl TypeCode {
            /// Every type code, in the order of the table.
            pub const ALL: &'static [TypeCode] = &[$(TypeCode::$name,)*];

            #[inline]
            pub const fn from_byte(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name in messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

type_codes! {
    Byte = 0x01, "byte";
    Short = 0x02, "short";
    Int = 0x03, "int";
    Long = 0x04, "long";
    Float = 0x05, "float";
    Double = 0x06, "double";
    Char = 0x07, "char";
    Bool = 0x08, "bool";
    String = 0x09, "string";
    Uuid = 0x0a, "UUID";
    Date = 0x0b, "date";
    ByteArray = 0x0c, "byte array";
    ShortArray = 0x0d, "short array";
    IntArray = 0x0e, "int array";
    LongArray = 0x0f, "long array";
    FloatArray = 0x10, "float array";
    DoubleArray = 0x11, "double array";
    CharArray = 0x12, "char array";
    BoolArray = 0x13, "bool array";
    StringArray = 0x14, "string array";
    UuidArray = 0x15, "UUID array";
    DateArray = 0x16, "date array";
    ObjectArray = 0x17, "object array";
    Collection = 0x18, "collection";
    Map = 0x19, "map";
    /// A complex object inside a byte array, as servers send every complex object.
    WrappedObject = 0x1b, "wrapped object";
    Enum = 0x1c, "enum";
    EnumArray = 0x1d, "enum array";
    Decimal = 0x1e, "decimal";
    DecimalArray = 0x1f, "decimal array";
    Class = 0x20, "Java class";
    Timestamp = 0x21, "timestamp";
    TimestampArray = 0x22, "timestamp array";
    Proxy = 0x23, "Java proxy";
    Time = 0x24, "time";
    TimeArray = 0x25, "time array";
    BinaryEnum = 0x26, "binary enum";
    Null = 0x65, "null";
    /// Distance back to an object that stands earlier in the same complex object.
    Handle = 0x66, "handle";
    ComplexObject = 0x67, "complex object";
    /// A class that only Java can read: opaque bytes of the optimized marshaller.
    Optimized = 0xfe, "optimized-marshaller object";
}

impl fmt::Display for TypeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
