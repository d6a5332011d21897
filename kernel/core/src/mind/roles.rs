//! Roles, from files (`configs/roles/README.md` documents them).

use std::path::Path;

use aether_protocol::{
    agent::Role,
    mind::{Message, ModelName},
    network::HostGrant,
    quota::Quotas,
    tools,
};
use serde::Deserialize;

use super::MindError;
use crate::govern::governor::quota;
use crate::process::egress;

/// The roles that come with Aether.
const SHIPPED: &[(&str, &str)] = &[
    ("scribe.toml", include_str!("../../../../configs/roles/scribe.toml")),
    ("assistant.toml", include_str!("../../../../configs/roles/assistant.toml")),
    ("coder.toml", include_str!("../../../../configs/roles/coder.toml")),
    ("researcher.toml", include_str!("../../../../configs/roles/researcher.toml")),
];

/// A role as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleFile {
    pub(crate) id: String,
    title: String,
    summary: String,
    example_goal: String,
    pub(crate) instructions: String,
    pub(crate) tools: Vec<String>,
    #[serde(default)]
    pub(crate) model: Option<ModelName>,
    #[serde(default = "default_max_output_tokens")]
    pub(crate) max_output_tokens: u32,
    #[serde(default)]
    pub(crate) quotas: Quotas,
    #[serde(default)]
    pub(crate) examples: Vec<Message>,
    #[serde(default)]
    pub(crate) network: Vec<HostGrant>,
}

fn default_max_output_tokens() -> u32 {
    4096
}

/// Every role, in the order in which they are offered.
pub(crate) struct Roles(Vec<RoleFile>);

impl Roles {
    /// The shipped ones, and those in `folder`, which replace shipped ones of the same id.
    pub(crate) fn read(folder: Option<&Path>) -> Result<Self, MindError> {
        let mut roles = Self(Vec::new());
        for (file, text) in SHIPPED {
            roles.add(file, text)?;
        }
        if let Some(folder) = folder {
            let unreadable = |cause: std::io::Error| MindError::Role {
                file: folder.display().to_string(),
                cause: cause.to_string(),
            };
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .map_err(unreadable)?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
                .collect();
            files.sort();
            for file in files {
                let text = std::fs::read_to_string(&file).map_err(unreadable)?;
                roles.add(&file.display().to_string(), &text)?;
            }
        }
        Ok(roles)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), MindError> {
        let unusable = |cause: String| MindError::Role { file: file.to_owned(), cause };
        let role: RoleFile = toml::from_str(text).map_err(|error| unusable(error.to_string()))?;
        if let Some(unknown) = role.tools.iter().find(|tool| tools::risk(tool).is_none()) {
            return Err(unusable(format!("there is no tool '{unknown}'")));
        }
        let network = egress::checked(role.network.clone()).map_err(unusable)?;
        let role = RoleFile { network, ..role };
        if let Err(error) = quota::checked(role.quotas) {
            let bounds = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            return Err(unusable(format!("{}{bounds}", error.message)));
        }
        match self.0.iter_mut().find(|known| known.id == role.id) {
            Some(known) => *known = role,
            None => self.0.push(role),
        }
        Ok(())
    }

    pub(crate) fn get(&self, id: &str) -> Option<&RoleFile> {
        self.0.iter().find(|role| role.id == id)
    }

    pub(crate) fn list(&self) -> Vec<Role> {
        self.0
            .iter()
            .map(|role| Role {
                id: role.id.clone(),
                title: role.title.clone(),
                summary: role.summary.clone(),
                example_goal: role.example_goal.clone(),
                tools: role.tools.clone(),
                model: role.model.clone(),
            })
            .collect()
    }
}
