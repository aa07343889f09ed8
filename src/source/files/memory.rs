//! Memory of one query: a hard limit, shared fairly between the operators that can spill.
//!
//! DataFusion's own fair pool lets sorts take all of it, so that the merge above them, which cannot spill,
//! finds nothing left and the query fails. Here a quarter is kept from them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// A pool of so many bytes.
#[derive(Debug)]
pub struct QueryMemory {
    size: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Operators that can spill.
    spillers: usize,
    /// Bytes of operators that can spill.
    spillable: usize,
    /// Bytes of those that cannot.
    fixed: usize,
}

impl QueryMemory {
    pub fn new(size: usize) -> QueryMemory {
        QueryMemory {
            size,
            taken: Mutex::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query({})", self.size)
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.taken().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut taken = self.taken();
            taken.spillers = taken.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut taken = self.taken();
        if reservation.consumer().can_spill() {
            taken.spillable += additional;
        } else {
            taken.fixed += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut taken = self.taken();
        if reservation.consumer().can_spill() {
            taken.spillable = taken.spillable.saturating_sub(shrink);
        } else {
            taken.fixed = taken.fixed.saturating_sub(shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = self.taken();
        if reservation.consumer().can_spill() {
            let shared = (self.size / 4 * 3).min(self.size.saturating_sub(taken.fixed));
            let share = shared / taken.spillers.max(1);
            if reservation.size() + additional > share {
                return Err(DataFusionError::ResourcesExhausted(format!(
                    "{} has its share of {share} bytes, with {} of {additional} more wanted",
                    reservation.consumer().name(),
                    reservation.size()
                )));
            }
            taken.spillable += additional;
        } else {
            let free = self.size.saturating_sub(taken.fixed + taken.spillable);
            if additional > free {
                return Err(DataFusionError::ResourcesExhausted(format!(
                    "{} wants {additional} bytes of {free} left",
                    reservation.consumer().name()
                )));
            }
            taken.fixed += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let taken = self.taken();
        taken.spillable + taken.fixed
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.size)
    }
}
