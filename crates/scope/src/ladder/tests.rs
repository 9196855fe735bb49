use super::*;
use crate::story::experiments;

#[test]
fn print_all() {
    let width = std::env::var("W").ok().and_then(|w| w.parse().ok()).unwrap_or(80);
    for (name, trace) in experiments::all() {
        println!("==== {name}\n{}", render(&trace, &RenderOptions { width, ..RenderOptions::default() }));
    }
}
