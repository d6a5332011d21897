//! From a command to the subsystem that does it. A closed match: a new command does not compile without its arm.

use aether_protocol::{
    Actor, Command, Cursor, Error, Page, Reply, Result, agent, channel, events, files, identity, life, mind,
    process, snapshot, system, terminal,
};

use super::person;
use crate::{Kernel, state::bus};

impl Kernel {
    pub(super) async fn dispatch(&self, actor: &Actor, command: Command) -> Result<Reply> {
        Ok(match command {
            Command::System(command) => Reply::System(self.system(actor, command).await?),
            Command::Identity(command) => Reply::Identity(self.identity(actor, command).await?),
            Command::Agent(command) => Reply::Agent(self.agent(actor, command).await?),
            Command::Process(command) => Reply::Process(self.process(actor, command).await?),
            Command::Channel(command) => Reply::Channel(self.channel(actor, command).await?),
            Command::Life(command) => Reply::Life(self.life(actor, command).await?),
            Command::Mind(command) => Reply::Mind(self.mind(actor, command).await?),
            Command::Files(command) => Reply::Files(self.file(actor, command).await?),
            Command::Snapshot(command) => Reply::Snapshot(self.snapshot_command(actor, command).await?),
            Command::Terminal(command) => Reply::Terminal(self.terminal(actor, command).await?),
            Command::Events(command) => Reply::Events(self.events(command).await?),
        })
    }

    async fn system(&self, actor: &Actor, command: system::Command) -> Result<system::Reply> {
        Ok(match command {
            system::Command::GetStatus(_) => system::Reply::GetStatus(self.status()),
            system::Command::Doctor(_) => system::Reply::Doctor(self.diagnose().await),
            system::Command::Gc(gc) => {
                person(actor)?;
                system::Reply::Gc(self.collect_garbage(actor, gc).await?)
            }
        })
    }

    async fn identity(&self, actor: &Actor, command: identity::Command) -> Result<identity::Reply> {
        use identity::{Command, Reply};
        Ok(match command {
            Command::Door(_) => Reply::Door(identity::DoorState {
                needs_setup: self.identity.needs_setup(),
                device: self.device.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            Command::Setup(setup) => Reply::Setup(self.identity.setup(setup).await?),
            Command::Login(login) => Reply::Login(self.identity.login(login).await?),
            Command::Logout(_) => Reply::Logout(self.identity.logout(actor).await?),
            Command::WhoAmI(_) => Reply::WhoAmI(self.identity.whoami(actor).await?),
            Command::Sessions(_) => Reply::Sessions(self.identity.sessions(actor).await?),
            Command::Revoke(revoke) => Reply::Revoke(self.identity.revoke(actor, revoke.session).await?),
        })
    }

    async fn agent(&self, actor: &Actor, command: agent::Command) -> Result<agent::Reply> {
        use agent::{Command, Reply};
        let user = person(actor)?;
        Ok(match command {
            Command::List(list) => Reply::List(self.agents.list(user, list).await?),
            Command::Get(get) => Reply::Get(self.agents.get(user, get.agent).await?),
            Command::Lives(lives) => Reply::Lives(self.agents.lives(user, lives).await?),
            Command::Steps(steps) => Reply::Steps(self.agents.steps(user, steps).await?),
            Command::Remove(remove) => Reply::Remove(self.remove_agent(actor, user, remove.agent).await?),
            Command::Roles(_) => Reply::Roles(Page { items: self.mind.roles().list(), next: None }),
        })
    }

    async fn process(&self, actor: &Actor, command: process::Command) -> Result<process::Reply> {
        use process::{Command, Reply};
        let user = person(actor)?;
        let processes = &self.processes;
        Ok(match command {
            Command::Spawn(spawn) => Reply::Spawn(self.spawn(actor, user, spawn).await?),
            Command::List(list) => Reply::List(processes.list(user, list).await?),
            Command::Get(get) => Reply::Get(processes.get(user, get.pid).await?),
            Command::Signal(it) => Reply::Signal(self.signal(actor, user, it.pid, it.signal).await?),
            Command::SetPriority(it) => {
                Reply::SetPriority(processes.set_priority(actor, user, it.pid, it.priority).await?)
            }
            Command::Pause(it) => Reply::Pause(processes.pause(actor, user, it.pid).await?),
            Command::Resume(it) => Reply::Resume(processes.resume(actor, user, it.pid).await?),
            Command::Continue(it) => Reply::Continue(processes.extend(actor, user, it.pid, it.steps).await?),
            Command::Message(it) => Reply::Message(processes.message(actor, user, it.pid, it.text).await?),
            Command::GetQuotas(it) => Reply::GetQuotas(processes.quotas(user, it.pid).await?),
            Command::SetQuota(it) => {
                Reply::SetQuota(processes.set_quota(actor, user, it.pid, *it.quotas).await?)
            }
        })
    }

    async fn channel(&self, actor: &Actor, command: channel::Command) -> Result<channel::Reply> {
        use channel::{Command, Reply};
        let processes = &self.processes;
        Ok(match command {
            Command::Create(it) => Reply::Create(processes.create_channel(actor, it).await?),
            Command::List(it) => Reply::List(processes.channels(actor, it).await?),
            Command::Get(it) => Reply::Get(processes.channel(actor, it).await?),
            Command::Remove(it) => Reply::Remove(processes.remove_channel(actor, it).await?),
            Command::Members(it) => Reply::Members(processes.channel_members(actor, it).await?),
            Command::Join(it) => Reply::Join(processes.join_channel(actor, it).await?),
            Command::Leave(it) => Reply::Leave(processes.leave_channel(actor, it).await?),
            Command::Post(it) => Reply::Post(processes.post(actor, it).await?),
            Command::Read(it) => Reply::Read(processes.read_channel(actor, it).await?),
            Command::Ack(it) => Reply::Ack(processes.ack_channel(actor, it).await?),
            Command::Peers(_) => Reply::Peers(processes.peers(actor).await?),
            Command::Receive(it) => {
                let Actor::Agent { pid, .. } = actor else {
                    return Err(Error::forbidden("Only an agent's own process receives"));
                };
                Reply::Receive(processes.living(*pid)?.receive(actor, it).await?)
            }
        })
    }

    async fn life(&self, actor: &Actor, command: life::Command) -> Result<life::Reply> {
        use life::{Command, Reply};
        let Actor::Agent { pid, .. } = actor else {
            return Err(Error::forbidden("Only an agent's own process has a life"));
        };
        let life = self.processes.living(*pid)?;
        Ok(match command {
            Command::Boot(boot) => Reply::Boot(life.boot(actor, boot, self.mind.roles()).await?),
            Command::BeginCall(it) => Reply::BeginCall(life.begin_call(actor, it.call).await?),
            Command::FinishCall(it) => Reply::FinishCall(life.finish_call(actor, it).await?),
            Command::Ask(it) => Reply::Ask(life.ask(actor, it.question).await?),
            Command::Wait(_) => Reply::Wait(life.wait(actor).await?),
            Command::Note(it) => Reply::Note(life.note(actor, it.text).await?),
            Command::Complete(it) => Reply::Complete(life.complete(actor, it.summary).await?),
            Command::Fail(it) => Reply::Fail(life.fail(actor, it.reason).await?),
            Command::SetPhase(it) => Reply::SetPhase(life.set_phase(actor, it.phase).await?),
        })
    }

    async fn mind(&self, actor: &Actor, command: mind::Command) -> Result<mind::Reply> {
        Ok(match command {
            mind::Command::Models(_) => {
                mind::Reply::Models(Page { items: self.mind.models().await, next: None })
            }
            mind::Command::Think(think) => {
                let Actor::Agent { pid, .. } = actor else {
                    return Err(Error::forbidden("Only an agent's own process may think"));
                };
                let life = self.processes.living(*pid)?;
                mind::Reply::Think(life.think(actor, think, &self.mind).await?)
            }
        })
    }

    async fn file(&self, actor: &Actor, command: files::Command) -> Result<files::Reply> {
        use files::{Command, Reply};
        let user = person(actor)?;
        let files = &self.files;
        Ok(match command {
            Command::List(it) => Reply::List(files.list(&self.root(user, it.place).await?, it).await?),
            Command::Stat(it) => Reply::Stat(files.stat(&self.root(user, it.place).await?, it).await?),
            Command::Read(it) => Reply::Read(files.read(&self.root(user, it.place).await?, it).await?),
            Command::Write(it) => {
                let (place, root) = (it.place, self.root(user, it.place).await?);
                let entry = files.write(&root, it).await?;
                self.file_changed(actor, user, place, &entry.path).await?;
                Reply::Write(entry)
            }
            Command::Append(it) => {
                let (place, root) = (it.place, self.root(user, it.place).await?);
                let entry = files.append(&root, it).await?;
                self.file_changed(actor, user, place, &entry.path).await?;
                Reply::Append(entry)
            }
            Command::Mkdir(it) => {
                let (place, root) = (it.place, self.root(user, it.place).await?);
                let entry = files.mkdir(&root, it).await?;
                self.file_changed(actor, user, place, &entry.path).await?;
                Reply::Mkdir(entry)
            }
            Command::Remove(it) => {
                let (place, root, path) = (it.place, self.root(user, it.place).await?, it.path.clone());
                let gone = files.remove(&root, it).await?;
                self.file_changed(actor, user, place, &path).await?;
                Reply::Remove(gone)
            }
            Command::Move(it) => {
                let (place, root, from) = (it.place, self.root(user, it.place).await?, it.from.clone());
                let entry = files.rename(&root, it).await?;
                self.file_changed(actor, user, place, &from).await?;
                self.file_changed(actor, user, place, &entry.path).await?;
                Reply::Move(entry)
            }
            Command::Copy(it) => {
                let (place, root) = (it.place, self.root(user, it.place).await?);
                let entry = files.copy(&root, it).await?;
                self.file_changed(actor, user, place, &entry.path).await?;
                Reply::Copy(entry)
            }
            Command::Trash(it) => Reply::Trash(self.trash(actor, user, it).await?),
            Command::ListTrash(it) => {
                Reply::ListTrash(files.trash_list(&self.root(user, it.place).await?, it).await?)
            }
            Command::Restore(it) => Reply::Restore(self.restore_file(actor, user, it).await?),
            Command::EmptyTrash(it) => {
                Reply::EmptyTrash(files.empty_trash(&self.root(user, it.place).await?, it).await?)
            }
            Command::Search(it) => Reply::Search(files.search(&self.root(user, it.place).await?, it).await?),
            Command::Usage(it) => Reply::Usage(self.usage(user, it).await?),
            Command::Archive(it) => Reply::Archive(self.folder_to_pack(user, it).await?),
            Command::Watch(it) => {
                let stat = files::Stat { place: it.place, path: it.path };
                Reply::Watch(files.stat(&self.root(user, it.place).await?, stat).await?)
            }
            Command::BeginUpload(it) => Reply::BeginUpload(self.begin_upload(actor, user, it).await?),
            Command::GetUpload(it) => Reply::GetUpload(files.upload(user, it.upload).await?),
            Command::ListUploads(_) => {
                Reply::ListUploads(Page { items: files.uploads(user).await?, next: None })
            }
            Command::AppendUpload(it) => Reply::AppendUpload(self.append_upload(actor, user, it).await?),
            Command::DropUpload(it) => Reply::DropUpload(files.drop_upload(user, it.upload).await?),
        })
    }

    async fn snapshot_command(&self, actor: &Actor, command: snapshot::Command) -> Result<snapshot::Reply> {
        use snapshot::{Command, Reply};
        let user = person(actor)?;
        let snapshots = &self.snapshots;
        Ok(match command {
            Command::Take(take) => Reply::Take(self.take_snapshot(actor, user, take).await?),
            Command::List(list) => Reply::List(snapshots.list(user, list).await?),
            Command::Get(get) => Reply::Get(snapshots.get(user, get).await?),
            Command::Verify(verify) => Reply::Verify(snapshots.verify(user, verify).await?),
            Command::Read(read) => Reply::Read(snapshots.read(user, read).await?),
            Command::Restore(it) => Reply::Restore(self.restore_snapshot(actor, user, it).await?),
            Command::Remove(it) => Reply::Remove(snapshots.remove(actor, user, it).await?),
            Command::Import(it) => Reply::Import(self.import_snapshot(actor, user, it).await?),
        })
    }

    async fn terminal(&self, actor: &Actor, command: terminal::Command) -> Result<terminal::Reply> {
        use terminal::{Command, Reply};
        let user = person(actor)?;
        let processes = &self.processes;
        Ok(match command {
            Command::Open(open) => Reply::Open(self.open_terminal(actor, user, open).await?),
            Command::List(_) => Reply::List(Page { items: processes.terminals_of(user), next: None }),
            Command::Attach(it) => Reply::Attach(processes.terminal_of(user, it.terminal)?),
            Command::Resize(it) => {
                processes.terminal_of(user, it.terminal)?;
                Reply::Resize(processes.terminals().resize(it.terminal, it.size)?)
            }
            Command::Record(it) => Reply::Record(self.record_terminal(actor, user, it).await?),
            Command::StopRecording(it) => {
                processes.terminal_of(user, it.terminal)?;
                Reply::StopRecording(processes.terminals().stop_recording(it.terminal).await?)
            }
            Command::Close(it) => {
                processes.terminal_of(user, it.terminal)?;
                processes.terminals().close(it.terminal).await?;
                Reply::Close(terminal::Closed {})
            }
        })
    }

    async fn events(&self, command: events::Command) -> Result<events::Reply> {
        Ok(match command {
            events::Command::List(list) => {
                let limit = list.limit.unwrap_or(200).clamp(1, 1000);
                let after = list.after.unwrap_or_default();
                let items = self.store.read(move |connection| bus::list(connection, after, limit)).await?;
                let full = items.len() == limit as usize;
                let next = items.last().filter(|_| full).map(|event| Cursor(event.seq.to_string()));
                events::Reply::List(Page { items, next })
            }
            events::Command::Subscribe(it) => {
                let oldest = self.store.read(bus::oldest).await?;
                let after = it.after.unwrap_or_else(|| self.bus.last());
                events::Reply::Subscribe(events::Subscribed { after, oldest })
            }
        })
    }
}
