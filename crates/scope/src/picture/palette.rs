//! Colours by what they mean, light and dark.
//!
//! The hues are Okabe's and Ito's, which people of every colour vision tell apart; darkened on white and lightened on
//! black until they are readable as text. No meaning hangs on a colour alone: strokes differ in their dashes and heads.

use crate::ladder::layout::Tone;
use limpid_event::TcpState;
use std::fmt::Write as _;

/// For whom a drawing is coloured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Theme {
    /// A file of its own: light, and dark where the reader prefers it.
    #[default]
    Auto,
    /// Light, whoever looks.
    Light,
    /// Dark, whoever looks.
    Dark,
    /// A part of a page: no stylesheet of its own, but that of the page ([`page_css`]).
    Page,
}

/// A colour by its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ink {
    /// What everything stands on.
    Paper,
    /// Bands and boxes that stand out a little from the paper.
    Panel,
    /// Words.
    Text,
    /// Words that stay in the background.
    Muted,
    /// Rules, ticks and frames.
    Rule,
    /// SYN, and the states of opening.
    Opening,
    /// Data.
    Data,
    /// Acknowledgements.
    Ack,
    /// FIN, and the states of closing.
    Closing,
    /// Resets, losses, errors.
    Trouble,
    /// What was sent again.
    Again,
    /// Probes.
    Probe,
    /// What did not happen.
    Ghost,
    /// Timers.
    Timer,
    /// What the application said.
    App,
    /// An established connection.
    Open,
    /// TIME-WAIT.
    Wait,
    /// A window: the receiver's.
    Window,
    /// Lines behind a graph.
    Grid,
    /// Data in a graph, where it fills areas.
    Bytes,
    /// What is acknowledged, in a graph.
    Acked,
    /// What is acknowledged selectively, in a graph.
    Sack,
    /// The slow start threshold.
    Threshold,
    /// Round trips.
    RoundTrip,
}

impl Ink {
    /// All of them.
    pub const ALL: [Ink; 24] = [
        Ink::Paper,
        Ink::Panel,
        Ink::Text,
        Ink::Muted,
        Ink::Rule,
        Ink::Opening,
        Ink::Data,
        Ink::Ack,
        Ink::Closing,
        Ink::Trouble,
        Ink::Again,
        Ink::Probe,
        Ink::Ghost,
        Ink::Timer,
        Ink::App,
        Ink::Open,
        Ink::Wait,
        Ink::Window,
        Ink::Grid,
        Ink::Bytes,
        Ink::Acked,
        Ink::Sack,
        Ink::Threshold,
        Ink::RoundTrip,
    ];

    /// Its name in classes and variables: `data`.
    pub const fn name(self) -> &'static str {
        match self {
            Ink::Paper => "paper",
            Ink::Panel => "panel",
            Ink::Text => "text",
            Ink::Muted => "muted",
            Ink::Rule => "rule",
            Ink::Opening => "opening",
            Ink::Data => "data",
            Ink::Ack => "ack",
            Ink::Closing => "closing",
            Ink::Trouble => "trouble",
            Ink::Again => "again",
            Ink::Probe => "probe",
            Ink::Ghost => "ghost",
            Ink::Timer => "timer",
            Ink::App => "app",
            Ink::Open => "open",
            Ink::Wait => "wait",
            Ink::Window => "window",
            Ink::Grid => "grid",
            Ink::Bytes => "bytes",
            Ink::Acked => "acked",
            Ink::Sack => "sack",
            Ink::Threshold => "threshold",
            Ink::RoundTrip => "round-trip",
        }
    }

    /// The class of what is drawn in it: `s-data`.
    pub const fn stroke(self) -> &'static str {
        self.classes().0
    }

    /// The class of what is filled with it, and of words: `f-data`.
    pub const fn fill(self) -> &'static str {
        self.classes().1
    }

    const fn classes(self) -> (&'static str, &'static str) {
        match self {
            Ink::Paper => ("s-paper", "f-paper"),
            Ink::Panel => ("s-panel", "f-panel"),
            Ink::Text => ("s-text", "f-text"),
            Ink::Muted => ("s-muted", "f-muted"),
            Ink::Rule => ("s-rule", "f-rule"),
            Ink::Opening => ("s-opening", "f-opening"),
            Ink::Data => ("s-data", "f-data"),
            Ink::Ack => ("s-ack", "f-ack"),
            Ink::Closing => ("s-closing", "f-closing"),
            Ink::Trouble => ("s-trouble", "f-trouble"),
            Ink::Again => ("s-again", "f-again"),
            Ink::Probe => ("s-probe", "f-probe"),
            Ink::Ghost => ("s-ghost", "f-ghost"),
            Ink::Timer => ("s-timer", "f-timer"),
            Ink::App => ("s-app", "f-app"),
            Ink::Open => ("s-open", "f-open"),
            Ink::Wait => ("s-wait", "f-wait"),
            Ink::Window => ("s-window", "f-window"),
            Ink::Grid => ("s-grid", "f-grid"),
            Ink::Bytes => ("s-bytes", "f-bytes"),
            Ink::Acked => ("s-acked", "f-acked"),
            Ink::Sack => ("s-sack", "f-sack"),
            Ink::Threshold => ("s-threshold", "f-threshold"),
            Ink::RoundTrip => ("s-round-trip", "f-round-trip"),
        }
    }

    /// On white paper, and on black.
    pub const fn colors(self) -> (&'static str, &'static str) {
        match self {
            Ink::Paper => ("#ffffff", "#14171a"),
            Ink::Panel => ("#f2f4f6", "#1f2429"),
            Ink::Text => ("#1b1f24", "#e8ebee"),
            Ink::Muted => ("#68727d", "#98a2ad"),
            Ink::Rule => ("#cfd5db", "#3a424a"),
            Ink::Opening => ("#0068a8", "#5cb8f0"),
            Ink::Data => ("#2b3036", "#d5dadf"),
            Ink::Ack => ("#7d8791", "#87919c"),
            Ink::Closing => ("#a86400", "#f0ac2e"),
            Ink::Trouble => ("#c8420a", "#ff8552"),
            Ink::Again => ("#a8407d", "#e79cc8"),
            Ink::Probe => ("#00795a", "#2fc499"),
            Ink::Ghost => ("#929ba4", "#78828c"),
            Ink::Timer => ("#7a5aa8", "#b79ce6"),
            Ink::App => ("#1f6f4a", "#7fd0a5"),
            Ink::Open => ("#3aa17e", "#2f9a76"),
            Ink::Wait => ("#b08bbf", "#9d78b0"),
            Ink::Window => ("#c58f00", "#f0e442"),
            Ink::Grid => ("#e3e6ea", "#2b323a"),
            Ink::Bytes => ("#0072b2", "#56b4e9"),
            Ink::Acked => ("#009e73", "#2fce9f"),
            Ink::Sack => ("#7b52c4", "#b79ce6"),
            Ink::Threshold => ("#d55e00", "#ff9a4d"),
            Ink::RoundTrip => ("#00786a", "#45d6c4"),
        }
    }
}

impl From<Tone> for Ink {
    fn from(tone: Tone) -> Ink {
        match tone {
            Tone::Opening => Ink::Opening,
            Tone::Data => Ink::Data,
            Tone::Ack => Ink::Ack,
            Tone::Closing => Ink::Closing,
            Tone::Trouble => Ink::Trouble,
            Tone::Again => Ink::Again,
            Tone::Probe => Ink::Probe,
            Tone::Ghost => Ink::Ghost,
        }
    }
}

impl From<TcpState> for Ink {
    /// States by what the connection is about in them.
    fn from(state: TcpState) -> Ink {
        match state {
            TcpState::Closed => Ink::Rule,
            TcpState::Listen | TcpState::SynSent | TcpState::SynReceived => Ink::Opening,
            TcpState::Established => Ink::Open,
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::CloseWait | TcpState::Closing | TcpState::LastAck => {
                Ink::Closing
            }
            TcpState::TimeWait => Ink::Wait,
        }
    }
}

/// The stylesheet that a drawing carries; empty for [`Theme::Page`].
pub fn stylesheet(theme: Theme) -> String {
    let light = |ink: Ink| ink.colors().0.to_owned();
    let dark = |ink: Ink| ink.colors().1.to_owned();
    match theme {
        Theme::Light => format!("{SHAPES}{}", rules(light)),
        Theme::Dark => format!("{SHAPES}{}", rules(dark)),
        Theme::Auto => {
            format!("{SHAPES}{}@media(prefers-color-scheme:dark){{{}}}", rules(light), rules(dark))
        }
        Theme::Page => String::new(),
    }
}

/// The stylesheet of a page with drawings in it: a variable for each ink (`--data`), light and dark by what the reader
/// prefers or by `data-theme` on the root element, and the rules of drawings and graphs.
pub fn page_css() -> String {
    let light = variables(|ink| ink.colors().0);
    let dark = variables(|ink| ink.colors().1);
    format!(
        ":root{{color-scheme:light dark;{light}}}\
         @media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\
         :root[data-theme=light]{{color-scheme:light;{light}}}\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\
         {SHAPES}{}{}",
        rules(|ink| format!("var(--{})", ink.name())),
        crate::graph::svg::STYLE
    )
}

fn variables(color: impl Fn(Ink) -> &'static str) -> String {
    Ink::ALL.iter().fold(String::new(), |mut css, ink| {
        let _ = write!(css, "--{}:{};", ink.name(), color(*ink));
        css
    })
}

/// What does not depend on colours.
const SHAPES: &str = concat!(
    ".limpid text{font-family:'DejaVu Sans Condensed','Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif;",
    "font-size:12px;white-space:pre}",
    ".limpid .bold{font-weight:bold}.limpid .italic{font-style:italic}",
    ".limpid path,.limpid line,.limpid polyline{fill:none;stroke-linecap:round;stroke-linejoin:round}",
    ".limpid .again{stroke-dasharray:7 4}.limpid .ghost{stroke-dasharray:1 4}.limpid .guess{stroke-dasharray:3 3}",
    ".limpid .probe{stroke-dasharray:9 3 1.5 3}.limpid .faint{opacity:.55}.limpid .wash{opacity:.16}.limpid .veil{opacity:.82}",
    ".limpid .halo{paint-order:stroke;stroke-width:3.5px;stroke-linejoin:round}",
);

fn rules(color: impl Fn(Ink) -> String) -> String {
    let mut css = String::new();
    for ink in Ink::ALL {
        let color = color(ink);
        // A stroke's own fill, as an arrow's head, is of the same colour; a halo is of the paper's.
        let _ = write!(css, ".limpid .{}{{stroke:{color}}}.limpid .{}{{fill:{color}}}", ink.stroke(), ink.fill());
    }
    let _ = write!(css, ".limpid .halo{{stroke:{}}}", color(Ink::Paper));
    css
}
