//! memcached: one for the process, and private ones to be broken.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::OnceLock;

use parking_lot::{Mutex, MutexGuard};

use crate::watchdog::{Service, Watched, start_on_free_port, try_start};
use crate::wire::Wire;
use crate::{binary, wait_until, watchdog};

static SHARED: OnceLock<Server> = OnceLock::new();

/// The memcached of this test process. Others use it at the same time: take a namespace from
/// [`unique::name`](crate::unique::name), and do not flush it.
pub fn shared() -> &'static Server {
    SHARED.get_or_init(|| match env::var("CACHALOT_TEST_MEMCACHED_URL") {
        Ok(url) => Server::running(&url),
        // What some tests store must not push out what others look for.
        Err(_) => start(&["-m", "256"]),
    })
}

/// A memcached of the caller's own with further `options` of its command line, such as
/// `["-I", "2m"]`. It ends when it is dropped.
#[must_use]
pub fn start(options: &[&str]) -> Server {
    let program = binary::find("memcached", "memcached");
    let options = options.join(" ");
    let command = move |port: u16| Service {
        name: "memcached",
        prepare: String::new(),
        serve: format!("$UNPRIVILEGED '{program}' -l 127.0.0.1 -p {port} -U 0 -t 2 {options}"),
        signal: "KILL",
    };
    let (watched, port) = start_on_free_port(&command, is_ready);
    Server {
        address: (Ipv4Addr::LOCALHOST, port).into(),
        own: Some(Own {
            command: Box::new(command),
            watched: Mutex::new(Some(watched)),
        }),
    }
}

/// A memcached. Methods take `&self`, so that one thread can stop it while another uses it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    own: Option<Own>,
}

/// What it takes to stop a server and to start it again.
struct Own {
    command: Box<dyn Fn(u16) -> Service + Send + Sync>,
    watched: Mutex<Option<Watched>>,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own")
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}

impl Server {
    fn running(url: &str) -> Self {
        let address = url
            .strip_prefix("memcache://")
            .and_then(|host| host.to_socket_addrs().ok()?.next())
            .unwrap_or_else(|| {
                panic!(
                    "CACHALOT_TEST_MEMCACHED_URL is `{url}`; it must be like memcache://host:11211"
                )
            });
        Self { address, own: None }
    }

    /// `memcache://127.0.0.1:port`, as `CACHALOT_URL` wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("memcache://{}", self.address)
    }

    /// Where it listens; the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection to look behind the library's back, and to spoil things there.
    #[must_use]
    pub fn wire(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// Empties it, by way of `flush_all`.
    pub fn flush(&self) {
        self.wire().flush();
    }

    /// Ends it as a power cut would. Connections to it are refused until [`start`](Self::start).
    pub fn stop(&self) {
        drop(self.watched().take());
    }

    /// Starts it again, empty, on the same port.
    pub fn start(&self) {
        let mut watched = self.watched();
        assert!(watched.is_none(), "this memcached runs already");
        let port = self.address.port();
        let service = (self.own().command)(port);
        wait_until(
            "memcached has its port back",
            watchdog::START_TIMEOUT,
            || {
                *watched = try_start(&service, port, is_ready);
                watched.is_some()
            },
        );
    }

    /// [`stop`](Self::stop) and [`start`](Self::start).
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Stops its process in its tracks: it accepts connections and answers nothing until
    /// [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        self.watched()
            .as_ref()
            .expect("this memcached is stopped")
            .signal(signal);
    }

    fn own(&self) -> &Own {
        self.own
            .as_ref()
            .expect("a test must not break a memcached that it did not start")
    }

    fn watched(&self) -> MutexGuard<'_, Option<Watched>> {
        self.own().watched.lock()
    }
}

/// Whether the memcached that answers is this one and no stranger on the same port.
fn is_ready(watched: &Watched, port: u16) -> bool {
    let pid = Wire::try_connect((Ipv4Addr::LOCALHOST, port).into())
        .and_then(|mut wire| wire.try_statistic("pid"));
    pid.is_ok_and(|pid| pid.is_some() && pid == watched.pid().map(u64::from))
}
