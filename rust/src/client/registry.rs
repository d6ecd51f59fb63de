//! What one client knows about binary types. Plain data: `P` is whatever the caller builds objects of one schema with.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::lock::unpoisoned;
use crate::protocol::BinaryType;

/// Plans by type id and schema id, what the cluster said about each type, and what it was told. Survives lost connections and
/// `close()`; only what was told is forgotten then, because the next cluster may be another one.
///
/// No method runs code of the caller's while it holds a lock; plans that were replaced are handed out to be dropped.
#[derive(Debug)]
pub struct Registry<P> {
    types: RwLock<HashMap<i32, Type<P>>>,
    told: RwLock<Told>,
}

#[derive(Debug)]
struct Type<P> {
    plans: HashMap<i32, Arc<P>>,
    said: Option<Arc<BinaryType>>,
}

/// What was told to the cluster that a number stands for.
#[derive(Debug, Default)]
struct Told {
    cluster: u64,
    plans: HashSet<u64>,
}

impl<P> Default for Registry<P> {
    fn default() -> Self {
        Self { types: RwLock::default(), told: RwLock::default() }
    }
}

impl<P> Default for Type<P> {
    fn default() -> Self {
        Self { plans: HashMap::new(), said: None }
    }
}

impl<P> Registry<P> {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<i32, Type<P>>> {
        unpoisoned(self.types.read())
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<i32, Type<P>>> {
        unpoisoned(self.types.write())
    }

    pub fn plan(&self, type_id: i32, schema_id: i32) -> Option<Arc<P>> {
        self.read().get(&type_id)?.plans.get(&schema_id).cloned()
    }

    /// All plans of a type, by schema id.
    pub fn plans(&self, type_id: i32) -> Vec<(i32, Arc<P>)> {
        let types = self.read();
        let Some(known) = types.get(&type_id) else { return Vec::new() };
        known.plans.iter().map(|(id, plan)| (*id, Arc::clone(plan))).collect()
    }

    /// What the cluster said last about a type.
    pub fn said(&self, type_id: i32) -> Option<Arc<BinaryType>> {
        self.read().get(&type_id)?.said.clone()
    }

    /// Keeps what the cluster said about a type.
    pub fn learn(&self, found: Arc<BinaryType>) {
        let type_id = found.type_id;
        self.write().entry(type_id).or_default().said = Some(found);
    }

    /// A plan takes the place of the one before, which comes back.
    pub fn replace(&self, type_id: i32, schema_id: i32, plan: Arc<P>) -> Option<Arc<P>> {
        self.write().entry(type_id).or_default().plans.insert(schema_id, plan)
    }

    /// A plan is kept unless there is one already; the one that serves comes back.
    pub fn keep(&self, type_id: i32, schema_id: i32, plan: Arc<P>) -> Arc<P> {
        let mut types = self.write();
        Arc::clone(types.entry(type_id).or_default().plans.entry(schema_id).or_insert(plan))
    }

    fn told(&self) -> RwLockWriteGuard<'_, Told> {
        unpoisoned(self.told.write())
    }

    /// Whether `cluster` (a number that changes with every lost connection) knows what the plan with this number says.
    pub fn was_told(&self, cluster: u64, plan: u64) -> bool {
        let told = unpoisoned(self.told.read());
        told.cluster == cluster && told.plans.contains(&plan)
    }

    pub fn tell(&self, cluster: u64, plan: u64) {
        let mut told = self.told();
        if told.cluster != cluster {
            *told = Told { cluster, plans: HashSet::new() };
        }
        told.plans.insert(plan);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plan_of_a_schema_stays_until_it_is_replaced() {
        let registry = Registry::<&str>::default();
        assert_eq!(registry.plan(1, 2), None);
        assert_eq!(*registry.keep(1, 2, Arc::new("first")), "first");
        assert_eq!(*registry.keep(1, 2, Arc::new("second")), "first");
        assert_eq!(registry.replace(1, 2, Arc::new("third")), Some(Arc::new("first")));
        assert_eq!(registry.plan(1, 2), Some(Arc::new("third")));
        assert_eq!(registry.plans(1).len(), 1);
        assert_eq!(registry.plan(1, 3), None);
    }

    #[test]
    fn another_cluster_has_been_told_nothing() {
        let registry = Registry::<()>::default();
        registry.tell(7, 1);
        assert!(registry.was_told(7, 1) && !registry.was_told(7, 2) && !registry.was_told(8, 1));
        registry.tell(8, 2);
        assert!(registry.was_told(8, 2) && !registry.was_told(8, 1) && !registry.was_told(7, 1));
    }
}
