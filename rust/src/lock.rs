//! Locks of std without their poison: nothing here panics half way through a change, so what a lock guards is whole even when
//! its holder panicked.

use std::sync::{LockResult, Mutex, MutexGuard, PoisonError};

#[inline]
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// What std answers to other ways of getting at what is guarded: `wait` of a condition, `read` and `write`, `get_mut`.
#[inline]
pub fn unpoisoned<T>(guarded: LockResult<T>) -> T {
    guarded.unwrap_or_else(PoisonError::into_inner)
}
