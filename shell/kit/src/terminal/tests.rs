//! The terminal: what the shell writes, what the person types, what they select.

use egui::{Event, Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable as _};

use super::{keys::Modes, select::Spot, *};

fn spot(line: usize, col: u16) -> Spot {
    Spot { line, col }
}

#[test]
fn bytes_may_be_cut_anywhere() {
    let mut view = TerminalView::new();
    for byte in "\x1b]2;notes — vim\x07\x1b[31mgrün\x1b[0m ok".bytes() {
        view.feed(&[byte]);
    }
    assert_eq!(view.text(), "grün ok");
    assert_eq!(view.title(), Some("notes — vim"));
}

#[test]
fn questions_of_the_shell_are_answered() {
    let mut view = TerminalView::new();
    view.feed(b"ab\x1b[6n\x1b[c");
    assert_eq!(view.take_input(), b"\x1b[1;3R\x1b[?62;22c");
    assert!(view.take_input().is_empty());
    let mut preview = TerminalView::new().read_only();
    preview.feed(b"\x1b[6n");
    assert!(preview.take_input().is_empty(), "a preview must not answer for the terminal that it shows");
}

#[test]
fn reset_forgets_screen_scrollback_and_title() {
    let mut view = TerminalView::new();
    view.feed("line\r\n".repeat(100).as_bytes());
    view.feed(b"\x1b]2;t\x07");
    view.reset();
    assert_eq!((view.text().as_str(), view.title()), ("", None));
    assert_eq!(view.parser.screen().scrollback_len(), 0);
}

#[test]
fn selections_reach_into_the_scrollback_and_join_wrapped_lines() {
    let mut view = TerminalView::new();
    view.set_size(10, 3);
    view.feed(b"one\r\ntwo\r\n0123456789abc\r\nend\r\nlast");
    view.selection = Some(Selection { from: spot(4, 2), to: spot(1, 1) });
    assert_eq!(view.selected_text().as_deref(), Some("wo\n0123456789abc\nend"));
    assert_eq!(view.parser.screen().scrollback(), 0, "copying must not move the view");
}

#[test]
fn a_word_ends_at_spaces_and_brackets() {
    let mut view = TerminalView::new();
    view.feed(b"see (src/main.rs:12) now");
    let word = select::word(&mut view.parser, spot(0, 8));
    view.selection = Some(word);
    assert_eq!(view.selected_text().as_deref(), Some("src/main.rs:12"));
}

#[test]
fn keys_become_what_a_shell_expects() {
    let key =
        |key, modifiers| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
    let plain = Modes::default();
    let program = Modes { application_cursor: true, ..plain };
    let ctrl = Modifiers { ctrl: true, command: true, ..Modifiers::NONE };
    let cases: [(Event, Modifiers, Modes, &[u8]); 14] = [
        (Event::Text("é".into()), Modifiers::NONE, plain, "é".as_bytes()),
        (Event::Text("b".into()), Modifiers::ALT, plain, b"\x1bb"),
        (key(Key::Enter, Modifiers::NONE), Modifiers::NONE, plain, b"\r"),
        (key(Key::Backspace, Modifiers::NONE), Modifiers::NONE, plain, b"\x7f"),
        (key(Key::Tab, Modifiers::SHIFT), Modifiers::SHIFT, plain, b"\x1b[Z"),
        (key(Key::ArrowUp, Modifiers::NONE), Modifiers::NONE, plain, b"\x1b[A"),
        (key(Key::ArrowUp, Modifiers::NONE), Modifiers::NONE, program, b"\x1bOA"),
        (key(Key::ArrowLeft, ctrl), ctrl, program, b"\x1b[1;5D"),
        (key(Key::F1, Modifiers::NONE), Modifiers::NONE, plain, b"\x1bOP"),
        (key(Key::F5, Modifiers::SHIFT), Modifiers::SHIFT, plain, b"\x1b[15;2~"),
        (key(Key::D, ctrl), ctrl, plain, b"\x04"),
        (Event::Copy, ctrl, plain, b"\x03"),
        (Event::Cut, ctrl, plain, b"\x18"),
        (
            Event::Paste("a\nb\x1b[201~c".into()),
            ctrl,
            Modes { bracketed_paste: true, ..plain },
            b"\x1b[200~a\rbc\x1b[201~",
        ),
    ];
    for (event, now, modes, wanted) in cases {
        assert_eq!(keys::bytes(&event, now, modes).as_deref(), Some(wanted), "{event:?}");
    }
    assert_eq!(
        keys::bytes(&key(Key::A, Modifiers::NONE), Modifiers::NONE, plain),
        None,
        "text comes as text"
    );
}

#[test]
fn typing_scrolling_and_resizing_through_the_widget() {
    let mut harness = Harness::builder().with_size(egui::vec2(600.0, 300.0)).build_ui_state(
        |ui, view: &mut TerminalView| {
            crate::apply(ui.ctx(), &crate::Appearance { reduced_motion: true, ..Default::default() });
            view.ui(ui, "Shell");
        },
        TerminalView::new(),
    );
    harness.run();
    let (cols, rows) = harness.state_mut().take_resize().expect("a first size");
    assert!((60..=80).contains(&cols) && (12..=20).contains(&rows), "{cols}×{rows}");

    harness.get_by_label("Shell").click();
    harness.run();
    harness.event(Event::Text("ls".to_owned()));
    harness.key_press(Key::Enter);
    harness.key_press(Key::Tab);
    harness.run();
    assert_eq!(harness.state_mut().take_input(), b"ls\r\t");
    assert!(harness.get_by_label("Shell").is_focused(), "Tab belongs to the shell");

    for line in 0..100 {
        harness.state_mut().feed(format!("line {line}\r\n").as_bytes());
    }
    harness.run();
    assert!(harness.get_by_label("Shell").value().unwrap().contains("line 99"));
    harness.hover_at(egui::pos2(200.0, 100.0));
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: egui::vec2(0.0, 20.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    harness.run();
    assert!(!harness.get_by_label("Shell").value().unwrap().contains("line 99"), "scrolled back");
    harness.event(Event::Text("x".to_owned()));
    harness.run();
    assert!(
        harness.get_by_label("Shell").value().unwrap().contains("line 99"),
        "typing shows the newest line"
    );
}

#[test]
fn ctrl_c_copies_what_is_selected_and_interrupts_otherwise() {
    let mut view = TerminalView::new();
    view.feed(b"hello");
    let mut harness = Harness::builder().with_size(egui::vec2(400.0, 200.0)).build_ui_state(
        |ui, (view, copied): &mut (TerminalView, Vec<String>)| {
            crate::apply(ui.ctx(), &crate::Appearance { reduced_motion: true, ..Default::default() });
            view.ui(ui, "Shell");
            copied.extend(ui.ctx().output(|output| output.commands.clone()).into_iter().filter_map(
                |command| match command {
                    egui::OutputCommand::CopyText(text) => Some(text),
                    _ => None,
                },
            ));
        },
        (view, Vec::new()),
    );
    harness.get_by_label("Shell").focus();
    harness.run();
    let ctrl = Modifiers { ctrl: true, command: true, ..Modifiers::NONE };
    harness.state_mut().0.selection = Some(Selection { from: spot(0, 0), to: spot(0, 3) });
    harness.event_modifiers(Event::Copy, ctrl);
    harness.run();
    assert_eq!(harness.state().1, ["hell"]);
    assert!(harness.state_mut().0.take_input().is_empty());
    harness.event_modifiers(Event::Copy, ctrl);
    harness.run();
    assert_eq!(harness.state_mut().0.take_input(), [0x03]);
}
