//! The figures for people, and for machines.

use crate::Scores;
use crate::kind::Kind;
use crate::score::Score;
use crate::tools::Tool;
use std::fmt::Write;
use std::ops::Range;

/// A table for each place, then one of all places together.
pub(crate) fn text(worlds: usize, all: &[Scores]) -> String {
    let mut text = String::new();
    for scores in all {
        let _ = writeln!(text, "Seen at the {}: {} packets of {worlds} worlds", scores.place, scores.packets);
        rows(&mut text, |tool, kind| of(&scores.tools, tool, kind));
        text.push('\n');
    }
    if all.len() > 1 {
        text.push_str("All places\n");
        rows(&mut text, |tool, kind| together(all.iter().map(|scores| of(&scores.tools, tool, kind))));
        text.push('\n');
    }
    let seeds = all.first().map_or(0, |scores| scores.seeds.len());
    if seeds > 1 {
        let _ = writeln!(text, "All places, {seeds} seeds: mean (worst)");
        spread(&mut text, |tool, kind| {
            let seeds = (0..seeds).map(|n| together(all.iter().map(|scores| of(&scores.seeds[n], tool, kind))));
            seeds.collect()
        });
        text.push('\n');
    }
    for (tool, _) in all.first().into_iter().flat_map(|scores| &scores.tools).filter(|(_, scores)| scores.is_none()) {
        let _ = writeln!(text, "{} is not installed: cargo xtask setup", tool.name());
    }
    text.push_str("precision / recall in percent; -: it has no word for this\n");
    text
}

fn of(tools: &[(Tool, Option<Vec<Score>>)], tool: Tool, kind: Kind) -> Option<Score> {
    let (_, scores) = tools.iter().find(|(t, _)| *t == tool)?;
    scores.as_ref().map(|scores| scores[kind as usize])
}

fn together(mut each: impl Iterator<Item = Option<Score>>) -> Option<Score> {
    each.try_fold(Score::default(), |sum, score| Some(sum.plus(score?)))
}

/// Of several seeds: the mean of each figure, and the worst.
fn spread(text: &mut String, scores: impl Fn(Tool, Kind) -> Option<Vec<Score>>) {
    let _ = write!(text, "  {:<16}", "");
    Tool::ALL.into_iter().for_each(|tool| _ = write!(text, "{:>32}", tool.name()));
    text.push('\n');
    for kind in Kind::ALL {
        let _ = write!(text, "  {:<16}", kind.name());
        for tool in Tool::ALL {
            let cell = match scores(tool, kind).filter(|_| tool.tells(kind)) {
                Some(scores) => {
                    format!(
                        "{} / {}",
                        mean_and_worst(&scores, Score::precision),
                        mean_and_worst(&scores, Score::recall)
                    )
                }
                None => "-".into(),
            };
            let _ = write!(text, "{cell:>32}");
        }
        text.push('\n');
    }
}

fn mean_and_worst(scores: &[Score], figure: fn(Score) -> Option<f64>) -> String {
    let figures: Vec<f64> = scores.iter().filter_map(|score| figure(*score)).collect();
    if figures.is_empty() {
        return "-".into();
    }
    let mean = figures.iter().sum::<f64>() / figures.len() as f64;
    let worst = figures.iter().copied().fold(1.0, f64::min);
    format!("{:>5.1} ({:>5.1})", mean * 100.0, worst * 100.0)
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
pub(crate) fn json(seeds: Range<u64>, worlds: usize, all: &[Scores]) -> String {
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
    let (first, count) = (seeds.start, seeds.end - seeds.start);
    format!(
        "{{\"first_seed\":{first},\"seeds\":{count},\"worlds\":{worlds},\"places\":[\n{}\n]}}\n",
        places.join(",\n")
    )
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
