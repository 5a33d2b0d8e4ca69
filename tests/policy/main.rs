//! What the dependency tree may hold: one TLS stack, one HTTP stack, permissive licences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Licences that a product under MIT OR Apache-2.0 can be shipped with, one of which every
/// dependency must offer.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            manifest,
        ])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// Versions by name, of all packages of the tree.
fn versions(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let (name, version) = (&package["name"], &package["version"]);
        versions
            .entry(name.as_str().expect("name"))
            .or_default()
            .insert(version.as_str().expect("version"));
    }
    versions
}

#[test]
fn there_is_one_tls_stack_and_one_http_stack() {
    let metadata = metadata();
    let versions = versions(&metadata);
    for one in [
        "rustls",
        "tokio-rustls",
        "axum",
        "hyper",
        "rusqlite",
        "ring",
        "tokio",
        "sha2",
    ] {
        let found = versions.get(one);
        assert!(
            found.is_none_or(|found| found.len() == 1),
            "{one}: {found:?}"
        );
    }
    for none in [
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "sqlx",
    ] {
        assert!(!versions.contains_key(none), "{none} is in the tree");
    }
}

#[test]
fn every_dependency_offers_a_permissive_licence() {
    let metadata = metadata();
    let mut odd = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let licence = package["license"].as_str().unwrap_or("none named");
        if !offers_permissive(licence) {
            odd.push(format!("{} {licence}", package["name"]));
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
}

/// Whether an SPDX expression can be met with permissive licences alone.
fn offers_permissive(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    let every = |part: &str| {
        part.split(" AND ")
            .all(|licence| PERMISSIVE.contains(&licence.trim()))
    };
    // `A OR B` inside brackets of an AND: each factor must offer one.
    if expression.contains('(') && expression.contains(" AND ") {
        return expression.split(" AND ").all(|factor| {
            let factor = factor.replace(['(', ')'], "");
            factor
                .split(" OR ")
                .any(|licence| PERMISSIVE.contains(&licence.trim()))
        });
    }
    plain.split(" OR ").any(every)
}

#[test]
fn an_expression_is_judged_by_what_it_offers() {
    for fine in [
        "MIT",
        "GPL-2.0 OR MIT",
        "MIT/Apache-2.0",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
    ] {
        assert!(offers_permissive(fine), "{fine}");
    }
    for not in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-2.0 OR LGPL-2.1) AND MIT",
        "none named",
    ] {
        assert!(!offers_permissive(not), "{not}");
    }
}
