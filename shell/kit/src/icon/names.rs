//! Every icon that the kit ships. Written by `fonts/subset.py` from `fonts/icons.txt`.

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// An icon of the one family, Phosphor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Icon {
            $($(#[$doc])* $name,)+
        }

        impl Icon {
            /// Every icon.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its character in the icon fonts.
            pub const fn char(self) -> char {
                match self {
                    $(Self::$name => {
                        const CHAR: char = match char::from_u32($code) {
                            Some(char) => char,
                            None => ' ',
                        };
                        CHAR
                    })+
                }
            }
        }
    };
}

icons! {
    /// `plus`
    Add = 0xe3d4,
    /// `robot`
    Agent = 0xe762,
    /// `warning`
    Alert = 0xe4e0,
    /// `warning-circle`
    AlertCircle = 0xe4e2,
    /// `squares-four`
    Apps = 0xe464,
    /// `archive`
    Archive = 0xe00c,
    /// `arrow-down`
    ArrowDown = 0xe03e,
    /// `arrow-left`
    ArrowLeft = 0xe058,
    /// `arrow-right`
    ArrowRight = 0xe06c,
    /// `arrow-square-out`
    ArrowSquareOut = 0xe5de,
    /// `arrow-up`
    ArrowUp = 0xe08e,
    /// `chat-circle-dots`
    Ask = 0xe16c,
    /// `paperclip`
    Attach = 0xe39a,
    /// `battery-high`
    Battery = 0xe0c2,
    /// `bell`
    Bell = 0xe0ce,
    /// `bell-slash`
    BellOff = 0xe0d4,
    /// `lightning`
    Bolt = 0xe2de,
    /// `book-open`
    Book = 0xe0e6,
    /// `brain`
    Brain = 0xe74e,
    /// `git-branch`
    Branch = 0xe278,
    /// `broom`
    Broom = 0xec54,
    /// `bug`
    Bug = 0xe5f4,
    /// `calendar-blank`
    Calendar = 0xe10a,
    /// `caret-down`
    CaretDown = 0xe136,
    /// `caret-left`
    CaretLeft = 0xe138,
    /// `caret-right`
    CaretRight = 0xe13a,
    /// `caret-up`
    CaretUp = 0xe13c,
    /// `caret-up-down`
    CaretUpDown = 0xe140,
    /// `chart-line`
    Chart = 0xe154,
    /// `chat-circle`
    Chat = 0xe168,
    /// `check`
    Check = 0xe182,
    /// `check-circle`
    CheckCircle = 0xe184,
    /// `circle`
    Circle = 0xe18a,
    /// `clipboard-text`
    Clipboard = 0xe198,
    /// `clock`
    Clock = 0xe19a,
    /// `x`
    Close = 0xe4f6,
    /// `cloud`
    Cloud = 0xe1aa,
    /// `cloud-slash`
    CloudOff = 0xe1b6,
    /// `code`
    Code = 0xe1bc,
    /// `coins`
    Coins = 0xe78e,
    /// `columns`
    Columns = 0xe546,
    /// `command`
    Command = 0xe1c4,
    /// `compass`
    Compass = 0xe1c8,
    /// `copy`
    Copy = 0xe1ca,
    /// `cpu`
    Cpu = 0xe610,
    /// `cube`
    Cube = 0xe1da,
    /// `database`
    Database = 0xe1de,
    /// `desktop`
    Desktop = 0xe560,
    /// `device-mobile`
    Device = 0xe1e0,
    /// `hard-drive`
    Disk = 0xe29e,
    /// `file-text`
    Document = 0xe23a,
    /// `dots-three`
    Dots = 0xe1fe,
    /// `dots-three-vertical`
    DotsVertical = 0xe208,
    /// `download-simple`
    Download = 0xe20c,
    /// `pencil-simple`
    Edit = 0xe3b4,
    /// `sign-out`
    Exit = 0xe42a,
    /// `eye`
    Eye = 0xe220,
    /// `eye-slash`
    EyeOff = 0xe224,
    /// `file`
    File = 0xe230,
    /// `file-code`
    FileCode = 0xe914,
    /// `file-image`
    FileImage = 0xea24,
    /// `funnel`
    Filter = 0xe266,
    /// `fingerprint`
    Fingerprint = 0xe23e,
    /// `flag`
    Flag = 0xe244,
    /// `folder`
    Folder = 0xe24a,
    /// `folder-open`
    FolderOpen = 0xe256,
    /// `gauge`
    Gauge = 0xe628,
    /// `globe`
    Globe = 0xe288,
    /// `grid-four`
    Grid = 0xe296,
    /// `hand`
    Hand = 0xe298,
    /// `hand-palm`
    HandPalm = 0xe57e,
    /// `heart`
    Heart = 0xe2a8,
    /// `clock-counter-clockwise`
    History = 0xe1a0,
    /// `house`
    Home = 0xe2c2,
    /// `hourglass`
    Hourglass = 0xe2b2,
    /// `image`
    Image = 0xe2ca,
    /// `tray`
    Inbox = 0xe4aa,
    /// `info`
    Info = 0xe2ce,
    /// `key`
    Key = 0xe2d6,
    /// `keyboard`
    Keyboard = 0xe2d8,
    /// `laptop`
    Laptop = 0xe586,
    /// `layout`
    Layout = 0xe6d6,
    /// `link`
    Link = 0xe2e2,
    /// `list`
    List = 0xe2f0,
    /// `list-bullets`
    ListBullets = 0xe2f2,
    /// `list-checks`
    ListChecks = 0xeadc,
    /// `lock`
    Lock = 0xe2fa,
    /// `lock-open`
    LockOpen = 0xe306,
    /// `memory`
    Memory = 0xe9c4,
    /// `chat-text`
    Message = 0xe17a,
    /// `minus`
    Minus = 0xe32a,
    /// `binoculars`
    Mission = 0xea64,
    /// `monitor`
    Monitor = 0xe32e,
    /// `moon`
    Moon = 0xe330,
    /// `network`
    Network = 0xedde,
    /// `note`
    Note = 0xe348,
    /// `package`
    Package = 0xe390,
    /// `palette`
    Palette = 0xe6c8,
    /// `sidebar-simple`
    Panel = 0xec24,
    /// `paper-plane-tilt`
    Paper = 0xe398,
    /// `pause`
    Pause = 0xe39e,
    /// `user`
    Person = 0xe4c2,
    /// `user-circle`
    PersonCircle = 0xe4c4,
    /// `users`
    People = 0xe4d6,
    /// `play`
    Play = 0xe3d0,
    /// `plug`
    Plug = 0xe946,
    /// `plugs`
    PlugsOff = 0xeb56,
    /// `power`
    Power = 0xe3da,
    /// `prohibit`
    Prohibit = 0xe3de,
    /// `pulse`
    Pulse = 0xe000,
    /// `question`
    Question = 0xe3e8,
    /// `qr-code`
    QrCode = 0xe3e6,
    /// `arrow-clockwise`
    Refresh = 0xe036,
    /// `textbox`
    Rename = 0xeb0a,
    /// `repeat`
    Repeat = 0xe3f6,
    /// `robot`
    Robot = 0xe762,
    /// `rocket-launch`
    Rocket = 0xe3fe,
    /// `rows`
    Rows = 0xe5a2,
    /// `floppy-disk`
    Save = 0xe248,
    /// `scroll`
    Scroll = 0xeb7a,
    /// `magnifying-glass`
    Search = 0xe30c,
    /// `gear`
    Settings = 0xe270,
    /// `shield`
    Shield = 0xe40a,
    /// `shield-check`
    ShieldCheck = 0xe40c,
    /// `shield-warning`
    ShieldWarning = 0xe412,
    /// `skip-forward`
    Skip = 0xe5a6,
    /// `sliders-horizontal`
    Sliders = 0xe434,
    /// `snowflake`
    Snowflake = 0xe5aa,
    /// `arrows-down-up`
    Sort = 0xe098,
    /// `sparkle`
    Sparkle = 0xe6a2,
    /// `arrows-split`
    Split = 0xed3c,
    /// `stack`
    Stack = 0xe466,
    /// `star`
    Star = 0xe46a,
    /// `stop`
    Stop = 0xe46c,
    /// `sun`
    Sun = 0xe472,
    /// `circle-half`
    SunMoon = 0xe18c,
    /// `tag`
    Tag = 0xe478,
    /// `target`
    Target = 0xe47c,
    /// `terminal-window`
    Terminal = 0xeae8,
    /// `text-aa`
    TextAa = 0xe6ee,
    /// `text-t`
    TextSize = 0xe48a,
    /// `push-pin`
    Thumbtack = 0xe3e2,
    /// `path`
    Timeline = 0xe39c,
    /// `timer`
    Timer = 0xe492,
    /// `wrench`
    Tools = 0xe5d4,
    /// `trash`
    Trash = 0xe4a6,
    /// `tree-structure`
    TreeStructure = 0xe67c,
    /// `arrow-counter-clockwise`
    Undo = 0xe038,
    /// `link-break`
    Unlink = 0xe2e4,
    /// `upload-simple`
    Upload = 0xe4c0,
    /// `user-switch`
    UserSwitch = 0xe756,
    /// `wallet`
    Wallet = 0xe68a,
    /// `wifi-high`
    Wifi = 0xe4ea,
    /// `wifi-slash`
    WifiOff = 0xe4f2,
    /// `x`
    WindowClose = 0xe4f6,
    /// `arrows-out-simple`
    WindowMaximise = 0xe0a6,
    /// `minus`
    WindowMinimise = 0xe32a,
    /// `arrows-in-simple`
    WindowRestore = 0xe09e,
    /// `app-window`
    Windows = 0xe5da,
    /// `x-circle`
    XCircle = 0xe4f8,
    /// `magnifying-glass-plus`
    ZoomIn = 0xe310,
    /// `magnifying-glass-minus`
    ZoomOut = 0xe30e,
}
