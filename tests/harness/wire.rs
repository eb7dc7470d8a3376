//! The line between an office and its target. It can be cut, and it can lose an answer.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port of this machine that leads to another one. Ends with the runtime it was made in.
pub struct Wire {
    pub port: u16,
    up: Arc<watch::Sender<bool>>,
    loses: Arc<Mutex<Option<&'static str>>>,
}

impl Wire {
    pub async fn to(port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("bound").port();
        let up = Arc::new(watch::Sender::new(true));
        let loses = Arc::new(Mutex::new(None));
        let wire = Wire { port: here, up: up.clone(), loses: loses.clone() };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut state, up, loses) = (up.subscribe(), up.clone(), loses.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = state.wait_for(|up| !up) => {}
                        () = join(near, port, &loses, &up) => {}
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
        *self.loses.lock().expect("no panic") = Some(part);
    }

    pub fn is_cut(&self) -> bool {
        !*self.up.borrow()
    }
}

async fn join(mut near: TcpStream, port: u16, loses: &Mutex<Option<&'static str>>, up: &watch::Sender<bool>) {
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut lost = false;
    loop {
        let done = tokio::select! {
            read = near.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    lost |= takes(loses, &asked[..read]);
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

/// Is this what was to lose its answer? Once.
fn takes(loses: &Mutex<Option<&'static str>>, asked: &[u8]) -> bool {
    let mut part = loses.lock().expect("no panic");
    let found = part.is_some_and(|part| asked.windows(part.len()).any(|window| window == part.as_bytes()));
    if found {
        *part = None;
    }
    found
}
