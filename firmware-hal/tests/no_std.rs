//! The crate and everything below it must build where there is no operating system.
//!
//! A bare-metal target is not installed everywhere, so this looks at the dependency tree as cargo
//! resolves it without default features, and at what every package in it says about itself.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use std::path::{Path, PathBuf};
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
    let listing = cargo_tree("{p}\t{lib}");
    let names: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    // Packages for other platforms need not have been fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--offline",
        "--filter-platform",
        &platform,
    ];
    let output = cargo(&arguments);
    let metadata = String::from_utf8(output).unwrap();
    names
        .iter()
        .map(|name| ((*name).to_owned(), folder_of(&metadata, name)))
        .collect()
}

/// The folder of a package by its manifest path; the newest, should there be several.
fn folder_of(metadata: &str, name: &str) -> PathBuf {
    let manifest = metadata
        .split("\"manifest_path\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|path| {
            let folder = Path::new(path).parent().and_then(Path::file_name).unwrap();
            let folder = folder.to_string_lossy();
            folder == name
                || folder.strip_prefix(name).is_some_and(|version| {
                    version
                        .strip_prefix('-')
                        .is_some_and(|v| v.starts_with(char::is_numeric))
                })
        })
        .max()
        .unwrap_or_else(|| panic!("no manifest of {name}"));
    Path::new(manifest).parent().unwrap().to_owned()
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
