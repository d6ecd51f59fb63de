//! Status codes of failed requests.

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// The statuses that this client treats in a way of their own; any other number is a plain server error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Status { $($(#[$doc])* $name,)* }

        impl Status {
            pub const fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub const fn code(self) -> i32 {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

statuses! {
    /// Any exception on the server without a code of its own.
    Failed = 1;
    /// The server does not know the operation.
    InvalidOpCode = 2;
    InvalidNodeState = 10;
    NodeInRecoveryMode = 11;
    FunctionalityDisabled = 100;
    CacheDoesNotExist = 1000;
    CacheExists = 1001;
    CacheConfigInvalid = 1002;
    TooManyCursors = 1010;
    ResourceDoesNotExist = 1011;
    SecurityViolation = 1012;
    TxLimitExceeded = 1020;
    TxNotFound = 1021;
    TooManyComputeTasks = 1030;
    EntryProcessorException = 1040;
    AuthFailed = 2000;
}
