//! What stays on the normal screen: how much was seen, what was missed, and the worst of it.

use super::model::{Model, TROUBLE};
use limpid_scope::ladder::in_charset;
use limpid_scope::words::{count, number};

/// The most connections in trouble that are named.
const WORST: usize = 3;

/// A few lines.
pub(crate) fn text(model: &Model) -> String {
    let survey = &model.survey;
    let mut text = format!("{}, {}", count(survey.packets, "packet"), count(survey.connections, "connection"));
    let mut rows: Vec<_> = survey.rows(model.now).into_iter().filter(|row| row.severity() >= TROUBLE).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.severity()), row.flow));
    if !rows.is_empty() {
        text.push_str(&format!(", {} in trouble", number(rows.len() as u64)));
    }
    let (kernel, here) = model.dropped;
    if model.subject.is_live || model.dropped != (0, 0) {
        text.push_str(&format!("; {} dropped by the kernel, {} dropped here", number(kernel), number(here)));
    }
    text.push('\n');
    for row in rows.iter().take(WORST) {
        let [client, server] = row.ends;
        let wrong = row.wrong.map(|wrong| wrong.text(model.now)).unwrap_or_default();
        text.push_str(&format!("  {client} → {server}: {wrong}\n"));
    }
    in_charset(&text, model.look.charset).into_owned()
}
