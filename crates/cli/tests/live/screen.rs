//! What a terminal shows after all that was written to it: as much of ECMA-48 as the live view uses.

/// The screen as lines of text.
pub(crate) fn text(written: &str, columns: usize, lines: usize) -> String {
    let mut cells = vec![vec![' '; columns]; lines];
    let (mut x, mut y) = (0, 0);
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' if rest.peek() == Some(&'[') => {
                rest.next();
                let mut parameters = String::new();
                let Some(end) = rest.by_ref().find(|c| {
                    let is_end = c.is_ascii_alphabetic();
                    if !is_end {
                        parameters.push(*c);
                    }
                    is_end
                }) else {
                    break;
                };
                let number = |at: usize| parameters.split(';').nth(at).and_then(|n| n.parse().ok()).unwrap_or(1usize);
                match (end, parameters.as_str()) {
                    ('H', _) => (y, x) = (number(0) - 1, number(1) - 1),
                    ('J', "2") | ('h' | 'l', "?1049") => cells.iter_mut().for_each(|line| line.fill(' ')),
                    _ => {}
                }
            }
            '\x1b' => drop(rest.next()),
            '\n' => (x, y) = (0, y + 1),
            c if c.is_control() => {}
            c => {
                if let Some(cell) = cells.get_mut(y).and_then(|line| line.get_mut(x)) {
                    *cell = c;
                }
                x += 1;
            }
        }
    }
    cells.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
}
