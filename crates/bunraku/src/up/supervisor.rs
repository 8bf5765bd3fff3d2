//! Starts each role as a process of its own, starts it again when it dies, ends them all.

use crate::console::outln;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::report::{self, Shown};
use super::{addresses, readiness};
use crate::cli::UpArgs;
use crate::config::Config;

/// Set for a supervised process: the pid it must not outlive.
pub const SUPERVISOR_VARIABLE: &str = "BUNRAKU_SUPERVISOR";

/// First and longest wait before a dead process is started again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// A process that lived this long has recovered: the next back-off starts over.
const RECOVERED: Duration = Duration::from_secs(10);
/// How long a process may take to end when asked to.
const ENDING: Duration = Duration::from_secs(10);
/// How long everything may take to answer, before `up` says what does not.
const READY: Duration = Duration::from_secs(60);

/// One role's process.
struct Process {
    role: &'static str,
    name: String,
    address: String,
    access_log: PathBuf,
    child: Option<Child>,
    /// Those whose place another process has taken, and who finish what they have.
    leaving: Vec<Child>,
    started: Instant,
    back_off: Duration,
}

enum Event {
    Ready(Result<(), String>),
    Restart(usize),
}

/// Runs until SIGINT or SIGTERM. Exit code 0, or 1 when a process of `--no-restart` is dead at the end.
pub async fn run(config: Config, args: &UpArgs, started: Instant) -> anyhow::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let mut renew = signal(SignalKind::user_defined2())?;
    let mut processes = processes(&config);
    for process in &mut processes {
        process.child = Some(spawn(&config, process)?);
    }
    let (events, mut inbox) = mpsc::unbounded_channel();
    {
        let (config, events) = (config.clone(), events.clone());
        tokio::spawn(async move {
            let outcome = readiness::wait(&config, READY).await;
            let _ = events.send(Event::Ready(outcome));
        });
    }
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            // Each role reads the configuration again by itself, and opens its own logs.
            _ = hangup.recv() => {
                told_apart(&config);
                tell(&processes, Signal::HUP);
            }
            _ = reopen.recv() => tell(&processes, Signal::USR1),
            _ = renew.recv() => renew_front_end(&config, &mut processes)?,
            gone = any_ended(&mut processes) => match gone {
                Ended::Current(index, status) => {
                    ended(&mut processes[index], index, status, args.no_restart, &events);
                }
                Ended::Former(index, former) => drop(processes[index].leaving.remove(former)),
            },
            Some(event) = inbox.recv() => match event {
                Event::Ready(Ok(())) => announce(&config, args, &processes, started)?,
                Event::Ready(Err(what)) => eprintln!("not everything answers yet: {what}"),
                Event::Restart(index) => {
                    let process = &mut processes[index];
                    process.child = Some(spawn(&config, process)?);
                    process.started = Instant::now();
                    let pid = process.child.as_ref().and_then(Child::id).unwrap_or(0);
                    eprintln!("{} started again (pid {pid})", process.name);
                }
            },
        }
    }
    if !args.json {
        eprintln!("ending all processes");
    }
    end(&mut processes).await;
    Ok(0)
}

fn processes(config: &Config) -> Vec<Process> {
    let logdir = &config.main.logdir;
    addresses::of_roles(config)
        .into_iter()
        .map(|(name, address)| {
            let role = if name == config.front_end.name {
                "front-end"
            } else if config.ca_member(&name).is_some() {
                "ca"
            } else {
                "catalog"
            };
            let access_log = crate::roles::access_log_path(logdir, role, &address);
            let (started, back_off) = (Instant::now(), BACK_OFF.0);
            Process { role, name, address, access_log, child: None, leaving: Vec::new(), started, back_off }
        })
        .collect()
}

fn spawn(config: &Config, process: &Process) -> anyhow::Result<Child> {
    let executable = executable()?;
    let (path, log) = output_log(&config.main.logdir, &process.name)?;
    Command::new(executable)
        .args(["--config".as_ref(), config.path.as_os_str()])
        .args(["serve", "--role", process.role, "--name", &process.name, "--supervised"])
        // When one is there, it goes on until this one serves.
        .args((process.role == "front-end").then_some("--take-over"))
        .env(SUPERVISOR_VARIABLE, std::process::id().to_string())
        .env(crate::roles::OUTPUT_VARIABLE, path)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Its own group: Ctrl-C on the terminal reaches `up` alone, which then ends the roles in order.
        .process_group(0)
        .spawn()
        .with_context(|| format!("could not start {}", process.name))
}

/// This program as it is on the disk now: it may have been replaced by a newer one since this process was started.
fn executable() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("could not find this executable")?;
    // What Linux says of a file that is gone.
    let replaced = path.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.filter(|replaced| replaced.exists()).unwrap_or(path))
}

fn output_log(logdir: &Path, name: &str) -> anyhow::Result<(PathBuf, File)> {
    let path = logdir.join(format!("{name}.log"));
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("could not open {}", path.display()))?;
    Ok((path, file))
}

/// Which process of a role ended.
enum Ended {
    Current(usize, std::io::Result<ExitStatus>),
    /// One whose place another had taken.
    Former(usize, usize),
}

async fn any_ended(processes: &mut [Process]) -> Ended {
    let mut waits: Vec<Pin<Box<dyn Future<Output = Ended> + '_>>> = Vec::new();
    for (index, process) in processes.iter_mut().enumerate() {
        if let Some(child) = process.child.as_mut() {
            waits.push(Box::pin(async move { Ended::Current(index, child.wait().await) }));
        }
        for (former, child) in process.leaving.iter_mut().enumerate() {
            waits.push(Box::pin(async move {
                let _ = child.wait().await;
                Ended::Former(index, former)
            }));
        }
    }
    if waits.is_empty() {
        return std::future::pending().await;
    }
    first(waits).await
}

/// The first of `futures` to be done; the others are dropped (waiting for a child again loses nothing).
async fn first<F: Future + Unpin>(mut futures: Vec<F>) -> F::Output {
    std::future::poll_fn(move |context| {
        for future in &mut futures {
            if let std::task::Poll::Ready(output) = std::pin::Pin::new(future).poll(context) {
                return std::task::Poll::Ready(output);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

fn ended(
    process: &mut Process,
    index: usize,
    status: std::io::Result<ExitStatus>,
    no_restart: bool,
    events: &mpsc::UnboundedSender<Event>,
) {
    process.child = None;
    let how = status.map_or_else(|e| e.to_string(), |s| s.to_string());
    if no_restart {
        eprintln!("{} ended ({how}); it stays dead (--no-restart)", process.name);
        return;
    }
    if process.started.elapsed() >= RECOVERED {
        process.back_off = BACK_OFF.0;
    }
    let wait = process.back_off;
    process.back_off = (wait * 2).min(BACK_OFF.1);
    eprintln!("{} ended ({how}); starting it again in {} ms", process.name, wait.as_millis());
    let events = events.clone();
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        let _ = events.send(Event::Restart(index));
    });
}

fn announce(config: &Config, args: &UpArgs, processes: &[Process], started: Instant) -> anyhow::Result<()> {
    let ready_ms = started.elapsed().as_millis();
    let shown: Vec<Shown> = processes
        .iter()
        .map(|p| Shown {
            role: p.role,
            name: p.name.clone(),
            address: p.address.clone(),
            pid: p.child.as_ref().and_then(Child::id).unwrap_or(0),
            log: p.access_log.display().to_string(),
        })
        .collect();
    if args.json {
        outln!("{}", report::json(config, &shown, ready_ms));
        return Ok(());
    }
    let executable = std::env::args().next().unwrap_or_else(|| "bunraku".to_string());
    crate::console::print(&report::table(&shown));
    outln!("{}", crate::console::out("32", &format!("ready in {ready_ms} ms")));
    outln!("\n{}", report::next_steps(config, &executable));
    Ok(())
}

/// Starts the front end's program anew, as it is on the disk now: it takes the place of the old one, which ends by itself.
fn renew_front_end(config: &Config, processes: &mut [Process]) -> anyhow::Result<()> {
    for process in processes.iter_mut().filter(|process| process.role == "front-end") {
        process.leaving.extend(process.child.take());
        process.child = Some(spawn(config, process)?);
        process.started = Instant::now();
        let pid = process.child.as_ref().and_then(Child::id).unwrap_or(0);
        eprintln!("{}: a new process (pid {pid}) takes over", process.name);
    }
    Ok(())
}

/// Sends a signal to every process.
fn tell(processes: &[Process], signal: Signal) {
    for process in processes {
        for child in process.child.iter().chain(&process.leaving) {
            let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                // It may have ended by itself in between: nothing to do then.
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    }
}

/// Says what of another configuration only a restart brings about: which processes there are.
fn told_apart(config: &Config) {
    match Config::load(&config.path) {
        Ok(new) if addresses::of_roles(&new) != addresses::of_roles(config) => eprintln!(
            "{} names other processes now; start 'bunraku up' again to have them started and ended",
            config.path.display()
        ),
        Ok(_) => {}
        Err(fault) => eprintln!("{fault}\nThe old configuration goes on."),
    }
}

/// Asks every process to end; kills what has not ended in time.
async fn end(processes: &mut [Process]) {
    tell(processes, Signal::TERM);
    let deadline = tokio::time::Instant::now() + ENDING;
    for process in processes.iter_mut() {
        for child in process.child.iter_mut().chain(&mut process.leaving) {
            if tokio::time::timeout_at(deadline, child.wait()).await.is_err() {
                eprintln!("{} did not end within {} s; killed", process.name, ENDING.as_secs());
                let _ = child.kill().await;
            }
        }
    }
}
