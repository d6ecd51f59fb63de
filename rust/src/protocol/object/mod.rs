//! Data objects: a type code and what follows it.

pub mod standard;
pub mod value;
pub mod visit;
pub mod walk;
pub mod write;

pub use visit::{DecimalParts, ListKind, PrimitiveKind, Visitor, WalkError};
pub use walk::walk;
