//! Whether a drawing can be read: what was drawn in its order, and what of it covers words or signs.

use super::geometry::{Point, Quad};

/// Words may touch each other by so many pixels.
const TOUCH: f64 = 2.0;
/// A sign may be touched by so many.
const SIGN_TOUCH: f64 = 3.0;
/// A line that passes words no deeper than this is beside them.
const GRAZE: f64 = 2.5;

/// Something drawn that others must not cover, or that covers others.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Mark {
    /// A text: the index of its box.
    Words(usize),
    /// The line of an arrow.
    Stroke(Point, Point),
    /// The sign of a loss.
    Sign(Quad),
    /// Ground on which words stand.
    Cover(Quad),
}

/// What can't be made out, a sentence each.
pub(super) fn faults(marks: &[Mark], boxes: &[(Quad, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, mark) in marks.iter().enumerate() {
        let later = &marks[at + 1..];
        match mark {
            Mark::Words(index) => {
                let (quad, text) = &boxes[*index];
                for other in later {
                    match other {
                        Mark::Words(other) if quad.overlap(&boxes[*other].0) > TOUCH => {
                            faults.push(format!("'{}' is written on '{text}'", boxes[*other].1));
                        }
                        Mark::Cover(cover) if quad.overlap(cover) > TOUCH => {
                            faults.push(format!("'{text}' is covered"))
                        }
                        Mark::Stroke(from, to) if deep(quad).is_crossed(*from, *to) => {
                            faults.push(format!("a line runs through '{text}'"));
                        }
                        _ => {}
                    }
                }
            }
            Mark::Stroke(from, to) => {
                for (n, other) in later.iter().enumerate() {
                    let Mark::Words(index) = other else { continue };
                    let (quad, text) = &boxes[*index];
                    let hidden = |mark: &Mark| matches!(mark, Mark::Cover(cover) if cover.contains(&deep(quad)));
                    if deep(quad).is_crossed(*from, *to) && !later[..n].iter().any(hidden) {
                        faults.push(format!("a line runs under '{text}'"));
                    }
                }
            }
            Mark::Sign(sign) => {
                for other in later {
                    match other {
                        Mark::Words(index) if sign.overlap(&boxes[*index].0) > SIGN_TOUCH => {
                            faults.push(format!("'{}' is written on a sign", boxes[*index].1));
                        }
                        Mark::Cover(cover) if sign.overlap(cover) > SIGN_TOUCH => {
                            faults.push("a sign is covered".into())
                        }
                        _ => {}
                    }
                }
            }
            Mark::Cover(_) => {}
        }
    }
    faults
}

/// Words that are written on others, each a sentence.
pub(crate) fn words_on_words(boxes: &[(Quad, String)]) -> impl Iterator<Item = String> {
    boxes.iter().enumerate().flat_map(move |(at, (quad, text))| {
        let later = boxes[at + 1..].iter().filter(|(other, _)| quad.overlap(other) > TOUCH);
        later.map(move |(_, other)| format!("'{other}' is written on '{text}'"))
    })
}

/// Words that are not all within a picture of this size, each a sentence.
pub(crate) fn outside(boxes: &[(Quad, String)], (width, height): (f64, f64)) -> impl Iterator<Item = String> {
    let is_outside = move |quad: &Quad| {
        let ((left, right), (top, bottom)) = (quad.horizontal(), quad.vertical());
        left < -0.5 || right > width + 0.5 || top < -0.5 || bottom > height + 0.5
    };
    boxes.iter().filter(move |(quad, _)| is_outside(quad)).map(|(_, text)| format!("'{text}' is cut off at the edge"))
}

/// The inner part of a box of words: a line in it is in the letters.
fn deep(quad: &Quad) -> Quad {
    quad.shrunk(GRAZE)
}

#[cfg(test)]
mod tests {
    use crate::picture::{Ink, Svg, Text};

    use super::*;

    fn words(svg: &mut Svg, x: f64) {
        svg.text(&Text::new((x, 50.0), "some words", Ink::Text));
    }

    #[test]
    fn words_on_words_are_found() {
        let mut svg = Svg::new();
        words(&mut svg, 10.0);
        words(&mut svg, 200.0);
        assert!(svg.illegible().is_empty());
        words(&mut svg, 30.0);
        assert_eq!(svg.illegible(), ["'some words' is written on 'some words'"]);
    }

    #[test]
    fn a_line_may_pass_behind_the_ground_of_words_alone() {
        let text = Text::new((10.0, 50.0), "some words", Ink::Text);
        let stroke = Mark::Stroke((0.0, 30.0), (60.0, 60.0));
        let mut plain = Svg::new();
        plain.mark(stroke);
        let mut veiled = plain.clone();
        plain.text(&text);
        assert_eq!(plain.illegible(), ["a line runs under 'some words'"]);
        veiled.backdrop(&text);
        veiled.text(&text);
        assert!(veiled.illegible().is_empty());
        veiled.mark(stroke);
        assert_eq!(veiled.illegible(), ["a line runs through 'some words'"]);
    }

    #[test]
    fn nothing_covers_a_sign() {
        let mut svg = Svg::new();
        svg.mark(Mark::Sign(Quad::upright(20.0, 42.0, 10.0, 10.0)));
        assert!(svg.illegible().is_empty());
        let text = Text::new((10.0, 50.0), "some words", Ink::Text);
        svg.backdrop(&text);
        svg.text(&text);
        assert_eq!(svg.illegible(), ["a sign is covered", "'some words' is written on a sign"]);
    }
}
