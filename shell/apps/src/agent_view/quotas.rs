//! What a process may use and has used, asked again while somebody looks.

use aether_client::Pending;
use aether_kit::{
    TextKind, Tone, count, duration_text, label, label_wrapped, meter, section_heading, size_text,
    skeleton_rows, space,
};
use aether_protocol::{
    Pid,
    process::{GetQuotas, Process},
    quota::{Cause, Consequence, Kind, Mechanism, QuotaReport, QuotaUse},
};
use egui::Ui;

use crate::{AppContext, world::Loaded};

/// How often a living process is asked about.
const EVERY_MS: u64 = 2_000;

/// The report on one process.
pub struct Quotas {
    pid: Pid,
    report: Loaded<QuotaReport>,
    pending: Option<Pending<QuotaReport>>,
    asked_ms: Option<u64>,
}

impl Quotas {
    /// Nothing is asked yet.
    pub fn new(pid: Pid) -> Self {
        Self { pid, report: Loaded::Loading, pending: None, asked_ms: None }
    }

    /// Takes in a report.
    pub fn take(&mut self, answer: Result<QuotaReport, aether_protocol::Error>) {
        self.report = match (answer, &self.report) {
            (Ok(report), _) => Loaded::Ready(report),
            // What is known stays; the next answer may be better.
            (Err(_), Loaded::Ready(known)) => Loaded::Ready(known.clone()),
            (Err(error), _) => Loaded::Failed(error),
        };
    }

    fn ask(&mut self, cx: &AppContext<'_>, process: &Process) {
        if let Some(answer) = self.pending.as_mut().and_then(Pending::take) {
            self.pending = None;
            self.take(answer);
        }
        let now_ms = u64::try_from(cx.world.now().0).unwrap_or(0);
        let is_due = match (&self.report, self.asked_ms) {
            (_, None) => !matches!(self.report, Loaded::Ready(_)) || process.state.is_alive(),
            (Loaded::Ready(_), Some(_)) if !process.state.is_alive() => false,
            (_, Some(asked_ms)) => now_ms.saturating_sub(asked_ms) >= EVERY_MS,
        };
        if is_due && self.pending.is_none() {
            self.asked_ms = Some(now_ms);
            self.pending = Some(cx.client.call(GetQuotas { pid: self.pid }));
        }
    }

    /// Draws it, as a section of a longer page.
    pub fn show(&mut self, ui: &mut Ui, cx: &AppContext<'_>, process: &Process) {
        self.ask(cx, process);
        section_heading(
            ui,
            "Quotas",
            Some("At a limit of time or tokens it is paused; otherwise it is ended"),
        );
        match &self.report {
            Loaded::Ready(report) => {
                if let Some(hold) = &report.hold {
                    let tone = if matches!(hold, Cause::Pressure { .. }) { Tone::Muted } else { Tone::Warn };
                    label_wrapped(ui, TextKind::Body, tone, held(process));
                    ui.add_space(space::XS);
                }
                for one in &report.quotas {
                    row(ui, one);
                }
            }
            Loaded::Failed(error) => {
                label_wrapped(ui, TextKind::Body, Tone::Faint, format!("Not known: {}", error.message));
            }
            Loaded::Loading => skeleton_rows(ui, 3),
        }
    }
}

fn held(process: &Process) -> String {
    let reason = process.reason.as_deref().unwrap_or("for a reason that its log tells");
    format!("Held by the governor. {reason}")
}

fn row(ui: &mut Ui, one: &QuotaUse) {
    let used = one.used.map_or_else(|| "not measured yet".to_owned(), |used| amount(one.kind, used));
    let held_by = by_words(one);
    match one.limit {
        Some(limit) => {
            let share = one.used.unwrap_or(0) as f32 / limit.max(1) as f32;
            let figure = format!("{used} of {}", amount(one.kind, limit));
            meter(ui, name(one.kind), share, &figure).on_hover_text(held_by);
        }
        None => {
            label(ui, TextKind::Label, Tone::Muted, format!("{}: {used}, no limit", name(one.kind)));
        }
    }
    ui.add_space(space::XS);
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::CpuTime => "CPU time",
        Kind::Memory => "Memory",
        Kind::Disk => "Disk",
        Kind::Processes => "Processes",
        Kind::OpenFiles => "Open files",
        Kind::Tokens => "Tokens",
        Kind::Steps => "Steps",
        Kind::WallTime => "Running time",
    }
}

fn amount(kind: Kind, value: u64) -> String {
    match kind {
        Kind::Memory | Kind::Disk => size_text(value),
        Kind::CpuTime | Kind::WallTime => duration_text(value.saturating_mul(1000)),
        Kind::Processes | Kind::OpenFiles | Kind::Tokens | Kind::Steps => count(value),
    }
}

fn by_words(one: &QuotaUse) -> String {
    let words: Vec<&str> = one
        .held_by
        .iter()
        .map(|mechanism| match mechanism {
            Mechanism::Cgroup => "cgroup v2",
            Mechanism::Rlimit => "resource limits of Linux",
            Mechanism::Accounting => "accounting",
        })
        .collect();
    let then = match one.at_limit {
        Consequence::Pause => "paused",
        Consequence::End => "ended",
    };
    format!("Held by {}; at the limit it is {then}", words.join(", "))
}
