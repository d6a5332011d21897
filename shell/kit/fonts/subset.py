#!/usr/bin/env python3
"""Makes the fonts in this folder and src/icon/names.rs. See README.md.

usage: subset.py INTER_DIR JETBRAINS_MONO_DIR PHOSPHOR_DIR PHOSPHOR_NAMES_RS
"""

import pathlib
import re
import sys

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

HERE = pathlib.Path(__file__).parent
INTER, MONO, PHOSPHOR, NAMES = (pathlib.Path(arg) for arg in sys.argv[1:5])

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x180)]
PUNCTUATION = [*range(0x2010, 0x2028), 0x202F, 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x2044, 0x20AC, 0x2116, 0x2122]
ARROWS = [*range(0x2190, 0x219A), 0x21A9, 0x21AA, 0x21B5, 0x21E7, 0x2318, 0x2325, 0x2303, 0x232B, 0x23CE]
MATHS = [0x2202, 0x2206, 0x2211, 0x2212, 0x2215, 0x221A, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265]
SHAPES = [0x25A0, 0x25A1, 0x25AA, 0x25AB, 0x25B2, 0x25B6, 0x25BA, 0x25BC, 0x25C0, 0x25C6, 0x25CA, 0x25CB, 0x25CF,
          0x2713, 0x2717, 0x276F]
INTERFACE = LATIN + PUNCTUATION + ARROWS + MATHS + SHAPES
TERMINAL = INTERFACE + [*range(0x2500, 0x25A0), *range(0x2800, 0x2801), *range(0xE0B0, 0xE0B4)]


def subset(source, target, codepoints, features, tweak=None):
    font = TTFont(source)
    if tweak:
        tweak(font)
    options = Options()
    options.layout_features = features
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.glyph_names = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codepoints)
    subsetter.subset(font)
    font.save(HERE / target)
    print(target, (HERE / target).stat().st_size)


def tabular(font):
    """Maps each digit to its tabular form, which egui cannot ask for by feature."""
    features = font["GSUB"].table.FeatureList.FeatureRecord
    index = next(record.Feature.LookupListIndex for record in features if record.FeatureTag == "tnum")
    forms = {}
    for lookup in index:
        for table in font["GSUB"].table.LookupList.Lookup[lookup].SubTable:
            table = getattr(table, "ExtSubTable", table)
            forms |= getattr(table, "mapping", {})
    for cmap in font["cmap"].tables:
        if cmap.isUnicode():
            cmap.cmap = {code: forms.get(glyph, glyph) for code, glyph in cmap.cmap.items()}


for weight in ["Regular", "Medium", "SemiBold"]:
    subset(INTER / f"Inter-{weight}.otf", f"Inter-{weight}.otf", INTERFACE, ["kern", "ccmp"])
subset(INTER / "Inter-Regular.otf", "Inter-Tabular.otf", [ord(c) for c in "0123456789"], [], tabular)
for weight in ["Regular", "Bold"]:
    subset(MONO / f"JetBrainsMono-{weight}.ttf", f"JetBrainsMono-{weight}.ttf", TERMINAL, [])

# `const ICON_GEAR_CODEPOINTS: … Style::Regular, … 57968,`; the filled face uses the same codepoint.
codepoints = {}
for name, code in re.findall(r"const ICON_([A-Z0-9_]+)_CODEPOINTS: [^;]*?Style::Regular,[^;]*?\},\s*(\d+),", NAMES.read_text()):
    codepoints[name.lower().replace("_", "-")] = int(code)

icons = []
for line in (HERE / "icons.txt").read_text().splitlines():
    if line and not line.startswith("#"):
        variant, name = line.split()
        icons.append((variant, name, codepoints[name]))

used = [code for _, _, code in icons]
subset(PHOSPHOR / "phosphor-regular.ttf", "Phosphor-Regular.ttf", used, [])
subset(PHOSPHOR / "phosphor-filled.ttf", "Phosphor-Fill.ttf", used, [])

rows = "\n".join(f"    /// `{name}`\n    {variant} = 0x{code:x}," for variant, name, code in icons)
variants = "\n".join(f"        Self::{variant}," for variant, _, _ in icons)
(HERE.parent / "src/icon/names.rs").write_text(f"""//! Every icon that the kit ships. Written by `fonts/subset.py` from `fonts/icons.txt`.

macro_rules! icons {{
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {{
        /// An icon of the one family, Phosphor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Icon {{
            $($(#[$doc])* $name,)+
        }}

        impl Icon {{
            /// Every icon.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its character in the icon fonts.
            pub const fn char(self) -> char {{
                match self {{
                    $(Self::$name => {{
                        const CHAR: char = match char::from_u32($code) {{
                            Some(char) => char,
                            None => ' ',
                        }};
                        CHAR
                    }})+
                }}
            }}
        }}
    }};
}}

icons! {{
{rows}
}}
""")
