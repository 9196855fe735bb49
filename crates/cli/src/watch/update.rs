//! Keys become messages, and messages change the model.

use super::ladder::LadderView;
use super::model::{Model, Pause};
use limpid_scope::flows::FlowNumber;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The longest search.
const MAX_SEARCH: usize = 60;
/// As far as it goes.
const FAR: isize = isize::MAX / 2;

/// What a person asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    /// So many rows or arrows down.
    Move(isize),
    /// So many pages down.
    Page(isize),
    Enter,
    Back,
    Help,
    Pause,
    Search,
    Letter(char),
    EraseLetter,
    EraseSearch,
    EndSearch,
    OnlyTrouble,
    /// So many columns to the right.
    Sort(isize),
    Reverse,
    ClearEnded,
    Fold,
    Explain,
    Save,
    SaveAll,
    Suspend,
    Redraw,
    Quit,
}

/// What the model can't do by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    Quit,
    Suspend,
    /// Draw everything anew.
    Clear,
    /// Write the packets kept of one connection, or of all.
    Save(Option<FlowNumber>),
}

/// What a key means where the person is.
pub(crate) fn message(model: &Model, key: KeyEvent) -> Option<Message> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Message::Quit,
        KeyCode::Char('z') if control => Message::Suspend,
        KeyCode::Char('l') if control => Message::Redraw,
        _ if model.list.is_typing => return typing(key, control),
        KeyCode::Char('n') if control => Message::Move(1),
        KeyCode::Char('p') if control => Message::Move(-1),
        KeyCode::Char('f') if control => Message::Page(1),
        KeyCode::Char('b') if control => Message::Page(-1),
        KeyCode::Char(_) if control => return None,
        KeyCode::Char('q') => Message::Quit,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Message::Help,
        KeyCode::Up | KeyCode::Char('k') => Message::Move(-1),
        KeyCode::Down | KeyCode::Char('j') => Message::Move(1),
        KeyCode::PageUp => Message::Page(-1),
        KeyCode::PageDown => Message::Page(1),
        KeyCode::Home | KeyCode::Char('g') => Message::Move(-FAR),
        KeyCode::End | KeyCode::Char('G') => Message::Move(FAR),
        KeyCode::Enter | KeyCode::Right => Message::Enter,
        KeyCode::Esc | KeyCode::Left | KeyCode::Backspace => Message::Back,
        KeyCode::Char('p' | ' ') => Message::Pause,
        KeyCode::Char('/') => Message::Search,
        KeyCode::Char('t') => Message::OnlyTrouble,
        KeyCode::Char('>' | '.') | KeyCode::Tab => Message::Sort(1),
        KeyCode::Char('<' | ',') | KeyCode::BackTab => Message::Sort(-1),
        KeyCode::Char('r') => Message::Reverse,
        KeyCode::Char('c') => Message::ClearEnded,
        KeyCode::Char('f') => Message::Fold,
        KeyCode::Char('e') => Message::Explain,
        KeyCode::Char('s') => Message::Save,
        KeyCode::Char('S') => Message::SaveAll,
        _ => return None,
    })
}

/// Keys while a search is typed.
fn typing(key: KeyEvent, control: bool) -> Option<Message> {
    Some(match key.code {
        KeyCode::Char('u' | 'w') if control => Message::EraseSearch,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(c) => Message::Letter(c),
        KeyCode::Backspace => Message::EraseLetter,
        KeyCode::Enter => Message::EndSearch,
        KeyCode::Esc => Message::Back,
        KeyCode::Up => Message::Move(-1),
        KeyCode::Down => Message::Move(1),
        _ => return None,
    })
}

/// Does what is asked, and answers what is left to be done.
pub(crate) fn update(model: &mut Model, message: Message) -> Option<Effect> {
    model.notice = None;
    match message {
        Message::Quit => return Some(Effect::Quit),
        Message::Suspend => return Some(Effect::Suspend),
        Message::Redraw => return Some(Effect::Clear),
        Message::Help => model.shows_help = !model.shows_help,
        // Any other key takes the help away.
        _ if model.shows_help => model.shows_help = false,
        Message::Pause => pause(model),
        Message::Save => return save(model),
        Message::SaveAll => return Some(Effect::Save(None)),
        message if model.ladder.is_some() => in_ladder(model, message),
        message => in_list(model, message),
    }
    None
}

fn pause(model: &mut Model) {
    match model.pause.take() {
        Some(_) => model.refresh(),
        None => model.pause = Some(Pause { at: model.now, packets: model.survey.packets }),
    }
}

fn save(model: &mut Model) -> Option<Effect> {
    let flow = match &model.ladder {
        Some(ladder) => Some(ladder.flow),
        None => model.list.chosen.filter(|_| model.chosen().is_some()),
    };
    if flow.is_none() {
        model.notice = Some("there is no connection to save".into());
    }
    flow.map(|flow| Effect::Save(Some(flow)))
}

fn in_ladder(model: &mut Model, message: Message) {
    let page = model.page.max(2) as isize;
    let Some(ladder) = &mut model.ladder else { return };
    match message {
        Message::Move(by) => ladder.step(by),
        // An arrow takes two lines or so.
        Message::Page(by) => ladder.step(by * page / 2),
        Message::Fold => ladder.folds = !ladder.folds,
        Message::Explain | Message::Enter => ladder.explains = !ladder.explains,
        Message::Back => model.ladder = None,
        _ => {}
    }
}

fn in_list(model: &mut Model, message: Message) {
    let page = model.page.max(1) as isize;
    let list = &mut model.list;
    match message {
        Message::Move(by) => return list.step(by),
        Message::Page(by) => return list.step(by * page),
        Message::Enter => {
            model.ladder = model.list.chosen_row().map(|(_, row)| LadderView::new(row.flow));
            return;
        }
        Message::Search => return list.is_typing = true,
        Message::EndSearch => return list.is_typing = false,
        Message::Letter(c) if list.search.chars().count() < MAX_SEARCH && !c.is_control() => list.search.push(c),
        Message::EraseLetter => drop(list.search.pop()),
        Message::EraseSearch => list.search.clear(),
        // One step back at a time: the search, then the filter by trouble.
        Message::Back if list.is_typing || !list.search.is_empty() => {
            list.is_typing = false;
            list.search.clear();
        }
        Message::Back => list.only_trouble = false,
        Message::OnlyTrouble => list.only_trouble = !list.only_trouble,
        Message::Sort(by) => {
            list.sort = list.sort.step(by);
            model.notice = Some(format!("sorted by {}", list.sort.text()));
        }
        Message::Reverse => list.reverse = !list.reverse,
        Message::ClearEnded => model.survey.clear_ended(),
        _ => return,
    }
    model.rearrange();
}
