use super::*;
use crate::story::experiments;

#[test]
fn print_all() {
    for (name, trace) in experiments::all() {
        println!("==== {name}");
        for verdict in explain(&trace) {
            println!("{:?} {:?}\n  {verdict}", verdict.kind, verdict.packets);
        }
    }
}
