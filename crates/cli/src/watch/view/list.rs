//! The list of connections: a line for each, one more where something is wrong, and everything about the chosen one.

use super::super::model::{Look, Model};
use super::super::row::{Row, SortKey};
use super::super::words::{amount, short};
use super::{alarm, bars, bold, dim, fit, fit_end, left, plain, right, sign, spaced};
use limpid_event::TcpState;
use limpid_scope::flows::End;
use limpid_scope::words::count;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// From these widths on there is room for: what was sent again; the last round trips; both states in full; what is wrong
/// in the same line.
const AGAIN_FROM: usize = 88;
const BARS_FROM: usize = 100;
const STATES_FROM: usize = 116;
const WRONG_FROM: usize = 164;
/// Columns for what is wrong in the same line.
const WRONG: usize = 44;
const SHORT_STATES: usize = 11;
const LONG_STATES: usize = 24;

/// Draws the list. It is never old.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model, area: Rect) -> bool {
    let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let (height, width) = (usize::from(body.height), usize::from(body.width));
    scroll(model, height, width);
    let rows = &model.list.rows[model.list.top..];
    let columns = Columns::of(rows.iter().take(height), width);
    let chosen = model.list.chosen;
    let mut lines = Vec::with_capacity(height);
    let mut shown = 0;
    for row in rows {
        if lines.len() >= height {
            break;
        }
        shown += 1;
        lines.extend(columns.row(row, model, chosen == Some(row.flow)));
    }
    model.page = shown.max(1);
    frame.render_widget(Paragraph::new(columns.heading(model)), top);
    match lines.is_empty() {
        true => frame.render_widget(Paragraph::new(nothing(model)), body),
        false => frame.render_widget(Paragraph::new(lines), body),
    }
    false
}

/// Scrolls so that the chosen row is seen whole.
fn scroll(model: &mut Model, height: usize, width: usize) {
    let list = &model.list;
    let chosen = list.chosen_row().map_or(0, |(at, _)| at);
    let lines = |at: usize| list.rows.get(at).map_or(0, |row| lines_of(row, at == chosen, width));
    let mut top = list.top.min(chosen);
    let mut used: usize = (top..=chosen).map(lines).sum();
    while used > height && top < chosen {
        used -= lines(top);
        top += 1;
    }
    // No empty lines below the last row while there are rows above.
    let mut below: usize = (top..list.rows.len()).map(lines).take(height + 1).sum();
    while top > 0 && below + lines(top - 1) <= height {
        top -= 1;
        below += lines(top);
    }
    model.list.top = top;
}

fn lines_of(row: &Row, is_chosen: bool, width: usize) -> usize {
    1 + usize::from(row.wrong.is_some() && width < WRONG_FROM) + if is_chosen { 3 } else { 0 }
}

/// Why the list is empty.
fn nothing(model: &Model) -> Vec<Line<'static>> {
    let list = &model.list;
    let text = if !list.search.is_empty() || list.only_trouble {
        "Nothing like that. Esc shows everything again."
    } else if model.ended.is_some() {
        "There was no TCP."
    } else if model.survey.packets > 0 {
        "Packets, but no TCP among them yet."
    } else {
        "Nothing yet. Connections appear with their first packet."
    };
    vec![Line::from(""), Line::from(format!("   {text}"))]
}

/// Widths of columns that depend on the room there is.
struct Columns {
    width: usize,
    client: usize,
    server: usize,
    states: usize,
}

impl Columns {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>, width: usize) -> Columns {
        let states = if width >= STATES_FROM { LONG_STATES } else { SHORT_STATES };
        // Sign, arrow, round trip, two rates, age, and the blanks between.
        let mut taken = 3 + 3 + (1 + states) + (1 + 6) + (1 + 5) + (1 + 5) + (1 + 7);
        taken += if width >= AGAIN_FROM { 1 + 5 } else { 0 };
        taken += if width >= BARS_FROM { 1 + 8 } else { 0 };
        taken += if width >= WRONG_FROM { 2 + WRONG } else { 0 };
        let room = width.saturating_sub(taken).max(8);
        let (mut client, mut server) = (6, 6);
        for row in rows {
            client = client.max(row.ends[0].to_string().len());
            server = server.max(row.ends[1].to_string().len());
        }
        // Who needs less than half leaves the rest to the other.
        if client + server > room {
            let half = room / 2;
            client = match (client <= half, server <= half) {
                (true, _) => client,
                (_, true) => room - server,
                _ => half,
            };
        }
        Columns { width, client, server: room - client, states }
    }

    fn heading(&self, model: &Model) -> Line<'static> {
        let look = model.look;
        let mut spans = Vec::new();
        let mut add = |text: String, key: &[SortKey]| {
            let is_key = key.contains(&model.list.sort);
            let style = if is_key { bold().add_modifier(Modifier::UNDERLINED) } else { dim() };
            spans.push(Span::styled(text, style));
        };
        let arrow = if model.list.reverse { look.sign("▲", "^") } else { look.sign("▼", "v") };
        add(left(if model.list.sort == SortKey::Trouble { arrow } else { "" }, 2), &[SortKey::Trouble]);
        add(" ".into(), &[]);
        add(right("CLIENT", self.client), &[SortKey::Client]);
        add(look.sign(" → ", " > ").into(), &[]);
        add(left("SERVER", self.server + 1), &[SortKey::Server]);
        add(left("STATE", self.states), &[SortKey::State]);
        add(right("RTT", 7), &[SortKey::Rtt]);
        if self.width >= BARS_FROM {
            add(left("", 9), &[]);
        }
        add(right(look.sign("CLI→", "CLI>"), 6), &[SortKey::Up]);
        add(right(look.sign("←SRV", "<SRV"), 6), &[SortKey::Down]);
        if self.width >= AGAIN_FROM {
            add(right("AGAIN", 6), &[SortKey::Again]);
        }
        add(right("AGE", 8), &[SortKey::Age]);
        if self.width >= WRONG_FROM {
            add(left("  TROUBLE", WRONG), &[SortKey::Trouble]);
        }
        Line::from(spans)
    }

    fn row(&self, row: &Row, model: &Model, is_chosen: bool) -> Vec<Line<'static>> {
        let (look, now) = (model.look, model.shown_at());
        let mark = if is_chosen { look.sign("▌", ">") } else { " " };
        let base = match (is_chosen, row.is_over) {
            (true, _) => bold(),
            (false, true) => dim(),
            (false, false) => Style::new(),
        };
        let wrong = row.wrong.map(|wrong| (wrong.text(now), alarm(wrong.severity, look)));
        let mut spans = vec![
            Span::styled(mark, bold()),
            Span::styled(sign(row.severity(), look), alarm(row.severity(), look)),
            Span::raw(" "),
            Span::styled(self.ends(row, look), base),
            Span::styled(format!(" {}", self.states(row, look)), base),
        ];
        let rtt = row.rtt.map_or(look.sign("–", "-").to_owned(), |rtt| short(i64::try_from(rtt).unwrap_or(i64::MAX)));
        spans.push(Span::styled(right(&plain(&rtt, look), 7), base));
        if self.width >= BARS_FROM {
            spans.push(Span::styled(format!(" {}", bars(&row.rtts, look)), base));
        }
        for rate in row.rates {
            let style = if rate == 0 { dim() } else { base };
            spans.push(Span::styled(right(&amount(rate), 6), style));
        }
        if self.width >= AGAIN_FROM {
            spans.push(again(row, base, look));
        }
        spans.push(Span::styled(right(&plain(&short(row.age(now)), look), 8), base));
        let mut lines = Vec::new();
        match wrong {
            Some((text, style)) if self.width >= WRONG_FROM => {
                spans.push(Span::styled(format!("  {}", fit(&text, WRONG, look)), style));
                lines.push(Line::from(spans));
            }
            Some((text, style)) => {
                lines.push(Line::from(spans));
                let text = fit(&text, self.width.saturating_sub(5), look);
                lines.push(Line::from(vec![margin(is_chosen, look), Span::styled(text, style)]));
            }
            None => lines.push(Line::from(spans)),
        }
        if is_chosen {
            lines.extend(self.details(row, look));
        }
        lines
    }

    fn ends(&self, row: &Row, look: Look) -> String {
        let [client, server] = row.ends.map(|end| end.to_string());
        let (client, server) = (fit_end(&client, self.client, look), fit_end(&server, self.server, look));
        format!("{}{}{}", right(&client, self.client), look.sign(" → ", " > "), left(&server, self.server))
    }

    fn states(&self, row: &Row, look: Look) -> String {
        let [client, server] = row.states;
        // Of an end that nothing was heard of, nothing is known.
        let unknown = row.segments[1] == 0;
        let text = match self.states {
            SHORT_STATES if unknown => format!("{}{}?", code(client), look.sign("·", "|")),
            _ if unknown => format!("{} ?", client.name()),
            _ if client == server => client.name().to_owned(),
            SHORT_STATES => format!("{}{}{}", code(client), look.sign("·", "|"), code(server)),
            _ => format!("{} {}", client.name(), server.name()),
        };
        left(&text, self.states)
    }

    /// What there is no room for in the line.
    fn details(&self, row: &Row, look: Look) -> Vec<Line<'static>> {
        let nanos = |n: u64| short(i64::try_from(n).unwrap_or(i64::MAX));
        let [client, server] = row.states;
        let server = if row.segments[1] == 0 { "?" } else { server.name() };
        let mut first = format!("#{}  {} {} {server}", row.flow, client.name(), look.sign("↔", "<>"));
        if let Some((min, max)) = row.rtt_range {
            first.push_str(&format!("   RTT {} to {}", nanos(min), nanos(max)));
            if self.width < BARS_FROM {
                first.push_str(&format!("  {}", bars(&row.rtts, look)));
            }
        }
        let side = |name: &str, end: usize| {
            if row.segments[end] == 0 {
                return format!("{name} nothing was heard of the {}", End::BOTH[end].text());
            }
            let mut text = format!("{name} {}, {}B", count(row.segments[end], "segment"), spaced(row.bytes[end]));
            if row.again[end] > 0 {
                text.push_str(&format!(", {} again", amount(row.again[end])));
            }
            if row.in_flight[end] > 0 && !row.is_over {
                text.push_str(&format!(", {}B in flight", spaced(row.in_flight[end])));
            }
            format!("{text}, window {}B", spaced(row.windows[end]))
        };
        let texts = [first, side(look.sign("→", ">"), 0), side(look.sign("←", "<"), 1)];
        let line = |text: &String| {
            // `in_charset` knows no bars: they are in the look's characters already.
            Line::from(vec![margin(true, look), Span::raw(fit_as_is(text, self.width.saturating_sub(5), look))])
        };
        texts.iter().map(line).collect()
    }
}

/// Cut to `width` columns; micro signs become ASCII where that is asked for.
fn fit_as_is(text: &str, width: usize, look: Look) -> String {
    let text: String = text.chars().take(width).collect();
    if look.sign("u", "a") == "a" { text.replace('µ', "u") } else { text }
}

fn margin(is_chosen: bool, look: Look) -> Span<'static> {
    Span::styled(if is_chosen { look.sign("▌    ", ">    ") } else { "     " }, bold())
}

fn again(row: &Row, base: Style, look: Look) -> Span<'static> {
    let percent = row.share_again() * 100.0;
    let text = match row.again.iter().sum::<u64>() {
        0 => return Span::styled(right(look.sign("–", "-"), 6), dim()),
        _ if percent < 0.1 => "<0.1%".into(),
        _ if percent < 10.0 => format!("{percent:.1}%"),
        _ => format!("{percent:.0}%"),
    };
    Span::styled(right(&text, 6), base)
}

/// A state in at most five letters.
const fn code(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "CLOSD",
        TcpState::Listen => "LISTN",
        TcpState::SynSent => "SYN-S",
        TcpState::SynReceived => "SYN-R",
        TcpState::Established => "ESTAB",
        TcpState::FinWait1 => "FINW1",
        TcpState::FinWait2 => "FINW2",
        TcpState::CloseWait => "CLOSW",
        TcpState::Closing => "CLOSG",
        TcpState::LastAck => "LASTA",
        TcpState::TimeWait => "TIMEW",
    }
}
