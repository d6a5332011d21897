//! Every widget on a few pages, in both themes. With `AETHER_GALLERY=FOLDER` the tests also write the pages as
//! images there, to be looked at.

use aether_protocol::{
    UnixMillis,
    process::{Phase, State},
};
use egui::{Rect, Ui, Vec2, pos2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use crate::*;

/// What the pages edit.
struct Model {
    goal: String,
    password: String,
    name: String,
    theme: u8,
    on: bool,
    scale: u32,
    chosen: u32,
    terminal: TerminalView,
}

impl Model {
    fn new() -> Self {
        let mut terminal = TerminalView::new();
        terminal.feed(
            include_str!("terminal/sample.txt").replace('\n', "\r\n").replace("\\e", "\x1b").as_bytes(),
        );
        Self {
            goal: "Summarise the reports in shared/ and write findings.md".to_owned(),
            password: "correct horse".to_owned(),
            name: "bad name".to_owned(),
            theme: 0,
            on: true,
            scale: 110,
            chosen: 1,
            terminal,
        }
    }
}

type Page = fn(&mut Ui, &mut Model);

const PAGES: [(&str, Page); 6] = [
    ("controls", controls),
    ("agents", agents),
    ("states", states),
    ("table", table),
    ("terminal", terminal),
    ("wallpapers", wallpapers),
];

fn controls(ui: &mut Ui, model: &mut Model) {
    label(ui, TextKind::Title, Tone::Normal, "Controls");
    ui.horizontal(|ui| {
        ui.add(Button::primary("Deploy agent").icon(Icon::Add));
        ui.add(Button::secondary("Restore backup…"));
        ui.add(Button::danger("Delete 3 files").icon(Icon::Trash));
        ui.add(Button::ghost("Cancel"));
        ui.add(Button::primary("Deploying agent").busy(true));
        ui.add_enabled(false, Button::secondary("Send message"));
        ui.add(Button::secondary("Pause").small().icon(Icon::Pause));
        icon_button(ui, Icon::Settings, "Open settings");
        ui.add(IconButton::new(Icon::Bell, "Show notifications").selected(true));
    });
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        ui.add(
            TextField::new("Name", &mut model.name)
                .width(220.0)
                .error(Some("Use letters, digits and hyphens only")),
        );
        ui.add(
            TextField::password("Password", &mut model.password).width(220.0).hint("At least 8 characters"),
        );
        let options = [
            SelectOption::new(1, "local:smollm2-135m").note(Some("98.4 MB, 2,048 tokens")),
            SelectOption::new(2, "openai:gpt-4.1-mini").note(Some("No key is set")).enabled(false),
        ];
        select(ui, "Model", &mut model.chosen, &options, 240.0);
        ui.vertical(|ui| {
            ui.add_space(20.0);
            let mut empty = String::new();
            ui.add(TextField::search("Search agents", &mut empty).width(200.0));
        });
    });
    ui.add(TextField::area("Goal", &mut model.goal, 3).width(520.0).placeholder("What shall it do?"));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        let themes = [
            (0, Some(Icon::Moon), "Dark"),
            (1, Some(Icon::Sun), "Light"),
            (2, Some(Icon::SunMoon), "System"),
        ];
        segmented(ui, "Theme", &mut model.theme, &themes);
        toggle(ui, "Reduced motion", &mut model.on);
        toggle(ui, "Offline mode", &mut false);
        checkbox(ui, &mut model.on, "Follow the output");
        checkbox(ui, &mut false, "Show hidden files");
        slider(ui, "Text size", &mut model.scale, 90..=150, 5, " %");
    });
    tabs(ui, "Panels", 1, &["Log", "Timeline", "Files", "Messages"]);
    ui.horizontal(|ui| {
        tabs_closable(ui, "Terminals", 0, &["ada@aether: ~", "researcher (PID 42)"]);
        shortcut(ui, &["Ctrl", "Shift", "K"]);
        badge(ui, 3, Tone::Warn);
        link(ui, "Show the log");
    });
    ui.horizontal(|ui| {
        for kind in [TextKind::Hint, TextKind::Label, TextKind::Body, TextKind::Strong, TextKind::Emphasis] {
            label(ui, kind, Tone::Normal, format!("{kind:?} ÄÖ ğ 0123"));
        }
        label(ui, TextKind::Mono, Tone::Muted, "mono → == 0O1l");
        label(ui, TextKind::Display, Tone::Normal, "13:05");
    });
}

fn agents(ui: &mut Ui, _: &mut Model) {
    label(ui, TextKind::Title, Tone::Normal, "Agents");
    ui.horizontal(|ui| {
        for (state, phase) in [
            (State::Queued, Phase::Booting),
            (State::Running, Phase::Thinking),
            (State::Running, Phase::Executing),
            (State::Running, Phase::Observing),
            (State::Sleeping, Phase::Waiting),
            (State::Sleeping, Phase::Idle),
            (State::Paused, Phase::Thinking),
            (State::Dead, Phase::Completed),
            (State::Dead, Phase::Failed),
        ] {
            phase_chip(ui, state, phase);
        }
    });
    ui.horizontal_top(|ui| {
        for (name, state, phase, progress) in [
            ("researcher", State::Running, Phase::Thinking, Some(0.4)),
            ("writer", State::Sleeping, Phase::Waiting, Some(0.8)),
        ] {
            let glow = (phase == Phase::Waiting).then(|| tokens(ui).warn);
            Card::new().clickable(name).glow(glow).show(ui, |ui| {
                ui.set_width(264.0);
                phase_bar(ui, state, phase, progress);
                ui.horizontal(|ui| {
                    label(ui, TextKind::Emphasis, Tone::Normal, name);
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        phase_chip(ui, state, phase);
                    });
                });
                label_wrapped(
                    ui,
                    TextKind::Body,
                    Tone::Muted,
                    "Summarise the reports in shared/ and write findings.md",
                );
                ui.horizontal(|ui| {
                    label(ui, TextKind::NumberSmall, Tone::Faint, "Step 12 of 30");
                    label(ui, TextKind::NumberSmall, Tone::Faint, tokens_text(12_400));
                    relative_time(ui, UnixMillis(now().0 - 300_000), TextKind::NumberSmall, Tone::Faint);
                });
            });
        }
        ui.vertical(|ui| {
            ui.set_width(280.0);
            meter(ui, "CPU", 0.31, "31 %");
            meter(ui, "Memory", 0.78, "6.2 of 8.0 GB");
            meter(ui, "Disk", 0.94, "470 of 500 GB");
            progress_bar(ui, "Download", 0.6);
        });
    });
    ui.horizontal(|ui| {
        ui.add(Chip::new("write_file").mono().icon(Icon::Edit).clickable());
        ui.add(Chip::new("Exit 0").color(tokens(ui).good).icon(Icon::Check));
        ui.add(Chip::new("Running").clickable().selected(true));
        ui.add(Chip::new("All").clickable());
        for (icon, hue, name) in [
            (Icon::Mission, Hue::Indigo, "Mission Control"),
            (Icon::Terminal, Hue::Slate, "Terminal"),
            (Icon::Folder, Hue::Blue, "Files"),
            (Icon::Settings, Hue::Violet, "Settings"),
            (Icon::Chat, Hue::Green, "Messages"),
            (Icon::Chart, Hue::Teal, "Monitor"),
            (Icon::Book, Hue::Amber, "Guide"),
            (Icon::Heart, Hue::Rose, "Health"),
        ] {
            ui.add(AppTile::new(icon, hue, name));
        }
        avatar(ui, "ada lovelace", 32.0);
        avatar(ui, "owner", 24.0);
    });
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(320.0);
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(ListRow::new("findings.md").icon(Icon::Document).trailing("4.2 KB"));
            ui.add(ListRow::new("reports").icon(Icon::Folder).trailing("12 files").selected(true));
            ui.add(ListRow::new("old").icon(Icon::Folder).selected(true).in_focus(false).indent(1));
            ui.add(
                ListRow::new("laptop").detail("Signed in 3 h ago").icon(Icon::Laptop).trailing("this device"),
            );
        });
        ui.vertical(|ui| {
            ui.set_width(560.0);
            let text = "$ cargo test\nrunning 12 tests\ntest result: ok. 12 passed; 0 failed";
            code_block(ui, "sample", text, 120.0);
        });
    });
}

fn states(ui: &mut Ui, _: &mut Model) {
    Banner::new(Tone::Warn, "The connection to the kernel is lost")
        .detail(Some("Trying again in 4 s. What you see may be old."))
        .action("Connect now")
        .show(ui);
    Banner::new(Tone::Info, "A new version is ready").dismissible().show(ui);
    let size = vec2(ui.available_width() / 3.0 - 16.0, 300.0);
    ui.horizontal_top(|ui| {
        ui.allocate_ui(size, |ui| {
            EmptyState::new(Icon::Robot, "No agents yet").action("Deploy agent", Some(Icon::Add)).show(ui);
        });
        ui.allocate_ui(size, |ui| {
            ErrorState::new("Could not list the models")
                .why("The kernel does not answer. Check that aetherd runs on this device.")
                .action("Try again")
                .show(ui);
        });
        ui.allocate_ui(size, |ui| {
            ui.vertical(|ui| skeleton_rows(ui, 6));
        });
    });
    ui.horizontal_top(|ui| {
        Toast::new(Tone::Good, "researcher has completed")
            .body("It wrote findings.md in 12 steps.")
            .action("Open findings.md")
            .show(ui);
        Toast::new(Tone::Bad, "Could not save notes.md: the disk is full")
            .body("Free some space or choose another place.")
            .show(ui);
        ui.vertical(|ui| {
            section_heading(ui, "Sessions", Some("Every device that is signed in as you"));
            ui.label(rich(TextKind::Body, "egui's own label"));
            let _ = ui.button("egui's own button");
        });
    });
}

fn table(ui: &mut Ui, _: &mut Model) {
    let columns = [
        Column::fixed("PID", 70.0).right().sortable(),
        Column::growing("Name", 160.0).sortable(),
        Column::fixed("Phase", 130.0),
        Column::fixed("Tokens", 120.0).right().sortable(),
        Column::growing("Goal", 200.0),
    ];
    let answer = Table::new("Processes", &columns).selected(Some(3)).sorted(Some((0, true))).show(
        ui,
        10_000,
        |row| format!("Process {row}"),
        |ui, row, column| {
            let phases = [Phase::Thinking, Phase::Executing, Phase::Waiting, Phase::Completed];
            match column {
                0 => drop(label(ui, TextKind::Number, Tone::Muted, (10_000 - row).to_string())),
                1 => drop(label(ui, TextKind::Strong, Tone::Normal, format!("researcher-{row}"))),
                2 => drop(phase_chip(ui, State::Running, phases[row % 4])),
                3 => drop(label(ui, TextKind::Number, Tone::Normal, count(row as u64 * 1_237))),
                _ => drop(label(
                    ui,
                    TextKind::Body,
                    Tone::Muted,
                    "Read everything in shared/reports and say what changed",
                )),
            }
        },
    );
    assert!(answer.last_seen < 60, "{} rows were drawn", answer.last_seen);
}

fn terminal(ui: &mut Ui, model: &mut Model) {
    let whole = ui.available_rect_before_wrap();
    let left = Rect::from_min_max(whole.min, pos2(whole.left() + 720.0, whole.bottom()));
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(left));
    model.terminal.focus();
    model.terminal.ui(&mut child, "Shell");
    let preview = Rect::from_min_size(pos2(left.right() + 24.0, whole.top()), vec2(264.0, 150.0));
    model.terminal.preview(ui, preview);
}

fn wallpapers(ui: &mut Ui, _: &mut Model) {
    let whole = ui.available_rect_before_wrap();
    for (index, wallpaper) in Wallpaper::ALL.into_iter().enumerate() {
        let size = whole.size() / 2.0;
        let at = whole.min + vec2(size.x * (index % 2) as f32, size.y * (index / 2) as f32);
        wallpaper_ui(ui, ui.painter(), Rect::from_min_size(at, size).shrink(4.0), wallpaper);
    }
}

fn page(theme: Theme, percent: u16, size: Vec2, page: Page) -> Harness<'static, Model> {
    let appearance =
        Appearance { theme, text_scale_percent: percent, reduced_motion: true, ..Appearance::default() };
    // The terminal shows wide characters, whose font comes from the system.
    Harness::builder().with_size(size).allow_missing_glyphs().build_ui_state(
        move |ui, model: &mut Model| {
            apply(ui.ctx(), &appearance);
            egui::CentralPanel::default().show(ui, |ui| page(ui, model));
        },
        Model::new(),
    )
}

#[test]
fn every_page_draws_in_both_themes_and_with_large_text() {
    for (name, draw) in PAGES {
        for (theme, percent) in [(Theme::Dark, 100), (Theme::Light, 100), (Theme::Dark, 130)] {
            let mut harness = page(theme, percent, vec2(1280.0, 720.0), draw);
            harness.run();
            assert!(!harness.output().shapes.is_empty(), "{name} draws nothing");
            if let Ok(folder) = std::env::var("AETHER_GALLERY") {
                let image = harness.render().expect("a software renderer (Debian: mesa-vulkan-drivers)");
                image.save(format!("{folder}/{name}-{theme:?}-{percent}.png").to_lowercase()).unwrap();
            }
        }
    }
}

#[test]
fn an_idle_page_asks_for_no_frame() {
    for (name, draw) in PAGES.into_iter().filter(|(name, _)| *name != "terminal") {
        let mut harness = page(Theme::Dark, 100, vec2(1280.0, 720.0), draw);
        harness.run();
        let delay =
            harness.output().viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
        assert!(delay.as_secs() >= 1, "{name} asks for a frame in {delay:?}");
    }
}

#[test]
fn each_control_has_its_name_and_role() {
    use egui::accesskit::Role;
    let mut harness = page(Theme::Dark, 100, vec2(1280.0, 720.0), controls);
    harness.run();
    for (role, name) in [
        (Role::Button, "Deploy agent"),
        (Role::Button, "Open settings"),
        (Role::TextInput, "Name"),
        (Role::PasswordInput, "Password"),
        (Role::MultilineTextInput, "Goal"),
        (Role::ComboBox, "Model"),
        (Role::RadioButton, "Light"),
        (Role::Switch, "Reduced motion"),
        (Role::CheckBox, "Follow the output"),
        (Role::Slider, "Text size"),
        (Role::Tab, "Timeline"),
        (Role::Button, "Close ada@aether: ~"),
        (Role::Link, "Show the log"),
    ] {
        harness.get_by_role_and_label(role, name);
    }
}
