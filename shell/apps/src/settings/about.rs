//! The version, the host, and how each part of the kernel is.

use aether_kit::{
    Card, Chip, ErrorState, Icon, TextKind, Tone, absolute_time, count, duration_text, hairline, icon_button,
    label, label_wrapped, meter, section_heading, size_text, skeleton_rows, space, tokens,
};
use aether_protocol::system::{Diagnosis, Health, Status};
use egui::{Align, Layout, Ui};

use super::{Deed, fetch::State, rows};

pub(super) fn page(
    ui: &mut Ui,
    status: Option<&Status>,
    diagnosis: State<'_, Diagnosis>,
    deeds: &mut Vec<Deed>,
) {
    ui.horizontal(|ui| {
        rows::title(ui, "About");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Refresh, "Check again").clicked() {
                deeds.push(Deed::Reload);
            }
        });
    });
    let Some(status) = status else {
        Card::new().show(ui, |ui| {
            ui.set_width(ui.available_width());
            skeleton_rows(ui, 6);
        });
        return;
    };
    device(ui, status);
    ui.add_space(space::L);
    section_heading(ui, "Load", None);
    load(ui, status);
    ui.add_space(space::L);
    section_heading(ui, "Kernel", Some("The parts of the kernel, in the order in which they start."));
    Card::new().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        for (index, part) in status.subsystems.iter().enumerate() {
            if index > 0 {
                hairline(ui);
            }
            let start = format!("{:.1} ms to start", part.start_us as f64 / 1e3);
            health_row(ui, part.state, &part.name, &part.detail, Some(&start), None);
        }
    });
    ui.add_space(space::L);
    section_heading(ui, "Host", Some("What this host can give, and what to do where something is missing."));
    match diagnosis {
        State::Loading => {
            Card::new().show(ui, |ui| {
                ui.set_width(ui.available_width());
                skeleton_rows(ui, 4);
            });
        }
        State::Failed(error) => {
            if ErrorState::of(error).show(ui) {
                deeds.push(Deed::Reload);
            }
        }
        State::Ready(diagnosis) => {
            Card::new().show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::S;
                for (index, check) in diagnosis.checks.iter().enumerate() {
                    if index > 0 {
                        hairline(ui);
                    }
                    health_row(ui, check.state, &check.name, &check.detail, None, check.remedy.as_deref());
                }
            });
        }
    }
}

fn device(ui: &mut Ui, status: &Status) {
    let up = duration_text(status.now.since_ms(status.started_at));
    let started = absolute_time(status.started_at);
    let places = format!("{} of {} running, {} queued", status.running, status.max_running, status.queued);
    Card::new().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::XS;
        ui.spacing_mut().interact_size.y = 24.0;
        for (name, value) in [
            ("Device", status.device.as_str()),
            ("Aether", status.version.as_str()),
            ("Running for", up.as_str()),
            ("Started", started.as_str()),
            ("Processes", places.as_str()),
            ("Events so far", count(status.last_seq.0).as_str()),
        ] {
            rows::fact(ui, name, value);
        }
    });
}

fn load(ui: &mut Ui, status: &Status) {
    let host = &status.host;
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f32 / whole as f32 };
    let of = |part: u64, whole: u64| format!("{} of {}", size_text(part), size_text(whole));
    let disk_used = host.disk_total_bytes.saturating_sub(host.disk_free_bytes);
    Card::new().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::L;
        meter(ui, "Processor", host.cpu_share, &format!("{:.0} %", host.cpu_share * 100.0));
        let memory = of(host.memory_used_bytes, host.memory_total_bytes);
        meter(ui, "Memory", share(host.memory_used_bytes, host.memory_total_bytes), &memory);
        meter(ui, "Disk", share(disk_used, host.disk_total_bytes), &of(disk_used, host.disk_total_bytes));
    });
}

fn health_row(
    ui: &mut Ui,
    state: Health,
    name: &str,
    detail: &str,
    trailing: Option<&str>,
    remedy: Option<&str>,
) {
    let tokens = tokens(ui);
    let (word, color, icon) = match state {
        Health::Ready => ("Ready", tokens.good, Icon::Check),
        Health::Degraded => ("Degraded", tokens.warn, Icon::Alert),
        Health::Failed => ("Failed", tokens.bad, Icon::Close),
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Chip::new(word).color(color).icon(icon));
            if let Some(trailing) = trailing {
                label(ui, TextKind::NumberSmall, Tone::Muted, trailing);
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                label(ui, TextKind::Strong, Tone::Normal, name);
                label_wrapped(ui, TextKind::Label, Tone::Muted, detail);
                if let Some(remedy) = remedy.filter(|_| state != Health::Ready) {
                    label_wrapped(ui, TextKind::Label, Tone::Normal, remedy);
                }
            });
        });
    });
}
