//! The binary as operators and scripts see it: exit codes, what it prints, how it ends.

#![expect(clippy::unwrap_used, reason = "tests may unwrap")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(20);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-sync"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A serving process.
struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    http: String,
    mqtt: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(dir: &Path) -> Self {
        let data_dir = dir.to_str().unwrap();
        let args = [
            "serve",
            "--data-dir",
            data_dir,
            "--listen",
            "127.0.0.1:0",
            "--mqtt-listen",
            "127.0.0.1:0",
        ];
        let mut child = command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = |before: &str| {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            line.trim_end()
                .strip_prefix(before)
                .unwrap_or_else(|| panic!("{line:?}"))
                .to_owned()
        };
        let http = line("listening on http://");
        let mqtt = line("mqtt listening on mqtt://");
        Self {
            child,
            out,
            http,
            mqtt,
        }
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Asks over a connection of its own and gives it back, read up to the end of the headers.
    fn ask(&self, request: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (stream, String::from_utf8(head).unwrap())
    }

    fn sign_in(&self) -> String {
        let body = r#"{"name":"ada","password":"a long password"}"#;
        let request = format!(
            "POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (mut stream, head) = self.ask(&request);
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let token = answer.split("\"token\":\"").nth(1).unwrap();
        token.split('"').next().unwrap().to_owned()
    }
}

fn add_user(dir: &Path) {
    let args = [
        "user",
        "add",
        "--data-dir",
        dir.to_str().unwrap(),
        "--name",
        "ada",
        "--role",
        "admin",
    ];
    let mut adding = command(&args).stdin(Stdio::piped()).spawn().unwrap();
    adding
        .stdin
        .take()
        .unwrap()
        .write_all(b"a long password\n")
        .unwrap();
    assert!(adding.wait().unwrap().success());
}

#[test]
fn usage_help_and_configuration_have_their_own_exit_codes() {
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert_eq!(run(&["serve", "--odd"]).status.code(), Some(2));
    let bad = run(&["serve", "--listen", "here", "--mqtt-listen", "there"]);
    assert_eq!(bad.status.code(), Some(64));
    assert_eq!(stderr(&bad).lines().count(), 3, "{}", stderr(&bad));
}

#[test]
fn it_says_where_it_listens_and_a_second_one_who_holds_the_folder() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path());
    assert!(!serving.http.ends_with(":0") && !serving.mqtt.ends_with(":0"));
    let data_dir = dir.path().to_str().unwrap();
    let second = run(&["serve", "--data-dir", data_dir, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    let told = stderr(&second);
    assert!(told.contains(&serving.child.id().to_string()), "{told}");
    let other = TempDir::new().unwrap();
    let other = other.path().to_str().unwrap();
    let taken = run(&["serve", "--data-dir", other, "--listen", &serving.http]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(stderr(&taken).contains("--listen"), "{}", stderr(&taken));
}

#[test]
fn a_terminated_one_ends_well_and_soon_even_with_a_page_open() {
    let dir = TempDir::new().unwrap();
    let mut serving = Serving::start(dir.path());
    add_user(dir.path());
    let token = serving.sign_in();
    let live = format!("GET /live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let (mut stream, head) = serving.ask(&live);
    assert!(head.contains("text/event-stream"), "{head}");
    serving.terminate();
    let mut rest = Vec::new();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("event: clock"));
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    let mut more = String::new();
    serving.out.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "standard output holds the plain lines alone");
}

#[test]
fn a_kiosk_is_enrolled_and_revoked_while_serving_and_knows_the_way() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path());
    let data_dir = dir.path().to_str().unwrap();
    let file = dir.path().join("c.json");
    let who = ["--data-dir", data_dir, "--store", "s", "--kiosk", "k"];
    let enroll = [&["enroll"], &who[..], &["--out", file.to_str().unwrap()]].concat();
    assert!(run(&enroll).status.success());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(&format!("http://{}", serving.http))
            && text.contains(&format!("mqtt://{}", serving.mqtt))
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(run(&[&["revoke"], &who[..]].concat()).status.success());
    let nobody = [
        "revoke",
        "--data-dir",
        data_dir,
        "--store",
        "s",
        "--kiosk",
        "nobody",
    ];
    assert_eq!(run(&nobody).status.code(), Some(1));
    let fleet = [
        &[
            "enroll",
            "--data-dir",
            data_dir,
            "--store",
            "fleet",
            "--kiosk",
            "k",
        ][..],
        &["--out", "/x"],
    ];
    assert_eq!(run(&fleet.concat()).status.code(), Some(64));
}

#[test]
fn what_was_committed_is_there_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let mut serving = Serving::start(dir.path());
    add_user(dir.path());
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    let again = Serving::start(dir.path());
    assert!(!again.sign_in().is_empty());
}
