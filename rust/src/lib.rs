//! Apache Ignite 2.x thin client in three rooms: bytes (`protocol`), waiting (`client`), Python (`python`).

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
mod lock;
pub mod protocol;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "testing")]
pub mod testing;
