//! Load on a CA's own port that costs little itself: blocking connections, prepared requests, answers of which no more
//! is read than a status and a length. Generator and CA share the processors, so what the one spares the other has.

pub mod args;
pub mod crowd;
mod directory;
mod directory_files;
mod enrol;
mod get;
pub mod line;
mod list;
pub mod message;
mod only_sign;
mod revoke;
mod sign_rate;
mod sync_rate;
pub mod usage;
mod wait;

use crate::cli::Cli;
use crate::show;
use args::{DoorArgs, LeanCommand};
use line::Door;

/// Whether all requests succeeded.
pub fn run(cli: &Cli, command: &LeanCommand) -> anyhow::Result<bool> {
    let door = |args: &DoorArgs| Door::new(&cli.server, &cli.name, args);
    match command {
        LeanCommand::CaEnrol(args) => show(enrol::run(&door(&args.door)?, args)?, cli.json),
        LeanCommand::CaGet(args) => show(get::run(&door(&args.door)?, args)?, cli.json),
        LeanCommand::CaRevoke(args) => show(revoke::run(&door(&args.door)?, args)?, cli.json),
        LeanCommand::CaList(args) => show(list::run(&door(&args.door)?, args)?, cli.json),
        LeanCommand::CaWait(args) => show(wait::run(&door(&args.door)?, args)?, cli.json),
        LeanCommand::SignRate(args) => show(sign_rate::run(args)?, cli.json),
        LeanCommand::OnlySign(args) => only_sign::run(args).map(|()| true),
        LeanCommand::SyncRate(args) => show(sync_rate::run(args)?, cli.json),
        LeanCommand::MakeDirectory(args) => show(directory::run(args)?, cli.json),
    }
}
