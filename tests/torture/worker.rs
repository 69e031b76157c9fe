//! A worker process: its threads, and its figures for the referee.

use std::{io, net::SocketAddr, sync::Arc, thread, time::Duration};

use cachalot_diesel::{Cachalot, MemcachedStore, OnOutage, Stats};
use clap::Parser;

use crate::{
    client::Clients,
    database::Database,
    message::{Counts, Line, Message},
    store::{Sabotage, Seen},
};

/// The first argument of a worker's command line.
pub(crate) const NAME: &str = "worker";
/// How often the referee hears what the cache has done.
const STATS_EVERY: Duration = Duration::from_millis(100);

/// What the parent tells a worker.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Worker {
    #[arg(long)]
    pub(crate) database: Database,
    #[arg(long)]
    pub(crate) database_url: String,
    #[arg(long)]
    pub(crate) memcached: SocketAddr,
    #[arg(long)]
    pub(crate) namespace: String,
    #[arg(long)]
    pub(crate) referee: SocketAddr,
    #[arg(long)]
    pub(crate) threads: u64,
    #[arg(long = "client")]
    pub(crate) clients: Clients,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) lease_ms: u64,
    #[arg(long)]
    pub(crate) store_timeout_ms: u64,
    #[arg(long)]
    pub(crate) sabotage: Option<Sabotage>,
}

impl Worker {
    /// The command line that makes this worker.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let sabotage = match self.sabotage {
            Some(Sabotage::Begin) => Some("--sabotage=begin".to_owned()),
            Some(Sabotage::Write) => Some("--sabotage=write".to_owned()),
            None => None,
        };
        [
            NAME.to_owned(),
            format!("--database={}", self.database),
            format!("--database-url={}", self.database_url),
            format!("--memcached={}", self.memcached),
            format!("--namespace={}", self.namespace),
            format!("--referee={}", self.referee),
            format!("--threads={}", self.threads),
            format!("--client={}", self.clients.name()),
            format!("--seed={}", self.seed),
            format!("--lease-ms={}", self.lease_ms),
            format!("--store-timeout-ms={}", self.store_timeout_ms),
        ]
        .into_iter()
        .chain(sabotage)
        .collect()
    }

    /// Works until the referee says stop, or is gone.
    pub(crate) fn run(self) -> io::Result<()> {
        let timeout = Duration::from_millis(self.store_timeout_ms);
        let store = MemcachedStore::connect(&[self.memcached.to_string()], timeout)
            .map_err(io::Error::other)?;
        // Some of the processes keep entries for themselves, the others compress what they store.
        let keeps = std::process::id().is_multiple_of(2);
        let cache = Cachalot::builder()
            .store(Seen {
                store,
                sabotage: self.sabotage,
                excuses: self.clients != Clients::Refusing,
            })
            .on_outage(match self.clients {
                Clients::Refusing => OnOutage::Fail,
                _ => OnOutage::Defer,
            })
            .namespace(&self.namespace)
            .write_lease(Duration::from_millis(self.lease_ms))
            .near_cache_bytes(if keeps { 1 << 20 } else { 0 })
            .compress_above_bytes(usize::from(!keeps))
            .build()
            .map_err(io::Error::other)?;
        let mut figures = Line::connect(self.referee)?;
        let worker = Arc::new(self);
        let threads: Vec<_> = (0..worker.threads)
            .map(|number| {
                let (worker, cache) = (Arc::clone(&worker), cache.clone());
                thread::spawn(move || {
                    let line = Line::connect(worker.referee)?;
                    let seed = worker.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9));
                    let work = worker.database.doors().work(worker.clients.typed(number));
                    work(&worker.database_url, cache, line, seed);
                    Ok::<_, io::Error>(())
                })
            })
            .collect();
        loop {
            let finished = threads.iter().all(thread::JoinHandle::is_finished);
            figures.send(&Message::Stats(counts(cache.stats())))?;
            if finished {
                break;
            }
            thread::sleep(STATS_EVERY);
        }
        for thread in threads {
            thread
                .join()
                .map_err(|_| io::Error::other("a thread panicked"))??;
        }
        Ok(())
    }
}

fn counts(stats: Stats) -> Counts {
    let bypasses = stats.bypasses.into_iter();
    Counts {
        hits: stats.hits,
        misses: stats.misses,
        store_errors: stats.store_errors,
        bypasses: bypasses
            .map(|(reason, number)| (reason.to_owned(), number))
            .collect(),
    }
}
