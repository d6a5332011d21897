//! Who may know whom. The arrows of ARCHITECTURE.md, checked against the manifests.

use cargo_metadata::{DependencyKind, Metadata};

/// Each of our crates, with those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("aether-protocol", &[]),
    ("aether-llm", &["aether-protocol"]),
    ("aether-kernel", &["aether-llm", "aether-protocol"]),
    ("aether-server", &["aether-kernel", "aether-protocol"]),
    ("aetherd", &["aether-server", "aether-kernel", "aether-protocol"]),
    ("aether-agent", &["aether-protocol"]),
    ("aether", &["aether-client", "aether-protocol"]),
    ("aether-client", &["aether-protocol"]),
    ("aether-kit", &["aether-protocol"]),
    ("aether-apps", &["aether-kit", "aether-client", "aether-protocol"]),
    ("aether-shell", &["aether-apps", "aether-kit", "aether-client", "aether-protocol"]),
    ("xtask", &[]),
    ("web-pack", &[]),
];

/// Crates that stand outside: tests may see everything.
const FREE: &[&str] = &["aether-tests"];

pub(super) fn check(metadata: &Metadata, complaints: &mut Vec<String>) {
    let ours: Vec<&str> = metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if FREE.contains(&name) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            complaints.push(format!("{name} has no place in the house; give it its arrows"));
            continue;
        };
        for dependency in &package.dependencies {
            let known = dependency.name.as_str();
            if dependency.kind != DependencyKind::Development
                && ours.contains(&known)
                && !allowed.contains(&known)
            {
                complaints.push(format!("{name} may not know {known}"));
            }
        }
        if package.version
            != metadata
                .workspace_packages()
                .first()
                .map_or_else(|| package.version.clone(), |first| first.version.clone())
        {
            complaints.push(format!("{name} has a version of its own"));
        }
    }
}
