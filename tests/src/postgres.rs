//! A PostgreSQL server of a test's own: a new cluster in a temporary folder, reached by a socket in it.
//!
//! It keeps what it has committed as a real one does (`fsync=on`), so that it can be killed. It runs as
//! an unprivileged user, ends with the thread that started it at the latest, and is stopped by its pid.

use std::io::{self, Error};
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where Debian puts the server's programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// The user that Debian's package makes; a server refuses to run as root.
const USER: &str = "postgres";
/// The database that is there from the beginning.
pub const FIRST: &str = "postgres";
/// How long a start may take, recovery included.
const START: Duration = Duration::from_secs(60);
/// Between two looks whether the server answers.
const LOOK: Duration = Duration::from_millis(20);

/// A cluster and its server.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    server: Option<Child>,
    settings: Vec<String>,
}

impl Cluster {
    /// Makes a cluster and starts its server.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        let programs = programs()?;
        let user = unprivileged()?;
        let name = format!("stillopen-pg-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder)?;
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group))?;
        }
        let mut cluster = Self {
            folder,
            programs,
            user,
            server: None,
            settings: settings.iter().map(|text| (*text).to_owned()).collect(),
        };
        cluster.make()?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Copies a cluster that is made once for this machine: making one takes seconds.
    fn make(&self) -> io::Result<()> {
        let (version, user) = (self.version(), self.user.map_or(0, |(user, _)| user));
        let name = format!("stillopen-pg-{version}-{user}");
        let pattern = std::env::temp_dir().join(name);
        if !pattern.exists() {
            let making = self.folder.join("pattern");
            let mut make = self.command("initdb");
            make.arg("-D").arg(&making);
            make.args([
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ]);
            run(make.arg("--wal-segsize=4"))?;
            // Whoever was faster has made the same.
            let _ = std::fs::rename(&making, &pattern);
        }
        run(Command::new("cp").arg("-a").arg(&pattern).arg(self.data()))
    }

    fn version(&self) -> String {
        let above = self.programs.parent().and_then(Path::file_name);
        above.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Starts the server of a cluster whose server has ended, and waits until it answers.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.log())?;
        let mut serve = self.command("postgres");
        serve.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        let fixed = [
            "listen_addresses=",
            "fsync=on",
            "synchronous_commit=on",
            "shared_buffers=64MB",
            "max_connections=100",
            "max_wal_size=1GB",
        ];
        for setting in fixed
            .into_iter()
            .chain(self.settings.iter().map(String::as_str))
        {
            serve.args(["-c", setting]);
        }
        let log_too = log.try_clone()?;
        let serve = serve.stdin(Stdio::null()).stdout(log).stderr(log_too);
        self.server = Some(serve.spawn()?);
        let mut waited = Duration::ZERO;
        while !self.answers() {
            let ended = self
                .server
                .as_mut()
                .map(Child::try_wait)
                .transpose()?
                .flatten();
            if ended.is_some() || waited >= START {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(Error::other(format!("PostgreSQL did not start: {log}")));
            }
            pause(LOOK);
            waited += LOOK;
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let mut look = self.command("pg_isready");
        look.arg("-q").arg("-h").arg(&self.folder);
        look.status().is_ok_and(|status| status.success())
    }

    /// The URL of the database that is there from the beginning, empty.
    #[must_use]
    pub fn first(&self) -> String {
        self.url(FIRST)
    }

    /// Makes a database; its URL.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn database(&self, name: &str) -> io::Result<String> {
        self.sql(FIRST, &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(name))
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://{USER}@/{database}?host={folder}")
    }

    /// The socket by which the server is reached.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Runs a statement, and gives what it says.
    ///
    /// # Errors
    /// If it fails.
    pub fn sql(&self, database: &str, statement: &str) -> io::Result<String> {
        let mut psql = self.command("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            database,
        ]);
        psql.arg("-h").arg(&self.folder).arg("-c").arg(statement);
        let output = psql.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::other(format!("{statement}: {told}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Puts a backup of a database into another, new one; the URL of that.
    ///
    /// # Errors
    /// If it can't be made or put back.
    pub fn copy(&self, from: &str, to: &str) -> io::Result<String> {
        let backup = self.folder.join(format!("{to}.sql"));
        let mut dump = self.command("pg_dump");
        dump.args(["-U", USER, "-d", from, "-h"]).arg(&self.folder);
        run(dump.arg("-f").arg(&backup))?;
        let url = self.database(to)?;
        let mut restore = self.command("psql");
        restore.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            to,
            "-h",
        ]);
        run(restore.arg(&self.folder).arg("-f").arg(&backup))?;
        Ok(url)
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// Ends the server as a crash of its machine's software would: at once, all its processes with it.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        server.kill()?;
        let status = server.wait()?;
        debug_assert_eq!(status.signal(), Some(9));
        // Its children see that it is gone and end; a new server waits for them.
        Ok(())
    }

    /// Stops the server and waits for it: connections are ended, transactions rolled back.
    ///
    /// # Errors
    /// If it can't be told or waited for.
    pub fn stop(&mut self) -> io::Result<()> {
        self.end("-INT")
    }

    fn end(&mut self, signal: &str) -> io::Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        let pid = server.id().to_string();
        Command::new("kill").args([signal, &pid]).status()?;
        server.wait()?;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// One of the server's programs, to be run as a user who may run it.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=INT");
        if let Some((user, group)) = self.user {
            command.arg(format!("--reuid={user}"));
            command.arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.arg(path).current_dir("/").env("LC_ALL", "C");
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody will ask for what is in it.
        let _ = self.end("-QUIT");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program is waited for, which tells nobody when it is ready"
)]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::other(told))
}

/// The programs of the newest version that is installed.
fn programs() -> io::Result<PathBuf> {
    let missing = || Error::other("PostgreSQL is not installed: apt install postgresql");
    let installed = std::fs::read_dir(PROGRAMS).map_err(|_| missing())?;
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path));
    Ok(newest.ok_or_else(missing)?.join("bin"))
}

/// User and group to run as, if this process is root.
fn unprivileged() -> io::Result<Option<(u32, u32)>> {
    let own = std::fs::read_to_string("/proc/self/status")?;
    let own = own.lines().find_map(|line| line.strip_prefix("Uid:"));
    if own.and_then(|ids| ids.split_whitespace().next()) != Some("0") {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let ids = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == USER).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some)
        .ok_or_else(|| Error::other("there is no user postgres to run the server as"))
}
