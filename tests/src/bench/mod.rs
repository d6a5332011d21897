//! The measurements behind `cargo xtask bench`: one file for each group of promises in SPECIFICATION.md.
//!
//! Everything is measured from outside, on the programs that lie beside this one: what a client waits for, and what
//! `/proc` says a process cost. A shared machine makes waiting longer than it need be, so times are upper bounds.

pub mod agents;
pub mod crowd;
pub mod events;
pub mod files;
pub mod governor;
pub mod history;
pub mod kernel;
pub mod measure;
pub mod model;
pub mod past;
pub mod requests;
pub mod socket;
pub mod terminals;
pub mod web;

use serde::Serialize;

use crate::scripted::{MODEL, Server};

/// One measured promise. A smaller value is better where there is a target.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// `group.what`
    pub name: String,
    /// In `unit`.
    pub value: f64,
    /// Of `value` and `target`.
    pub unit: &'static str,
    /// The promise; a figure without one is told for its own sake.
    pub target: Option<f64>,
}

/// What is to be measured, and what was.
#[derive(Debug, Default)]
pub struct Bench {
    /// Few rounds: a check that the benchmarks run, not a measurement.
    pub is_short: bool,
    /// Only figures whose name contains this.
    pub filter: Option<String>,
    /// In the order in which they were measured.
    pub figures: Vec<Figure>,
}

impl Bench {
    /// Whether one of the figures of a group is asked for.
    pub fn wants(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is_asked_for(name))
    }

    /// Adds a figure, if it is asked for, and shows it.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, target: Option<f64>) {
        if self.is_asked_for(name) {
            let promise = target.map(|target| format!(" (promised: at most {target})")).unwrap_or_default();
            eprintln!("{name}: {value:.2} {unit}{promise}");
            self.figures.push(Figure { name: name.to_owned(), value, unit, target });
        }
    }

    /// How often something is done.
    pub fn rounds(&self, whole: usize, short: usize) -> usize {
        if self.is_short { short } else { whole }
    }

    fn is_asked_for(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }
}

/// An `aether.toml` that limits no rates and thinks by script.
pub fn config(server: &Server) -> String {
    format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
         [models]\ndefault_model = \"openai:{MODEL}\"\n[models.local]\nenabled = false\n\
         [models.openai]\nbase_url = \"{}\"\n",
        server.base_url()
    )
}
