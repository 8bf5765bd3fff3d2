//! The `bunraku` binary: reads the command line, calls one library, sets the exit code.

#![forbid(unsafe_code)]

mod cli;
mod cmd;
mod config;
mod config_import;
mod console;
mod log_lines;
mod operator;
mod roles;
mod up;

use clap::Parser;
use std::process::ExitCode;

/// The C library's allocator keeps what connections have freed between what they go on holding: an idle one costs 17 to 21 kB
/// with it, and 15 with this one (docs/PERFORMANCE.md). Requests cost the same; each process takes a megabyte more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help goes to stdout with 0; a wrong command line exits 1, as `puppet` and `puppetserver ca` do.
            let _ = e.print();
            return ExitCode::from(u8::from(e.use_stderr()));
        }
    };
    let code = match cmd::run(cli) {
        Ok(code) => code,
        Err(e) => {
            console::complain(&format!("{} {e:#}\n", console::error_label()));
            1
        }
    };
    ExitCode::from(code)
}
