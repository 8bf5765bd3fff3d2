//! Listening sockets passed from a process to its successor, over a Unix socket: the kernel's queue of connections goes
//! with them, so nobody is refused while one process takes the place of another.
//!
//! What is said meanwhile is single octets; who says what when is the callers' affair.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// Most sockets that are passed on at once.
const MOST: usize = 4;

/// Where successors come to. Blocking.
#[derive(Debug)]
pub struct HandOver {
    listener: UnixListener,
}

impl HandOver {
    /// Listens at `path`, in the place of whoever listened there before; only for the user of this process.
    ///
    /// # Errors
    /// Any fault of the file system; a path of more than some 100 octets.
    pub fn bind(path: &Path) -> io::Result<HandOver> {
        // Made elsewhere and moved there: somebody always listens at the path, and nobody else can connect in between.
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        match fs::remove_file(&new) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
        fs::rename(&new, path)?;
        Ok(HandOver { listener })
    }

    /// Waits for a successor: a process of the same user, or of root.
    ///
    /// # Errors
    /// Any fault of the socket.
    pub fn accept(&self) -> io::Result<Talk> {
        loop {
            let (stream, _) = self.listener.accept()?;
            let peer = rustix::net::sockopt::socket_peercred(&stream)?;
            if peer.uid.is_root() || peer.uid == rustix::process::geteuid() {
                return Ok(Talk { stream });
            }
        }
    }
}

/// A process that takes the place of another, or is taken it: either end of the conversation.
#[derive(Debug)]
pub struct Talk {
    stream: UnixStream,
}

impl Talk {
    /// Goes to whoever listens at `path`; none: nobody does.
    ///
    /// # Errors
    /// Any other fault.
    pub fn to(path: &Path) -> io::Result<Option<Talk>> {
        match UnixStream::connect(path) {
            Ok(stream) => Ok(Some(Talk { stream })),
            Err(fault)
                if matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Gives these sockets to the other side, which then has them too.
    ///
    /// # Errors
    /// Any fault of the socket; more than four of them.
    pub fn give(&mut self, sockets: &[&TcpListener]) -> io::Result<()> {
        let descriptors: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let message = SendAncillaryMessage::ScmRights(&descriptors);
        if descriptors.len() > MOST || !control.push(message) {
            return Err(io::Error::other("too many sockets at once"));
        }
        let count = [u8::try_from(descriptors.len()).unwrap_or(u8::MAX)];
        rustix::net::sendmsg(&self.stream, &[IoSlice::new(&count)], &mut control, SendFlags::empty())?;
        Ok(())
    }

    /// Takes what the other side gives.
    ///
    /// # Errors
    /// It gives nothing within `limit`, or something else.
    pub fn take(&mut self, limit: Duration) -> io::Result<Vec<TcpListener>> {
        self.stream.set_read_timeout(Some(limit))?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut count = [0u8];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got =
            rustix::net::recvmsg(&self.stream, &mut [IoSliceMut::new(&mut count)], &mut control, flags)?;
        let mut sockets = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                sockets.extend(descriptors.map(|one: OwnedFd| TcpListener::from(one)));
            }
        }
        if got.bytes != 1 || usize::from(count[0]) != sockets.len() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other process gave no sockets"));
        }
        Ok(sockets)
    }

    /// Says one octet.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn say(&mut self, word: u8) -> io::Result<()> {
        self.stream.write_all(&[word])
    }

    /// Waits until the other side says `word`.
    ///
    /// # Errors
    /// It says something else, or nothing within `limit`, or is gone.
    pub fn hear(&mut self, word: u8, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))?;
        let mut said = [0u8];
        self.stream.read_exact(&mut said)?;
        if said[0] == word { Ok(()) } else { Err(io::Error::other("the other process says something else")) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_successor_has_the_same_socket_and_its_queue() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hand-over.sock");
        assert!(Talk::to(&path).unwrap().is_none());
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = own.local_addr().unwrap();
        let first = HandOver::bind(&path).unwrap();
        let second = HandOver::bind(&path).unwrap();
        drop(first);
        let limit = Duration::from_secs(10);
        let waiting = TcpStream::connect(address).unwrap();
        let old = std::thread::spawn(move || {
            let mut heir = second.accept().unwrap();
            heir.give(&[&own]).unwrap();
            heir.hear(b'r', limit).unwrap();
            drop(own);
            heir.say(b'g').unwrap();
        });
        let mut talk = Talk::to(&path).unwrap().unwrap();
        let sockets = talk.take(limit).unwrap();
        talk.say(b'r').unwrap();
        talk.hear(b'g', limit).unwrap();
        old.join().unwrap();
        // Whoever waited before waits no longer, and who comes now is served.
        let later = TcpStream::connect(address).unwrap();
        for client in [&waiting, &later] {
            let (served, _) = sockets[0].accept().unwrap();
            assert_eq!(served.peer_addr().unwrap(), client.local_addr().unwrap());
        }
        // The other side is gone, and its path with nobody behind it.
        assert!(talk.hear(b'x', limit).is_err());
        assert!(Talk::to(&path).unwrap().is_none());
    }
}
