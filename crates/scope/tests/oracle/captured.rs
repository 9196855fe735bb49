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
timeout 60 tcpdump --immediate-mode -i any -U -w any.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i left -U -w left.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i left -s 60 -U -w short.pcap 2>/dev/null & pids="$pids $!"
timeout 60 tcpdump --immediate-mode -i lo -U -w lo.pcap 2>/dev/null & pids="$pids $!"
sleep 1
head -c 500000 /dev/zero > data
for address in 10.9.0.2 fd09::2 $vlan; do
    timeout 5 nc -z -w 1 $address 40009 || true
    $far timeout 5 nc -l -N -w 2 $address 40010 < data > /dev/null & sleep 0.3
    timeout 5 nc -N -w 2 $address 40010 < data > /dev/null || true
done
timeout 5 nc -l -N -w 2 127.0.0.1 40011 < data > /dev/null & sleep 0.3
timeout 5 nc -N -w 2 127.0.0.1 40011 < data > /dev/null || true
sleep 1
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
        for name in ["any.pcap", "left.pcap", "short.pcap", "lo.pcap"] {
            compare_file(&folder.join(name));
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    if !made {
        let why = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(std::env::var("LIMPID_REQUIRE_TOOLS").as_deref() != Ok("1"), "no traffic was captured: {why:?}");
        eprintln!("skipped: traffic can't be captured here: {why:?}");
    }
}

fn compare_file(path: &Path) {
    let file = std::fs::read(path).expect("a capture");
    for flags in ["-n", "-n -v", "-n -e -vv -S", "-n -q -tttt"] {
        let mut printer = Printer::new(options(flags));
        let mut reader = Reader::new(&file[..]).expect("a header");
        let mut text = Vec::new();
        let mut segments = 0;
        while let Some(packet) = reader.next_ref().expect("a packet") {
            let start = text.len();
            printer.append(&packet, &mut text);
            let length = text[start..].windows(9).any(|w| w == b", length ");
            segments += u32::from(length);
            text.push(b'\n');
        }
        assert!(segments > 0 || path.ends_with("lo.pcap"), "{}: only {segments} segments", path.display());
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
