//! Real traffic of this machine, captured by the real tcpdump on every interface of a private namespace, printed by both.

use super::run::{options, tcpdump, tcpdump_is_here};
use limpid_scope::capture::Reader;
use limpid_scope::dump::Printer;
use std::path::Path;
use std::process::Command;

/// Two namespaces, joined by a veth; on both ends and on `any` tcpdump captures what nc says to
/// itself: connects that are refused and answered, half a megabyte there and back, IPv6, a VLAN
/// where the kernel has them.
const SCRIPT: &str = r#"
set -eu
cd "$1"
ip link set lo up
ip link add left type veth peer name right
ip netns add limpid-oracle-$$ 2>/dev/null || { mkdir -p /run/netns; ip netns add limpid-oracle-$$; }
pids=
trap 'ip netns del limpid-oracle-$$; kill $pids 2>/dev/null || true; wait' EXIT
far="ip netns exec limpid-oracle-$$"
ip link set right netns limpid-oracle-$$
ip addr add 10.9.0.1/24 dev left; ip link set left up
ip -6 addr add fd09::1/64 dev left nodad
$far ip addr add 10.9.0.2/24 dev right; $far ip link set right up; $far ip link set lo up
$far ip -6 addr add fd09::2/64 dev right nodad
vlan=
# Not every kernel has VLANs.
if ip link add link left name left.7 type vlan id 7 2>/dev/null; then
    vlan=10.9.7.2
    ip addr add 10.9.7.1/24 dev left.7; ip link set left.7 up
    $far ip link add link right name right.7 type vlan id 7
    $far ip addr add $vlan/24 dev right.7; $far ip link set right.7 up
fi
# So that half a megabyte is hundreds of segments and not eight of 64 KB.
ip link set left gso_max_segs 2; $far ip link set right gso_max_segs 2
timeout 60 tcpdump --immediate-mode -i any -U -w any.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i left -U -w left.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i left -s 60 -U -w short.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i lo -U -w lo.pcap 2>/dev/null & pids="$pids $!"
# It writes a file's header once it captures.
for file in any left short lo; do
    for look in $(seq 100); do [ -s $file.pcap ] && break; sleep 0.1; done
done
head -c 500000 /dev/zero > data
# Says and hears half a megabyte; before the listener is there, its connect is refused.
talk() {
    for attempt in $(seq 50); do
        timeout 10 nc -N -w 5 $1 $2 < data > heard && break
        sleep 0.1
    done
    cmp heard data
}
for address in 10.9.0.2 fd09::2 $vlan; do
    timeout 5 nc -z -w 1 $address 40009 || true
    $far timeout 20 nc -l -N -w 5 $address 40010 < data > /dev/null &
    talk $address 40010
done
timeout 20 nc -l -N -w 5 127.0.0.1 40011 < data > /dev/null &
talk 127.0.0.1 40011
sleep 0.5
"#;

#[test]
fn captured_traffic() {
    if !tcpdump_is_here() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("limpid-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    // tcpdump gives up root before it opens its files.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&folder, open).expect("permissions");
    let output = Command::new("unshare").args(["--net", "--mount", "sh", "-c", SCRIPT, "sh"]).arg(&folder).output();
    let made = output.as_ref().is_ok_and(|output| output.status.success());
    if made {
        // Through lo go segments of 64 KB.
        for (name, segments) in [("any.pcap", 100), ("left.pcap", 100), ("short.pcap", 100), ("lo.pcap", 10)] {
            compare_file(&folder.join(name), segments);
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    if !made {
        let why = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(std::env::var("LIMPID_REQUIRE_TOOLS").as_deref() != Ok("1"), "no traffic was captured: {why:?}");
        eprintln!("skipped: traffic can't be captured here: {why:?}");
    }
}

/// Both print the same, at least so many segments.
fn compare_file(path: &Path, at_least: u32) {
    let file = std::fs::read(path).expect("a capture");
    for flags in ["-n", "-n -v", "-n -e -vv -S", "-n -q -tttt"] {
        let mut printer = Printer::new(options(flags));
        let mut reader = Reader::new(&file[..]).expect("a header");
        let mut text = Vec::new();
        let mut segments = 0;
        while let Some(packet) = reader.next_ref().expect("a packet") {
            let start = text.len();
            printer.append(&packet, &mut text);
            let line = &text[start..];
            let is_segment = line.windows(7).any(|w| w == b"Flags [") || line.windows(6).any(|w| w == b": tcp ");
            segments += u32::from(is_segment);
            text.push(b'\n');
        }
        assert!(segments >= at_least, "{}: only {segments} segments", path.display());
        let (ours, theirs) = (String::from_utf8_lossy(&text), tcpdump(file.clone(), flags));
        // The options of neighbour discovery have lines of their own; those that nobody knows are shown in another way.
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with('\t')).map(str::to_owned).collect()
        };
        let (ours, theirs) = (lines(&ours), lines(&theirs));
        let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| !theirs.starts_with(ours.as_str()));
        assert_eq!(differs, None, "{} {flags}", path.display());
        assert_eq!(ours.len(), theirs.len(), "{} {flags}", path.display());
    }
}
