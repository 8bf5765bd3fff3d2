//! The families about connections, certificates and logs: what is known before there is a request.

use wire::tls::{ClientVerify, ListEnd, TlsCounts};

use super::exposition::{Kind, Page};

/// What is shown of the listener.
pub struct Listener<'a> {
    /// Handshakes and connections.
    pub tls: &'a TlsCounts,
    /// What is done about certificates that prove nothing.
    pub client_verify: ClientVerify,
    /// The revocation lists in force.
    pub lists: &'a [ListEnd],
    /// Now, Unix seconds.
    pub now: i64,
    /// Lines of the access log that were lost.
    pub log_drops: u64,
    /// Requests for certificates that wait for an operator; none: no CA has said.
    pub waiting: Option<usize>,
}

pub(super) fn families(page: &mut Page, listener: &Listener<'_>) {
    let help = "TLS connections that are open.";
    page.single("bunraku_connections_open", Kind::Gauge, help, listener.tls.open() as f64);
    let help = "TLS handshakes that succeeded, by protocol version.";
    let mut family = page.family("bunraku_tls_handshakes_total", Kind::Counter, help);
    for (version, count) in listener.tls.handshakes() {
        family.sample("", &[("version", version)], count as f64);
    }
    let help =
        "1 while clients whose certificates prove nothing are let in as nobody (client_verify = \"report\").";
    let reporting = listener.client_verify == ClientVerify::Report;
    page.single("bunraku_client_verify_report", Kind::Gauge, help, f64::from(u8::from(reporting)));
    let help = "Client certificates that were found wanting, by reason: refused, or let in as nobody's.";
    let mut family = page.family("bunraku_client_verification_failures_total", Kind::Counter, help);
    for (reason, count) in listener.tls.verification_failures() {
        family.sample("", &[("reason", reason)], count as f64);
    }
    let help = "TLS handshakes that failed for a reason other than the client's certificate.";
    let mut family = page.family("bunraku_tls_handshake_failures_total", Kind::Counter, help);
    for (reason, count) in listener.tls.other_failures() {
        family.sample("", &[("reason", reason)], count as f64);
    }
    lists(page, listener);
    let help =
        "Lines of the access log that were lost, because the disk was too slow for them or refused them.";
    page.single("bunraku_access_log_dropped_total", Kind::Counter, help, listener.log_drops as f64);
    if let Some(waiting) = listener.waiting {
        let help = "Requests for certificates that wait for an operator.";
        page.single("bunraku_ca_certificates_waiting", Kind::Gauge, help, waiting as f64);
    }
}

fn lists(page: &mut Page, listener: &Listener<'_>) {
    let mut each = |name, help: &str, value: fn(&ListEnd, i64) -> Option<f64>| {
        let mut family = page.family(name, Kind::Gauge, help);
        for list in listener.lists {
            if let Some(value) = value(list, listener.now) {
                family.sample("", &[("issuer", &list.issuer)], value);
            }
        }
    };
    let help = "Time by which a revocation list is to be replaced, Unix time.";
    each("bunraku_crl_next_update_seconds", help, |list, _| Some(list.next_update as f64));
    let help = "Number of the revocation list that was last verified.";
    each("bunraku_crl_number", help, |list, _| list.number.map(|number| number as f64));
    let help = "Time since the revocation list that was last verified was issued.";
    each("bunraku_crl_age_seconds", help, |list, now| Some((now - list.this_update) as f64));
    let help = "Certificates on the revocation list that was last verified.";
    each("bunraku_crl_entries", help, |list, _| Some(list.entries as f64));
}
