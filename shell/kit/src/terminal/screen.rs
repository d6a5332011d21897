//! What a shell asks of or tells its terminal besides text: the title, the cursor's place, who it is.

/// Collects titles and the answers to a shell's questions.
#[derive(Default)]
pub(super) struct Reports {
    pub(super) title: Option<String>,
    pub(super) answers: Vec<u8>,
}

impl vt100::Callbacks for Reports {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        let title: String =
            String::from_utf8_lossy(title).chars().filter(|c| !c.is_control()).take(200).collect();
        self.title = Some(title).filter(|title| !title.is_empty());
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _second: Option<u8>,
        params: &[&[u16]],
        end: char,
    ) {
        let param = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        match (first, end, param) {
            // Device status report, xterm's control sequences: "Report Cursor Position (CPR)".
            (None, 'n', 6) => {
                let (row, col) = screen.cursor_position();
                self.answers.extend(format!("\x1b[{};{}R", row + 1, col + 1).into_bytes());
            }
            (None, 'n', 5) => self.answers.extend(b"\x1b[0n"),
            // Primary device attributes: a VT220 with colour.
            (None, 'c', 0) => self.answers.extend(b"\x1b[?62;22c"),
            (Some(b'>'), 'c', 0) => self.answers.extend(b"\x1b[>0;0;0c"),
            _ => {}
        }
    }
}
