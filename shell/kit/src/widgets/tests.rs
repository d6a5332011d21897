//! What the widgets do when they are used.

use egui::{Key, Modifiers, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use crate::*;

fn harness<S: 'static>(state: S, draw: impl Fn(&mut egui::Ui, &mut S) + 'static) -> Harness<'static, S> {
    let mut harness = Harness::builder().with_size(vec2(600.0, 400.0)).build_ui_state(
        move |ui, state: &mut S| {
            apply(ui.ctx(), &Appearance { reduced_motion: true, ..Appearance::default() });
            draw(ui, state);
        },
        state,
    );
    harness.run();
    harness
}

#[test]
fn a_button_is_clicked_by_pointer_and_keyboard_but_not_while_busy_or_disabled() {
    let mut harness = harness((0, false), |ui, (clicks, busy)| {
        if ui.add(Button::primary("Deploy agent").busy(*busy)).clicked() {
            *clicks += 1;
        }
        ui.add_enabled_ui(false, |ui| {
            if ui.add(Button::secondary("Send message")).clicked() {
                *clicks += 100;
            }
        });
    });
    harness.get_by_label("Deploy agent").click();
    harness.run();
    harness.get_by_label("Deploy agent").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().0, 2);
    harness.get_by_label("Send message").click();
    harness.state_mut().1 = true;
    harness.run();
    harness.get_by_label("Deploy agent").click();
    harness.run();
    assert_eq!(harness.state().0, 2);
}

#[test]
fn a_clickable_card_leaves_its_buttons_their_clicks() {
    let mut harness = harness((0, 0), |ui, (card, button)| {
        let shown = Card::new().clickable("researcher").show(ui, |ui| {
            ui.set_width(300.0);
            label(ui, TextKind::Body, Tone::Normal, "Summarise the reports");
            if ui.add(Button::secondary("Pause")).clicked() {
                *button += 1;
            }
        });
        if shown.response.clicked() {
            *card += 1;
        }
    });
    harness.get_by_label("Pause").click();
    harness.run();
    assert_eq!(*harness.state(), (0, 1));
    let corner = harness.get_by_label("researcher").rect().left_top() + vec2(6.0, 6.0);
    harness.drag_at(corner);
    harness.drop_at(corner);
    harness.run();
    assert_eq!(*harness.state(), (1, 1));
}

#[test]
fn a_select_offers_its_options_and_refuses_what_is_not_available() {
    let mut harness = harness(1_u32, |ui, chosen| {
        let options = [
            SelectOption::new(1, "Small"),
            SelectOption::new(2, "Large"),
            SelectOption::new(3, "Remote").note(Some("No key is set")).enabled(false),
        ];
        select(ui, "Model", chosen, &options, 200.0);
    });
    harness.get_by_label("Model").click();
    harness.run();
    harness.get_by_label("Remote").click();
    harness.run();
    assert_eq!(*harness.state(), 1);
    harness.get_by_label("Large").click();
    harness.run();
    assert_eq!(*harness.state(), 2);
    assert!(harness.query_by_label("Remote").is_none(), "the menu closes");
}

#[test]
fn a_slider_moves_in_steps_by_the_arrow_keys_and_stops_at_its_ends() {
    let mut harness = harness(100_u32, |ui, percent| {
        slider(ui, "Text size", percent, 90..=150, 5, " %");
    });
    harness.get_by_label("Text size").focus();
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(*harness.state(), 105);
    for _ in 0..20 {
        harness.key_press(Key::ArrowLeft);
        harness.run();
    }
    assert_eq!(*harness.state(), 90);
}

#[test]
fn a_toggle_and_a_segment_change_what_they_stand_for() {
    let mut harness = harness((false, 0), |ui, (on, theme)| {
        toggle(ui, "Reduced motion", on);
        segmented(ui, "Theme", theme, &[(0, None, "Dark"), (1, None, "Light")]);
    });
    harness.get_by_label("Reduced motion").click();
    harness.get_by_label("Light").click();
    harness.run();
    assert_eq!(*harness.state(), (true, 1));
}

#[test]
fn a_password_is_hidden_until_asked_for() {
    use egui::accesskit::Role;
    let mut harness = harness(String::from("secret"), |ui, text| {
        ui.add(TextField::password("Password", text));
    });
    assert!(harness.query_by_role_and_label(Role::PasswordInput, "Password").is_some());
    harness.get_by_label("Show password").click();
    harness.run();
    assert!(harness.query_by_role_and_label(Role::TextInput, "Password").is_some());
}

#[test]
fn a_sheet_closes_by_escape_and_by_its_cross() {
    let mut harness = harness(0, |ui, closed| {
        let shown = Sheet::new("Deploy agent").show(ui.ctx(), |ui| {
            label(ui, TextKind::Body, Tone::Normal, "What shall it do?");
        });
        *closed += i32::from(shown.close);
    });
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(*harness.state(), 1);
    harness.get_by_label("Close").click();
    harness.run();
    assert_eq!(*harness.state(), 2);
}

#[test]
fn a_table_draws_what_is_seen_and_says_what_was_clicked() {
    let mut harness = harness((None, 0), |ui, (clicked, drawn)| {
        let columns = [Column::growing("Name", 100.0).sortable()];
        *drawn = 0;
        let answer = Table::new("Agents", &columns).show(
            ui,
            10_000,
            |row| format!("agent {row}"),
            |ui, row, _| {
                *drawn += 1;
                label(ui, TextKind::Body, Tone::Normal, format!("name {row}"));
            },
        );
        if answer.clicked.is_some() {
            *clicked = answer.clicked;
        }
    });
    assert!(harness.state().1 < 20, "{} of 10,000 rows were drawn", harness.state().1);
    harness.get_by_label("agent 4").click();
    harness.run();
    assert_eq!(harness.state().0, Some(4));
}

#[test]
fn tabs_are_chosen_and_closed() {
    let mut harness = harness((0, vec!["one", "two", "three"]), |ui, (shown, titles)| {
        let answer = tabs_closable(ui, "Terminals", *shown, titles);
        if let Some(closed) = answer.closed {
            titles.remove(closed);
        } else if let Some(chosen) = answer.chosen {
            *shown = chosen;
        }
    });
    harness.get_by_label("two").click();
    harness.run();
    assert_eq!(harness.state().0, 1);
    harness.get_by_label("Close three").click();
    harness.run();
    assert_eq!(harness.state().1, ["one", "two"]);
}

#[test]
fn states_name_what_happened_and_offer_the_remedy() {
    let mut harness = harness(false, |ui, retried| {
        let error = aether_protocol::Error::unavailable("Could not list the models").hint("Start aetherd");
        *retried |= ErrorState::of(&error).show(ui);
    });
    harness.get_by_label("Could not list the models");
    harness.get_by_label("Start aetherd");
    harness.get_by_label("Try again").click();
    harness.run();
    assert!(*harness.state());
}

#[test]
fn text_typed_into_a_field_arrives() {
    let mut harness = harness(String::new(), |ui, text| {
        ui.add(TextField::new("Goal", text));
    });
    harness.get_by_label("Goal").focus();
    harness.run();
    harness.get_by_label("Goal").type_text("write a poem");
    harness.run();
    assert_eq!(harness.state(), "write a poem");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.key_press(Key::Backspace);
    harness.run();
    assert_eq!(harness.state(), "");
}
