//! Real processes: started, watched, killed and started again.
//!
//! The binaries are this one, run again with a hidden first argument, so that no test depends on
//! what else was built. A child stands in a process group of its own, so that Ctrl-C reaches the
//! lab alone and the lab stops everything in order; it dies with the lab, however the lab ends.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tokio::sync::watch;

use crate::wait::{Look, until};

/// Names the process that a child must not outlive.
const PARENT: &str = "LAB_PARENT";
/// How long a process may take to say that it listens.
const START: Duration = Duration::from_secs(30);
/// How long a process may take to stop after SIGTERM: the promised 10 s, and some for a busy machine.
const STOP: Duration = Duration::from_secs(12);

/// Which program a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The kiosk.
    Kiosk,
    /// The backend.
    CloudSync,
}

impl Role {
    /// The hidden argument that makes this binary that program.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::CloudSync => "cloud-sync",
        }
    }
}

/// The binary that children are made of.
#[derive(Debug, Clone)]
pub struct Lab {
    binary: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Lab {
    /// A built `lab`; tests name it by `CARGO_BIN_EXE_lab`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            binary: path.into(),
            environment: Vec::new(),
        }
    }

    /// The same, for programs that are to see this in their environment.
    #[must_use]
    pub fn with(&self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let mut lab = self.clone();
        lab.environment.push((name.into(), value.into()));
        lab
    }

    /// This very process's binary.
    ///
    /// # Errors
    /// If the system does not say which that is.
    pub fn own() -> anyhow::Result<Self> {
        Ok(Self::at(std::env::current_exe()?))
    }

    fn command(&self, args: &[OsString]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).process_group(0);
        // What is set for the people at this machine must not reach the store in the box.
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("KIOSK_") || name_text.starts_with("CLOUD_SYNC_") {
                command.env_remove(&name);
            }
        }
        command.env(PARENT, std::process::id().to_string());
        let given = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(given);
        command
    }

    fn arguments(role: Role, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Vec<OsString> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        std::iter::once(OsString::from(role.argument()))
            .chain(args)
            .collect()
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If it can't be started.
    pub async fn run(
        &self,
        role: Role,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> anyhow::Result<Ended> {
        let mut command = self.command(&Self::arguments(role, args));
        let input = input.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .with_context(|| format!("{command:?} can't be started"))?;
            if let Some(mut stdin) = child.stdin.take() {
                // A command that does not read what it is told is no fault here.
                let _ = stdin.write_all(input.as_bytes());
            }
            let output = child.wait_with_output()?;
            Ok(Ended {
                code: output.status.code(),
                out: String::from_utf8_lossy(&output.stdout).into_owned(),
                err: String::from_utf8_lossy(&output.stderr).into_owned(),
            })
        })
        .await?
    }

    /// Starts a program whose standard error goes to `log` (at its end).
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(
        &self,
        role: Role,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> anyhow::Result<Child> {
        self.start_in(role, args, &[], log)
    }

    /// As [`Lab::start`], with more in its environment.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start_in(
        &self,
        role: Role,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        environment: &[(String, String)],
        log: &Path,
    ) -> anyhow::Result<Child> {
        let mut command = self.command(&Self::arguments(role, args));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Child::start(command, role.argument(), log)
    }

    /// Starts this binary as what it is.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start_itself(&self, args: &[&str], log: &Path) -> anyhow::Result<Child> {
        let args: Vec<_> = args.iter().map(OsString::from).collect();
        Child::start(self.command(&args), "lab", log)
    }

    /// Starts any other program, on a leash: it ends with the lab.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start_foreign(
        &self,
        program: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> anyhow::Result<Child> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        let leash = [OsString::from("leash"), OsString::from(program)];
        let args: Vec<_> = leash.into_iter().chain(args).collect();
        Child::start(self.command(&args), program, log)
    }
}

/// Makes this process die with the lab that started it; does nothing in any other process.
pub fn die_with_parent() {
    let Ok(parent) = std::env::var(PARENT) else {
        return;
    };
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // The parent may have gone before the request was made.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().to_string());
    if now != Some(parent) {
        std::process::exit(1);
    }
}

/// Becomes another program, which then dies with the lab.
pub fn leash(args: &[OsString]) -> anyhow::Error {
    let Some((program, args)) = args.split_first() else {
        return anyhow::anyhow!("leash: a program is missing");
    };
    let error = Command::new(program).args(args).exec();
    anyhow::anyhow!("{} can't be started: {error}", program.display())
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ended {
    /// The standard output of a command that went well.
    ///
    /// # Errors
    /// If it did not.
    pub fn fine(self, what: &str) -> anyhow::Result<String> {
        if self.code == Some(0) {
            Ok(self.out)
        } else {
            bail!(
                "{what}: exit code {:?}: {}{}",
                self.code,
                self.out,
                self.err
            )
        }
    }
}

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: std::process::Child,
    lines: watch::Receiver<Vec<String>>,
    log: PathBuf,
}

impl Child {
    fn start(mut command: Command, name: &str, log: &Path) -> anyhow::Result<Self> {
        let stderr = File::options().append(true).create(true).open(log);
        let stderr = stderr.with_context(|| format!("{} can't be written", log.display()))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("{name} can't be started"))?;
        let (lines_in, lines) = watch::channel(Vec::new());
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    lines_in.send_modify(|lines| lines.push(line));
                }
            });
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            lines,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output and gives what follows `start` in it.
    ///
    /// # Errors
    /// If the process ends first or takes too long, with the end of its log.
    pub async fn line(&self, start: &str) -> anyhow::Result<String> {
        let mut lines = self.lines.clone();
        let find = |lines: &Vec<String>| lines.iter().find_map(|line| rest(line, start));
        let told = lines.wait_for(|lines| find(lines).is_some());
        let found = match tokio::time::timeout(START, told).await {
            Ok(Ok(lines)) => find(&lines),
            _ => None,
        };
        found.with_context(|| {
            let log = self.log_end();
            format!(
                "{} did not say {start:?}; the end of its log:\n{log}",
                self.name
            )
        })
    }

    /// Waits until it says where it listens.
    ///
    /// # Errors
    /// As [`Child::line`].
    pub async fn listening(&self) -> anyhow::Result<SocketAddr> {
        address(&self.line("listening on http://").await?)
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines.split_at(lines.len().saturating_sub(25)).1.join("\n")
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGHUP.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn hang_up(&self) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("no process id")?, Signal::HUP)?;
        Ok(())
    }

    /// SIGTERM, and waits until it has stopped; says how long that took.
    ///
    /// # Errors
    /// If it does not stop in time.
    pub async fn terminate(&mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("no process id")?, Signal::TERM)?;
        self.ended(STOP).await
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// If it does not within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> anyhow::Result<(ExitStatus, Duration)> {
        let what = format!("{} ends", self.name);
        until(&what, limit, async || {
            Ok(match self.child.try_wait()? {
                Some(status) => Look::Done(status),
                None => Look::NotYet("it runs".to_owned()),
            })
        })
        .await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rest(line: &str, start: &str) -> Option<String> {
    line.strip_prefix(start).map(|rest| rest.trim().to_owned())
}

/// An address as the programs write it.
///
/// # Errors
/// If it is none.
pub fn address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse()
        .with_context(|| format!("{text:?} is not an address"))
}
