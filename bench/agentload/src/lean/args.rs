//! Flags of the lean modes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};

#[derive(Debug, Subcommand)]
pub enum LeanCommand {
    /// A CA's own port: PUT signing requests on kept connections
    CaEnrol(CaEnrolArgs),
    /// A CA's own port: GET certificates on kept connections
    CaGet(CaGetArgs),
    /// A CA's own port: revoke certificates, as the operator
    CaRevoke(CaRevokeArgs),
    /// A CA's own port: list all certificates, as the operator
    CaList(CaListArgs),
    /// A CA's own port: ask until the first answer
    CaWait(CaWaitArgs),
    /// No load: how many signatures a second the processors can make
    SignRate(SignRateArgs),
    /// A server to put the load of `ca-enrol` on: it signs and keeps nothing
    OnlySign(OnlySignArgs),
    /// No load: how long the disk takes to keep what is written
    SyncRate(SyncRateArgs),
    /// No load: make a CA directory with any number of certificates
    MakeDirectory(MakeDirectoryArgs),
}

/// How a CA is reached.
#[derive(Debug, Args)]
pub struct DoorArgs {
    /// The CA bundle that its certificate is verified with
    #[arg(long, value_name = "FILE")]
    pub cacert: PathBuf,
    /// Client certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Process id of the CA: tell its processor time too
    #[arg(long)]
    pub pid: Option<u32>,
    /// Seconds until an answer that does not come is a failure
    #[arg(long, default_value_t = 60, value_parser = value_parser!(u64).range(1..=600))]
    pub patience: u64,
}

#[derive(Debug, Args)]
pub struct CaEnrolArgs {
    #[command(flatten)]
    pub door: DoorArgs,
    /// Connections, each kept
    #[arg(short = 'c', long, default_value_t = 8, value_parser = value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 8, value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// At most so many; the requests are made before the clock starts
    #[arg(long, default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=2_000_000))]
    pub count: u32,
    /// GET each certificate after its request
    #[arg(long)]
    pub fetch: bool,
}

#[derive(Debug, Args)]
pub struct CaGetArgs {
    #[command(flatten)]
    pub door: DoorArgs,
    /// Connections, each kept
    #[arg(short = 'c', long, default_value_t = 16, value_parser = value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 8, value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// File of certnames, one a line, whose certificates are fetched in turn
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
    /// Paths to fetch in turn
    #[arg(required_unless_present = "names")]
    pub paths: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CaRevokeArgs {
    #[command(flatten)]
    pub door: DoorArgs,
    /// File of certnames, one a line
    #[arg(long, value_name = "FILE")]
    pub names: PathBuf,
    /// So many names of the file are left out, because they have been revoked
    #[arg(long, default_value_t = 0)]
    pub skip: usize,
    /// Revoke so many
    #[arg(long, default_value_t = 20)]
    pub count: usize,
    /// So many at once
    #[arg(short = 'c', long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=4096))]
    pub connections: u32,
}

#[derive(Debug, Args)]
pub struct CaListArgs {
    #[command(flatten)]
    pub door: DoorArgs,
    /// So many times, one after the other
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=1000))]
    pub count: u32,
}

#[derive(Debug, Args)]
pub struct CaWaitArgs {
    #[command(flatten)]
    pub door: DoorArgs,
    /// Give up after so many seconds
    #[arg(short = 't', long, default_value_t = 180, value_parser = value_parser!(u64).range(1..=1800))]
    pub seconds: u64,
    /// Asked again until the answer is 200
    pub path: String,
}

/// Kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Key {
    /// RSA, 4096 bits
    Rsa,
    /// EC, P-256
    Ec,
}

impl Key {
    pub fn kind(self) -> pki::KeyKind {
        match self {
            Key::Rsa => pki::KeyKind::Rsa4096,
            Key::Ec => pki::KeyKind::EcP256,
        }
    }
}

#[derive(Debug, Args)]
pub struct SignRateArgs {
    #[arg(long, value_enum, default_value = "rsa")]
    pub key: Key,
    /// Threads [default: one for each processor]
    #[arg(long, value_parser = value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 3, value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
}

#[derive(Debug, Args)]
pub struct OnlySignArgs {
    /// Address and port, loopback only
    #[arg(long)]
    pub listen: std::net::SocketAddr,
    /// A directory that `make-directory` has made: its CA and its server's certificate
    pub directory: PathBuf,
}

#[derive(Debug, Args)]
pub struct SyncRateArgs {
    /// A folder on the disk
    pub dir: PathBuf,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 2, value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
}

#[derive(Debug, Args)]
pub struct MakeDirectoryArgs {
    /// Made by this: `ca` (the CA directory), `identity` (a server's and an operator's certificate and key), `names`
    pub dir: PathBuf,
    /// Kind of the CA's key
    #[arg(long, value_enum, default_value = "ec")]
    pub key: Key,
    /// Certificates in `signed`
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(0..=5_000_000))]
    pub signed: u32,
    /// Of these, revoked
    #[arg(long, default_value_t = 0)]
    pub revoked: u32,
    /// Certificates that were revoked and removed: rows of the inventory and of the revocation list
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=5_000_000))]
    pub cleaned: u32,
}
