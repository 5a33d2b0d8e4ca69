//! `kiosk rotate-key`: a device gives up its key for a new one.
//!
//! The new credential stands beside the old one, whole and on the disk, before the cloud hears of it,
//! and takes its place after the cloud has answered. Cut short at any moment, one of the two is good,
//! and doing it again completes it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use cloud_sync_wire::credential::{Credential, DeviceSecret};
use cloud_sync_wire::signed;
use cloud_sync_wire::succession::DeviceSuccession;

use crate::cli::{BAD_CONFIGURATION, failed, runtime};
use crate::uplink::Cloud;
use crate::uplink::http::CallError;

/// How long the cloud may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn rotate(file: &Path, cloud: Option<String>, plain: bool) -> ExitCode {
    let own = match read(file) {
        Ok(own) => own,
        Err(error) => {
            failed(&error);
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    match change(file, own, cloud, plain) {
        Ok(()) => {
            let text = format!(
                "{} holds a new key; restart the kiosk, and the old one counts no more",
                file.display()
            );
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn read(file: &Path) -> Result<Credential, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = fs::read(file).map_err(|error| told(&error))?;
    Credential::parse(&bytes).map_err(|error| told(&error))
}

fn change(file: &Path, own: Credential, cloud: Option<String>, plain: bool) -> Result<(), String> {
    let waiting = waiting(file);
    let next = prepared(&waiting, &own)?;
    let said = DeviceSuccession {
        store: own.store.clone(),
        kiosk: own.kiosk.clone(),
        key: next.device_secret.key().public(),
        token: next.device_secret.access_token(),
    };
    let signed =
        signed::sign(&said, &own.device_secret.key()).map_err(|error| error.to_string())?;
    let reach = |of: &Credential| {
        let mut of = of.clone();
        of.cloud = cloud.clone().unwrap_or(of.cloud);
        Cloud::new(&of, plain).map_err(|error| error.to_string())
    };
    let (before, after) = (reach(&own)?, reach(&next)?);
    let told = runtime()?.block_on(async {
        let told = tell(&before, signed.clone()).await;
        match told {
            // An earlier try came through, and the new token was shown since.
            Err(CallError::Refused(_)) => tell(&after, signed).await,
            told => told,
        }
    });
    told.map_err(|error| {
        format!("the cloud {error}; the old key is still in force, and nothing has changed")
    })?;
    fs::rename(&waiting, file)
        .and_then(|()| sync_folder(file))
        .map_err(|error| {
            let (waiting, file) = (waiting.display(), file.display());
            format!("the cloud knows the new key, but {waiting} can't take the place of {file}: {error}; move it there")
        })
}

async fn tell(cloud: &Cloud, signed: Vec<u8>) -> Result<(), CallError> {
    tokio::time::timeout(PATIENCE, cloud.succeed(signed))
        .await
        .unwrap_or(Err(CallError::Timeout(PATIENCE)))
}

fn waiting(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

/// The credential with another key, on the disk: the one of an earlier try, of which the cloud may
/// have heard, or a new one.
fn prepared(waiting: &Path, own: &Credential) -> Result<Credential, String> {
    if let Ok(earlier) = read(waiting) {
        let same = (&earlier.store, &earlier.kiosk) == (&own.store, &own.kiosk);
        return match same {
            true => Ok(Credential {
                device_secret: earlier.device_secret,
                ..own.clone()
            }),
            false => Err(format!(
                "{} is the credential of another kiosk; move it away",
                waiting.display()
            )),
        };
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("no random numbers: {error}"))?;
    let next = Credential {
        device_secret: DeviceSecret::from_seed(seed),
        ..own.clone()
    };
    let text = serde_json::to_string_pretty(&next).map_err(|error| error.to_string())?;
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(waiting)
        .and_then(|mut new| {
            new.write_all(text.as_bytes())?;
            new.write_all(b"\n")?;
            new.sync_all()
        })
        .and_then(|()| sync_folder(waiting));
    written.map_err(|error| format!("{}: {error}; nothing has changed", waiting.display()))?;
    Ok(next)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}
