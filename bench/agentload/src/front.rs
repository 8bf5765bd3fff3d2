//! Load on a front end, and the static servers behind it: agents with certificates of their own on one thread, so that
//! the front end has the other processor to itself.

mod agents;
pub mod args;
mod closed;
mod idle;
mod line;
mod open;
mod revoked;
mod script;
mod statics;
mod sum;

use crate::cli::Cli;
use crate::show;
use agents::Agents;
use args::FrontCommand;

/// Whether all requests succeeded.
pub fn run(cli: &Cli, command: &FrontCommand) -> anyhow::Result<bool> {
    let agents = |who| Agents::load(&cli.server, &cli.name, who);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        match command {
            FrontCommand::Front(args) => match args.rate {
                None => show(closed::run(agents(&args.who)?, args).await?, cli.json),
                Some(rate) => show(open::run(agents(&args.who)?, args, rate).await?, cli.json),
            },
            FrontCommand::FrontIdle(args) => show(idle::run(agents(&args.who)?, args).await?, cli.json),
            FrontCommand::FrontRevoked(args) => show(revoked::run(agents(&args.who)?, args).await?, cli.json),
            FrontCommand::Static(args) => statics::run(args).await.map(|()| true),
        }
    }))
}
