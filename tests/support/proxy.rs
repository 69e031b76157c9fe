//! A way to a server that can be cut, or on which answers are held up or lost, for those who take it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Longer than anything takes that a test waits for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Forwards connections to a server. Clones are the same; what is open ends with the last of them.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Connections end at once.
    cut: bool,
    /// Answers wait.
    holding: bool,
    /// How many answers wait.
    held: usize,
    /// Whoever sends this gets no answer, and a lost connection instead.
    swallow: Option<Vec<u8>>,
    /// From the answer to this on answers wait.
    hold_from: Option<Vec<u8>>,
    /// What clients sent, connection by connection.
    sent: Vec<Vec<u8>>,
    /// How often a client sent something after an answer.
    round_trips: u32,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// A way to the server at `target`, open.
    ///
    /// # Panics
    ///
    /// If there is no loopback port to be had.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.connect(client);
            }
        });
        Self { address, shared }
    }

    /// A way to the database at a URL, and the URL that leads over it.
    ///
    /// # Panics
    ///
    /// If the URL names no server.
    #[must_use]
    pub fn before(url: &str) -> (Self, String) {
        let host = url.find('@').or_else(|| Some(url.find("://")? + 2));
        let host = host.map_or(url, |place| &url[place + 1..]);
        let host = host.split(['/', '?']).next().unwrap_or(host);
        let target = host
            .to_socket_addrs()
            .ok()
            .and_then(|mut all| all.next())
            .unwrap_or_else(|| panic!("the URL must name a host and a port: {host}"));
        let proxy = Self::to(target);
        let url = url.replacen(host, &proxy.address.to_string(), 1);
        (proxy, url)
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and each new one as soon as it is made.
    pub fn cut(&self) {
        let mut state = self.shared.state();
        state.cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.shared.state().cut = false;
    }

    /// Lets requests through and keeps the answers.
    pub fn hold_answers(&self) {
        self.shared.state().holding = true;
    }

    /// As [`hold_answers`](Self::hold_answers) from the next request on that contains `text`.
    pub fn hold_answer_to(&self, text: &str) {
        self.shared.state().hold_from = Some(text.as_bytes().to_vec());
    }

    /// Waits until an answer is kept, so that the server has carried a request out.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn wait_until_held(&self) {
        let mut state = self.shared.state.lock();
        let changed = &self.shared.changed;
        let timeout = changed.wait_while_for(&mut state, |state| state.held == 0, WAIT_TIMEOUT);
        drop(state);
        assert!(!timeout.timed_out(), "no answer came to be held");
    }

    /// Sends the answers on that were kept, late as they are.
    pub fn release_answers(&self) {
        self.shared.state().holding = false;
        self.shared.changed.notify_all();
    }

    /// The next request that contains `text` is carried out, and its sender loses the connection
    /// instead of getting the answer.
    pub fn swallow_answer_to(&self, text: &str) {
        self.shared.state().swallow = Some(text.as_bytes().to_vec());
    }

    /// How often clients have sent something, counting what follows without an answer in between
    /// as one: the round trips that they waited for, if each waits for all its answers.
    #[must_use]
    pub fn round_trips(&self) -> u32 {
        self.shared.state().round_trips
    }

    /// What clients sent since the last call, as text.
    #[must_use]
    pub fn take_sent(&self) -> String {
        String::from_utf8_lossy(&self.take_streams().concat()).into_owned()
    }

    /// What clients sent since the last call, connection by connection.
    #[must_use]
    pub fn take_streams(&self) -> Vec<Vec<u8>> {
        let mut state = self.shared.state();
        state.sent.iter_mut().map(std::mem::take).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The accepting thread has one too.
        if Arc::strong_count(&self.shared) == 2 {
            self.cut();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut state = self.state();
        if state.cut {
            return;
        }
        let Ok(server) = TcpStream::connect_timeout(&self.target, WAIT_TIMEOUT) else {
            return;
        };
        let clone = |stream: &TcpStream| stream.try_clone().expect("another handle of a socket");
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            state.open.push(clone(stream));
        }
        let place = state.sent.len();
        state.sent.push(Vec::new());
        drop(state);
        let lost = Arc::new(AtomicBool::new(false));
        let waiting = Arc::new(AtomicBool::new(false));
        let up = (clone(&client), clone(&server), Arc::clone(&lost));
        let sent = Arc::clone(&waiting);
        let this = Arc::downgrade(self);
        thread::spawn(move || {
            let (mut client, mut server, lost) = up;
            copy(&mut client, &mut server, |bytes| {
                let Some(this) = this.upgrade() else { return };
                let mut state = this.state();
                state.sent[place].extend_from_slice(bytes);
                state.round_trips += u32::from(!sent.swap(true, Ordering::SeqCst));
                let asked = |text: &mut Vec<u8>| bytes.windows(text.len()).any(|part| part == text);
                if state.hold_from.take_if(asked).is_some() {
                    state.holding = true;
                }
                lost.fetch_or(state.swallow.take_if(asked).is_some(), Ordering::SeqCst);
            });
        });
        let this = Arc::downgrade(self);
        thread::spawn(move || {
            let (mut client, mut server) = (client, server);
            let ends = [client.try_clone(), server.try_clone()];
            copy(&mut server, &mut client, |_| {
                waiting.store(false, Ordering::SeqCst);
                if lost.load(Ordering::SeqCst) {
                    for end in ends.iter().flatten() {
                        let _ = end.shutdown(Shutdown::Both);
                    }
                }
                if let Some(this) = this.upgrade() {
                    this.pass();
                }
            });
        });
    }

    /// Returns when answers may pass.
    fn pass(&self) {
        let mut state = self.state();
        if !state.holding {
            return;
        }
        state.held += 1;
        self.changed.notify_all();
        self.changed
            .wait_while(&mut state, |state| state.holding && !state.cut);
        state.held -= 1;
    }
}

/// Copies until either end is gone; `look` sees every piece before it goes on.
fn copy(from: &mut TcpStream, to: &mut TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = &buffer[..length];
        look(piece);
        if to.write_all(piece).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
