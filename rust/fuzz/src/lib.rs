//! Fuzz targets of the codec.

pub mod targets;
