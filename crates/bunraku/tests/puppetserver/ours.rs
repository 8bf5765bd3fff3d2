//! Bunraku's CA with its listener, on the CA directory of a host, with the same server certificate as Puppet Server's.

use std::sync::Arc;
use std::time::Duration;

use ca::{CaSettings, Worker};
use wire::tls::{ClientCertificates, Identity, ServerTls, TrustBundle};
use wire::{DrainHandle, DrainPlan, Limits, drain, serve_tls};

use super::hosts::{Host, SERVER};

/// A running CA; [`Ours::stop`] gives its directory back.
pub struct Ours {
    pub port: u16,
    worker: Arc<Worker>,
    drain: DrainHandle,
    listener: tokio::task::JoinHandle<()>,
}

impl Ours {
    /// Starts on `host` with Puppet's defaults. Must be called inside a tokio runtime.
    pub async fn start(host: &Host) -> Ours {
        Ours::start_with(host, |_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(host: &Host, change: impl FnOnce(&mut CaSettings)) -> Ours {
        let bundle = std::fs::read(host.cadir().join("ca_crt.pem")).unwrap();
        let trust = TrustBundle::from_pem(&bundle).unwrap();
        let mut settings = CaSettings::alone(SERVER, host.cadir());
        settings.trust = Some(trust.clone());
        change(&mut settings);
        let worker = Worker::start(settings).await.unwrap();
        let (certificate, key) = host.server_pems();
        let identity = Identity::from_pem(&certificate, &key).unwrap();
        let tls = ServerTls::new(&identity, trust, ClientCertificates::Optional).unwrap();
        let tcp = wire::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let (drain, ended) = drain::channel();
        let serve = serve_tls(tcp, tls, Limits::default(), Arc::clone(&worker), ended);
        Ours { port, worker, drain, listener: tokio::spawn(serve) }
    }

    /// Ends in order.
    pub async fn stop(self) {
        self.drain.begin(DrainPlan::prompt(Duration::from_secs(1)));
        self.listener.await.unwrap();
        self.worker.stop().await;
    }
}
