//! docs/packetdrill.md says what is so: its example runs as it is printed there, and its table of sysctls is the program's.

use limpid_drill::target::sysctl;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/packetdrill.md")
}

/// The blocks of the page between ``` lines: what stands behind the first one, and the text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split("\n```");
    parts.next();
    parts.step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn the_example_is_true() {
    let page = fs::read_to_string(page()).expect("the page is there");
    let blocks = blocks(&page);
    let (_, script) = blocks.iter().find(|(kind, _)| *kind == "packetdrill").expect("a script");
    let run = "$ limpid drill first-rto.pkt\n";
    let mut printed = blocks.iter().filter(|(kind, text)| *kind == "console" && text.starts_with(run));
    let (_, failing) = printed.next().expect("its output");
    let (_, passing) = printed.next().expect("its output when it is mended");

    let folder = std::env::temp_dir().join(format!("limpid-drill-docs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("it can be made");
    let drill = |script: &str| {
        fs::write(folder.join("first-rto.pkt"), script).expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
        let output = command.args(["drill", "first-rto.pkt"]).current_dir(&folder).env_remove("COLUMNS").output();
        String::from_utf8(output.expect("limpid runs").stdout).expect("UTF-8")
    };
    assert_eq!(format!("{run}{}", drill(&format!("{script}\n")).trim_end()), *failing);
    let mended = format!("{script}\n").replace("+1    >", "+.3   >");
    assert!(passing.starts_with(&format!("{run}{}", drill(&mended))), "{passing}");
    fs::remove_dir_all(&folder).expect("it is there");
}

/// `INSTA_UPDATE=always` writes the table anew.
#[test]
fn the_table_of_sysctls_is_the_programs() {
    let (before, after) = ("| sysctl | on our stack |\n|---|---|\n", "\n### Options");
    let mut table = String::new();
    for (name, meaning) in sysctl::known() {
        let _ = writeln!(table, "| `{name}` | {meaning} |");
    }
    let text = fs::read_to_string(page()).expect("the page is there");
    let (head, rest) = text.split_once(before).expect("the table is there");
    let (there, tail) = rest.split_once(after).expect("something follows it");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(page(), format!("{head}{before}{table}{after}{tail}")).expect("it can be written");
    } else {
        assert_eq!(there, table, "INSTA_UPDATE=always cargo test -p limpid-cli --test drill_docs writes it");
    }
}
