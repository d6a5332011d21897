//! Where a window may stand: snapping, resizing, staying inside. Pure.

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use serde::{Deserialize, Serialize};

/// The smallest window, in points.
pub const MIN_SIZE: Vec2 = vec2(320.0, 200.0);
/// The height of a title bar, in points.
pub const TITLE_HEIGHT: f32 = 36.0;
/// How near to the edge the pointer must come before a window snaps, in points.
const SNAP_REACH: f32 = 14.0;
/// How far from a corner a snap means a quarter, as a share of the edge.
const CORNER_SHARE: f32 = 0.22;
/// The gap around and between snapped windows, in points.
const GAP: f32 = 6.0;
/// How much of a title bar stays within reach when a window is pushed off a side, in points.
const GRIP: f32 = 120.0;

/// A part of the desktop that a window can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The left half.
    Left,
    /// The right half.
    Right,
    /// A quarter.
    TopLeft,
    /// A quarter.
    TopRight,
    /// A quarter.
    BottomLeft,
    /// A quarter.
    BottomRight,
    /// All of it.
    Full,
}

impl Zone {
    /// The zone that a window dragged to `pointer` snaps to.
    pub fn at(pointer: Pos2, work: Rect) -> Option<Self> {
        let left = pointer.x <= work.left() + SNAP_REACH;
        let right = pointer.x >= work.right() - SNAP_REACH;
        let corner = work.height() * CORNER_SHARE;
        let high = pointer.y <= work.top() + corner;
        let low = pointer.y >= work.bottom() - corner;
        match (left, right) {
            (true, _) if high => Some(Self::TopLeft),
            (true, _) if low => Some(Self::BottomLeft),
            (true, _) => Some(Self::Left),
            (_, true) if high => Some(Self::TopRight),
            (_, true) if low => Some(Self::BottomRight),
            (_, true) => Some(Self::Right),
            _ if pointer.y <= work.top() + SNAP_REACH / 2.0 => Some(Self::Full),
            _ => None,
        }
    }

    /// What the zone covers of the desktop.
    pub fn rect(self, work: Rect) -> Rect {
        if self == Self::Full {
            return work;
        }
        let inner = work.shrink(GAP);
        let middle = inner.center();
        let (left, right) = (
            Rect::from_min_max(inner.min, pos2(middle.x - GAP / 2.0, inner.bottom())),
            Rect::from_min_max(pos2(middle.x + GAP / 2.0, inner.top()), inner.max),
        );
        let upper = |half: Rect| Rect::from_min_max(half.min, pos2(half.right(), middle.y - GAP / 2.0));
        let lower = |half: Rect| Rect::from_min_max(pos2(half.left(), middle.y + GAP / 2.0), half.max);
        match self {
            Self::Left => left,
            Self::Right => right,
            Self::TopLeft => upper(left),
            Self::BottomLeft => lower(left),
            Self::TopRight => upper(right),
            Self::BottomRight => lower(right),
            Self::Full => work,
        }
    }
}

/// Which sides a resize moves: -1 left or top, 1 right or bottom, 0 neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Left or right.
    pub x: i8,
    /// Top or bottom.
    pub y: i8,
}

impl Edge {
    /// The four sides, then the four corners, so that corners lie on top.
    pub const ALL: [Self; 8] = [
        Self { x: 0, y: -1 },
        Self { x: 0, y: 1 },
        Self { x: -1, y: 0 },
        Self { x: 1, y: 0 },
        Self { x: -1, y: -1 },
        Self { x: 1, y: -1 },
        Self { x: -1, y: 1 },
        Self { x: 1, y: 1 },
    ];

    /// Where it is grabbed: `outside` points beyond the window, `inside` points within.
    pub fn handle(self, window: Rect, outside: f32, inside: f32) -> Rect {
        let corner = outside + inside + 6.0;
        let span = |low: f32, high: f32, side: i8, other: i8| match side {
            -1 => (low - outside, low + if other == 0 { inside } else { corner - outside }),
            1 => (high - if other == 0 { inside } else { corner - outside }, high + outside),
            _ => (low + corner, high - corner),
        };
        let (left, right) = span(window.left(), window.right(), self.x, self.y);
        let (top, bottom) = span(window.top(), window.bottom(), self.y, self.x);
        Rect::from_min_max(pos2(left, top), pos2(right.max(left), bottom.max(top)))
    }

    /// The cursor that says so.
    pub fn cursor(self) -> egui::CursorIcon {
        match (self.x, self.y) {
            (0, _) => egui::CursorIcon::ResizeVertical,
            (_, 0) => egui::CursorIcon::ResizeHorizontal,
            (x, y) if x == y => egui::CursorIcon::ResizeNwSe,
            _ => egui::CursorIcon::ResizeNeSw,
        }
    }
}

/// `start` with `edge` dragged by `delta`: never smaller than [`MIN_SIZE`], never outside `work`.
pub fn resize(start: Rect, edge: Edge, delta: Vec2, work: Rect) -> Rect {
    let mut rect = start;
    match edge.x {
        -1 => {
            rect.min.x = at_most(at_least(start.min.x + delta.x, work.left()), start.max.x - MIN_SIZE.x);
        }
        1 => {
            rect.max.x = at_least(at_most(start.max.x + delta.x, work.right()), start.min.x + MIN_SIZE.x);
        }
        _ => {}
    }
    match edge.y {
        -1 => {
            rect.min.y = at_most(at_least(start.min.y + delta.y, work.top()), start.max.y - MIN_SIZE.y);
        }
        1 => {
            rect.max.y = at_least(at_most(start.max.y + delta.y, work.bottom()), start.min.y + MIN_SIZE.y);
        }
        _ => {}
    }
    rect
}

fn at_least(value: f32, low: f32) -> f32 {
    value.max(low)
}

fn at_most(value: f32, high: f32) -> f32 {
    value.min(high)
}

/// `rect` moved so that its title bar can still be grabbed.
pub fn keep_in_reach(rect: Rect, work: Rect) -> Rect {
    let grip = GRIP.min(rect.width());
    let x = rect.left().max(work.left() + grip - rect.width()).min(work.right() - grip);
    let y = rect.top().min(work.bottom() - TITLE_HEIGHT).max(work.top());
    Rect::from_min_size(pos2(x, y), rect.size())
}

/// `rect` moved, and made smaller where it must be, so that all of it lies inside `work`.
pub fn keep_inside(rect: Rect, work: Rect) -> Rect {
    let size = rect.size().min(work.size()).max(MIN_SIZE.min(work.size()));
    let x = rect.left().min(work.right() - size.x).max(work.left());
    let y = rect.top().min(work.bottom() - size.y).max(work.top());
    Rect::from_min_size(pos2(x, y), size)
}

/// Where the next new window goes: centred, each one a step further down, starting again at the top.
pub fn cascade(size: Vec2, nth: usize, work: Rect) -> Rect {
    let size = size.min(work.size() - Vec2::splat(2.0 * GAP)).max(MIN_SIZE.min(work.size()));
    let room = (work.size() - size) / 2.0;
    let base = work.min + vec2(room.x, room.y * 0.7);
    let step = 28.0 * (nth % 6) as f32;
    keep_inside(Rect::from_min_size(base + Vec2::splat(step), size), work)
}
