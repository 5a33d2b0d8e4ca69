//! The command line: what was asked for, and how it ended.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kiosk_core::ids::{KioskId, StoreId};

use crate::commands::{self, Enrolment};
use crate::config::{self, Config, Given};
use crate::import;
use crate::keys;
use crate::ledger::{LedgerError, Place};
use crate::logs::{self, LogFormat};
use crate::serve;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const CONFIGURATION: u8 = 64;

const EXAMPLES: &str = "Examples:
  cloud-sync serve --data-dir /var/lib/cloud-sync
  echo 'a long password' | cloud-sync user add --data-dir /var/lib/cloud-sync --name hq --role admin
  cloud-sync enroll --data-dir /var/lib/cloud-sync --store canal-street --kiosk front-left --out credential.json

Exit codes: 0 fine, 1 failed, 2 usage, 64 bad configuration.";

/// The backend of Stillopen: receives the orders of kiosks, each exactly once.
#[derive(Debug, Parser)]
#[command(name = "cloud-sync", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How log lines on standard error are written.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "CLOUD_SYNC_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// What is logged, such as info, debug or cloud_sync::ingest=debug.
    #[arg(
        long,
        global = true,
        default_value = "info,rmqtt=warn,rmqtt_net=warn",
        env = "CLOUD_SYNC_LOG"
    )]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves kiosks and headquarters.
    #[command(after_help = "Examples:
  cloud-sync serve --data-dir /var/lib/cloud-sync
  cloud-sync serve --data-dir ./data --listen 127.0.0.1:0 --mqtt-listen 127.0.0.1:0
  cloud-sync serve --data-dir ./data --listen-https 0.0.0.0:9443 --mqtt-listen-tls 0.0.0.0:8883
  cloud-sync serve --data-dir ./data --mqtt mqtts://cloud-sync@b1.example --mqtt mqtts://cloud-sync@b2.example \\
    --mqtt-password-file acl/cloud-sync.password
  cloud-sync serve --database postgres://cloud:secret@db.example/stillopen --mqtt mqtt://127.0.0.1

Without --mqtt it runs a broker of its own. The certificate for HTTPS and MQTT is the one that [https]
of the configuration names, or one that cloud-sync vouches for itself; credentials tell kiosks to
trust it.")]
    Serve(ServeArgs),
    /// Gives a kiosk its credential; works while serving.
    #[command(after_help = "Example:
  cloud-sync enroll --data-dir ./data --store canal-street --kiosk front-left --out credential.json")]
    Enroll(EnrollArgs),
    /// Takes a kiosk's access away; what it still sends is kept in quarantine. Works while serving.
    #[command(after_help = "Example:
  cloud-sync revoke --data-dir ./data --store canal-street --kiosk front-left")]
    Revoke(KioskArgs),
    /// Writes what a broker of your own needs to obey the rules of the embedded one: its access list,
    /// its passwords, its settings. Kept up to date from then on, at each enrolment and revocation.
    #[command(after_help = "Example:
  cloud-sync broker-acl --data-dir ./data --for mosquitto --out /etc/mosquitto/stillopen
  chgrp -R mosquitto /etc/mosquitto/stillopen
  kill -HUP $(pidof mosquitto)       # reads them anew; so after each enrolment and revocation

Works while serving. --service names an account for each cloud-sync that serves; its password is made
once and stands in NAME.password beside the other files. The same folder can be copied to any number
of brokers. Below each listener of the broker stands: use_username_as_clientid true")]
    BrokerAcl(BrokerAclArgs),
    /// Which broker the kiosks of each store use.
    #[command(subcommand)]
    Broker(BrokerCommand),
    /// Signs with a new key from now on, for which the one before gives its word. Works while serving;
    /// kiosks follow by themselves, also those that were away for several keys.
    #[command(after_help = "Example:
  cloud-sync rotate-key --data-dir ./data
  cloud-sync rotate-key --data-dir ./data --key-file /safe/place/2026-11.key

A ledger put back from a backup that is older than a key can't be believed by kiosks that follow that
key. Say the same command again with the same file, once for each key since the backup, in the order
in which they were made.")]
    RotateKey(RotateArgs),
    /// Has all kiosks send again what this ledger does not hold: after it was put back from a backup
    /// and kiosks did not notice by themselves. Works while serving.
    #[command(after_help = "Example:
  cloud-sync new-generation --data-dir ./data")]
    NewGeneration(LedgerArgs),
    /// People at headquarters.
    #[command(subcommand)]
    User(UserCommand),
    /// Takes in exported files, through the same door as kiosks; works while serving.
    #[command(after_help = "Example:
  cloud-sync import --data-dir ./data front-left.sox")]
    Import(ImportArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The folder of the ledger; made if need be. With a database it can be left out.
    #[arg(long, env = "CLOUD_SYNC_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to serve HTTP [default: 127.0.0.1:9080]
    #[arg(long, env = "CLOUD_SYNC_LISTEN", value_name = "ADDR")]
    listen: Option<String>,
    /// Where to serve HTTPS too.
    #[arg(long, env = "CLOUD_SYNC_LISTEN_HTTPS", value_name = "ADDR")]
    listen_https: Option<String>,
    /// Where the embedded broker serves MQTT [default: 127.0.0.1:1883]
    #[arg(long, env = "CLOUD_SYNC_MQTT_LISTEN", value_name = "ADDR")]
    mqtt_listen: Option<String>,
    /// Where the embedded broker serves MQTT encrypted too.
    #[arg(long, env = "CLOUD_SYNC_MQTT_LISTEN_TLS", value_name = "ADDR")]
    mqtt_listen_tls: Option<String>,
    /// A broker of your own instead of the embedded one, as mqtts://user:password@host; may be given
    /// several times, and all are served at once.
    #[arg(long, env = "CLOUD_SYNC_MQTT", value_name = "URL")]
    mqtt: Vec<String>,
    /// The password for brokers whose URL names a user alone.
    #[arg(long, env = "CLOUD_SYNC_MQTT_PASSWORD_FILE", value_name = "FILE")]
    mqtt_password_file: Option<PathBuf>,
    /// Certificates (PEM) of authorities that vouch for your brokers, beside those that this machine trusts.
    #[arg(long, env = "CLOUD_SYNC_MQTT_CA", value_name = "FILE")]
    mqtt_ca: Option<PathBuf>,
    /// The ledger's PostgreSQL database, if not a file in the data folder. Several processes may serve
    /// from one, with `--mqtt` to brokers that they all use.
    #[arg(long, env = "CLOUD_SYNC_DATABASE", value_name = "URL")]
    database: Option<String>,
    /// Serve other machines, and call their brokers, without encryption: only on a network that is yours alone.
    #[arg(long, env = "CLOUD_SYNC_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
    /// A TOML file with these settings, under the flags' names.
    #[arg(long, env = "CLOUD_SYNC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which ledger a command works on.
#[derive(Debug, Args)]
struct LedgerArgs {
    /// The folder of the ledger; made if need be.
    #[arg(long, env = "CLOUD_SYNC_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The ledger's database, if not a file in the data folder.
    #[arg(long, env = "CLOUD_SYNC_DATABASE", value_name = "URL")]
    database: Option<String>,
    /// Reach a database on another machine without encryption.
    #[arg(long, env = "CLOUD_SYNC_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
}

#[derive(Debug, Args)]
struct KioskArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The store: a-z, 0-9 and -.
    #[arg(long, value_parser = StoreId::try_new)]
    store: StoreId,
    /// The kiosk: a-z, 0-9 and -.
    #[arg(long, value_parser = KioskId::try_new)]
    kiosk: KioskId,
}

#[derive(Debug, Args)]
struct EnrollArgs {
    #[command(flatten)]
    kiosk: KioskArgs,
    /// Where the kiosk finds cloud-sync [default: where it serves, or last served]
    #[arg(long, value_name = "URL")]
    cloud: Option<String>,
    /// Where the kiosk finds the broker [default: where it serves, or last served]
    #[arg(long, value_name = "URL")]
    mqtt: Option<String>,
    /// Certificates (PEM) of the only authorities that the kiosk is to trust for both [default:
    /// cloud-sync's own if it vouches for itself, else those that the kiosk's machine trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// After so many days headquarters is warned that the credential is old. Sync goes on regardless.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    valid_days: Option<u16>,
    /// Puts the kiosk into this group, in which headquarters can switch and set things for it; may
    /// be given several times. Without any, the kiosk stays in the groups that it is in.
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// The credential's file; readable by its owner alone.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum BrokerCommand {
    /// Has the kiosks of a store move to a broker; works while serving.
    #[command(after_help = "Examples:
  cloud-sync broker assign --data-dir ./data --store canal-street --mqtt mqtts://b2.example --reason 'b1 is full'
  cloud-sync broker assign --data-dir ./data --store canal-street --reason 'back to what its credentials say'

Kiosks hear of it by their broker or over HTTP, and it holds through a restart. --mqtt of kiosk serve wins.")]
    Assign(AssignArgs),
    /// Lists the brokers that are served, and the stores with theirs.
    #[command(after_help = "Example:
  cloud-sync broker list --data-dir ./data")]
    List(LedgerArgs),
}

#[derive(Debug, Args)]
struct AssignArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The store.
    #[arg(long, value_parser = StoreId::try_new)]
    store: StoreId,
    /// The broker, one that cloud-sync serves; without it the one that each credential names.
    #[arg(long, value_name = "URL")]
    mqtt: Option<String>,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Brokers for which files can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Eclipse Mosquitto 2
    Mosquitto,
}

#[derive(Debug, Args)]
struct RotateArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Sign with the key in this file, made if there is none. Keep it apart from the ledger's backups
    /// and as safe as those.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct BrokerAclArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Which broker.
    #[arg(long = "for", value_enum)]
    kind: Kind,
    /// The folder for the files; made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// An account for a cloud-sync that serves; may be given several times.
    #[arg(long = "service", value_name = "NAME", default_value = "cloud-sync", value_parser = StoreId::try_new)]
    services: Vec<StoreId>,
    /// The broker that the files are for, where there are several: kiosks of stores that are assigned
    /// to another one get no account. May be run once for each broker, with a folder each.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Adds a user, or sets the role and password of one; the password comes on standard input.
    #[command(after_help = "Example:
  echo 'a long password' | cloud-sync user add --data-dir ./data --name hq --role admin")]
    Add(UserArgs),
}

#[derive(Debug, Args)]
struct UserArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// What the user signs in with.
    #[arg(long)]
    name: String,
    /// admin, editor (publishes menus, turns switches, replays events) or viewer.
    #[arg(long, value_parser = ["admin", "editor", "viewer"])]
    role: String,
}

#[derive(Debug, Args)]
struct ImportArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Files that `kiosk export` wrote.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// How a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Failed(String),
    Configuration(Vec<String>),
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(told: String) -> Self {
        Self::Failed(told)
    }
}

/// Runs the command line `args`, program name first, to its end.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version are errors to clap, but fine.
            let code = if told.use_stderr() { USAGE } else { 0 };
            let _ = told.print();
            return ExitCode::from(code);
        }
    };
    logs::start(cli.log_format, &cli.log);
    match command(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(told)) => {
            eprintln!("cloud-sync: {told}");
            ExitCode::from(FAILED)
        }
        Err(Failure::Configuration(faults)) => {
            for fault in faults {
                eprintln!("cloud-sync: configuration: {fault}");
            }
            ExitCode::from(CONFIGURATION)
        }
    }
}

async fn command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => {
            let config = Config::check(args.given()).map_err(Failure::Configuration)?;
            serve::serve(config).await
        }
        Command::Enroll(args) => blocking(move || args.enroll()).await,
        Command::Revoke(args) => {
            blocking(move || commands::revoke(&args.ledger.place()?, &args.store, &args.kiosk))
                .await
        }
        Command::User(UserCommand::Add(args)) => {
            blocking(move || commands::add_user(&args.ledger.place()?, &args.name, &args.role))
                .await
        }
        Command::Broker(BrokerCommand::Assign(args)) => {
            let AssignArgs {
                ledger,
                store,
                mqtt,
                reason,
            } = args;
            let url =
                move || commands::assign_broker(&ledger.place()?, &store, mqtt.as_deref(), &reason);
            blocking(url).await
        }
        Command::Broker(BrokerCommand::List(args)) => {
            blocking(move || commands::list_brokers(&args.place()?)).await
        }
        Command::RotateKey(args) => {
            blocking(move || keys::rotate_key(&args.ledger.place()?, args.key_file.as_deref()))
                .await
        }
        Command::BrokerAcl(args) => blocking(move || args.write()).await,
        Command::NewGeneration(args) => {
            blocking(move || commands::new_generation(&args.place()?)).await
        }
        Command::Import(args) => import::import(&args.ledger.place()?, &args.files).await,
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Failure::Failed(error.to_string())))
}

impl ServeArgs {
    fn given(self) -> Given {
        Given {
            data_dir: self.data_dir,
            listen: self.listen,
            listen_https: self.listen_https,
            mqtt_listen: self.mqtt_listen,
            mqtt_listen_tls: self.mqtt_listen_tls,
            mqtt: self.mqtt,
            mqtt_password_file: self.mqtt_password_file,
            mqtt_ca: self.mqtt_ca,
            database: self.database,
            allow_plaintext: self.allow_plaintext,
            config: self.config,
        }
    }
}

impl LedgerArgs {
    fn place(&self) -> Result<Place, Failure> {
        let mut faults = Vec::new();
        let (folder, database) = (self.data_dir.as_deref(), self.database.as_deref());
        let place = config::place(folder, database, self.allow_plaintext, &mut faults);
        place.ok_or(Failure::Configuration(faults))
    }
}

impl BrokerAclArgs {
    fn write(self) -> Result<(), Failure> {
        let Kind::Mosquitto = self.kind;
        let services = self.services.iter().map(ToString::to_string).collect();
        commands::broker_files(
            &self.ledger.place()?,
            &self.out,
            services,
            self.broker.as_deref(),
        )
    }
}

impl EnrollArgs {
    fn enroll(self) -> Result<(), Failure> {
        let place = self.kiosk.ledger.place()?;
        let enrolment = Enrolment {
            store: self.kiosk.store,
            kiosk: self.kiosk.kiosk,
            cloud: self.cloud,
            mqtt: self.mqtt,
            ca: self.ca,
            groups: self.groups,
            valid_days: self.valid_days,
        };
        commands::enroll(&place, enrolment, &self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_shows_an_example() {
        let mut root = Cli::command();
        root.build();
        let mut waiting: Vec<_> = root.get_subcommands().cloned().collect();
        while let Some(command) = waiting.pop() {
            let below: Vec<_> = command.get_subcommands().cloned().collect();
            let helps = command.get_name() == "help";
            if below.is_empty() && !helps {
                let after = command.get_after_help().map(ToString::to_string);
                let name = command.get_name();
                assert!(
                    after.is_some_and(|text| text.contains("cloud-sync")),
                    "{name}"
                );
            }
            waiting.extend(below.into_iter().filter(|_| !helps));
        }
    }
}
