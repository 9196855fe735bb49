use super::*;
use crate::namespace::Namespace;
use crate::testing::super_segment;
use limpid_wire::TcpFlags;
use rustix::event::{PollFd, Timespec, poll};

/// The queue that a packet comes by, and its destination port.
fn next(queues: &mut [Tun]) -> (usize, u16) {
    let mut fds: Vec<PollFd<'_>> =
        queues.iter().map(|queue| PollFd::new(&queue.fd, queue.poll_events(false))).collect();
    let ready = poll(&mut fds, Some(&Timespec { tv_sec: 5, tv_nsec: 0 })).unwrap();
    assert!(ready > 0, "no packet came");
    let at = fds.iter().position(|fd| !fd.revents().is_empty()).unwrap();
    let mut frames = Vec::new();
    queues[at].recv_batch(&mut FramePool::default(), &mut frames, 1).unwrap();
    (at, u16::from_be_bytes([frames[0].bytes[22], frames[0].bytes[23]]))
}

#[test]
fn a_flow_comes_by_the_queue_that_it_was_last_sent_by() {
    let run = || {
        let config =
            TunConfig { kernel_addresses: vec!["10.0.0.2/24".parse().unwrap()], offload: true, ..TunConfig::default() };
        let mut queues = match Namespace::enter().and_then(|n| n.tun_queues(&config, 2).map(|queues| (n, queues))) {
            Ok((_namespace, queues)) => queues,
            Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        };
        assert_eq!(queues[0].name(), queues[1].name());
        for by in [0, 1, 1, 0] {
            for port in 1000..1032_u16 {
                // Nobody listens there: each is answered by a reset, which leaves before Linux notes where the question came by.
                let mut frame = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 100);
                frame.gso_size = 0;
                frame.head[20..22].copy_from_slice(&port.to_be_bytes());
                assert_eq!(queues[by].send_batch(std::slice::from_ref(&frame)).unwrap(), 1);
                assert_eq!(next(&mut queues).1, port);
                assert_eq!(queues[by].send_batch(&[frame]).unwrap(), 1);
                assert_eq!(next(&mut queues), (by, port));
            }
        }
    };
    std::thread::spawn(run).join().unwrap();
}

#[test]
fn queues_are_counted() {
    assert!(check_queues(0).is_err() && check_queues(257).is_err() && check_queues(256).is_ok());
    let told = Tun::attach_queues("nosuch", false, 0).unwrap_err().to_string();
    assert!(told.contains("0 queues: from 1 to 256"), "{told}");
}
