//! Data objects: a type code and what follows it.

pub mod complex;
pub mod optimized;
pub mod skip;
pub mod standard;
pub mod value;
pub mod visit;
pub mod walk;
pub mod write;

pub use complex::Complex;
pub use visit::{DecimalParts, ListKind, PrimitiveKind, Visitor, WalkError};
pub use walk::walk;
