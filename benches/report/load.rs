//! Several readers at once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Everybody reads as fast as it goes for `length`, while `beside` runs on this thread; the reads of
/// all of them together. `beside` returns when the time that it is given is over.
pub(crate) fn load<C: Send>(
    readers: &mut [C],
    length: Duration,
    read: impl Fn(&mut C, usize) + Sync,
    beside: impl FnOnce(Instant),
) -> u64 {
    let stop = AtomicBool::new(false);
    let (stop, read) = (&stop, &read);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..)
            .zip(readers)
            .map(|(seed, conn)| {
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let mut reads = 0;
                    while !stop.load(Ordering::Relaxed) {
                        read(conn, random.usize(..));
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        beside(Instant::now() + length);
        stop.store(true, Ordering::Relaxed);
        let reads = readers.into_iter().map(|reader| reader.join().unwrap());
        reads.sum()
    })
}

/// Waits for a time on the clock.
pub(crate) fn sleep_until(time: Instant) {
    thread::sleep(time.saturating_duration_since(Instant::now()));
}
