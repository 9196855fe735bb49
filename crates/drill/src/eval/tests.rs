use super::*;
use crate::script::Snippet;

mod language;
mod limits;

fn snippet(text: &str) -> Snippet {
    Snippet { at: Pos { line: 1, column: 1 }, text: text.to_owned() }
}

fn program(texts: &[&str]) -> Result<Program, Unsupported> {
    let snippets: Vec<Snippet> = texts.iter().map(|text| snippet(text)).collect();
    Program::parse(&snippets)
}

/// What one snippet prints.
fn printed(text: &str) -> String {
    let program = program(&[text]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    program.run(&[]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// What an expression is, as `repr` tells it.
fn value(text: &str) -> String {
    let line = printed(&format!("print(repr({text}))"));
    line.trim_end_matches('\n').to_owned()
}

fn unsupported(text: &str) -> String {
    match program(&[text]) {
        Err(error) => error.to_string(),
        Ok(program) => panic!("{text}\n{program:?}"),
    }
}

fn fault(text: &str) -> EvalError {
    let program = program(&[text]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    program.run(&[]).expect_err(text)
}

fn sample(variables: &[(&str, i64)]) -> Sample {
    variables.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

#[test]
fn each_snippet_has_the_variables_of_its_time() {
    let program = program(&["first = tcpi_rtt", "print(tcpi_rtt, first)", "assert first + 5 == tcpi_rtt"]).unwrap();
    assert_eq!((program.len(), program.is_empty()), (3, false));
    let samples = [1, 2, 6].map(|rtt| sample(&[("tcpi_rtt", rtt)]));
    assert_eq!(program.run(&samples).unwrap(), "2 1\n");
    assert_eq!(
        program.run(&samples[..2]).unwrap_err().to_string(),
        "1:8: assertion failed: first + 5 == tcpi_rtt, where first is 1, tcpi_rtt is 2"
    );
}

#[test]
fn names_that_samples_must_bring() {
    let program = program(&[
        "a = b + c; print(a)\nif d: e = 1\nelse: f = e",
        "assert a == b, '%s' % g if abs(h) else [i, (j,)][k].format(l, x=m)",
        "n += 1; o = o",
    ])
    .unwrap();
    let names: Vec<&str> = program.unassigned_names().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["b", "c", "d", "b", "g", "h", "i", "j", "k", "l", "m", "n", "o"]);
    assert_eq!(program.unassigned_names()[2].0, Pos { line: 2, column: 4 });
}

#[test]
fn failures_say_where_and_why() {
    let texts = [
        " assert tcpi_snd_cwnd == 10",
        "assert tcpi_snd_cwnd == 10, 'cwnd is %d' % tcpi_snd_cwnd",
        "assert tcpi_snd_cwnd == 9; assert 0",
        "assert 5 <= tcpi_snd_cwnd < tcpi_unacked, tcpi_unacked",
        "\n\nassert (tcpi_snd_cwnd ==\n   tcpi_unacked), tcpi_snd_cwnd",
        "if True:\n  assert not 'x'",
        "x = tcpi_nothing",
        "assert tcpi_nothing == 1",
        "assert 1 == 2, tcpi_nothing",
        "print(1); y = 5 // (tcpi_snd_cwnd - 9)",
        "y = 'é' + 5",
        "y = (1, 2)[2]",
        "y = int('x')",
        "y = len(5)",
        "y = 1 < 'a'",
        "print(5, sep=6)",
    ];
    let variables = sample(&[("tcpi_snd_cwnd", 9), ("tcpi_unacked", 3)]);
    let all = texts.map(|text| {
        let error = program(&[text]).unwrap().run(std::slice::from_ref(&variables)).unwrap_err();
        format!("{text}\n    {error} [{}] {:?}", if error.is_assertion { "assertion" } else { "fault" }, error.printed)
    });
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_is_not_supported_is_known_before_it_runs() {
    let texts = [
        "import os",
        "for x in [1]: pass",
        "while True: pass",
        "def f(): pass",
        "x = {}",
        "x = lambda: 1",
        "x = [i for i in y]",
        "x = open('a')",
        "x.y = 5",
        "x = y.z",
        "x[0] = 1",
        "x = y[1:2]",
        "a, b = 1, 2",
        "x = f'{a}'",
        "x = b'a'",
        "x = 'a",
        "x = (1",
        "x = 1)",
        "x = 5 5",
        "x = ",
        "assert",
        "assert 1,",
        "x = 1 +",
        "x = 1 if 2",
        "x = y not 5",
        "x = y @ z",
        "x := 5",
        "if x\n  y",
        "if x:\ny",
        "if x:\n  y\n z",
        "  x\n    y",
        "\n  if x:\n    y\n z",
        "if x: if y: z",
        "else: x",
        "x = None = 5",
        "x = y += 5",
        "print(a=5, 6)",
        "x = 0xg",
        "x = 12ab",
        "x = 1e999",
        "x = '\\u0041'",
        "x = '\\xg'",
        "x = $",
        "é = ?",
        "x = a.format",
        "global x",
    ];
    let all = texts.map(|text| format!("{text}\n    {}", unsupported(text)));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn places_are_the_scripts() {
    let snippet = Snippet { at: Pos { line: 7, column: 9 }, text: " é = 1; import\né; import".to_owned() };
    assert_eq!(Program::parse([&snippet]).unwrap_err().at, Pos { line: 7, column: 17 });
    let second = Snippet { text: " é = 1\nassert é == 1; assert é".replace("é = 1", "é = 0"), ..snippet };
    assert_eq!(Program::parse([&second]).unwrap().run(&[]).unwrap_err().at, Pos { line: 8, column: 8 });
}
