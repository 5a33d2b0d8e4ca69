//! The crate and everything below it must build where there is no operating system.
//!
//! A bare-metal target is not installed everywhere, so this looks at the dependency tree as cargo
//! resolves it without default features, and at what every package in it says about itself.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use std::path::PathBuf;
use std::process::Command;

#[test]
fn no_package_in_the_tree_uses_std() {
    let packages = tree();
    assert!(
        packages.iter().any(|(name, _)| name == "embedded-io"),
        "{packages:?}"
    );
    for (name, folder) in &packages {
        let root = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(
            root.lines().any(|line| matches!(
                line.trim(),
                "#![no_std]" | "#![cfg_attr(not(feature = \"std\"), no_std)]"
            )),
            "{name} does not declare no_std"
        );
    }
}

#[test]
fn no_package_in_the_tree_has_its_std_feature_on() {
    let listing = cargo_tree("{p} [{f}]");
    for line in listing.lines() {
        let features = line.split_once('[').unwrap().1.trim_end_matches(']');
        assert!(
            features.split(',').all(|f| f != "std" && f != "alloc"),
            "{line}"
        );
    }
}

/// Name and folder of every package that a build for a bare machine links.
fn tree() -> Vec<(String, PathBuf)> {
    let listing = cargo_tree("{p}");
    let package = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let version = words.next().unwrap().trim_start_matches('v');
        let folder = match name.as_str() {
            "firmware-hal" => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
            _ => registry_folder(&format!("{name}-{version}")),
        };
        (name, folder)
    };
    listing.lines().map(package).collect()
}

/// Where cargo unpacked a package that it has just built this test with.
fn registry_folder(package: &str) -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"),
        PathBuf::from,
    );
    let registries = std::fs::read_dir(home.join("registry/src")).unwrap();
    let mut folders = registries.map(|registry| registry.unwrap().path().join(package));
    folders.find(|folder| folder.exists()).unwrap()
}

fn cargo_tree(format: &str) -> String {
    let output = cargo(&[
        "tree",
        "--package",
        "firmware-hal",
        "--edges",
        "normal",
        "--no-default-features",
        "--features",
        "async",
        "--prefix",
        "none",
        "--no-dedupe",
        "--offline",
        "--format",
        format,
    ]);
    String::from_utf8(output).unwrap()
}

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
