//! `bunraku serve --role R --name N`: one role of a deployment, in this process.

use anyhow::Context;

use crate::cli::{Role, ServeArgs};
use crate::config::Config;
use crate::log_lines::LogLines;
use crate::roles;
use crate::up::SUPERVISOR_VARIABLE;

/// Serves until SIGTERM or SIGINT.
pub fn run(config: Config, args: &ServeArgs) -> anyhow::Result<u8> {
    if args.alone && args.role != Role::Ca {
        anyhow::bail!("--alone is for a CA");
    }
    if args.join && args.role != Role::Ca {
        anyhow::bail!("--join is for a CA");
    }
    if args.take_over && args.role != Role::FrontEnd {
        anyhow::bail!("--take-over is for a front end");
    }
    if args.join {
        super::block_on(roles::joining::prepare(&config, &args.name))??;
    }
    if args.supervised {
        end_with_supervisor()?;
    }
    let log = LogLines::to(std::io::stdout()).context("no thread for the log")?;
    tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("BUNRAKU_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_ansi(false)
        .with_target(false)
        .init();
    small_pages();
    let (role, name, alone, join) = (args.role, args.name.clone(), args.alone, args.join);
    let take_over = args.take_over;
    let serving = async move {
        if join {
            tokio::spawn(roles::joining::tell(config.clone(), name.clone()));
        }
        match role {
            Role::FrontEnd => roles::front_end::serve(&config, &name, take_over).await,
            Role::Ca => roles::certificate_authority::serve(&config, &name, alone).await,
            Role::Catalog => roles::catalog::serve(&config, &name).await,
        }
    };
    // A task, so that the listener is where its connections are: what `block_on` itself waits for runs on another thread
    // than they do, and each new connection would wake both.
    let served = runtime(role).map(|runtime| runtime.block_on(async { tokio::spawn(serving).await }));
    log.flush();
    served???;
    Ok(0)
}

/// Asks the kernel to leave memory in pages of 4 kB, whatever the machine's default is: it would put one of 2 MB in the place
/// of those that the allocator has given back, and a role that does nothing would grow by ten megabytes.
fn small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        // A kernel without huge pages.
        tracing::debug!(%error, "huge pages stay as they are");
    }
}

/// A thread for each processor; a front end that has one processor does everything on one thread, without handing work
/// from one to the other.
fn runtime(role: Role) -> std::io::Result<tokio::runtime::Runtime> {
    let alone = std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1);
    let mut builder = match role {
        Role::FrontEnd if alone => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// Asks the kernel for SIGTERM when the supervisor dies, however it dies.
fn end_with_supervisor() -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    let supervisor = std::env::var(SUPERVISOR_VARIABLE).context("--supervised is for 'bunraku up'")?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    // It may have died before the kernel was asked.
    if parent.as_deref() != Some(supervisor.as_str()) {
        anyhow::bail!("the process that started this one has ended");
    }
    Ok(())
}
