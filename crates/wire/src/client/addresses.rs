//! A name with several addresses: whoever opens first serves, and one dead address costs a moment, not the connection.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::connect_fault::ConnectFault;
use super::nerve;

/// An address that says nothing for so long gets company: the next one is tried beside it (as RFC 8305, 5, whose quarter
/// of a second is meant for people; a busy server needs longer for its handshake, and is not to be left for that).
const BESIDE: Duration = Duration::from_secs(1);

/// A peer whose host is gone is noticed within half a minute, however long the answer may take: its kernel answers
/// probes while its process works. (No TCP_USER_TIMEOUT: it would also end a connection whose peer does not read for so
/// long, as a front end does not while a request waits for a worker.)
const IDLE: Duration = Duration::from_secs(15);
const BETWEEN_PROBES: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// The addresses of `addr` ("host:port") in the order of the system's resolver, `first` before the others if it is one
/// of them. Never empty.
pub(super) async fn of(
    addr: &str,
    first: Option<SocketAddr>,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, ConnectFault> {
    let fault = |reason: String| ConnectFault::Resolve { host: addr.to_owned(), reason };
    let found = timeout_at(deadline, lookup_host(addr))
        .await
        .map_err(|_| fault("no answer in time".to_owned()))?
        .map_err(|error| fault(error.to_string()))?;
    let mut all: Vec<SocketAddr> = found.collect();
    if all.is_empty() {
        return Err(fault("no address".to_owned()));
    }
    // The sort is stable.
    all.sort_by_key(|address| Some(*address) != first);
    Ok(all)
}

/// Opens TCP, by `deadline`; with a nerve it hears whatever the network says meanwhile.
pub(super) async fn connect(
    address: SocketAddr,
    deadline: Instant,
    with_nerve: bool,
) -> Result<TcpStream, ConnectFault> {
    let opened =
        async { if with_nerve { nerve::connect(address).await } else { TcpStream::connect(address).await } };
    let stream = timeout_at(deadline, opened)
        .await
        .map_err(|_| ConnectFault::TimedOut)?
        .map_err(|error| ConnectFault::from_io(&error))?;
    let prepare = || {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let probes = TcpKeepalive::new().with_time(IDLE).with_interval(BETWEEN_PROBES).with_retries(PROBES);
        socket.set_tcp_keepalive(&probes)
    };
    prepare().map_err(|error| ConnectFault::from_io(&error))?;
    Ok(stream)
}

/// The first of `candidates` that opens. The next one starts when one has failed, or has been silent for a second; when
/// all have failed, the fault of the last. Those that were slower are dropped.
pub(super) async fn first_to_open<T, F>(
    candidates: Vec<SocketAddr>,
    open: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), ConnectFault>
where
    F: Future<Output = Result<T, ConnectFault>> + Send + 'static,
    T: Send + 'static,
{
    if let [only] = candidates[..] {
        return Ok((only, open(only).await?));
    }
    let mut waiting = candidates.into_iter();
    let mut trying = JoinSet::new();
    let mut last = ConnectFault::Other("no address".to_owned());
    loop {
        if let Some(address) = waiting.next() {
            let attempt = open(address);
            trying.spawn(async move { (address, attempt.await) });
        }
        tokio::select! {
            ended = trying.join_next() => match ended {
                Some(Ok((address, Ok(opened)))) => return Ok((address, opened)),
                Some(Ok((address, Err(fault)))) => {
                    tracing::debug!("{address}: {fault}");
                    last = fault;
                }
                Some(Err(fault)) => last = ConnectFault::Other(fault.to_string()),
                None => return Err(last),
            },
            () = sleep(BESIDE), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn addresses(count: u16) -> Vec<SocketAddr> {
        (1..=count).map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect()
    }

    const NEVER: u64 = 1_000_000_000;

    /// What each address does: answers after so many milliseconds, or refuses at once. Who won, and who was tried.
    async fn race(behaviours: &'static [Option<u64>]) -> (Result<u16, ConnectFault>, Vec<u16>) {
        let tried = Arc::new(Mutex::new(Vec::new()));
        let open = |address: SocketAddr| {
            tried.lock().unwrap().push(address.port());
            async move {
                match behaviours[usize::from(address.port()) - 1] {
                    Some(millis) => {
                        sleep(Duration::from_millis(millis)).await;
                        Ok(())
                    }
                    None => Err(ConnectFault::Refused),
                }
            }
        };
        let won = first_to_open(addresses(behaviours.len() as u16), open).await;
        let tried = tried.lock().unwrap().clone();
        (won.map(|(address, ())| address.port()), tried)
    }

    #[tokio::test]
    async fn the_first_address_serves_when_it_answers_and_nobody_else_is_asked() {
        assert_eq!(race(&[Some(5), Some(0)]).await, (Ok(1), vec![1]));
    }

    #[tokio::test]
    async fn refusals_and_silence_lead_to_the_next() {
        assert_eq!(race(&[None, Some(NEVER), None, Some(3)]).await, (Ok(4), vec![1, 2, 3, 4]));
    }

    #[tokio::test]
    async fn a_slow_first_address_still_wins_over_one_that_is_slower() {
        assert_eq!(race(&[Some(1200), Some(NEVER)]).await, (Ok(1), vec![1, 2]));
    }

    #[tokio::test]
    async fn when_nobody_answers_the_last_fault_is_told() {
        assert_eq!(race(&[None, None, None]).await, (Err(ConnectFault::Refused), vec![1, 2, 3]));
    }

    #[tokio::test]
    async fn the_preferred_address_comes_first() {
        let deadline = Instant::now() + Duration::from_secs(5);
        let found = of("127.0.0.1:8140", Some("127.0.0.1:8140".parse().unwrap()), deadline).await.unwrap();
        assert_eq!(found, ["127.0.0.1:8140".parse().unwrap()]);
    }
}
