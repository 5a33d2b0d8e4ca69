//! The `cloud-sync` binary; everything is in the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cloud_sync::cli::run(std::env::args_os()).await
}
