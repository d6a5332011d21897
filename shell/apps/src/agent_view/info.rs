//! The facts of a process and the layers of its sandbox.

use aether_kit::{
    Icon, TextKind, Tone, absolute_time, count, duration_text, label, label_wrapped, paint_icon,
    section_heading, space, tokens,
};
use aether_protocol::{
    UnixMillis,
    process::{Layer, Process},
};
use egui::{Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::quotas::Quotas;
use crate::{AppContext, text};

/// Draws them in all the room there is.
pub fn show(ui: &mut Ui, cx: &AppContext<'_>, process: &Process, quotas: &mut Quotas) {
    let now = cx.world.now();
    ScrollArea::vertical().id_salt("info").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        section_heading(ui, "Goal", None);
        label_wrapped(ui, TextKind::Body, Tone::Normal, &process.goal);
        ui.add_space(space::M);
        quotas.show(ui, cx, process);
        ui.add_space(space::M);
        section_heading(ui, "Process", None);
        for (name, value) in facts(process, now) {
            fact(ui, name, &value);
        }
        ui.add_space(space::M);
        section_heading(ui, "Sandbox", Some("Outermost first; what this host cannot give says why"));
        if process.sandbox.is_empty() {
            label(ui, TextKind::Body, Tone::Faint, "It has not run yet");
        }
        for layer in &process.sandbox {
            layer_row(ui, layer);
        }
        ui.add_space(space::XL);
    });
}

fn facts(process: &Process, now: UnixMillis) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("PID", process.pid.to_string()),
        ("Role", process.role.clone()),
        ("Model", process.model.0.clone()),
        ("Priority", format!("{} of 5, 1 is highest", process.priority)),
        ("Asked for", absolute_time(process.created_at)),
    ];
    if let Some(host_pid) = process.host_pid {
        facts.push(("Linux PID", host_pid.to_string()));
    }
    if let Some(started) = process.started_at {
        facts.push(("Started", absolute_time(started)));
        facts.push(("Time", duration_text(text::lifetime_ms(process, now))));
    }
    if let Some(ended) = process.ended_at {
        facts.push(("Ended", absolute_time(ended)));
    }
    if let Some(exit) = text::exit_words(process.exit) {
        facts.push(("Exit", exit));
    }
    if let Some(reason) = &process.reason {
        facts.push(("Reason", reason.clone()));
    }
    facts.push(("Steps", format!("{} of {}", process.steps_used, process.steps_limit)));
    facts.push(("Tokens read", count(process.usage.input_tokens)));
    facts.push(("Tokens written", count(process.usage.output_tokens)));
    facts.push((
        "Restarts",
        match process.restarts {
            0 => "None".to_owned(),
            restarts => format!("{restarts}, after a crash of the kernel or a power cut"),
        },
    ));
    facts.push(("Agent", process.agent.to_string()));
    facts
}

fn fact(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(104.0, 18.0), Sense::hover());
        let color = tokens(ui).text_muted;
        aether_kit::paint_text(
            ui.painter(),
            rect.left_center(),
            egui::Align2::LEFT_CENTER,
            TextKind::Label,
            color,
            name,
        );
        label_wrapped(ui, TextKind::Body, Tone::Normal, value);
    });
}

fn layer_row(ui: &mut Ui, layer: &Layer) {
    let tokens = tokens(ui);
    let (icon, color, word) = if layer.active {
        (Icon::ShieldCheck, tokens.good, "active")
    } else {
        (Icon::ShieldWarning, tokens.warn, "not active")
    };
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{} {word}", layer.name)));
        paint_icon(ui.painter(), rect.center(), icon, 16.0, color, true);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            label(ui, TextKind::Strong, Tone::Normal, &layer.name);
            label_wrapped(
                ui,
                TextKind::Label,
                if layer.active { Tone::Muted } else { Tone::Warn },
                &layer.detail,
            );
        });
    });
}
