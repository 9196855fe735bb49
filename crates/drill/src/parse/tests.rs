use super::*;

fn script(text: &str) -> Script {
    parse(text, &Definitions::new()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn a_whole_script() {
    let text = r#"--tolerance_usecs=10000 // wide
--ip_version=ipv4
`./defaults.sh`
   0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
  +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
  +0 bind(3, ..., ...) = 0
  +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 <...>
+.1...0.2 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable) (a note)
+.1 < [ect0] P.5 1:1001(1000) ack 1
      win 257 /* over
  lines */ <nop,nop,TS val 1 ecr 2>
   * > . 1:1(0) ack 1001
+.1~+.2 > . 1:1(0) ack 1001
  +0 %{ assert tcpi_cwnd == 10 }%
  +0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0}, 0) = 1000
  +0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]
  1.5 close(4) = 0
`cleanup`
"#;
    insta::assert_snapshot!(script(text).to_string());
}
