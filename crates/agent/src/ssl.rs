//! From nothing to a usable certificate: CA certificates, CRL, key, request, certificate: each kept in `ssldir`
//! where Puppet's agent keeps it, so that the two can take over from each other.

mod files;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method};
use pki::{Certificate, KeyKind, PrivateKey, RequestContent};
use wire::Bytes;
use wire::client::Answer;
use wire::protocol::{certificate, certificate_request, certificate_revocation_list};
use wire::tls::{ClientTls, Identity, TrustBundle};

use crate::console::{Console, Level};
use crate::lock::{self, Work};
use crate::route::{Http, Outgoing, RouteFault, Routes, Service};
use crate::settings::Settings;
use files::Files;

/// A CRL is asked for again after a day, as Puppet's `crl_refresh_interval`.
const REFRESH: Duration = Duration::from_secs(86_400);

/// Why the agent has no certificate to work with.
#[derive(Debug, thiserror::Error)]
pub enum SslFault {
    #[error("{0}")]
    Route(#[from] RouteFault),
    #[error("{0}")]
    Tls(#[from] wire::tls::TlsFault),
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{0}")]
    Unusable(String),
    #[error("Could not download {what}: the CA answered {status}: {text}")]
    Refused { what: String, status: u16, text: String },
    /// Another agent is getting certificates.
    #[error("another agent is getting certificates")]
    Locked,
    /// Not signed yet.
    #[error("the certificate has not been signed yet")]
    NotSigned,
}

/// The verified way to the servers.
pub struct Verified {
    pub tls: ClientTls,
}

/// Gets everything that is missing, waiting for a signature as long as the settings allow. Each try starts from the
/// beginning: an operator may have cleaned up meanwhile, on either side.
pub async fn wait_for_certificate(
    settings: &Settings,
    routes: &Arc<Routes>,
    console: &mut Console,
) -> Result<Verified, SslFault> {
    let deadline = settings.maxwaitforcert.map(|longest| Instant::now() + longest);
    loop {
        let held = lock::take(Work::Certificates, settings, console)
            .await
            .map_err(|source| SslFault::File { path: settings.ssldir.display().to_string(), source })?;
        let Some(lock) = held else { return Err(SslFault::Locked) };
        let tried = initialize(settings, routes, console).await;
        drop(lock);
        match tried {
            Err(SslFault::NotSigned) => {}
            other => return other,
        }
        let pause = settings.waitforcert;
        if pause < Duration::from_secs(1) {
            console.plain("Exiting now because the waitforcert setting is set to 0.");
            return Err(SslFault::NotSigned);
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            console.plain(&format!(
                "{} Exiting now because the maxwaitforcert timeout has been exceeded.",
                not_fetched(settings)
            ));
            return Err(SslFault::NotSigned);
        }
        console.say(Level::Info, format!("Will try again in {} seconds.", pause.as_secs()));
        tokio::time::sleep(pause).await;
    }
}

fn not_fetched(settings: &Settings) -> String {
    let name = &settings.certname;
    format!(
        "Couldn't fetch certificate from CA server; you might still need to sign this agent's certificate ({name})."
    )
}

/// Gets everything that is missing. The key never leaves `ssldir`.
async fn initialize(
    settings: &Settings,
    routes: &Arc<Routes>,
    console: &mut Console,
) -> Result<Verified, SslFault> {
    let files = Files::new(settings)?;
    let bundle = ca_bundle(routes, &files).await?;
    let trust = TrustBundle::from_pem(&bundle).map_err(unusable("the CA certificates"))?;
    let anonymous = Http::new(routes, ClientTls::new(None, trust.clone())?);
    let crl = revocation_list(&anonymous, &files, console).await?;
    trust.load(&crl).map_err(unusable("the CRL"))?;
    let key = private_key(settings, &files, console)?;
    let certificate = match files.read(&files.certificate)? {
        Some(pem) => Certificate::from_pem(&pem).map_err(unusable("the client certificate"))?,
        None => enrol(settings, &files, &key, &anonymous, console).await?,
    };
    if certificate.spki_der() != pki::Signer::spki_der(&key) {
        return Err(SslFault::Unusable(format!(
            "The certificate for 'CN={name}' does not match its private key; 'bunraku ca clean --certname {name}' \
             on the CA and removing {} here lets it start over",
            files.certificate.display(),
            name = settings.certname
        )));
    }
    let identity = Identity::from_pem(certificate.to_pem().as_bytes(), key.to_pem().as_bytes())
        .map_err(unusable("the client certificate"))?;
    Ok(Verified { tls: ClientTls::new(Some(&identity), trust)? })
}

/// The first copy is taken on trust, as Puppet's agent does; from then on it is what every server must match.
async fn ca_bundle(routes: &Arc<Routes>, files: &Files) -> Result<Vec<u8>, SslFault> {
    if let Some(pem) = files.read(&files.ca_bundle)? {
        return Ok(pem);
    }
    let http = Http::new(routes, ClientTls::insecure()?);
    let (answer, _) = http.send(Service::Ca, &Outgoing::get(certificate::path("ca"), "text/plain")).await?;
    if answer.status != 200 {
        return Err(refused("the CA certificate", &answer));
    }
    TrustBundle::from_pem(&answer.body).map_err(unusable("the CA certificates"))?;
    files.write(&files.ca_bundle, &answer.body, 0o644)?;
    Ok(answer.body.to_vec())
}

async fn revocation_list(http: &Http, files: &Files, console: &mut Console) -> Result<Vec<u8>, SslFault> {
    let known = files.read(&files.revocation_list)?;
    if let Some(pem) = &known
        && files.age(&files.revocation_list) < REFRESH
    {
        return Ok(pem.clone());
    }
    let request = Outgoing::get(certificate_revocation_list::path(), "text/plain");
    let fault = match http.send(Service::Ca, &request).await {
        Ok((answer, _)) if answer.status == 200 => {
            files.write(&files.revocation_list, &answer.body, 0o644)?;
            return Ok(answer.body.to_vec());
        }
        Ok((answer, _)) => refused("the CRL", &answer),
        Err(fault) => SslFault::Route(fault),
    };
    // An old list is better than none, and no reason to leave the node as it is.
    let Some(pem) = known else { return Err(fault) };
    console.say(Level::Error, format!("Failed to refresh the CRL, the one from before is used: {fault}"));
    Ok(pem)
}

fn private_key(settings: &Settings, files: &Files, console: &mut Console) -> Result<PrivateKey, SslFault> {
    if let Some(pem) = files.read(&files.private_key)? {
        return PrivateKey::from_pem(&pem).map_err(unusable("the private key"));
    }
    console.say(Level::Info, format!("Creating a new SSL key for {}", settings.certname));
    let key = PrivateKey::generate(KeyKind::EcP256).map_err(unusable("a new key"))?;
    files.write(&files.private_key, key.to_pem().as_bytes(), 0o640)?;
    files.write(&files.public_key, key.public_pem().as_bytes(), 0o644)?;
    Ok(key)
}

/// Sends the request, then fetches the certificate.
async fn enrol(
    settings: &Settings,
    files: &Files,
    key: &PrivateKey,
    http: &Http,
    console: &mut Console,
) -> Result<Certificate, SslFault> {
    let certname = &settings.certname;
    let request = match files.read(&files.request)? {
        Some(pem) => pki::Request::from_pem(&pem).map_err(unusable("the certificate request"))?,
        None => {
            console.say(Level::Info, format!("Creating a new SSL certificate request for {certname}"));
            let request = pki::Request::build(certname, key, &RequestContent::default())
                .map_err(unusable("a new certificate request"))?;
            files.write(&files.request, request.to_pem().as_bytes(), 0o644)?;
            request
        }
    };
    let fingerprint = pki::fingerprint::sha256(request.der());
    console.say(Level::Info, format!("Certificate Request fingerprint (SHA256): {fingerprint}"));
    let mut put = Outgoing::get(certificate_request::path(certname), "text/plain");
    put.method = Method::PUT;
    put.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    put.body = Bytes::from(request.to_pem());
    put.repeatable = false;
    let (answer, _) = http.send(Service::Ca, &put).await?;
    // 400 says that the CA has a request or a certificate of this name: the fetch below tells which.
    if answer.status != 200 && !(answer.status == 400 && certificate_request::is_already(&answer.text())) {
        return Err(refused("a certificate", &answer));
    }
    let get = Outgoing::get(certificate::path(certname), "text/plain");
    let (answer, place) = http.send(Service::Ca, &get).await?;
    match answer.status.as_u16() {
        200 => {
            let found = Certificate::from_pem(&answer.body).map_err(unusable("the client certificate"))?;
            console.say(
                Level::Info,
                format!("Downloaded certificate for {certname} from https://{place}/puppet-ca/v1"),
            );
            if found.spki_der() == pki::Signer::spki_der(key) {
                files.write(&files.certificate, &answer.body, 0o644)?;
                files.remove(&files.request)?;
            }
            Ok(found)
        }
        404 => {
            console.say(Level::Info, format!("Certificate for {certname} has not been signed yet"));
            console.plain(&not_fetched(settings));
            Err(SslFault::NotSigned)
        }
        _ => Err(refused(&format!("the certificate for {certname}"), &answer)),
    }
}

fn refused(what: &str, answer: &Answer) -> SslFault {
    SslFault::Refused { what: what.to_string(), status: answer.status.as_u16(), text: answer.text() }
}

fn unusable<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> SslFault + use<'_, E> {
    move |fault| SslFault::Unusable(format!("{what} can't be used: {fault}"))
}
