//! The line between an office and its target, or its store. It can be cut, it can lose an answer or
//! keep a statement back, and it can be led elsewhere.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port of this machine that leads to another one. Ends with the runtime it was made in.
pub struct Wire {
    pub port: u16,
    up: Arc<watch::Sender<bool>>,
    far: Arc<AtomicU16>,
    habits: Arc<Habits>,
}

/// What the line does to what passes.
struct Habits {
    loses: Mutex<Option<&'static str>>,
    keeps: Mutex<Option<&'static str>>,
    /// Is something kept back?
    kept: watch::Sender<bool>,
}

impl Wire {
    pub async fn to(port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("bound").port();
        let up = Arc::new(watch::Sender::new(true));
        let habits = Habits { loses: Mutex::default(), keeps: Mutex::default(), kept: watch::Sender::new(false) };
        let (habits, far) = (Arc::new(habits), Arc::new(AtomicU16::new(port)));
        let wire = Wire { port: here, up: up.clone(), far: far.clone(), habits: habits.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut state, up, habits) = (up.subscribe(), up.clone(), habits.clone());
                let port = far.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    tokio::select! {
                        _ = state.wait_for(|up| !up) => {}
                        () = join(near, port, &habits, &up) => {}
                    }
                });
            }
        });
        wire
    }

    /// Nobody comes through any more, and whoever was through is thrown out.
    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    pub fn mend(&self) {
        self.up.send_replace(true);
    }

    /// The next statement with this in it is carried out, its answer never comes, and the line is cut.
    pub fn loses_the_answer_to(&self, part: &'static str) {
        *self.habits.loses.lock().expect("no panic") = Some(part);
    }

    /// The next statement with this in it is kept back until it is let go.
    pub fn keeps_back(&self, part: &'static str) {
        *self.habits.keeps.lock().expect("no panic") = Some(part);
    }

    pub fn is_keeping(&self) -> bool {
        *self.habits.kept.borrow()
    }

    pub fn lets_go(&self) {
        self.habits.kept.send_replace(false);
    }

    /// From now on it leads to this port; whoever was through is thrown out.
    pub fn leads_to(&self, port: u16) {
        self.far.store(port, Ordering::SeqCst);
        self.cut();
        self.mend();
    }

    pub fn is_cut(&self) -> bool {
        !*self.up.borrow()
    }
}

async fn join(mut near: TcpStream, port: u16, habits: &Habits, up: &watch::Sender<bool>) {
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut lost = false;
    loop {
        let done = tokio::select! {
            read = near.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    lost |= takes(&habits.loses, &asked[..read]);
                    if takes(&habits.keeps, &asked[..read]) {
                        habits.kept.send_replace(true);
                        let _ = habits.kept.subscribe().wait_for(|kept| !kept).await;
                    }
                    far.write_all(&asked[..read]).await
                }
            },
            read = far.read(&mut answered) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) if lost => {
                    up.send_replace(false);
                    return;
                }
                Ok(read) => near.write_all(&answered[..read]).await,
            },
        };
        if done.is_err() {
            return;
        }
    }
}

/// Is this what was to be lost or kept? Once.
fn takes(what: &Mutex<Option<&'static str>>, asked: &[u8]) -> bool {
    let mut part = what.lock().expect("no panic");
    let found = part.is_some_and(|part| asked.windows(part.len()).any(|window| window == part.as_bytes()));
    if found {
        *part = None;
    }
    found
}
