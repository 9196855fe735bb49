//! The program in the driver: eBPF (RFC 9669), a handful of instructions loaded by `bpf(2)`, and the table of sockets it leads to.

use limpid_wire::MacAddr;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;

const BPF_MAP_TYPE_XSKMAP: u32 = 17;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const XDP_PASS: i32 = 2;
const REDIRECT_MAP: i32 = 51;

/// Where the program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hook {
    /// In the driver, before Linux has made anything of a frame.
    Driver,
    /// In the network core.
    Core,
}

/// A program on a device. It is taken off when this is dropped.
#[derive(Debug)]
pub(super) struct Program {
    sockets: OwnedFd,
    _link: OwnedFd,
}

impl Program {
    /// Puts the program on a device: what is for this address, or for a group, goes to the socket of its queue; what else there is,
    /// and what comes by queues without a socket, to Linux.
    pub(super) fn attach(index: u32, ethernet: MacAddr, queues: u32, hook: Hook) -> io::Result<Program> {
        let sockets = create_map(queues)?;
        let code = code(ethernet, sockets.as_raw_fd());
        let program = load(&code)?;
        let mode = match hook {
            Hook::Driver => XDP_FLAGS_DRV_MODE,
            Hook::Core => XDP_FLAGS_SKB_MODE,
        };
        let attr =
            LinkCreate { program: program.as_raw_fd().cast_unsigned(), target: index, kind: BPF_XDP, flags: mode };
        // SAFETY: BPF_LINK_CREATE reads these four words and no pointer.
        let link = unsafe { bpf_fd(BPF_LINK_CREATE, &attr) }?;
        Ok(Program { sockets, _link: link })
    }

    /// Frames of this queue go to this socket from here on.
    pub(super) fn lead_to(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        let value = socket.as_raw_fd().cast_unsigned();
        let attr = MapUpdate {
            map: self.sockets.as_raw_fd().cast_unsigned(),
            padding: 0,
            key: (&raw const queue) as u64,
            value: (&raw const value) as u64,
            flags: 0,
        };
        // SAFETY: key and value lead to four bytes each, which is what the map was made for, and live until the call returns.
        unsafe { bpf(BPF_MAP_UPDATE_ELEM, &attr) }.map(drop)
    }
}

/// `union bpf_attr` for BPF_MAP_CREATE: its first fields; what is left out counts as zero.
#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct MapUpdate {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    count: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    target: u32,
    kind: u32,
    flags: u32,
}

fn create_map(queues: u32) -> io::Result<OwnedFd> {
    let attr = MapCreate { kind: BPF_MAP_TYPE_XSKMAP, key_size: 4, value_size: 4, max_entries: queues };
    // SAFETY: BPF_MAP_CREATE reads these four words and no pointer.
    unsafe { bpf_fd(BPF_MAP_CREATE, &attr) }
}

fn load(code: &[u64]) -> io::Result<OwnedFd> {
    let license = c"MIT";
    let attr = ProgramLoad {
        kind: BPF_PROG_TYPE_XDP,
        count: code.len() as u32,
        code: code.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
    };
    // SAFETY: `code` leads to `count` instructions of eight bytes, `license` to a string that ends with zero; both are only read, and live
    // until the call returns. There is no log.
    unsafe { bpf_fd(BPF_PROG_LOAD, &attr) }
}

/// # Safety
/// The pointers in `attr` must be as the command wants them.
unsafe fn bpf<T>(command: libc::c_int, attr: &T) -> io::Result<libc::c_int> {
    // SAFETY: at most as many bytes as `attr` has are read; the rest is the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attr), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) }
}

/// # Safety
/// As for [`bpf`]; and the command must answer with a new descriptor.
unsafe fn bpf_fd<T>(command: libc::c_int, attr: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let fd = unsafe { bpf(command, attr) }?;
    // SAFETY: the command has just opened it, as the caller promises, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An instruction: operation, destination and source register, offset, constant.
const fn instruction(op: u8, dst: u8, src: u8, offset: i16, constant: i32) -> u64 {
    let registers = (src << 4 | dst) as u64;
    op as u64 | registers << 8 | (offset as u16 as u64) << 16 | (constant as u32 as u64) << 32
}

/// The program. R1 leads to `struct xdp_md`: where data begins and ends, and at byte 16 the queue.
fn code(MacAddr(mac): MacAddr, sockets: i32) -> Vec<u64> {
    const LOAD_BYTE: u8 = 0x71;
    const LOAD_HALF: u8 = 0x69;
    const LOAD_WORD: u8 = 0x61;
    const LOAD_64: u8 = 0x18;
    const MOVE: u8 = 0xbf;
    const MOVE_K: u8 = 0xb7;
    const ADD_K: u8 = 0x07;
    const IF_GREATER: u8 = 0x2d;
    const IF_ANY_BIT_K: u8 = 0x45;
    const IF_NOT_K_32: u8 = 0x56;
    const CALL: u8 = 0x85;
    const EXIT: u8 = 0x95;
    const MAP: u8 = 1;
    let first = i32::from_ne_bytes([mac[0], mac[1], mac[2], mac[3]]);
    let second = i32::from(u16::from_ne_bytes([mac[4], mac[5]]));
    vec![
        instruction(MOVE, 6, 1, 0, 0),
        instruction(LOAD_WORD, 2, 1, 0, 0),
        instruction(LOAD_WORD, 3, 1, 4, 0),
        instruction(MOVE, 4, 2, 0, 0),
        instruction(ADD_K, 4, 0, 0, 14),
        instruction(IF_GREATER, 4, 3, 12, 0),
        instruction(LOAD_BYTE, 5, 2, 0, 0),
        instruction(IF_ANY_BIT_K, 5, 0, 4, 1),
        instruction(LOAD_WORD, 5, 2, 0, 0),
        instruction(IF_NOT_K_32, 5, 0, 8, first),
        instruction(LOAD_HALF, 5, 2, 4, 0),
        instruction(IF_NOT_K_32, 5, 0, 6, second),
        // Take it, or pass it on if the queue has no socket.
        instruction(LOAD_WORD, 2, 6, 16, 0),
        instruction(LOAD_64, 1, MAP, 0, sockets),
        instruction(0, 0, 0, 0, 0),
        instruction(MOVE_K, 3, 0, 0, XDP_PASS),
        instruction(CALL, 0, 0, 0, REDIRECT_MAP),
        instruction(EXIT, 0, 0, 0, 0),
        // Pass it on.
        instruction(MOVE_K, 0, 0, 0, XDP_PASS),
        instruction(EXIT, 0, 0, 0, 0),
    ]
}
