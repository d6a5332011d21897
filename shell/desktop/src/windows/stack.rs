//! The windows of the desktop, bottom to top: placement, order, focus. Pure.

use egui::{Rect, Vec2};

use super::geometry::{self, Edge, Zone};

/// A window, as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowId(pub u64);

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Which.
    pub id: WindowId,
    /// Where it stands when it fills no zone.
    pub free: Rect,
    /// The zone that it fills.
    pub zone: Option<Zone>,
    /// Whether it is out of sight, in the dock.
    pub minimised: bool,
}

/// All windows, bottom to top.
#[derive(Clone, Debug)]
pub struct Stack {
    frames: Vec<Frame>,
    work: Rect,
    opened: u64,
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            frames: Vec::new(),
            work: Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1280.0, 720.0)),
            opened: 0,
        }
    }
}

impl Stack {
    /// Bottom to top, minimised ones included.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The part of the desktop that windows use.
    pub fn work(&self) -> Rect {
        self.work
    }

    /// Says which part of the desktop windows use. Windows that no longer fit are moved inside.
    pub fn set_work(&mut self, work: Rect) {
        if self.work == work {
            return;
        }
        self.work = work;
        for frame in &mut self.frames {
            frame.free = geometry::keep_inside(frame.free, work);
        }
    }

    /// A new window on top, with the focus.
    pub fn open(&mut self, size: Vec2) -> WindowId {
        let nth = self.frames.iter().filter(|frame| frame.zone.is_none()).count();
        let free = geometry::cascade(size, nth, self.work);
        self.place(free, None, false)
    }

    /// A window where it stood before, on top.
    pub fn place(&mut self, free: Rect, zone: Option<Zone>, minimised: bool) -> WindowId {
        self.opened += 1;
        let id = WindowId(self.opened);
        self.frames.push(Frame { id, free: geometry::keep_inside(free, self.work), zone, minimised });
        id
    }

    /// The window is gone.
    pub fn close(&mut self, id: WindowId) {
        self.frames.retain(|frame| frame.id != id);
    }

    /// The window's frame.
    pub fn get(&self, id: WindowId) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.id == id)
    }

    fn get_mut(&mut self, id: WindowId) -> Option<&mut Frame> {
        self.frames.iter_mut().find(|frame| frame.id == id)
    }

    /// What the window covers now, while it is in sight.
    pub fn rect(&self, id: WindowId) -> Option<Rect> {
        // Whole points, so that hairlines and text stay sharp.
        self.get(id).map(|frame| frame.zone.map_or(frame.free, |zone| zone.rect(self.work)).round())
    }

    /// The window that has the focus: the topmost in sight.
    pub fn focused(&self) -> Option<WindowId> {
        self.frames.iter().rev().find(|frame| !frame.minimised).map(|frame| frame.id)
    }

    /// Brings the window to the top, back into sight if it was minimised.
    pub fn focus(&mut self, id: WindowId) {
        if let Some(at) = self.frames.iter().position(|frame| frame.id == id) {
            let mut frame = self.frames.remove(at);
            frame.minimised = false;
            self.frames.push(frame);
        }
    }

    /// Puts the window out of sight; the one below gets the focus.
    pub fn minimise(&mut self, id: WindowId) {
        if let Some(frame) = self.get_mut(id) {
            frame.minimised = true;
        }
    }

    /// Puts every window out of sight.
    pub fn minimise_all(&mut self) {
        for frame in &mut self.frames {
            frame.minimised = true;
        }
    }

    /// Fills the zone, or leaves all zones.
    pub fn snap(&mut self, id: WindowId, zone: Option<Zone>) {
        if let Some(frame) = self.get_mut(id) {
            frame.zone = zone;
        }
    }

    /// Fills the desktop, or goes back to where it was.
    pub fn toggle_full(&mut self, id: WindowId) {
        if let Some(frame) = self.get_mut(id) {
            frame.zone = if frame.zone == Some(Zone::Full) { None } else { Some(Zone::Full) };
        }
    }

    /// Stands free at `rect`, its title bar within reach.
    pub fn move_to(&mut self, id: WindowId, rect: Rect) {
        let work = self.work;
        if let Some(frame) = self.get_mut(id) {
            frame.zone = None;
            frame.free = geometry::keep_in_reach(rect, work);
        }
    }

    /// Moves by `delta`, all of it staying inside.
    pub fn nudge(&mut self, id: WindowId, delta: Vec2) {
        let work = self.work;
        if let Some(rect) = self.rect(id) {
            self.move_to(id, geometry::keep_inside(rect.translate(delta), work));
        }
    }

    /// Drags an edge: `start` is the rectangle when the drag began, `delta` how far it went.
    pub fn resize(&mut self, id: WindowId, start: Rect, edge: Edge, delta: Vec2) {
        let rect = geometry::resize(start, edge, delta, self.work);
        if let Some(frame) = self.get_mut(id) {
            frame.zone = None;
            frame.free = rect;
        }
    }

    /// Grows or shrinks at the lower right by `delta`.
    pub fn grow(&mut self, id: WindowId, delta: Vec2) {
        if let Some(rect) = self.rect(id) {
            self.resize(id, rect, Edge { x: 1, y: 1 }, delta);
        }
    }

    /// Gives the focus to the next window below (or, backwards, to the lowest); repeated, it reaches all.
    pub fn cycle(&mut self, backwards: bool) {
        let seen: Vec<WindowId> = self.frames.iter().filter(|f| !f.minimised).map(|f| f.id).collect();
        match (seen.as_slice(), backwards) {
            ([lowest, _, ..], true) => self.focus(*lowest),
            ([.., top], false) if seen.len() > 1 => {
                if let Some(at) = self.frames.iter().position(|frame| frame.id == *top) {
                    let frame = self.frames.remove(at);
                    self.frames.insert(0, frame);
                }
            }
            ([], _) => {
                if let Some(last) = self.frames.last().map(|frame| frame.id) {
                    self.focus(last);
                }
            }
            _ => {}
        }
    }
}
