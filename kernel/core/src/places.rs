//! Places: which folder a [`Place`] is, for whom.

use std::path::PathBuf;

use aether_protocol::{Actor, Error, EventBody, Result, UserId, files::Place};

use crate::Kernel;

impl Kernel {
    /// The folder behind a place, if it is this person's to use.
    pub(crate) async fn root(&self, user: UserId, place: Place) -> Result<PathBuf> {
        let state_dir = &self.config.state_dir;
        let root = match place {
            Place::Home => state_dir.join("homes/users").join(user.to_string()),
            Place::Shared => state_dir.join("shared"),
            Place::Agent { agent } => {
                self.agents.get(user, agent).await?;
                self.processes.home_of(agent)
            }
        };
        tokio::fs::create_dir_all(&root)
            .await
            .map_err(|error| Error::internal(format!("The folder could not be made: {error}")))?;
        Ok(root)
    }

    /// Tells that a file was changed through the kernel.
    pub(crate) async fn file_changed(
        &self,
        actor: &Actor,
        user: UserId,
        place: Place,
        path: &str,
    ) -> Result<()> {
        let owner = (place == Place::Home).then_some(user);
        let (actor, path) = (actor.clone(), path.to_owned());
        self.store.write(move |tx| tx.emit(&actor, EventBody::FileChanged { place, owner, path })).await?;
        Ok(())
    }
}
