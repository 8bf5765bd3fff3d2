//! The shape of `bunraku ca …`: the verbs and flags of `puppetserver ca`, and those it never had.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use pki::KeyKind;

use super::failover::{FailoverArgs, HoldArgs, SwitchoverArgs};
use super::sync::SyncArgs;

#[derive(Debug, Args)]
pub struct CaArgs {
    /// Say each request to the CA, and other low-level matters (on stdout; on stderr with --json)
    #[arg(long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: CaCommand,
}

#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Revoke certificates and remove their files from the CA
    Clean(CleanArgs),
    /// Delete signed certificates from the CA's directory (the CA stopped, or --online)
    Delete(DeleteArgs),
    /// Make the files of the infrastructure's revocation list (the CA stopped, or --online)
    Enable(EnableArgs),
    /// Show what ends soon: certificates, the CA's own, revocation lists
    Expiring(ExpiringArgs),
    /// Make a member active that may lack acknowledged changes, when no other can be (asks first)
    Failover(FailoverArgs),
    /// Check the CA's directory against itself and its log
    Fsck(FsckArgs),
    /// Make keys and have their certificates signed
    Generate(GenerateArgs),
    /// Never fail back to a member that is under maintenance
    Hold(HoldArgs),
    /// Make a CA of a key and certificates from elsewhere
    Import(ImportArgs),
    /// List certificate requests, or all certificates
    List(ListArgs),
    /// Show who did what to which certificate, or check that record
    Log(LogArgs),
    /// Move the CA's directory out of ssldir, and leave a link (the CA must be stopped)
    Migrate(MigrateArgs),
    /// Remove entries from the CA's own revocation list (the CA stopped, or --online)
    Prune(PruneArgs),
    /// Renew the certificates of Bunraku's own roles and operator whose files are on this machine
    RenewRoles(RenewRolesArgs),
    /// Revoke certificates
    Revoke(RevokeArgs),
    /// Give the CA's own certificate a longer life (nodes need not be touched), or the CA a new key, in steps
    Rollover(RolloverArgs),
    /// Make a root and an intermediate CA, and the server's certificate
    Setup(SetupArgs),
    /// Sign certificate requests
    Sign(SignArgs),
    /// Make another member the active CA, in order, without losing anything
    Switchover(SwitchoverArgs),
    /// Bring one directory of Puppet Server's CA to the state of another, as a checked rsync would
    Sync(SyncArgs),
}

impl CaCommand {
    /// The names as they are meant: without blanks around them, each once, and without the empty ones that a comma too
    /// many leaves (`$(ls | tr '\n' ',')` does).
    pub fn tidy_names(&mut self) {
        let lists = match self {
            CaCommand::Clean(args) => vec![&mut args.certname],
            CaCommand::Delete(args) => vec![&mut args.certname],
            CaCommand::Generate(args) => vec![&mut args.certname],
            CaCommand::List(args) => vec![&mut args.certname],
            CaCommand::Log(args) => vec![&mut args.certname],
            CaCommand::Prune(args) => vec![&mut args.certname, &mut args.serial],
            CaCommand::RenewRoles(args) => vec![&mut args.certname],
            CaCommand::Revoke(args) => vec![&mut args.certname],
            CaCommand::Sign(args) => vec![&mut args.certname],
            _ => Vec::new(),
        };
        for list in lists {
            let mut seen = HashSet::new();
            let tidy = list.iter().map(|name| name.trim().to_string());
            *list = tidy.filter(|name| !name.is_empty() && seen.insert(name.clone())).collect();
        }
    }

    /// How the command is to tell its result.
    pub fn output(&self) -> &Output {
        match self {
            CaCommand::Clean(args) => &args.output,
            CaCommand::Delete(args) => &args.output,
            CaCommand::Enable(args) => &args.output,
            CaCommand::Expiring(args) => &args.output,
            CaCommand::Failover(args) => &args.output,
            CaCommand::Fsck(args) => &args.output,
            CaCommand::Generate(args) => &args.output,
            CaCommand::Hold(args) => &args.output,
            CaCommand::Import(args) => &args.output,
            CaCommand::List(args) => &args.output,
            CaCommand::Log(args) => &args.output,
            CaCommand::Migrate(args) => &args.output,
            CaCommand::Prune(args) => &args.output,
            CaCommand::RenewRoles(args) => &args.output,
            CaCommand::Revoke(args) => &args.output,
            CaCommand::Rollover(args) => &args.output,
            CaCommand::Setup(args) => &args.output,
            CaCommand::Sign(args) => &args.output,
            CaCommand::Switchover(args) => &args.output,
            CaCommand::Sync(args) => &args.output,
        }
    }
}

/// Which CA a `bunraku ca` command talks to.
#[derive(Debug, Clone, Args)]
pub struct CaTarget {
    /// Work on this CA directory: through the CA that owns it, else directly under an exclusive lock
    #[arg(long, value_name = "DIR")]
    pub cadir: Option<PathBuf>,
}

/// How a command tells its result.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// text or json
    #[arg(long, default_value = "text")]
    pub format: String,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

/// Where certificates and keys of hosts are kept.
#[derive(Debug, Clone, Args)]
pub struct HostFiles {
    /// Folder of certs/, private_keys/ and public_keys/ [default: the configuration's ssldir]
    #[arg(long, value_name = "DIR")]
    pub ssldir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// List signed and revoked certificates too
    #[arg(long)]
    pub all: bool,
    /// Only these certnames
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct SignArgs {
    /// The requests to sign
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// Sign all that wait
    #[arg(long)]
    pub all: bool,
    /// Life of each certificate: seconds, or with a unit (s, m, h, d, y)
    #[arg(long)]
    pub ttl: Option<String>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The certificates to revoke
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("step").args(["same_key", "new_key", "activate", "retire", "abort", "status", "request"])))]
pub struct RolloverArgs {
    /// Keep the CA's key: a longer life for its certificate (the default): docs/CA-ROLLOVER.md
    #[arg(long)]
    pub same_key: bool,
    /// Introduce a new key: it is trusted from now on, the present one goes on signing
    #[arg(long)]
    pub new_key: bool,
    /// Let the new key sign from now on; the former one is trusted still
    #[arg(long)]
    pub activate: bool,
    /// Trust the former key no longer; its file is kept
    #[arg(long)]
    pub retire: bool,
    /// Give the new key up before it is active
    #[arg(long)]
    pub abort: bool,
    /// Tell how far it is, and what still hangs on the old key
    #[arg(long)]
    pub status: bool,
    /// Kind of the new key: rsa2048, rsa3072, rsa4096, rsa8192, p256, p384 (also rsa:4096, ec:P-256) [default: that of the
    /// present one]
    #[arg(long, value_name = "KIND", requires = "new_key", value_parser = crate::cli::key_kind)]
    pub key_type: Option<KeyKind>,
    /// Name of the new CA certificate [default: the present name with a number]
    #[arg(long, value_name = "NAME", requires = "new_key")]
    pub ca_name: Option<String>,
    /// With --activate: although agents have not had the time; with --retire: although certificates hang on the old key
    #[arg(long, conflicts_with_all = ["same_key", "new_key", "abort", "status", "request"])]
    pub force: bool,
    /// Life of the new certificate from now on: seconds, or with a unit (d, y) [default: as long as it had]
    #[arg(long, conflicts_with_all = ["activate", "retire", "abort", "status"])]
    pub ttl: Option<String>,
    /// What the issuer above the CA has signed (PEM), for the present key or, with --new-key, for the one that waits; and
    /// what else of the chain is new
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "ttl", "key_type", "ca_name", "activate", "retire", "abort", "status"])]
    pub certificate: Option<PathBuf>,
    /// Change nothing, print a certificate request for the issuer above the CA
    #[arg(long, conflicts_with = "ttl")]
    pub request: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct RenewRolesArgs {
    /// Those that end within this time, besides those of a CA key that does not sign any more
    #[arg(long, value_name = "TIME", default_value = "90d")]
    pub within: String,
    /// All of them, whenever they end
    #[arg(long)]
    pub all: bool,
    /// Only these
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// A front end's, too, before agents have had the time to learn of the CA's new key
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct CleanArgs {
    /// The certnames to clean
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The certnames to make certificates for
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// More names for each certificate: DNS names, or with a prefix (DNS:, IP:)
    #[arg(long, value_name = "NAME[,NAME]")]
    pub subject_alt_names: Option<String>,
    /// The holder may operate the CA (pp_cli_auth); signed without the CA, which must be stopped, or by it (--online)
    #[arg(long)]
    pub ca_client: bool,
    /// With --ca-client: have the running CA sign it; on the machine of the active member alone
    #[arg(long, requires = "ca_client", conflicts_with = "force")]
    pub online: bool,
    /// With --ca-client: go on although nobody can tell whether a CA runs elsewhere
    #[arg(long)]
    pub force: bool,
    /// Life of each certificate: seconds, or with a unit (s, m, h, d, y)
    #[arg(long)]
    pub ttl: Option<String>,
    /// Kind of the keys: rsa2048, rsa3072, rsa4096, rsa8192, p256, p384 [default: rsa4096, or
    /// keylength of a puppet.conf]
    #[arg(long, value_parser = super::key_kind, value_name = "KIND")]
    pub key: Option<KeyKind>,
    #[command(flatten)]
    pub host: HostFiles,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Name in the server's certificate [default: this host's full name]
    #[arg(long, value_name = "NAME")]
    pub certname: Option<String>,
    /// Common name of the CA that signs [default: Puppet CA: CERTNAME]
    #[arg(long, value_name = "NAME")]
    pub ca_name: Option<String>,
    /// Common name of the root [default: Puppet Root CA: and 14 random digits]
    #[arg(long, value_name = "NAME")]
    pub root_ca_name: Option<String>,
    /// Names in the server's certificate besides its certname [default: puppet]
    #[arg(long, value_name = "NAME[,NAME]")]
    pub subject_alt_names: Option<String>,
    /// Kind of the keys: rsa2048, rsa3072, rsa4096, rsa8192, p256, p384 [default: rsa4096, or
    /// keylength of a puppet.conf]
    #[arg(long, value_parser = super::key_kind, value_name = "KIND")]
    pub key: Option<KeyKind>,
    #[command(flatten)]
    pub host: HostFiles,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Certificates of the signing CA and of those above it (PEM)
    #[arg(long, value_name = "FILE")]
    pub cert_bundle: Option<PathBuf>,
    /// Key of the signing CA (PEM)
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Revocation lists of the CAs in the bundle (PEM)
    #[arg(long, value_name = "FILE")]
    pub crl_chain: Option<PathBuf>,
    /// Name in the server's certificate [default: this host's full name]
    #[arg(long, value_name = "NAME")]
    pub certname: Option<String>,
    /// Names in the server's certificate besides its certname [default: puppet]
    #[arg(long, value_name = "NAME[,NAME]")]
    pub subject_alt_names: Option<String>,
    /// Kind of the server's key: rsa2048, rsa3072, rsa4096, rsa8192, p256, p384 [default: rsa4096, or
    /// keylength of a puppet.conf]
    #[arg(long, value_parser = super::key_kind, value_name = "KIND")]
    pub key: Option<KeyKind>,
    #[command(flatten)]
    pub host: HostFiles,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct EnableArgs {
    /// Make infra_crl.pem, for the nodes that infra_inventory.txt names
    #[arg(long)]
    pub infracrl: bool,
    /// Have the running CA do it
    #[arg(long)]
    pub online: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Where the directory goes [default: puppetserver/ca beside Puppet's own folder]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Those that have expired
    #[arg(long)]
    pub expired: bool,
    /// Those that have been revoked
    #[arg(long)]
    pub revoked: bool,
    /// Those of these names
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Have the running CA do it
    #[arg(long)]
    pub online: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct ExpiringArgs {
    /// What ends within this time from now: seconds, or with a unit (s, m, h, d, y)
    #[arg(long, value_name = "TIME", default_value = "60d")]
    pub within: String,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only what was done to these certnames
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// Only what was done to the certificate with this serial number (hexadecimal)
    #[arg(long, value_name = "NUMBER")]
    pub serial: Option<String>,
    /// Only what was done by this certname, from this address, or on the CA's machine (local)
    #[arg(long, value_name = "WHO")]
    pub actor: Option<String>,
    /// Only what was done since then: 2026-11-22, 2026-11-22T21:03, or how long ago (90s, 2h, 7d)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only the last so many of them
    #[arg(long, value_name = "COUNT")]
    pub last: Option<usize>,
    /// Wait for more, until interrupted
    #[arg(long, conflicts_with = "verify")]
    pub follow: bool,
    /// Check that nothing in the record was changed, put in or taken away
    #[arg(long, conflicts_with_all = ["certname", "serial", "actor", "since", "last"])]
    pub verify: bool,
    /// With --verify: the record must have the line of this head, which was noted elsewhere
    #[arg(long, value_name = "HEAD", requires = "verify")]
    pub head: Option<String>,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove all but the first entry of each certificate; done when nothing else is asked for
    #[arg(long)]
    pub remove_duplicates: bool,
    /// Remove the entries of expired certificates
    #[arg(long)]
    pub remove_expired: bool,
    /// Remove the entries that --serial and --certname name: their certificates are valid again
    #[arg(long)]
    pub remove_entries: bool,
    /// With --remove-entries: serial numbers in hexadecimal
    #[arg(long, value_name = "NUMBER[,NUMBER]", value_delimiter = ',')]
    pub serial: Vec<String>,
    /// With --remove-entries: certnames, all their certificates
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub certname: Vec<String>,
    /// Have the running CA do it
    #[arg(long)]
    pub online: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[derive(Debug, Args)]
pub struct FsckArgs {
    /// Mend what needs no decision (the CA must be stopped)
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub target: CaTarget,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(line: &str) -> CaCommand {
        let words = ["bunraku", "ca"].into_iter().chain(line.split(' '));
        let Command::Ca(mut args) = Cli::try_parse_from(words).unwrap().command else { panic!("{line}") };
        args.command.tidy_names();
        args.command
    }

    #[test]
    fn a_comma_too_many_names_nobody_and_a_name_given_twice_is_meant_once() {
        for line in ["sign --certname a,b,", "sign --certname a,,b,a", "sign --certname a --certname b,a"] {
            let CaCommand::Sign(args) = parse(line) else { panic!("{line}") };
            assert_eq!(args.certname, ["a", "b"], "{line}");
        }
        let CaCommand::Prune(args) = parse("prune --serial 1A,,1A,2B --certname ,") else { panic!() };
        assert_eq!((args.serial, args.certname.len()), (vec!["1A".to_string(), "2B".to_string()], 0));
    }

    #[test]
    fn of_a_flag_that_is_given_again_the_last_counts_and_names_add_up() {
        let CaCommand::Sign(args) = parse("sign --certname a --ttl 1d --certname b --ttl 2d") else {
            panic!()
        };
        assert_eq!((args.certname.len(), args.ttl.as_deref()), (2, Some("2d")));
        let CaCommand::List(args) = parse("list --all --all --json --json") else { panic!() };
        assert!(args.all && args.output.json);
        let cli = Cli::try_parse_from(["bunraku", "ca", "list", "--config", "a", "--config", "b"]).unwrap();
        assert_eq!(cli.config, Some("b".into()));
    }

    #[test]
    fn flags_may_be_cut_short_as_long_as_they_are_told_apart() {
        let CaCommand::Sign(args) = parse("sign --cert a --tt 1d") else { panic!() };
        assert_eq!((args.certname, args.ttl.as_deref()), (vec!["a".to_string()], Some("1d")));
        assert!(Cli::try_parse_from(["bunraku", "ca", "import", "--cert", "a"]).is_err());
    }
}
