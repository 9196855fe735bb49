//! `limpid drill` as a program: what it prints where, and how it exits.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A connection from the script, and data, acknowledged at once.
const GOOD: &str = "\
// RFC 9293 §3.10.7.4: data is acknowledged.
 0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0   bind(3, ..., ...) = 0
+0   listen(3, 1) = 0
+0   < S 0:0(0) win 65535 <mss 1000>
+0   > S. 0:0(0) ack 1 <...>
+.1  < . 1:1(0) ack 1 win 65535
+0   accept(3, ..., ...) = 4
+.1  < P. 1:101(100) ack 1 win 65535
+0   > . 1:1(0) ack 101
";

/// A folder with scripts, gone when it is dropped.
struct Scripts(PathBuf);

impl Scripts {
    /// `tcp/good.pkt`, `tcp/bad.pkt`, `odd/unsupported.pkt` and `odd/invalid.pkt`.
    fn new(name: &str) -> Scripts {
        let scripts = Scripts(std::env::temp_dir().join(format!("limpid-drill-{name}-{}", std::process::id())));
        scripts.put("tcp/good.pkt", GOOD);
        scripts.put("tcp/bad.pkt", &GOOD.replace("ack 101", "ack 102"));
        scripts.put("odd/unsupported.pkt", &format!("{GOOD}+0 `reboot now`\n"));
        scripts.put("odd/invalid.pkt", " 0 socket(\n");
        scripts.put("odd/notes.txt", "no script");
        scripts
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn drill(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
        command.arg("drill").args(arguments).current_dir(&self.0).env_remove("COLUMNS");
        let output = command.output().expect("limpid runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// What is printed by a run that exits with `code`.
    fn prints(&self, code: i32, arguments: &[&str]) -> String {
        let (exit, out, err) = self.drill(arguments);
        assert_eq!(exit, Some(code), "{arguments:?}\n{out}{err}");
        assert_eq!(err.lines().count(), usize::from(code != 0), "{arguments:?}: {err}");
        out
    }

    fn error(&self, code: i32, arguments: &[&str]) -> String {
        let (exit, out, err) = self.drill(arguments);
        assert_eq!(exit, Some(code), "{arguments:?}\n{out}{err}");
        assert_eq!(err.lines().count(), 1, "{arguments:?}: {err}");
        err.trim_end().to_owned()
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A text whose times of running are all 0.
fn without_times(text: &str) -> String {
    let number = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut plain = text.to_owned();
    for before in ["\"seconds\":", "time=\"", "scripts in "] {
        let mut parts = plain.split(before);
        let mut masked = parts.next().unwrap_or_default().to_owned();
        parts.for_each(|part| masked += &format!("{before}0{}", &part[number(part)..]));
        plain = masked;
    }
    plain
}

#[test]
fn a_script_that_passes() {
    let scripts = Scripts::new("passes");
    assert_eq!(scripts.prints(0, &["tcp/good.pkt"]), "tcp/good.pkt: pass\n");
    assert_eq!(scripts.prints(0, &["tcp/good.pkt", "-q"]), "");
    let ladder = scripts.prints(0, &["tcp/good.pkt", "--ladder"]);
    assert!(ladder.contains("5 ACK ack 101") && ladder.contains("192.168.0.1:8080"), "{ladder}");
    let verbose = scripts.prints(0, &["tcp/good.pkt", "--verbose", "--no-ladder"]);
    assert!(verbose.contains("Flags [.], ack 101, ") && verbose.contains("length 0  (quick ACK)"), "{verbose}");
    assert_eq!(verbose.lines().count(), 1 + 5, "{verbose}");
}

/// What packetdrill prints, the ladder, the first difference in it, and how to go on.
#[test]
fn a_script_that_fails() {
    let scripts = Scripts::new("fails");
    insta::assert_snapshot!(scripts.prints(1, &["tcp/bad.pkt"]));
    let (_, out, err) = scripts.drill(&["tcp/bad.pkt", "--quiet"]);
    assert!(out.starts_with("tcp/bad.pkt:10: error handling packet: ") && out.lines().count() == 1, "{out}");
    assert_eq!(err, "limpid: drill: the script does not pass\n");
    assert!(scripts.prints(1, &["tcp/bad.pkt", "--ascii"]).is_ascii());
    scripts.put("call.pkt", &GOOD.replace("listen(3, 1) = 0", "listen(3, 1) = -1 EINVAL (Invalid argument)"));
    let call = scripts.prints(1, &["call.pkt"]);
    assert!(call.starts_with("call.pkt:4: runtime error in listen call: "), "{call}");
    assert!(call.contains("\nscript: +0   listen(3, 1) = -1 EINVAL"), "{call}");
}

#[test]
fn folders_are_searched_and_summed_up() {
    let scripts = Scripts::new("folders");
    assert_eq!(
        scripts.prints(0, &[".", "--list"]),
        "./odd/invalid.pkt\n./odd/unsupported.pkt\n./tcp/bad.pkt\n./tcp/good.pkt\n"
    );
    assert_eq!(scripts.prints(0, &["tcp", "./odd", "tcp/good.pkt", "--list"]).lines().count(), 4, "each once");
    assert_eq!(scripts.prints(0, &["odd/notes.txt", "--list"]), "odd/notes.txt\n");
    insta::assert_snapshot!(without_times(&scripts.prints(1, &["odd", "tcp", "--no-ladder", "--show-unsupported"])));
    assert_eq!(scripts.error(1, &["."]), "limpid: drill: 2 of 4 scripts do not pass");
}

#[test]
fn filters_choose() {
    let scripts = Scripts::new("filters");
    assert_eq!(scripts.prints(0, &["tcp", "odd", "--list", "--filter", "good", "--filter", "inv"]).lines().count(), 2);
    assert_eq!(scripts.prints(0, &[".", "--filter", "good"]), "./tcp/good.pkt: pass\n");
}

#[test]
fn what_is_unsupported_is_no_failure_unless_that_is_asked_for() {
    let scripts = Scripts::new("unsupported");
    let alone = scripts.prints(0, &["odd/unsupported.pkt"]);
    assert_eq!(alone, "odd/unsupported.pkt:11:5: unsupported: no such command here: 'reboot'\n");
    let both = scripts.prints(0, &[".", "--filter", "unsupported", "--filter", "good"]);
    assert!(both.contains("1 pass, 1 unsupported") && both.contains("--show-unsupported"), "{both}");
    let strict = scripts.error(1, &["odd/unsupported.pkt", "tcp/good.pkt", "--strict"]);
    assert_eq!(strict, "limpid: drill: 1 of 2 scripts is unsupported, with --strict");
}

#[test]
fn an_invalid_script_is_a_failure_with_its_place() {
    let scripts = Scripts::new("invalid");
    let out = scripts.prints(1, &["odd/invalid.pkt"]);
    assert!(out.starts_with("odd/invalid.pkt:2:1: invalid: "), "{out}");
    let out = scripts.prints(1, &["odd/notes.txt"]);
    assert!(out.starts_with("odd/notes.txt:1:1: invalid: "), "{out}");
}

#[test]
fn the_first_failure_may_end_it() {
    let scripts = Scripts::new("fast");
    for jobs in ["1", "4"] {
        let out = scripts.prints(1, &["tcp", "--fail-fast", "--json", "--jobs", jobs]);
        assert!(out.contains("\"summary\":{\"scripts\":1,\"pass\":0,\"fail\":1,"), "{out}");
    }
}

#[test]
fn json_is_an_object_a_line() {
    let scripts = Scripts::new("json");
    insta::assert_snapshot!(without_times(&scripts.prints(1, &[".", "--json"])));
}

#[test]
fn junit_is_a_suite_a_folder() {
    let scripts = Scripts::new("junit");
    scripts.prints(1, &[".", "--junit", "report.xml", "--quiet"]);
    insta::assert_snapshot!(without_times(&fs::read_to_string(scripts.0.join("report.xml")).expect("it is there")));
    let error = scripts.error(1, &[".", "--junit", "no/such/folder.xml"]);
    assert_eq!(error, "limpid: no/such/folder.xml: No such file or directory; give a file that can be written");
}

#[test]
fn each_mode_is_a_run_of_its_own() {
    let scripts = Scripts::new("modes");
    scripts.put("mss.pkt", &GOOD.replace("ack 1 <...>", "ack 1 <mss 1460>"));
    let out = scripts.prints(0, &["mss.pkt", "--modes", "ipv4,ipv6,ipv4-mapped-ipv6", "-v", "--no-ladder"]);
    for line in ["mss.pkt: [ipv4] pass", "mss.pkt: [ipv6] pass", "mss.pkt: [ipv4-mapped-ipv6] pass", "3 scripts in "] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    assert!(out.contains("IP6 fd3d:a0b:17d6::1.8080 > fd3d:fa7b:d17d::1."), "{out}");
}

#[test]
fn the_command_line_wins_over_the_scripts_options() {
    let scripts = Scripts::new("options");
    scripts.put("options.pkt", &format!("--mtu=1400\n{}", GOOD.replace("ack 1 <...>", "ack 1 <mss MSS>")));
    scripts.prints(0, &["options.pkt", "-D", "MSS=1360"]);
    scripts.prints(0, &["options.pkt", "--define", "MSS=1160", "--mtu=1200"]);
    scripts.prints(0, &["options.pkt", "-DMSS=1240", "--set", "mtu=1300", "--ip_version", "ipv6"]);
    scripts.prints(0, &["--mtu=900", "--set=mtu=1000", "-DMSS=960", "options.pkt"]);
    scripts.prints(0, &["options.pkt", "-DMSS=1360", "--strict_segments", "--tolerance_usecs=10000"]);
    let out = scripts.prints(1, &["options.pkt", "-DMSS=1360", "--ip_version=ipv9"]);
    assert!(out.contains("ip_version"), "{out}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let scripts = Scripts::new("wrong");
    fs::create_dir(scripts.0.join("empty")).expect("it can be made");
    for (arguments, text) in [
        (&["nowhere"][..], "limpid: nowhere: No such file or directory; give scripts or folders of scripts"),
        (
            &["empty"],
            "limpid: empty: no scripts are in it; scripts in folders end in .pkt; a file with another name can be given itself",
        ),
        (&["tcp", "--filter", "xyzzy"], "limpid: --filter: no script has that in its path; --list shows them"),
        (&["tcp", "--set", "=1"], "limpid: --set: '=1' names no option; write --set name=value"),
    ] {
        assert_eq!(scripts.error(2, arguments), text);
    }
    for arguments in
        [&[][..], &["tcp", "-D", "1X=1"], &["tcp", "-DX"], &["tcp", "--jobs", "0"], &["tcp", "--modes", "ipv5"]]
    {
        let error = scripts.error(2, arguments);
        assert!(error.starts_with("limpid: usage: ") && error.ends_with("--help'"), "{error}");
    }
}

#[test]
fn threads_change_nothing() {
    let scripts = Scripts::new("threads");
    for n in 0..40 {
        let text = if n % 3 == 0 { GOOD.replace("ack 101", "ack 103") } else { GOOD.to_owned() };
        scripts.put(&format!("many/{n:02}.pkt"), &text);
    }
    let one = without_times(&scripts.prints(1, &["many", "--jobs", "1"]));
    for jobs in ["2", "9"] {
        assert_eq!(without_times(&scripts.prints(1, &["many", "--jobs", jobs])), one);
    }
    assert!(one.contains("40 scripts in 0 s: 26 pass, 14 fail"), "{one}");
}

#[test]
fn help_names_what_packetdrills_users_type() {
    let scripts = Scripts::new("help");
    let (code, help, _) = scripts.drill(&["--help"]);
    assert_eq!(code, Some(0));
    for needed in ["--ip_version", "--tolerance_usecs", "docs/packetdrill.md", "*.pkt", "unsupported"] {
        assert!(help.contains(needed), "{needed} is missing in:\n{help}");
    }
}

/// Where private networks can be made, Linux is asked; elsewhere that is said.
#[test]
fn linux_can_be_asked() {
    let scripts = Scripts::new("kernel");
    let (code, out, _) =
        scripts.drill(&["tcp/good.pkt", "--against", "kernel", "--tries", "3", "--tolerance_usecs=50000"]);
    if lacks_linux(&out) {
        return;
    }
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("tcp/good.pkt: pass"), "{out}");
}

/// Whether Linux could not be asked: a skip with its reason, or a failure where LIMPID_REQUIRE_TOOLS is 1.
fn lacks_linux(out: &str) -> bool {
    let Some((_, reason)) = out.lines().next().and_then(|line| line.split_once(": broken: ")) else { return false };
    assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{out}");
    eprintln!("skipped: Linux can't be asked: {reason}");
    true
}

/// What would wait for ever ends, where it waits.
#[test]
fn a_script_that_hangs_on_linux_fails_in_time() {
    let scripts = Scripts::new("hangs");
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n\
                +0 listen(3, 1) = 0\n+0 accept(3, ..., ...) = 4\n";
    scripts.put("accept.pkt", text);
    let (code, out, _) = scripts.drill(&["accept.pkt", "--against", "kernel", "--time-limit", "1"]);
    assert_eq!(code, Some(1));
    if !lacks_linux(&out) {
        assert!(out.starts_with("accept.pkt:4: time limit: not at its end after 1 s"), "{out}");
    }
    scripts.error(2, &["accept.pkt", "--time-limit", "0"]);
}

/// The same wrong script fails on both in the same way: there they do not differ.
#[test]
fn both_can_be_compared() {
    let scripts = Scripts::new("both");
    let (code, out, _) = scripts.drill(&["tcp/bad.pkt", "--differential", "--tries", "3", "--tolerance_usecs=50000"]);
    if lacks_linux(&out) {
        return assert_eq!(code, Some(1));
    }
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("tcp/bad.pkt: the same on both\n"), "{out}");
    assert_eq!(out.matches(" fail at 10:1: ").count(), 2, "{out}");
    scripts.error(2, &["tcp", "--differential", "--against", "kernel"]);
}

/// What commands ask is answered alike on both.
#[test]
fn commands_ask_both_alike() {
    let scripts = Scripts::new("commands");
    let listener = "'^ *[0-9]*: 0100A8C0:1F90 00000000:0000 0A 00000000:00000000 '";
    // The 100 bytes that nobody has read.
    let connection = "' 0100A8C0:1F90 010200C0:[0-9A-F]* 01 00000000:00000064 00:'";
    let commands = format!(
        "+0 `cat /proc/net/tcp | grep -q {listener}`\n+0 `grep {connection} /proc/net/tcp > /dev/null`\n\
         +0 `nstat -az TcpPassiveOpens | grep -q ' 1 ' && sysctl -q net.ipv4.tcp_sack=0; sysctl -n net.ipv4.tcp_sack`\n\
         +0 `! grep -q 'rem' /proc/net/tcp6 || true; cat /proc/net/tcp6 | grep -c 1F90 || echo none`\n"
    );
    scripts.put("ask.pkt", &format!("{GOOD}{commands}"));
    assert_eq!(scripts.prints(0, &["ask.pkt"]), "ask.pkt: pass\n0\n0\nnone\n");
    let (code, out, err) =
        scripts.drill(&["ask.pkt", "--against", "kernel", "--tries", "3", "--tolerance_usecs=50000"]);
    if !lacks_linux(&out) {
        assert_eq!((code, out.as_str()), (Some(0), "ask.pkt: pass\n0\n0\nnone\n"), "{err}");
    }
}
