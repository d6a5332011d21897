//! What is filled in to deploy an agent, and whether it can be sent. No drawing here.

use std::collections::BTreeSet;

use aether_protocol::{
    AgentId,
    agent::Role,
    mind::{Model, ModelName},
    process::{Limits, Process, Spawn},
};

/// Characters of a goal at most.
pub const GOAL_CHARS: usize = 8_000;
/// Characters of a name at most.
pub const NAME_CHARS: usize = 64;
/// Thoughts at most.
pub const STEPS_MOST: u32 = 1_000;

/// What is filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployForm {
    /// A new life of this agent; its name and role stay.
    pub again: Option<(AgentId, String)>,
    /// The role's id.
    pub role: Option<String>,
    /// What it shall do.
    pub goal: String,
    /// Whether the goal is the role's example, so that another role may replace it.
    pub goal_is_example: bool,
    /// The agent's name; made from the role when empty.
    pub name: String,
    /// The model; `None` for the role's or the default one.
    pub model: Option<ModelName>,
    /// 1 (highest) to 5.
    pub priority: u8,
    /// Thoughts allowed, as typed; the default when empty.
    pub steps: String,
    /// Tools of the role that are not granted.
    pub without: BTreeSet<String>,
    /// Whether the advanced part is open.
    pub advanced: bool,
    /// Whether somebody tried to send it: then what is missing is said.
    pub tried: bool,
}

impl Default for DeployForm {
    fn default() -> Self {
        Self {
            again: None,
            role: None,
            goal: String::new(),
            goal_is_example: false,
            name: String::new(),
            model: None,
            priority: 3,
            steps: String::new(),
            without: BTreeSet::new(),
            advanced: false,
            tried: false,
        }
    }
}

impl DeployForm {
    /// A new life of an agent that has ended, filled with what its last one had.
    pub fn again(process: &Process) -> Self {
        Self {
            again: Some((process.agent, process.name.clone())),
            role: Some(process.role.clone()),
            goal: process.goal.clone(),
            model: Some(process.model.clone()),
            priority: process.priority,
            steps: process.steps_limit.to_string(),
            name: process.name.clone(),
            ..Self::default()
        }
    }

    /// Chooses a role. Its example becomes the goal where nobody has typed one.
    pub fn choose_role(&mut self, role: &Role) {
        if self.role.as_deref() != Some(&role.id) {
            self.without.clear();
        }
        self.role = Some(role.id.clone());
        if self.goal.trim().is_empty() || self.goal_is_example {
            self.goal.clone_from(&role.example_goal);
            self.goal_is_example = true;
        }
    }

    /// What is wrong with the role.
    pub fn role_error(&self) -> Option<&'static str> {
        (self.role.is_none() && self.again.is_none()).then_some("Choose a role")
    }

    /// What is wrong with the goal.
    pub fn goal_error(&self) -> Option<String> {
        let chars = self.goal.trim().chars().count();
        match chars {
            0 => Some("Say what the agent shall do".to_owned()),
            1..=GOAL_CHARS => None,
            _ => Some(format!("A goal has at most {GOAL_CHARS} characters; this one has {chars}")),
        }
    }

    /// What is wrong with the name.
    pub fn name_error(&self) -> Option<String> {
        let chars = self.name.trim().chars().count();
        (chars > NAME_CHARS)
            .then(|| format!("A name has at most {NAME_CHARS} characters; this one has {chars}"))
    }

    /// What is wrong with the step limit.
    pub fn steps_error(&self) -> Option<String> {
        let steps = self.steps.trim();
        if steps.is_empty() {
            return None;
        }
        match steps.parse::<u32>() {
            Ok(1..=STEPS_MOST) => None,
            _ => Some(format!("A step limit is a number from 1 to {STEPS_MOST}")),
        }
    }

    /// What is wrong with the tools.
    pub fn tools_error(&self, role: Option<&Role>) -> Option<&'static str> {
        let role = role?;
        let none = !role.tools.is_empty() && role.tools.iter().all(|tool| self.without.contains(tool));
        none.then_some("Leave the agent at least one tool")
    }

    /// What is wrong with the model.
    pub fn model_error(&self, models: &[Model]) -> Option<String> {
        let chosen = self.model.as_ref()?;
        let model = models.iter().find(|model| model.name == *chosen)?;
        (!model.available)
            .then(|| model.note.clone().unwrap_or_else(|| format!("{chosen} cannot be used now")))
    }

    /// The command, or `None` where something is wrong or missing.
    pub fn spawn(&self, roles: &[Role], models: &[Model]) -> Option<Spawn> {
        let role = self.role.as_ref().and_then(|id| roles.iter().find(|role| role.id == *id));
        if self.role_error().is_some()
            || self.goal_error().is_some()
            || self.name_error().is_some()
            || self.steps_error().is_some()
            || self.tools_error(role).is_some()
            || self.model_error(models).is_some()
        {
            return None;
        }
        let tools = role
            .filter(|_| !self.without.is_empty())
            .map(|role| role.tools.iter().filter(|tool| !self.without.contains(*tool)).cloned().collect());
        let new = self.again.is_none();
        let name = self.name.trim();
        Some(Spawn {
            agent: self.again.as_ref().map(|(agent, _)| *agent),
            name: (new && !name.is_empty()).then(|| name.to_owned()),
            role: if new { self.role.clone() } else { None },
            goal: self.goal.trim().to_owned(),
            model: self.model.clone(),
            tools,
            priority: (self.priority != 3).then_some(self.priority),
            limits: Box::new(Limits { max_steps: self.steps.trim().parse().ok(), ..Limits::default() }),
            network: None,
            quotas: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use aether_protocol::process::{Phase, State};

    use super::*;
    use crate::tests::fixture::{models, process, roles};

    #[test]
    fn an_example_goal_follows_the_role_until_somebody_types() {
        let roles = roles();
        let mut form = DeployForm::default();
        form.choose_role(&roles[0]);
        form.choose_role(&roles[1]);
        assert_eq!(form.goal, roles[1].example_goal);
        "Sort my letters".clone_into(&mut form.goal);
        form.goal_is_example = false;
        form.choose_role(&roles[2]);
        assert_eq!(form.goal, "Sort my letters");
    }

    #[test]
    fn nothing_is_sent_while_something_is_wrong() {
        let (roles, models) = (roles(), models());
        let mut form = DeployForm::default();
        assert_eq!(form.spawn(&roles, &models), None);
        form.choose_role(&roles[0]);
        assert!(form.spawn(&roles, &models).is_some());
        for (steps, right) in [("0", false), ("1001", false), ("x", false), ("", true), (" 40 ", true)] {
            steps.clone_into(&mut form.steps);
            assert_eq!(form.spawn(&roles, &models).is_some(), right, "{steps:?}");
        }
        form.model = Some(models[1].name.clone());
        assert_eq!(
            form.model_error(&models).as_deref(),
            Some("No key for openai. Add one in Settings, Models")
        );
        assert_eq!(form.spawn(&roles, &models), None);
        form.model = None;
        form.goal = "x".repeat(8_001);
        assert_eq!(form.spawn(&roles, &models), None);
    }

    #[test]
    fn what_is_left_at_its_default_is_left_out() {
        let (roles, models) = (roles(), models());
        let mut form = DeployForm::default();
        form.choose_role(&roles[0]);
        let spawn = form.spawn(&roles, &models).unwrap();
        assert_eq!((spawn.name, spawn.tools, spawn.priority, spawn.model), (None, None, None, None));
        assert_eq!(spawn.limits, Box::default());
        form.without.insert("list_files".to_owned());
        let tools = form.spawn(&roles, &models).unwrap().tools.unwrap();
        assert_eq!(tools, ["read_file", "write_file", "complete"]);
        form.without.extend(roles[0].tools.iter().cloned());
        assert_eq!(form.spawn(&roles, &models), None, "an agent without tools cannot even end");
    }

    #[test]
    fn starting_again_is_a_new_life_of_the_same_agent() {
        let ended = process(7, State::Dead, Phase::Completed);
        let form = DeployForm::again(&ended);
        let spawn = form.spawn(&roles(), &models()).unwrap();
        assert_eq!(spawn.agent, Some(ended.agent));
        assert_eq!((spawn.role, spawn.name), (None, None));
        assert_eq!(spawn.goal, ended.goal);
    }
}
