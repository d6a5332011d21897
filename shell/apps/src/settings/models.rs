//! The models that can be chosen, and why one cannot be used now.

use aether_kit::{
    Card, Chip, EmptyState, ErrorState, Icon, TextKind, Tone, count, hairline, icon_button, label,
    label_wrapped, size_text, skeleton_rows, space, tokens,
};
use aether_protocol::{Page, mind::Model};
use egui::{Align, Layout, Ui};

use super::{Deed, fetch::State, rows};

pub(super) fn page(ui: &mut Ui, models: State<'_, Page<Model>>, deeds: &mut Vec<Deed>) {
    ui.horizontal(|ui| {
        rows::title(ui, "Models");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, Icon::Refresh, "Look for models again").clicked() {
                deeds.push(Deed::Reload);
            }
        });
    });
    match models {
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
        State::Ready(page) if page.items.is_empty() => {
            let sentence = "No model is set up. Name one under [models] in aether.toml, then look again.";
            if EmptyState::new(Icon::Brain, sentence).action("Look again", Some(Icon::Refresh)).show(ui) {
                deeds.push(Deed::Reload);
            }
        }
        State::Ready(page) => {
            label_wrapped(
                ui,
                TextKind::Body,
                Tone::Muted,
                "What thinks for your agents. An agent that names none gets the default.",
            );
            ui.add_space(space::XS);
            Card::new().show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::M;
                for (index, model) in page.items.iter().enumerate() {
                    if index > 0 {
                        hairline(ui);
                    }
                    row(ui, model);
                }
            });
        }
    }
}

fn row(ui: &mut Ui, model: &Model) {
    let tokens = tokens(ui);
    let (provider, name) = model.name.split().unwrap_or(("", &model.name.0));
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (word, color, icon) = if model.available {
                ("Available", tokens.good, Icon::Check)
            } else {
                ("Not available", tokens.text_muted, Icon::Prohibit)
            };
            ui.add(Chip::new(word).color(color).icon(icon));
            if model.is_default {
                ui.add(Chip::new("Default").color(tokens.accent));
            }
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                label(ui, TextKind::Strong, Tone::Normal, name).on_hover_text(&model.name.0);
                label(ui, TextKind::Label, Tone::Muted, facts(provider, model));
                if let Some(note) = &model.note {
                    let tone = if model.available { Tone::Muted } else { Tone::Warn };
                    label_wrapped(ui, TextKind::Label, tone, note.as_str());
                }
            });
        });
    });
}

/// `local · 98.4 MB on disk · reads 2,048 tokens`
pub(super) fn facts(provider: &str, model: &Model) -> String {
    let size = model.size_bytes.map(|bytes| format!("{} on disk", size_text(bytes)));
    let context = model.context_tokens.map(|tokens| format!("reads {} tokens", count(u64::from(tokens))));
    let provider = Some(provider.to_owned()).filter(|provider| !provider.is_empty());
    [provider, size, context].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
