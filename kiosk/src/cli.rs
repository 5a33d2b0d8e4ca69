//! The command line. Exit codes: 0 fine, 1 failed, 2 usage, 64 bad configuration.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Given};
use crate::journal::StaffRole;
use crate::logs::{self, LogFormat};
use crate::{commands, serve};

pub(crate) const BAD_CONFIGURATION: u8 = 64;

const EXAMPLES: &str = "Examples:
  kiosk serve --data-dir /var/lib/kiosk
  printf 135790 | kiosk staff set-pin --data-dir /var/lib/kiosk --role manager
  kiosk check --data-dir /var/lib/kiosk

Exit codes: 0 fine, 1 failed, 2 usage, 64 bad configuration.";

/// Takes orders in the store and stays open when the cloud does not.
#[derive(Debug, Parser)]
#[command(name = "kiosk", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the screens and the API of this kiosk
    #[command(after_help = "Examples:\n  kiosk serve --data-dir /var/lib/kiosk\n  \
        kiosk serve --data-dir data --menu menu.json --listen 127.0.0.1:0\n  \
        kiosk serve --data-dir data --credential kiosk-1.json\n\n\
        Without --credential the kiosk stands alone: it takes orders, keeps every event and syncs \
        its past when it is given a credential later.")]
    Serve(Serve),
    /// Check the integrity of a journal, running or not; reads only
    #[command(after_help = "Examples:\n  kiosk check --data-dir /var/lib/kiosk\n  \
        kiosk check --data-dir /var/lib/kiosk --json\n\nExits 1 if anything is wrong.")]
    Check {
        /// The kiosk's data folder
        #[arg(long, env = "KIOSK_DATA_DIR")]
        data_dir: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write all unconfirmed events as signed frames to a file, to be carried by hand
    #[command(
        after_help = "Examples:\n  kiosk export --data-dir /var/lib/kiosk --out events.sox\n  \
        kiosk export --data-dir /var/lib/kiosk --out all.sox --all --credential k1.json\n\n\
        `cloud-sync import` takes the file through the same door as everything else."
    )]
    Export {
        /// The kiosk's data folder
        #[arg(long, env = "KIOSK_DATA_DIR")]
        data_dir: PathBuf,
        /// The file to be made; nothing is overwritten
        #[arg(long)]
        out: PathBuf,
        /// Every event that is still there, confirmed or not
        #[arg(long)]
        all: bool,
        /// Credential made by `cloud-sync enroll`, if the kiosk has not run with it yet
        #[arg(long, env = "KIOSK_CREDENTIAL")]
        credential: Option<PathBuf>,
    },
    /// Copy the journal as of one moment, while it is written
    #[command(
        after_help = "Example:\n  kiosk backup --data-dir /var/lib/kiosk --out journal.copy\n\n\
        The copy holds the journal's key: keep it like a password."
    )]
    Backup {
        /// The kiosk's data folder
        #[arg(long, env = "KIOSK_DATA_DIR")]
        data_dir: PathBuf,
        /// The file to be made; nothing is overwritten
        #[arg(long)]
        out: PathBuf,
    },
    /// Make a data folder that of a new kiosk: its journal, earlier journals, cache and certificate go
    #[command(after_help = "Examples:\n  kiosk reset --data-dir /var/lib/kiosk\n  \
        kiosk export --data-dir /var/lib/kiosk --out /media/usb/k1.sox\n  \
        kiosk reset --data-dir /var/lib/kiosk --after-export /media/usb/k1.sox\n\n\
        Refused while the kiosk runs, and while it holds an event that headquarters has not confirmed and \
        that is not in the exported file. The credential's file stays where it is.")]
    Reset {
        /// The kiosk's data folder
        #[arg(long, env = "KIOSK_DATA_DIR")]
        data_dir: PathBuf,
        /// What `kiosk export` wrote after the last order; keep it until `cloud-sync import` has taken it
        #[arg(long, value_name = "FILE")]
        after_export: Option<PathBuf>,
    },
    /// Give up the key of a credential for a new one, for which the old one gives its word
    #[command(
        after_help = "Example:\n  kiosk rotate-key --credential /etc/kiosk/credential.json\n\n\
        Works while the kiosk serves: it uses the new key from its next start on, and the old one counts \
        until then. Cut short, it is completed by doing it again."
    )]
    RotateKey {
        /// The credential; the file is replaced
        #[arg(long, env = "KIOSK_CREDENTIAL")]
        credential: PathBuf,
        /// Base URL of cloud-sync, if not the credential's
        #[arg(long, env = "KIOSK_CLOUD")]
        cloud: Option<String>,
        /// Allow unencrypted http:// beyond this machine
        #[arg(long, env = "KIOSK_ALLOW_PLAINTEXT")]
        allow_plaintext: bool,
    },
    /// Show what paper would show: as text, or as a picture, a page or a printer's bytes
    #[command(after_help = "Examples:\n  kiosk paper\n  \
        kiosk paper --layout ticket --language zh-Hans --width 58 --png ticket.png\n  \
        kiosk paper --data-dir /var/lib/kiosk --order A042 --html receipt.html\n\n\
        Without --data-dir the order is a sample. An order of a data folder is named by its id, or by \
        its number, which means the latest order of that number.")]
    Paper(commands::paper::Look),
    /// Work with menu documents
    #[command(subcommand)]
    Menu(MenuCommand),
    /// Manage staff
    #[command(subcommand)]
    Staff(StaffCommand),
}

#[derive(Debug, Args)]
struct Serve {
    /// Folder that holds the journal; made if it is not there
    #[arg(long, env = "KIOSK_DATA_DIR")]
    data_dir: PathBuf,
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "KIOSK_LISTEN")]
    listen: Option<String>,
    /// Address for HTTPS too, where staff sign in from other screens of the store
    #[arg(long, env = "KIOSK_LISTEN_HTTPS", value_name = "ADDR")]
    listen_https: Option<String>,
    /// Menu document; without it the built-in sample
    #[arg(long, env = "KIOSK_MENU")]
    menu: Option<PathBuf>,
    /// Credential made by `cloud-sync enroll`; without it the kiosk stands alone
    #[arg(long, env = "KIOSK_CREDENTIAL")]
    credential: Option<PathBuf>,
    /// Base URL of cloud-sync, if not the credential's
    #[arg(long, env = "KIOSK_CLOUD")]
    cloud: Option<String>,
    /// URL of the broker, if not the credential's
    #[arg(long, env = "KIOSK_MQTT")]
    mqtt: Option<String>,
    /// Where phones in the store reach this kiosk, for the QR code of a receipt; without it the
    /// address it listens on
    #[arg(long, env = "KIOSK_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Folder of more languages for the screens: one Fluent file each, such as fr.ftl
    #[arg(long, env = "KIOSK_LOCALES", value_name = "DIR")]
    locales: Option<PathBuf>,
    /// Settings in TOML; flags, environment and credential win over it
    #[arg(long, env = "KIOSK_CONFIG")]
    config: Option<PathBuf>,
    /// Allow unencrypted http:// and mqtt:// beyond this machine
    #[arg(long, env = "KIOSK_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
    /// How log lines on standard error are written
    #[arg(long, env = "KIOSK_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Which log lines are written, such as info or info,kiosk::uplink=debug
    #[arg(long, env = "KIOSK_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum MenuCommand {
    /// Tell everything that is wrong with a menu document, with positions
    #[command(after_help = "Example:\n  kiosk menu check menu.json")]
    Check {
        /// The document
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum StaffCommand {
    /// Set the PIN of a role, read from standard input; works while serving
    #[command(after_help = "Example:\n  \
        printf 135790 | kiosk staff set-pin --data-dir /var/lib/kiosk --role manager")]
    SetPin {
        /// The kiosk's data folder
        #[arg(long, env = "KIOSK_DATA_DIR")]
        data_dir: PathBuf,
        /// Whose PIN
        #[arg(long, value_enum)]
        role: StaffRole,
    },
}

/// Runs one command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match cli.command {
        Command::Serve(options) => serve(options),
        Command::Check { data_dir, json } => commands::check(&data_dir, json),
        Command::Export {
            data_dir,
            out,
            all,
            credential,
        } => commands::export(&data_dir, &out, all, credential.as_deref()),
        Command::Backup { data_dir, out } => commands::backup(&data_dir, &out),
        Command::Reset {
            data_dir,
            after_export,
        } => commands::reset(&data_dir, after_export.as_deref()),
        Command::RotateKey {
            credential,
            cloud,
            allow_plaintext,
        } => commands::rotate::rotate(&credential, cloud, allow_plaintext),
        Command::Paper(look) => commands::paper::show(&look),
        Command::Menu(MenuCommand::Check { file }) => commands::check_menu(&file),
        Command::Staff(StaffCommand::SetPin { data_dir, role }) => {
            commands::set_pin(&data_dir, role)
        }
    }
}

pub(crate) fn failed(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "kiosk: {text}");
    ExitCode::FAILURE
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime can't be started: {error}"))
}

fn serve(options: Serve) -> ExitCode {
    logs::begin(options.log_format, &options.log);
    let given = Given {
        data_dir: options.data_dir,
        listen: options.listen,
        listen_https: options.listen_https,
        menu: options.menu,
        credential: options.credential,
        cloud: options.cloud,
        mqtt: options.mqtt,
        public_url: options.public_url,
        locales: options.locales,
        config: options.config,
        allow_plaintext: options.allow_plaintext,
    };
    let config = match Config::read(given) {
        Ok(config) => config,
        Err(faults) => {
            let mut stderr = std::io::stderr();
            let _ = writeln!(
                stderr,
                "kiosk: the configuration has {} fault(s):",
                faults.len()
            );
            for fault in faults {
                let _ = writeln!(stderr, "  {fault}");
            }
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let served = runtime.block_on(serve::serve(config));
    // What still runs in the background must not hold a stopped kiosk.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}
