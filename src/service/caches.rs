//! What is kept in memory because it is asked for again and again: caches by moka, sized in bytes, each with a
//! count of its hits and misses. What goes into them, and when it has to go out again, is their owners'
//! business.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use moka::future::Cache;

/// A cache with a count. Cheap to clone.
pub struct Counted<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> {
    entries: Cache<K, V>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How a cache is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheStats {
    pub name: &'static str,
    pub entries: u64,
    pub bytes: u64,
    /// Since the server started.
    pub hits: u64,
    pub misses: u64,
}

type Look = Box<dyn Fn() -> BoxFuture<'static, CacheStats> + Send + Sync>;

/// Every cache of a server, for whoever looks after it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Caches {
    looks: Arc<RwLock<Vec<Look>>>,
}

impl Caches {
    pub fn new() -> Caches {
        Caches::default()
    }

    /// A new cache of at most `bytes`, as `weigh` weighs its entries, each kept for at most `time`.
    pub fn add<K, V>(
        &self,
        name: &'static str,
        bytes: u64,
        time: Duration,
        weigh: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
    ) -> Counted<K, V>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let cache = Counted {
            entries: Cache::builder()
                .name(name)
                .max_capacity(bytes)
                .time_to_live(time)
                .weigher(move |key, value| u32::try_from(weigh(key, value)).unwrap_or(u32::MAX))
                .support_invalidation_closures()
                .build(),
            counts: Arc::default(),
        };
        let (entries, counts) = (cache.entries.clone(), cache.counts.clone());
        let look: Look = Box::new(move || {
            let (entries, counts) = (entries.clone(), counts.clone());
            Box::pin(async move {
                // What is in it is counted a while after it was put in, unless asked for.
                entries.run_pending_tasks().await;
                CacheStats {
                    name,
                    entries: entries.entry_count(),
                    bytes: entries.weighted_size(),
                    hits: counts.hits.load(Ordering::Relaxed),
                    misses: counts.misses.load(Ordering::Relaxed),
                }
            })
        });
        self.looks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(look);
        cache
    }

    /// How each of them is doing.
    pub async fn stats(&self) -> Vec<CacheStats> {
        let looking: Vec<_> = {
            let looks = self.looks.read().unwrap_or_else(PoisonError::into_inner);
            looks.iter().map(|look| look()).collect()
        };
        futures::future::join_all(looking).await
    }
}

impl<K, V> Counted<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What is kept under this key, if anything.
    pub async fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.entries.get(key).await;
        let count = match found {
            Some(_) => &self.counts.hits,
            None => &self.counts.misses,
        };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    pub async fn insert(&self, key: K, value: V) {
        self.entries.insert(key, value).await;
    }

    /// Forgets one entry.
    pub async fn drop_one<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.invalidate(key).await;
    }

    /// Forgets every entry that is chosen; the choice stands for what was put in before this call.
    pub fn drop_where(&self, chosen: impl Fn(&K, &V) -> bool + Send + Sync + 'static) {
        if self.entries.invalidate_entries_if(chosen).is_err() {
            self.entries.invalidate_all();
        }
    }

    /// Forgets everything.
    pub fn drop_all(&self) {
        self.entries.invalidate_all();
    }
}

impl<K, V> Clone for Counted<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn clone(&self) -> Counted<K, V> {
        Counted {
            entries: self.entries.clone(),
            counts: self.counts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hits_and_misses_are_counted_and_size_is_kept() {
        let caches = Caches::new();
        let cache: Counted<u32, Vec<u8>> =
            caches.add("pages", 1_000, Duration::from_secs(60), |_, value: &Vec<u8>| {
                value.len()
            });
        assert_eq!(cache.get(&1).await, None);
        cache.insert(1, vec![0; 100]).await;
        assert_eq!(cache.get(&1).await.map(|value| value.len()), Some(100));
        for number in 0..100 {
            cache.insert(number, vec![0; 100]).await;
        }
        let stats = caches.stats().await;
        assert_eq!((stats[0].name, stats[0].hits, stats[0].misses), ("pages", 1, 1));
        assert!(stats[0].bytes <= 1_000 && stats[0].entries <= 10, "{stats:?}");
        cache.drop_all();
        assert_eq!(cache.get(&99).await, None);
    }

    #[tokio::test]
    async fn what_is_chosen_is_forgotten_at_once() {
        let cache: Counted<u32, u32> = Caches::new().add("numbers", 1_000, Duration::from_secs(60), |_, _| 1);
        for number in 0..10 {
            cache.insert(number, number % 2).await;
        }
        cache.drop_where(|_, odd| *odd == 1);
        assert_eq!(cache.get(&2).await, Some(0));
        assert_eq!(cache.get(&3).await, None);
        cache.insert(3, 1).await;
        assert_eq!(cache.get(&3).await, Some(1));
    }

    /// Larger than the whole cache: not kept, and nothing breaks.
    #[tokio::test]
    async fn what_is_too_large_is_not_kept() {
        let cache: Counted<u32, Vec<u8>> =
            Caches::new().add("pages", 10, Duration::from_secs(60), |_, value: &Vec<u8>| {
                value.len()
            });
        cache.insert(1, vec![0; 100]).await;
        cache.entries.run_pending_tasks().await;
        assert_eq!(cache.get(&1).await, None);
    }
}
