//! Scripts: any text is parsed or refused at a place it has; what was parsed is printed to the same script; snippets that are
//! understood end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_drill::eval::{Program, Sample, Value};
use limpid_drill::parse::{Definitions, parse};
use limpid_drill::script::{EventKind, Pos, Snippet};

fuzz_target!(|text: &str| {
    run(&Snippet { at: Pos { line: 1, column: 1 }, text: text.to_owned() });
    match parse(text, &Definitions::new()) {
        Ok(script) => {
            let printed = script.to_string();
            // Printed, definitions are in place, and would be put in place again.
            if script.options.iter().all(|option| option.name != "define") {
                let again = parse(&printed, &Definitions::new()).expect(&printed);
                assert_eq!(again.to_string(), printed);
            }
            for event in &script.events {
                if let EventKind::Snippet(snippet) = &event.kind {
                    run(snippet);
                }
            }
        }
        Err(error) => {
            let line = text.split('\n').nth(error.at.line as usize - 1).expect("a line of the text");
            assert!((1..=line.chars().count() + 1).contains(&(error.at.column as usize)));
        }
    }
});

fn run(snippet: &Snippet) {
    if let Ok(program) = Program::parse([snippet]) {
        let sample = Sample::from([("a".to_owned(), Value::from(7u32)), ("b".to_owned(), Value::from(-3))]);
        let _ = program.run(&[sample]);
    }
}
