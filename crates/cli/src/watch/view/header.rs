//! What is watched, how fast it comes, and what was missed.

use super::super::model::{Model, TROUBLE};
use super::super::words::amount;
use super::{alarm, bars, bold, dim, fit, plain, spaced};
use limpid_scope::words::{count, number};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns for the packets of the last seconds.
const SECONDS: usize = 16;

/// The lines of the header.
pub(super) fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let mut lines = vec![title(model, width), figures(model, width)];
    if model.dropped != (0, 0) {
        lines.push(dropped(model, width));
    }
    lines
}

fn title(model: &Model, width: usize) -> Line<'static> {
    let look = model.look;
    let bar = look.sign("│", "|");
    let mut left = format!(" limpid watch {bar} {}", model.subject.source);
    if !model.subject.filter.is_empty() {
        left.push_str(&format!(" {bar} {}", model.subject.filter));
    }
    let state = match (&model.pause, &model.ended) {
        (Some(pause), _) => {
            format!("{} paused, {} since ", look.sign("‖", "="), count(model.survey.packets - pause.packets, "packet"))
        }
        (None, Some(Some(why))) => format!("{} {} ", look.sign("✕", "x"), why),
        (None, Some(None)) => format!("{} at its end ", look.sign("■", "#")),
        (None, None) if model.subject.is_live => format!("{} live ", look.sign("●", "*")),
        (None, None) => format!("{} reading ", look.sign("►", ">")),
    };
    let state = fit(&state, width.saturating_sub(15), look);
    let room = width.saturating_sub(state.chars().count() + 1);
    let left = fit(&left, room, look);
    let text = format!("{left:<room$} {state}");
    Line::from(text).style(Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD))
}

fn figures(model: &Model, width: usize) -> Line<'static> {
    let (packets, bits) = model.survey.rates(model.now);
    let counts = model.list.counts;
    let history = model.survey.packets_per_second(SECONDS);
    let mut spans = vec![
        Span::styled(format!(" {}", amount(packets)), bold()),
        Span::raw(" pkt/s "),
        Span::raw(format!("{:>SECONDS$}", bars(&history, model.look))),
        Span::styled(format!("  {}", spaced(bits)), bold()),
        Span::raw("bit/s"),
        Span::raw(format!("   {} open, {} over", number(counts.open as u64), number(counts.over as u64))),
    ];
    if counts.trouble > 0 {
        let text = format!(", {} in trouble", number(counts.trouble as u64));
        spans.push(Span::styled(text, alarm(TROUBLE, model.look)));
    }
    let used: usize = spans.iter().map(|span| span.content.chars().count()).sum();
    if model.dropped == (0, 0) && model.subject.is_live && used + 12 <= width {
        spans.push(Span::styled("   0 dropped", dim()));
    }
    Line::from(spans)
}

fn dropped(model: &Model, width: usize) -> Line<'static> {
    let (kernel, here) = model.dropped;
    let text = format!(
        " {} {} packets dropped by the kernel, {} here: the figures miss them",
        model.look.sign("✕", "x"),
        number(kernel),
        number(here)
    );
    Line::from(plain(&fit(&text, width, model.look), model.look)).style(alarm(9, model.look))
}
