//! Placement and order of windows.

#![allow(clippy::float_cmp, reason = "places are whole points, which floats hold exactly")]

use egui::{Rect, pos2, vec2};

use super::{
    geometry::{self, Edge, MIN_SIZE, Zone},
    stack::Stack,
};

fn work() -> Rect {
    Rect::from_min_max(pos2(0.0, 28.0), pos2(1280.0, 644.0))
}

fn stack() -> Stack {
    let mut stack = Stack::default();
    stack.set_work(work());
    stack
}

#[test]
fn a_drag_to_an_edge_snaps_and_elsewhere_does_not() {
    let at = |x, y| Zone::at(pos2(x, y), work());
    assert_eq!(at(2.0, 330.0), Some(Zone::Left));
    assert_eq!(at(1279.0, 330.0), Some(Zone::Right));
    assert_eq!(at(2.0, 60.0), Some(Zone::TopLeft));
    assert_eq!(at(1279.0, 640.0), Some(Zone::BottomRight));
    assert_eq!(at(640.0, 29.0), Some(Zone::Full));
    assert_eq!(at(640.0, 330.0), None);
    assert_eq!(at(640.0, 643.0), None, "the lower edge belongs to the dock");
}

#[test]
fn halves_and_quarters_lie_side_by_side_without_overlap() {
    for (a, b) in [
        (Zone::Left, Zone::Right),
        (Zone::TopLeft, Zone::BottomLeft),
        (Zone::TopRight, Zone::BottomRight),
        (Zone::TopLeft, Zone::TopRight),
    ] {
        let (a, b) = (a.rect(work()), b.rect(work()));
        assert!(!a.intersects(b));
        assert!(work().contains_rect(a) && work().contains_rect(b));
        assert!((a.area() - b.area()).abs() < 0.1);
    }
    assert_eq!(Zone::Full.rect(work()), work());
}

#[test]
fn each_edge_moves_its_side_only_and_stops_at_the_least_size() {
    let start = Rect::from_min_size(pos2(200.0, 100.0), vec2(500.0, 400.0));
    for edge in Edge::ALL {
        let moved = geometry::resize(start, edge, vec2(10.0, 10.0), work());
        let expect = |side: i8, which: i8| if side == which { 10.0 } else { 0.0 };
        assert_eq!(moved.left() - start.left(), expect(edge.x, -1));
        assert_eq!(moved.right() - start.right(), expect(edge.x, 1));
        assert_eq!(moved.top() - start.top(), expect(edge.y, -1));
        assert_eq!(moved.bottom() - start.bottom(), expect(edge.y, 1));

        for delta in [vec2(5000.0, 5000.0), vec2(-5000.0, -5000.0)] {
            let extreme = geometry::resize(start, edge, delta, work());
            assert!(extreme.width() >= MIN_SIZE.x && extreme.height() >= MIN_SIZE.y);
            assert!(work().contains_rect(extreme), "{edge:?} {extreme:?}");
        }
    }
}

#[test]
fn handles_of_neighbouring_edges_meet_and_lie_on_the_border() {
    let window = Rect::from_min_size(pos2(100.0, 100.0), vec2(400.0, 300.0));
    for edge in Edge::ALL {
        let handle = edge.handle(window, 5.0, 2.0);
        assert!(handle.is_positive(), "{edge:?}");
        assert!(window.expand(5.0).contains_rect(handle), "{edge:?} {handle:?}");
        assert!(!window.shrink(9.0).intersects(handle), "{edge:?} reaches into the body");
    }
}

#[test]
fn a_smaller_desktop_pulls_windows_inside() {
    let mut stack = stack();
    let id = stack.open(vec2(960.0, 600.0));
    stack.move_to(id, Rect::from_min_size(pos2(300.0, 40.0), vec2(960.0, 600.0)));
    let small = Rect::from_min_max(pos2(0.0, 28.0), pos2(800.0, 500.0));
    stack.set_work(small);
    let rect = stack.rect(id).unwrap();
    assert!(small.contains_rect(rect), "{rect:?}");
}

#[test]
fn a_window_pushed_off_a_side_can_be_grabbed_again() {
    let mut stack = stack();
    let id = stack.open(vec2(600.0, 400.0));
    for far in [pos2(-5000.0, -5000.0), pos2(5000.0, 5000.0)] {
        stack.move_to(id, Rect::from_min_size(far, vec2(600.0, 400.0)));
        let rect = stack.rect(id).unwrap();
        let bar = Rect::from_min_size(rect.min, vec2(rect.width(), geometry::TITLE_HEIGHT));
        let seen = bar.intersect(work());
        assert!(seen.width() >= 100.0 && seen.height() >= geometry::TITLE_HEIGHT, "{rect:?}");
    }
}

#[test]
fn new_windows_do_not_cover_each_other_exactly() {
    let mut stack = stack();
    let a = stack.open(vec2(700.0, 420.0));
    let b = stack.open(vec2(700.0, 420.0));
    assert_ne!(stack.rect(a), stack.rect(b));
    assert_eq!(stack.focused(), Some(b));
}

#[test]
fn minimising_hands_the_focus_down_and_focus_brings_back() {
    let mut stack = stack();
    let a = stack.open(vec2(700.0, 420.0));
    let b = stack.open(vec2(700.0, 420.0));
    stack.minimise(b);
    assert_eq!(stack.focused(), Some(a));
    stack.focus(b);
    assert_eq!(stack.focused(), Some(b));
    assert!(!stack.get(b).unwrap().minimised);
}

#[test]
fn cycling_reaches_every_window_both_ways() {
    let mut stack = stack();
    let all: Vec<_> = (0..4).map(|_| stack.open(vec2(500.0, 300.0))).collect();
    for backwards in [false, true] {
        let mut seen = Vec::new();
        for _ in 0..4 {
            stack.cycle(backwards);
            seen.push(stack.focused().unwrap());
        }
        seen.sort();
        assert_eq!(seen, all);
    }
}

#[test]
fn full_and_back_returns_to_the_same_place() {
    let mut stack = stack();
    let id = stack.open(vec2(700.0, 420.0));
    let before = stack.rect(id);
    stack.toggle_full(id);
    assert_eq!(stack.rect(id), Some(work()));
    stack.toggle_full(id);
    assert_eq!(stack.rect(id), before);
}

#[test]
fn keys_move_and_grow_within_the_desktop() {
    let mut stack = stack();
    let id = stack.open(vec2(700.0, 420.0));
    for _ in 0..100 {
        stack.nudge(id, vec2(-24.0, 24.0));
        stack.grow(id, vec2(24.0, -24.0));
    }
    let rect = stack.rect(id).unwrap();
    assert!(work().contains_rect(rect), "{rect:?}");
    assert!((rect.height() - MIN_SIZE.y).abs() < 0.1);
}
