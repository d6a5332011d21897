//! The pages as a person meets them.

use aether_kit::{Appearance, Theme, Wallpaper};
use aether_protocol::{
    Error, Page, SessionId, UnixMillis, UserId,
    identity::{Me, Session, User},
    mind::{Model, ModelName},
    system::{Check, Diagnosis, Health},
};
use egui::{Ui, Vec2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use super::{fetch::State, *};
use crate::world::Loaded;

fn drawn(
    size: Vec2,
    theme: Theme,
    draw: impl Fn(&mut Ui, &mut Vec<Deed>) + 'static,
) -> Harness<'static, Vec<Deed>> {
    let mut harness = Harness::builder().with_size(size).build_ui_state(
        move |ui, deeds: &mut Vec<Deed>| {
            aether_kit::apply(ui.ctx(), &Appearance { theme, reduced_motion: true, ..Appearance::default() });
            egui::CentralPanel::default().show(ui, |ui| draw(ui, deeds));
        },
        Vec::new(),
    );
    harness.run();
    harness
}

fn looked_at(harness: &mut Harness<'_, Vec<Deed>>, name: &str) {
    if let Ok(folder) = std::env::var("AETHER_GALLERY") {
        let image = harness.render().expect("a software renderer (Debian: mesa-vulkan-drivers)");
        image.save(format!("{folder}/settings-{name}.png")).unwrap();
    }
}

fn session(number: u128, device: &str, is_current: bool) -> Session {
    let now = aether_kit::now();
    Session {
        id: SessionId(uuid::Uuid::from_u128(number)),
        device: device.to_owned(),
        created_at: UnixMillis(now.0 - 7_200_000),
        seen_at: UnixMillis(now.0 - 300_000),
        expires_at: UnixMillis(now.0 + 600_000_000),
        is_current,
    }
}

fn me() -> Loaded<Me> {
    let user =
        User { id: UserId(uuid::Uuid::from_u128(9)), name: "ada".to_owned(), created_at: UnixMillis(0) };
    Loaded::Ready(Me { user, session: session(1, "Laptop", true) })
}

fn models() -> Page<Model> {
    let model = |name: &str, available, note: Option<&str>, is_default, context_tokens, size_bytes| Model {
        name: ModelName(name.to_owned()),
        available,
        note: note.map(str::to_owned),
        is_default,
        context_tokens,
        size_bytes,
    };
    let remote = "No key is set. Write it to secrets/openai.key, then look again.";
    Page {
        items: vec![
            model("local:smollm2-135m", true, None, true, Some(2_048), Some(98_362_432)),
            model("ollama:qwen3", false, Some("http://127.0.0.1:11434 does not answer"), false, None, None),
            model("openai:gpt-4.1-mini", false, Some(remote), false, Some(1_047_576), None),
        ],
        next: None,
    }
}

#[test]
fn another_theme_and_wallpaper_take_effect_at_once() {
    let mut harness = drawn(vec2(880.0, 620.0), Theme::Dark, |ui, deeds| {
        let seen = Seen {
            appearance: &Appearance::default(),
            world: &crate::World::at(UnixMillis(0)),
            narrow: false,
        };
        deeds.extend(Settings::new().draw(ui, &seen));
    });
    looked_at(&mut harness, "appearance");
    harness.get_by_label("Light").click();
    harness.run();
    harness.get_by_label("Ember").click();
    harness.run();
    assert_eq!(
        harness.state().as_slice(),
        [
            Deed::SetAppearance(Appearance { theme: Theme::Light, ..Appearance::default() }),
            Deed::SetAppearance(Appearance { wallpaper: Wallpaper::Ember, ..Appearance::default() }),
        ]
    );
}

#[test]
fn on_a_phone_every_page_is_still_there_by_name() {
    let mut harness = drawn(vec2(390.0, 844.0), Theme::Light, |ui, deeds| {
        let seen = Seen {
            appearance: &Appearance::default(),
            world: &crate::World::at(UnixMillis(0)),
            narrow: true,
        };
        deeds.extend(Settings::new().draw(ui, &seen));
    });
    looked_at(&mut harness, "phone");
    for tab in Tab::ALL {
        let item = harness.get_by_role_and_label(egui::Role::Tab, tab.title());
        assert!(item.rect().right() <= 64.0, "{} does not collapse", tab.title());
    }
    assert!(harness.get_by_label("Ember").rect().right() <= 390.0, "wallpapers reach beyond the edge");
}

#[test]
fn models_say_why_they_cannot_be_used() {
    let mut harness = drawn(vec2(660.0, 560.0), Theme::Dark, |ui, deeds| {
        models::page(ui, State::Ready(&models()), deeds);
    });
    looked_at(&mut harness, "models");
    harness.get_by_label("Default");
    harness.get_by_label("local · 98.4 MB on disk · reads 2,048 tokens");
    harness.get_by_label("http://127.0.0.1:11434 does not answer");
    assert_eq!(harness.query_all_by_label("Not available").count(), 2);
}

#[test]
fn a_list_of_models_that_failed_can_be_asked_for_again() {
    let mut harness = drawn(vec2(660.0, 560.0), Theme::Dark, |ui, deeds| {
        let error = Error::unavailable("Could not list the models").hint("Check that aetherd runs");
        models::page(ui, State::Failed(&error), deeds);
    });
    harness.get_by_label("Check that aetherd runs");
    harness.get_by_label("Try again").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), [Deed::Reload]);
}

#[test]
fn no_model_at_all_says_what_to_do() {
    let mut harness = drawn(vec2(660.0, 560.0), Theme::Dark, |ui, deeds| {
        models::page(ui, State::Ready(&Page::default()), deeds);
    });
    harness.get_by_label("Look again").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), [Deed::Reload]);
}

#[test]
fn another_device_is_signed_out_after_a_question() {
    let page = |asked: Option<SessionId>| {
        move |ui: &mut Ui, deeds: &mut Vec<Deed>| {
            let sessions =
                Page { items: vec![session(1, "Laptop", true), session(2, "Old phone", false)], next: None };
            let view = session::View { me: &me(), sessions: State::Ready(&sessions), asked, revoking: &[] };
            session::page(ui, &view, deeds);
        }
    };
    let phone = SessionId(uuid::Uuid::from_u128(2));
    let mut harness = drawn(vec2(660.0, 560.0), Theme::Light, page(None));
    harness.get_by_label("This device");
    harness.get_by_label("Sign out…").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), [Deed::AskRevoke(phone)]);

    let mut harness = drawn(vec2(660.0, 560.0), Theme::Light, page(Some(phone)));
    looked_at(&mut harness, "session");
    harness.get_by_label("Sign out device").click();
    harness.run();
    harness.get_by_label("Lock screen").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), [Deed::Revoke(phone), Deed::Lock]);
}

#[test]
fn what_the_host_lacks_comes_with_its_remedy() {
    let mut harness = drawn(vec2(660.0, 1100.0), Theme::Dark, |ui, deeds| {
        let check = |name: &str, state, detail: &str, remedy: Option<&str>| Check {
            name: name.to_owned(),
            state,
            detail: detail.to_owned(),
            remedy: remedy.map(str::to_owned),
        };
        let diagnosis = Diagnosis {
            checks: vec![
                check("user namespaces", Health::Ready, "Agents get one each", None),
                check(
                    "cgroup v2",
                    Health::Degraded,
                    "Only v1 is mounted",
                    Some("Boot with systemd.unified_cgroup_hierarchy=1"),
                ),
            ],
        };
        let status = crate::tests::fixture::status(&crate::tests::fixture::empty_world());
        about::page(ui, Some(&status), State::Ready(&diagnosis), deeds);
    });
    looked_at(&mut harness, "about");
    harness.get_by_label("Boot with systemd.unified_cgroup_hierarchy=1");
    harness.get_by_label("Degraded");
    harness.get_by_label("Check again").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), [Deed::Reload]);
}
