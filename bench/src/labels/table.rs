//! The figures for people, and for machines.

use crate::Scores;
use crate::kind::Kind;
use crate::score::Score;
use crate::tools::Tool;
use std::fmt::Write;

/// A table for each place, then one of all places together.
pub(crate) fn text(worlds: usize, all: &[Scores]) -> String {
    let mut text = String::new();
    for scores in all {
        let _ = writeln!(text, "Seen at the {}: {} packets of {worlds} worlds", scores.place, scores.packets);
        rows(&mut text, |tool, kind| of(scores, tool, kind));
        text.push('\n');
    }
    if all.len() > 1 {
        text.push_str("All places\n");
        rows(&mut text, |tool, kind| {
            let each = all.iter().map(|scores| of(scores, tool, kind));
            each.fold(None, |sum, score| Some(sum.unwrap_or_default().plus(score?)))
        });
        text.push('\n');
    }
    for (tool, _) in all.first().into_iter().flat_map(|scores| &scores.tools).filter(|(_, scores)| scores.is_none()) {
        let _ = writeln!(text, "{} is not installed: cargo xtask setup", tool.name());
    }
    text.push_str("precision / recall in percent; -: it has no word for this\n");
    text
}

fn of(scores: &Scores, tool: Tool, kind: Kind) -> Option<Score> {
    let (_, scores) = scores.tools.iter().find(|(t, _)| *t == tool)?;
    scores.as_ref().map(|scores| scores[kind as usize])
}

fn rows(text: &mut String, score: impl Fn(Tool, Kind) -> Option<Score>) {
    let _ = write!(text, "  {:<16}{:>8}", "", "true");
    for tool in Tool::ALL {
        let _ = write!(text, "{:>17}", tool.name());
    }
    text.push('\n');
    for kind in Kind::ALL {
        let there = Tool::ALL.iter().find_map(|tool| score(*tool, kind)).map_or(0, |s| s.right + s.missed);
        let _ = write!(text, "  {:<16}{there:>8}", kind.name());
        for tool in Tool::ALL {
            let figure = |figure: Option<f64>| figure.map_or_else(|| "-".into(), |f| format!("{:.1}", f * 100.0));
            let cell = match score(tool, kind).filter(|_| tool.tells(kind)) {
                Some(score) => format!("{:>5} / {:>5}", figure(score.precision()), figure(score.recall())),
                None => "-".into(),
            };
            let _ = write!(text, "{cell:>17}");
        }
        text.push('\n');
    }
}

/// One object; nothing in it needs escaping.
pub(crate) fn json(seeds: u64, worlds: usize, all: &[Scores]) -> String {
    let places: Vec<String> = all
        .iter()
        .map(|scores| {
            let tools: Vec<String> = (scores.tools.iter())
                .filter_map(|(tool, scores)| Some((tool, scores.as_ref()?)))
                .map(|(tool, scores)| format!("\"{}\":{{{}}}", tool.name(), kinds(*tool, scores)))
                .collect();
            format!(
                "{{\"place\":\"{}\",\"packets\":{},\"tools\":{{{}}}}}",
                scores.place,
                scores.packets,
                tools.join(",")
            )
        })
        .collect();
    format!("{{\"seeds\":{seeds},\"worlds\":{worlds},\"places\":[\n{}\n]}}\n", places.join(",\n"))
}

fn kinds(tool: Tool, scores: &[Score]) -> String {
    let number = |figure: Option<f64>| figure.map_or_else(|| "null".into(), |f| format!("{f:.4}"));
    let kinds: Vec<String> = Kind::ALL
        .into_iter()
        .filter(|kind| tool.tells(*kind))
        .map(|kind| {
            let score = scores[kind as usize];
            let Score { right, wrong, missed } = score;
            format!(
                "\"{}\":{{\"precision\":{},\"recall\":{},\"f1\":{},\"right\":{right},\"wrong\":{wrong},\"missed\":{missed}}}",
                kind.name(),
                number(score.precision()),
                number(score.recall()),
                number(score.f1()),
            )
        })
        .collect();
    kinds.join(",")
}
