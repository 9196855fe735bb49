//! Counters under the names of Linux's MIB (`nstat`, `/proc/net/snmp`, `/proc/net/netstat`).

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// A counter. Its name is Linux's.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Counter { $($(#[$doc])* $name),+ }

        impl Counter {
            /// Every counter, in order.
            pub const ALL: &[Counter] = &[$(Counter::$name),+];

            /// Linux's name: `TcpExtListenOverflows`.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$name => stringify!($name)),+ }
            }
        }
    };
}

counters! {
    /// IP packets received.
    IpInReceives,
    /// Bad IP headers.
    IpInHdrErrors,
    /// IP packets for no address of ours.
    IpInAddrErrors,
    /// Packets of a protocol that this host does not speak.
    IpInUnknownProtos,
    /// Packets shorter than they say.
    IpInTruncatedPkts,
    /// IP packets dropped for want of room.
    IpInDiscards,
    /// IP packets handed up.
    IpInDelivers,
    /// IP packets sent.
    IpOutRequests,
    /// IP packets that could not be sent.
    IpOutDiscards,
    /// No route.
    IpOutNoRoutes,
    /// Fragments received.
    IpReasmReqds,
    /// Packets put together.
    IpReasmOKs,
    /// Packets that could not be put together.
    IpReasmFails,
    /// Reassemblies that ran out of time.
    IpReasmTimeout,
    /// ICMP messages received.
    IcmpInMsgs,
    /// ICMP messages with an error in them.
    IcmpInErrors,
    /// ICMP checksum errors.
    IcmpInCsumErrors,
    /// Echo requests received.
    IcmpInEchos,
    /// Echo replies sent.
    IcmpOutEchoReps,
    /// Unreachables received.
    IcmpInDestUnreachs,
    /// Unreachables sent.
    IcmpOutDestUnreachs,
    /// Active opens.
    TcpActiveOpens,
    /// Passive opens.
    TcpPassiveOpens,
    /// Opens that failed.
    TcpAttemptFails,
    /// Connections reset.
    TcpEstabResets,
    /// Segments received.
    TcpInSegs,
    /// Segments sent, retransmissions apart.
    TcpOutSegs,
    /// Segments retransmitted.
    TcpRetransSegs,
    /// Segments with errors.
    TcpInErrs,
    /// Resets sent.
    TcpOutRsts,
    /// TCP checksum errors.
    TcpInCsumErrors,
    /// SYN cookies sent.
    TcpExtSyncookiesSent,
    /// SYN cookies that came back right.
    TcpExtSyncookiesRecv,
    /// SYN cookies that came back wrong.
    TcpExtSyncookiesFailed,
    /// Embryonic connections reset.
    TcpExtEmbryonicRsts,
    /// ICMP errors outside the window (RFC 5927 §4.1).
    TcpExtOutOfWindowIcmps,
    /// TIME-WAIT ended by its timer.
    TcpExtTW,
    /// TIME-WAIT reopened by a new SYN.
    TcpExtTWRecycled,
    /// TIME-WAIT refused or ended early because of the bound on their number.
    TcpExtTCPTimeWaitOverflow,
    /// Segments that came with a smaller TTL than their socket takes.
    TcpExtTCPMinTTLDrop,
    /// Segments refused by PAWS.
    TcpExtPAWSEstab,
    /// Segments to a connection in its opening refused by PAWS.
    TcpExtPAWSActive,
    /// Delayed ACKs sent.
    TcpExtDelayedACKs,
    /// Old segments that made us leave delayed-ACK mode.
    TcpExtDelayedACKLost,
    /// The accept queue overflowed.
    TcpExtListenOverflows,
    /// SYNs dropped at a listener.
    TcpExtListenDrops,
    /// SYNs refused because the SYN queue is full.
    TcpExtTCPReqQFullDrop,
    /// SYNs answered with a cookie because the SYN queue is full.
    TcpExtTCPReqQFullDoCookies,
    /// Segments that were just what was expected.
    TcpExtTCPHPHits,
    /// ACKs with nothing else, handled on the short way.
    TcpExtTCPPureAcks,
    /// Retransmission timeouts.
    TcpExtTCPTimeouts,
    /// Recoveries without SACK.
    TcpExtTCPRenoRecovery,
    /// Recoveries with SACK.
    TcpExtTCPSackRecovery,
    /// Recoveries without SACK that ended in a timeout.
    TcpExtTCPRenoRecoveryFail,
    /// Recoveries with SACK that ended in a timeout.
    TcpExtTCPSackRecoveryFail,
    /// Timeouts after duplicate ACKs, too few of them.
    TcpExtTCPRenoFailures,
    /// Timeouts after SACK blocks, too few of them.
    TcpExtTCPSackFailures,
    /// Timeouts while the recovery from one was going on.
    TcpExtTCPLossFailures,
    /// Peers that took back what they had told of by SACK.
    TcpExtTCPSACKReneging,
    /// Fast retransmissions.
    TcpExtTCPFastRetrans,
    /// Retransmissions after a timeout, but for the first.
    TcpExtTCPSlowStartRetrans,
    /// Tail loss probes.
    TcpExtTCPLossProbes,
    /// Those that repaired a loss.
    TcpExtTCPLossProbeRecovery,
    /// Retransmissions that were lost.
    TcpExtTCPLostRetransmit,
    /// Reordering that SACK told of.
    TcpExtTCPSACKReorder,
    /// Reordering that timestamps told of.
    TcpExtTCPTSReorder,
    /// D-SACKs of what had been acknowledged.
    TcpExtTCPDSACKRecv,
    /// D-SACKs of what had been told by SACK.
    TcpExtTCPDSACKOfoRecv,
    /// D-SACKs of more than can have come twice.
    TcpExtTCPDSACKIgnoredDubious,
    /// Segments that D-SACKs told of.
    TcpExtTCPDSACKRecvSegs,
    /// Reordering that duplicate ACKs told of.
    TcpExtTCPRenoReorder,
    /// Fast recoveries that had been needless, found out in the end.
    TcpExtTCPFullUndo,
    /// Fast recoveries that had been needless, found out in their midst.
    TcpExtTCPPartialUndo,
    /// Recoveries that had been needless, by D-SACK.
    TcpExtTCPDSACKUndo,
    /// Timeouts that had been needless.
    TcpExtTCPLossUndo,
    /// Those that F-RTO found out.
    TcpExtTCPSpuriousRTOs,
    /// Retransmissions that did not leave, because the original was still in the host's own queue.
    TcpExtTCPSpuriousRtxHostQueues,
    /// Connections ended because the other side could not be reached.
    TcpExtTCPAbortOnTimeout,
    /// Resets because data was unread at close.
    TcpExtTCPAbortOnClose,
    /// Resets because data came after close.
    TcpExtTCPAbortOnData,
    /// Connections reset in FIN-WAIT-2, where TCP_LINGER2 leaves them no time.
    TcpExtTCPAbortOnLinger,
    /// Connections ended because memory ran out.
    TcpExtTCPAbortOnMemory,
    /// SYNs with data that was acknowledged with them.
    TcpExtTCPFastOpenActive,
    /// Fast Opens that failed on the active side.
    TcpExtTCPFastOpenActiveFail,
    /// Connections made of a SYN alone.
    TcpExtTCPFastOpenPassive,
    /// SYNs with a cookie that was not good.
    TcpExtTCPFastOpenPassiveFail,
    /// SYNs that found too many Fast Opens pending.
    TcpExtTCPFastOpenListenOverflow,
    /// Requests for a cookie.
    TcpExtTCPFastOpenCookieReqd,
    /// Fast Open was switched off because something on the way seems to swallow it.
    TcpExtTCPFastOpenBlackhole,
    /// SYNs with a cookie of the backup key.
    TcpExtTCPFastOpenPassiveAltKey,
    /// Challenge ACKs sent.
    TcpExtTCPChallengeACK,
    /// Challenge ACKs held back by the per-connection limit.
    TcpExtTCPACKSkippedChallenge,
    /// Duplicate ACKs held back in SYN-RECEIVED.
    TcpExtTCPACKSkippedSynRecv,
    /// Duplicate ACKs held back after PAWS.
    TcpExtTCPACKSkippedPAWS,
    /// Duplicate ACKs held back after a segment outside the window.
    TcpExtTCPACKSkippedSeq,
    /// ACKs held back in TIME-WAIT.
    TcpExtTCPACKSkippedTimeWait,
    /// SYNs in live connections.
    TcpExtTCPSYNChallenge,
    /// Segments queued out of order.
    TcpExtTCPOFOQueue,
    /// Receive queues that were asked to make room.
    TcpExtPruneCalled,
    /// Segments dropped because that did not help.
    TcpExtRcvPruned,
    /// Times that something out of order was dropped to make room.
    TcpExtOfoPruned,
    /// Times that what is held was put together in fewer buffers.
    TcpExtTCPRcvCollapsed,
    /// Times that the memory for all connections began to be short.
    TcpExtTCPMemoryPressures,
    /// Segments dropped because the out-of-order queue is at its bound.
    TcpExtTCPOFODrop,
    /// D-SACK blocks sent for data that was received in order before.
    TcpExtTCPDSACKOldSent,
    /// D-SACK blocks sent for data that is held out of order.
    TcpExtTCPDSACKOfoSent,
    /// ACKs of data out of order that were saved by sending one for several.
    TcpExtTCPAckCompressed,
    /// Segments that end beyond the window, or lie there.
    TcpExtBeyondWindow,
    /// Bare ACKs refused by PAWS, which are not answered.
    TcpExtPAWSOldAck,
    /// ACKs without data that a listener with TCP_DEFER_ACCEPT passed over.
    TcpExtTCPDeferAcceptDrop,
    /// Data dropped because the receive buffer has no room.
    TcpExtTCPRcvQDrop,
    /// Data that came while our window was zero.
    TcpExtTCPZeroWindowDrop,
    /// Window went from zero to something.
    TcpExtTCPFromZeroWindowAdv,
    /// Window went to zero.
    TcpExtTCPToZeroWindowAdv,
    /// Keepalives sent.
    TcpExtTCPKeepAlive,
    /// Zero-window probes sent.
    TcpExtTCPWinProbe,
    /// Retransmissions that left no room.
    TcpExtTCPRetransFail,
    /// Data delivered to the peer, in segments.
    TcpExtTCPDelivered,
    /// Those of them that met congestion, as far as told (ECN).
    TcpExtTCPDeliveredCE,
    /// SYNs retransmitted.
    TcpExtTCPSynRetrans,
    /// Probes of a path's MTU that arrived.
    TcpExtTCPMTUPSuccess,
    /// Probes of a path's MTU that were lost.
    TcpExtTCPMTUPFail,
    /// Segments without a TCP-MD5 digest where there is a key.
    TcpExtTCPMD5NotFound,
    /// Segments with a TCP-MD5 digest where there is no key.
    TcpExtTCPMD5Unexpected,
    /// Segments with a wrong TCP-MD5 digest.
    TcpExtTCPMD5Failure,
    /// Segments without TCP-AO where there is a key.
    TcpExtTCPAORequired,
    /// Segments with a wrong TCP-AO MAC.
    TcpExtTCPAOBad,
    /// Segments that name a TCP-AO key that is not there.
    TcpExtTCPAOKeyNotFound,
    /// Segments with a good TCP-AO MAC.
    TcpExtTCPAOGood,
    /// ICMP errors that connections with TCP-AO did not hear.
    TcpExtTCPAODroppedIcmps,
}

/// A value for each [`Counter`].
#[derive(Clone, PartialEq, Eq)]
pub struct Counters {
    values: [u64; Counter::ALL.len()],
}

impl Default for Counters {
    fn default() -> Counters {
        Counters { values: [0; Counter::ALL.len()] }
    }
}

impl Counters {
    /// Counts one.
    #[inline]
    pub fn bump(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `n`.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.values[counter as usize] += n;
    }

    /// The value.
    pub fn value(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Every counter with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|&c| (c, self.value(c)))
    }
}

impl core::fmt::Debug for Counters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter().filter(|(_, v)| *v > 0).map(|(c, v)| (c.name(), v))).finish()
    }
}
