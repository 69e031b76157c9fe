//! Workers that are killed, and a memcached that is restarted, emptied and frozen.

use std::{
    env, io,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use cachalot_tests::memcached::Server;
use clap::Args;
use fastrand::Rng;

use crate::worker::Worker;

/// How often the parent looks up.
const TICK: Duration = Duration::from_millis(20);
/// How long the workers may take to finish.
const FINISH_TIMEOUT: Duration = Duration::from_secs(60);

/// What is done to the workers and their memcached.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Chaos {
    /// Kill a worker process now and then (`kill -9`), and start it again
    #[arg(long)]
    pub(crate) kill: bool,
    /// Kill memcached now and then, and start it again; checks P1 only
    #[arg(long)]
    pub(crate) restart: bool,
    /// Empty memcached now and then; checks P1 only
    #[arg(long)]
    pub(crate) flush: bool,
    /// Freeze memcached now and then for longer than its clients wait; checks P1 only
    #[arg(long)]
    pub(crate) freeze: bool,
}

/// How often each was done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) kills: u64,
    pub(crate) restarts: u64,
    pub(crate) flushes: u64,
    pub(crate) freezes: u64,
    /// Workers that ended by themselves.
    pub(crate) lost: u64,
}

/// What a torture needs before it can end.
pub(crate) enum Need {
    /// It has found what it looks for.
    Nothing,
    /// The time that it was given.
    Time,
    /// More than it has seen so far, however long that takes.
    More,
}

/// The worker processes.
pub(crate) struct Workers {
    worker: Worker,
    children: Vec<Child>,
    started: u64,
}

/// Something that happens again and again.
struct Event {
    wanted: bool,
    /// The pause before it, in milliseconds, is between these.
    pause: (u64, u64),
    next: Instant,
}

impl Event {
    fn new(wanted: bool, pause: (u64, u64), rng: &mut Rng) -> Self {
        let mut event = Self {
            wanted,
            pause,
            next: Instant::now(),
        };
        event.put_off(rng);
        event
    }

    fn put_off(&mut self, rng: &mut Rng) {
        self.next = Instant::now() + Duration::from_millis(rng.u64(self.pause.0..self.pause.1));
    }

    fn is_due(&mut self, rng: &mut Rng) -> bool {
        let due = self.wanted && Instant::now() >= self.next;
        if due {
            self.put_off(rng);
        }
        due
    }
}

impl Workers {
    pub(crate) fn start(worker: Worker, processes: u64) -> io::Result<Self> {
        let mut workers = Self {
            worker,
            children: Vec::new(),
            started: 0,
        };
        for _ in 0..processes {
            let child = workers.spawn()?;
            workers.children.push(child);
        }
        Ok(workers)
    }

    /// No two workers have one seed.
    fn spawn(&mut self) -> io::Result<Child> {
        self.started += 1;
        let mut worker = self.worker.clone();
        worker.seed = worker
            .seed
            .wrapping_add(self.started.wrapping_mul(0xd134_2543_de82_ef95));
        Command::new(env::current_exe()?)
            .args(worker.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
    }

    fn kill_one(&mut self, rng: &mut Rng) -> io::Result<()> {
        let place = rng.usize(..self.children.len());
        self.children[place].kill()?;
        self.children[place].wait()?;
        self.children[place] = self.spawn()?;
        Ok(())
    }

    fn count_lost(&mut self) -> io::Result<u64> {
        let mut lost = 0;
        for child in &mut self.children {
            lost += u64::from(child.try_wait()?.is_some());
        }
        Ok(lost)
    }

    /// Lets the workers work, and troubles them, for so long, or until `needs` calls it enough. Where
    /// more is needed after that time, on a busy machine, they go on untroubled.
    pub(crate) fn trouble(
        &mut self,
        chaos: Chaos,
        memcached: &Server,
        rng: &mut Rng,
        time: Duration,
        mut needs: impl FnMut(&Done) -> Need,
    ) -> io::Result<Done> {
        let mut done = Done::default();
        let mut kill = Event::new(chaos.kill, (300, 2000), rng);
        let mut restart = Event::new(chaos.restart, (500, 3000), rng);
        let mut flush = Event::new(chaos.flush, (50, 1000), rng);
        let mut freeze = Event::new(chaos.freeze, (500, 3000), rng);
        let end = Instant::now() + time;
        while done.lost == 0 {
            let late = Instant::now().saturating_duration_since(end);
            match needs(&done) {
                Need::Nothing => break,
                Need::Time if !late.is_zero() => break,
                Need::More if late > FINISH_TIMEOUT => break,
                Need::Time | Need::More => thread::sleep(TICK),
            }
            if !late.is_zero() {
                done.lost = self.count_lost()?;
                continue;
            }
            if kill.is_due(rng) {
                self.kill_one(rng)?;
                done.kills += 1;
            }
            if restart.is_due(rng) {
                memcached.stop();
                thread::sleep(Duration::from_millis(rng.u64(..200)));
                memcached.start();
                done.restarts += 1;
            }
            if flush.is_due(rng) {
                memcached.flush();
                done.flushes += 1;
            }
            if freeze.is_due(rng) {
                memcached.freeze();
                thread::sleep(Duration::from_millis(rng.u64(20..400)));
                memcached.thaw();
                done.freezes += 1;
            }
            done.lost = self.count_lost()?;
        }
        Ok(done)
    }

    /// Waits until the workers have finished; returns how many did not do so well.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let end = Instant::now() + FINISH_TIMEOUT;
        while Instant::now() < end && self.count_lost()? < self.children.len() as u64 {
            thread::sleep(TICK);
        }
        let mut failed = 0;
        for child in &mut self.children {
            // Whoever still runs is stuck.
            let well = child.try_wait()?.is_some_and(|status| status.success());
            child.kill()?;
            child.wait()?;
            failed += u64::from(!well);
        }
        Ok(failed)
    }
}
