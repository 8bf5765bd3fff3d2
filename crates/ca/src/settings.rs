//! What the configuration says about one CA member.

use crate::authority::Policy;
use crate::autosign::{Autosign, AutosignRules, Autosigner};
use access::LiveRules;
use pki::issue::SigningPolicy;
use replica::role::Timings;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wire::tls::{ClientTls, TrustBundle};

/// Puppet's `ca_ttl`: five years of 365 days, in seconds.
pub const FIVE_YEARS: i64 = 5 * 365 * 24 * 60 * 60;

/// What Puppet's packages set as `auto-renewal-cert-ttl`: 60 days, in seconds.
pub const SIXTY_DAYS: i64 = 60 * 24 * 60 * 60;

/// Requests that may wait, unless the configuration says otherwise.
pub const MAX_PENDING: usize = 10_000;

/// Requests that may wait from one address, unless the configuration says otherwise. More than a site behind one
/// address enrols before an operator looks, and no more than a tenth of the room that there is for all.
pub const MAX_PENDING_PER_SOURCE: usize = 1_000;

/// One CA member.
#[derive(Clone)]
pub struct CaSettings {
    /// Name of this member in the configuration (`ca-1`).
    pub name: String,
    /// Puppet's `cadir`.
    pub cadir: PathBuf,
    /// Puppet's `ca_ttl`, seconds.
    pub ca_ttl: i64,
    /// `allow-auto-renewal` of Puppet Server's `ca.conf`: agents may renew their certificates.
    pub allow_auto_renewal: bool,
    /// `auto-renewal-cert-ttl` of Puppet Server's `ca.conf`, seconds.
    pub auto_renewal_cert_ttl: i64,
    /// Puppet's `autosign`.
    pub autosign: Autosign,
    /// How long a policy executable may take.
    pub autosign_time_limit: Duration,
    /// How many policy executables may run at one time.
    pub autosign_at_once: usize,
    /// Added to the `GEM_PATH` of a policy executable, as `gem-path` of Puppet Server's `puppetserver.conf`.
    pub autosign_gem_path: String,
    /// Globs in the autosign list mean what they look like (see [`AutosignRules::strict_globs`]).
    pub strict_autosign_globs: bool,
    /// `allow-subject-alt-names` of Puppet Server's `ca.conf`.
    pub allow_subject_alt_names: bool,
    /// `allow-authorization-extensions` of Puppet Server's `ca.conf`.
    pub allow_authorization_extensions: bool,
    /// Puppet's `allow_duplicate_certs`.
    pub allow_duplicate_certs: bool,
    /// Requests that may wait for an operator. With so many, a stranger's new one is turned away, unless it is signed at
    /// once: everybody may send requests, and each takes memory and a file on every member.
    pub max_pending: usize,
    /// As many of them may come from one address (IPv6: from one /64).
    pub max_pending_per_source: usize,
    /// `enable-infra-crl` of Puppet Server's `ca.conf`: a list of the revocations of those nodes that
    /// `infra_inventory.txt` names is kept beside the full one, and agents get that.
    pub enable_infra_crl: bool,
    /// How long a start waits for a process that still has the directory, because it has been killed and is not gone yet. If
    /// it waits for that at all, it waits for room on a full disk without a limit.
    pub patience: Duration,
    /// Certnames of the estate's own roles and its operator: the ends of their certificates are warned of one by one.
    pub roles: Vec<String>,
    /// Certnames of the front ends: their `X-Client-*` headers are believed.
    pub front_ends: Vec<String>,
    /// Who may ask for what; exchanged when the configuration is read again.
    pub rules: LiveRules,
    /// How this member takes part in an estate with a standby; none for a CA that is alone.
    pub replication: Option<Replication>,
    /// Revocations that this process' own listener enforces; kept up to date by the CA that is in it.
    pub trust: Option<TrustBundle>,
}

/// How a member reaches the others.
#[derive(Clone)]
pub struct Replication {
    /// Identity of the estate; the front end has the same.
    pub cluster: String,
    /// All CA members, this one too.
    pub members: Vec<MemberAddress>,
    /// The ways to the register: the front end that keeps it, or all those that share one. They are asked in turn.
    pub registers: Vec<RegisterAddress>,
    /// This member's identity and whom it trusts, for connections to the others.
    pub tls: ClientTls,
    /// Limits of the protocol.
    pub timings: Timings,
}

/// Where a CA member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAddress {
    /// Its name in the configuration (`ca-2`).
    pub name: String,
    /// The name in its certificate.
    pub certname: String,
    /// `host:port`.
    pub address: String,
}

/// A way to the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterAddress {
    /// `host:port` of the front end.
    pub address: String,
    /// The name in its certificate.
    pub certname: String,
}

impl CaSettings {
    /// A CA that is alone, with Puppet's defaults.
    pub fn alone(name: impl Into<String>, cadir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            cadir: cadir.into(),
            ca_ttl: FIVE_YEARS,
            allow_auto_renewal: false,
            auto_renewal_cert_ttl: SIXTY_DAYS,
            autosign: Autosign::False,
            patience: Duration::ZERO,
            autosign_time_limit: AutosignRules::TIME_LIMIT,
            autosign_at_once: AutosignRules::AT_ONCE,
            autosign_gem_path: String::new(),
            strict_autosign_globs: false,
            allow_subject_alt_names: false,
            allow_authorization_extensions: false,
            allow_duplicate_certs: false,
            max_pending: MAX_PENDING,
            max_pending_per_source: MAX_PENDING_PER_SOURCE,
            enable_infra_crl: false,
            roles: Vec::new(),
            front_ends: Vec::new(),
            rules: LiveRules::packaged(),
            replication: None,
            trust: None,
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            ca_ttl: self.ca_ttl,
            auto_renewal_ttl: self.allow_auto_renewal.then_some(self.auto_renewal_cert_ttl),
            autosign: Arc::new(Autosigner::new(AutosignRules {
                setting: self.autosign.clone(),
                strict_globs: self.strict_autosign_globs,
                time_limit: self.autosign_time_limit,
                at_once: self.autosign_at_once,
                gem_path: self.autosign_gem_path.clone(),
            })),
            signing: SigningPolicy {
                allow_subject_alt_names: self.allow_subject_alt_names,
                allow_authorization_extensions: self.allow_authorization_extensions,
            },
            allow_duplicate_certs: self.allow_duplicate_certs,
            max_pending: self.max_pending,
            max_pending_per_source: self.max_pending_per_source,
            infra_list: self.enable_infra_crl,
            roles: self.roles.clone(),
        }
    }
}
