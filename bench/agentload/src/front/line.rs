//! A connection of an agent.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::agents::{Agent, Agents};
use super::script::Script;
use crate::lean::message::MessageReader;

/// An open connection.
pub struct Line {
    stream: TlsStream<TcpStream>,
}

/// Where answers are read into; one for as many connections as are used one after the other.
pub type Buffer = Vec<u8>;

/// Room for a whole TLS record.
pub fn buffer() -> Buffer {
    vec![0; 32 * 1024]
}

impl Line {
    /// Opens a connection, with the handshake done as far as the client's side of it goes.
    pub async fn open(agents: &Agents, agent: &Agent) -> Result<Line, String> {
        let open = async {
            let stream =
                TcpStream::connect(agents.address).await.map_err(|fault| format!("connect: {fault}"))?;
            stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
            let connector = TlsConnector::from(Arc::clone(&agent.tls));
            let stream = connector.connect(agents.name.clone(), stream).await;
            stream.map(|stream| Line { stream }).map_err(|fault| format!("handshake: {fault}"))
        };
        timeout(agents.patience, open).await.unwrap_or_else(|_| Err("connect: no answer in time".to_owned()))
    }

    /// Sends one request and reads its answer to the end. `Err` when it is not 200, or the last on this connection.
    pub async fn exchange(&mut self, request: &[u8], buffer: &mut Buffer) -> Result<(), String> {
        let said = |fault: std::io::Error| format!("exchange: {}", fault.kind());
        self.stream.write_all(request).await.map_err(said)?;
        self.stream.flush().await.map_err(said)?;
        let mut reader = MessageReader::default();
        loop {
            let length = self.stream.read(buffer).await.map_err(said)?;
            if length == 0 {
                return Err("exchange: closed before the end of the answer".to_owned());
            }
            if reader.feed(&buffer[..length]).map_err(|fault| fault.to_string())? {
                break;
            }
        }
        match (reader.status(), reader.closes()) {
            (200, false) => Ok(()),
            (200, true) => Err("the server closes the connection".to_owned()),
            (status, _) => Err(format!("answer {status}")),
        }
    }

    /// One piece of work.
    pub async fn work(
        &mut self,
        agents: &Agents,
        script: &Script,
        buffer: &mut Buffer,
    ) -> Result<(), String> {
        let all = async {
            for request in &script.requests {
                self.exchange(request, buffer).await?;
            }
            Ok(())
        };
        timeout(agents.patience, all).await.unwrap_or_else(|_| Err("exchange: no answer in time".to_owned()))
    }

    /// Says goodbye, as an agent does at the end of its run.
    pub async fn close(mut self) {
        // The answer has been read: whatever becomes of this is of no interest.
        let _ = self.stream.shutdown().await;
    }
}
