//! The live ladder: the drawing, tcpdump's line of the chosen arrow, and what it means.

use super::super::model::{Look, Model};
use super::super::words::short;
use super::{alarm, bold, dim, fit, plain};
use limpid_scope::ladder::terminal::Run;
use limpid_scope::words::count;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Wrap};

/// From this width on, what it means stands beside the ladder; else below it.
const BESIDE_FROM: u16 = 128;
/// Columns for it there.
const BESIDE: u16 = 46;
/// The most lines for it below: a share of the height.
const SHARE: u16 = 4;

/// Draws the ladder. True if it is older than the packets.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model, area: Rect) -> bool {
    let Some(ladder) = &mut model.ladder else { return false };
    let look = model.look;
    let explains = ladder.explains && area.height >= 12;
    let beside = explains && area.width >= BESIDE_FROM;
    let [drawing, meaning] = match beside {
        true => Layout::horizontal([Constraint::Min(0), Constraint::Length(BESIDE)]).areas(area),
        false => Layout::vertical([Constraint::Min(0), Constraint::Length(0)]).areas(area),
    };
    let packets = match (model.pause, ladder.drawn()) {
        // While paused it stays what it was.
        (Some(_), Some(drawn)) => drawn.packets(),
        _ => model.survey.packets_of(ladder.flow),
    };
    let partial = model.subject.may_hide();
    let is_old = ladder.refresh(&model.survey.keep, packets, partial, usize::from(drawing.width), look.charset);
    let below = match ladder.drawn() {
        Some(drawn) if explains && !beside => {
            let lines = meaning_text(&drawn.sentences, look, area.width).lines.len() as u16;
            lines.min(area.height / SHARE).max(1) + 1
        }
        _ => 0,
    };
    let dump = Constraint::Length(2);
    let [heading, body, dump, under] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), dump, Constraint::Length(below)]).areas(drawing);
    ladder.scroll(usize::from(body.height));
    model.page = usize::from(body.height).max(1);
    frame.render_widget(Paragraph::new(title(model, heading.width)), heading);
    let Some(ladder) = &model.ladder else { return is_old };
    let Some(drawn) = ladder.drawn() else { return is_old };
    let chosen = ladder.chosen();
    let lines = drawn.painted.lines.iter().enumerate().skip(ladder.top).take(usize::from(body.height));
    let lines: Vec<Line<'_>> =
        lines.map(|(at, runs)| line(runs, chosen.is_some_and(|(l, ..)| l == at), look)).collect();
    frame.render_widget(Paragraph::new(lines), body);
    if let Some((_, number, text)) = chosen {
        let text = format!("{number}  {text}");
        frame.render_widget(Paragraph::new(text).style(bold()).wrap(Wrap { trim: false }), dump);
    }
    let place = if beside { meaning } else { under };
    if explains {
        let text = meaning_text(&drawn.sentences, look, place.width);
        let rule = look.sign("─", "-").repeat(usize::from(place.width));
        let mut all = Text::from(Line::from(Span::styled(rule, dim())));
        all.extend(text);
        frame.render_widget(Paragraph::new(all), place);
    }
    is_old
}

/// Whose ladder it is, and how it is.
fn title(model: &Model, width: u16) -> Line<'static> {
    let Some(ladder) = &model.ladder else { return Line::default() };
    let (look, now) = (model.look, model.shown_at());
    let Some(row) = model.survey.row(ladder.flow, now) else {
        return Line::from(" This connection is no longer listed; its last picture stays.").style(dim());
    };
    let [client, server] = row.ends;
    let mut text = format!(" #{} {client} {} {server}", row.flow, look.sign("→", ">"));
    text.push_str(&format!("  {}", short(row.age(now))));
    if let Some(gone) = ladder.drawn().map(|drawn| drawn.gone).filter(|gone| *gone > 0) {
        text.push_str(&format!("  ({} in the middle not kept)", count(gone, "packet")));
    }
    let mut spans = vec![Span::styled(plain(&text, look), bold())];
    let room = usize::from(width).saturating_sub(text.chars().count() + 2);
    if let Some(wrong) = row.wrong.filter(|_| room > 20) {
        spans.push(Span::styled(format!("  {}", fit(&wrong.text(now), room, look)), alarm(wrong.severity, look)));
    }
    Line::from(spans)
}

/// Sentences as paragraphs of at most `width` columns.
fn meaning_text(sentences: &[String], look: Look, width: u16) -> Text<'static> {
    let mut lines = Vec::new();
    for sentence in sentences {
        let mut line = String::from(look.sign(" •", " -"));
        for word in plain(sentence, look).split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > usize::from(width) && line.chars().count() > 3 {
                lines.push(Line::from(std::mem::replace(&mut line, "  ".into())));
            }
            line.push(' ');
            line.push_str(word);
        }
        lines.push(Line::from(line));
    }
    Text::from(lines)
}

/// A line of the drawing; that of the chosen arrow stands out.
fn line<'a>(runs: &'a [Run], is_chosen: bool, look: Look) -> Line<'a> {
    let line: Line<'_> = runs.iter().map(|run| Span::styled(run.text.as_str(), style(run.sgr, look))).collect();
    if is_chosen { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
}

/// What the parameters of an SGR sequence ask for, of those that ladders use.
fn style(sgr: &str, look: Look) -> Style {
    let mut style = Style::new();
    for parameter in sgr.split(';') {
        style = match parameter {
            "1" => style.add_modifier(Modifier::BOLD),
            "2" => style.add_modifier(Modifier::DIM),
            colour if look.color => match colour {
                "31" => style.fg(Color::Red),
                "32" => style.fg(Color::Green),
                "33" => style.fg(Color::Yellow),
                "34" => style.fg(Color::Blue),
                "35" => style.fg(Color::Magenta),
                "36" => style.fg(Color::Cyan),
                _ => style,
            },
            _ => style,
        };
    }
    style
}
