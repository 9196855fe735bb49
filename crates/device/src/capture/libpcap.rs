//! libpcap, where this machine has it: for filters that our own compiler refuses.
//!
//! It is looked for at run time; nothing is linked. `LIMPID_LIBPCAP=off` leaves it alone.

use libloading::Library;
use limpid_wire::bpf::{Encoded, MAX_INSTRUCTIONS, Program};
use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::fmt;
use std::ptr::{NonNull, null_mut};
use std::sync::{Mutex, PoisonError};

/// The names it goes by.
const NAMES: [&str; 2] = ["libpcap.so.1", "libpcap.so.0.8"];
/// The variable that turns it off.
const SWITCH: &str = "LIMPID_LIBPCAP";
/// `PCAP_NETMASK_UNKNOWN`.
const NO_NETMASK: c_uint = u32::MAX;

/// `struct bpf_program`.
#[repr(C)]
struct BpfProgram {
    len: c_uint,
    instructions: *mut BpfInstruction,
}

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy)]
struct BpfInstruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// `pcap_t`, which only libpcap looks into.
#[repr(C)]
struct Handle {
    private: [u8; 0],
}

type OpenDead = unsafe extern "C" fn(c_int, c_int) -> *mut Handle;
type Close = unsafe extern "C" fn(*mut Handle);
type Compile = unsafe extern "C" fn(*mut Handle, *mut BpfProgram, *const c_char, c_int, c_uint) -> c_int;
type GetError = unsafe extern "C" fn(*mut Handle) -> *const c_char;
type FreeCode = unsafe extern "C" fn(*mut BpfProgram);
type Version = unsafe extern "C" fn() -> *const c_char;

/// The library.
pub struct Libpcap {
    open_dead: OpenDead,
    close: Close,
    compile: Compile,
    get_error: GetError,
    free_code: FreeCode,
    version: String,
    /// Keeps the functions where they are.
    _library: Library,
}

/// Held while libpcap parses.
static PARSER: Mutex<()> = Mutex::new(());

impl Libpcap {
    /// The library, unless it is missing, strange or turned off.
    pub fn load() -> Option<Libpcap> {
        if std::env::var_os(SWITCH).is_some_and(|value| value == "off") {
            return None;
        }
        NAMES.iter().find_map(|name| Libpcap::load_from(name))
    }

    /// The library by a file's name or path.
    pub(super) fn load_from(name: &str) -> Option<Libpcap> {
        // SAFETY: libpcap has no initialisers that ask for anything; a file of this name that is something else is as
        // trusted as any library that this machine's loader finds.
        let library = unsafe { Library::new(name) }.ok()?;
        // SAFETY: these are the functions' types in pcap.h, unchanged since libpcap 0.8.
        unsafe {
            let version: Version = *library.get(b"pcap_lib_version\0").ok()?;
            let version = CStr::from_ptr(version()).to_string_lossy().into_owned();
            Some(Libpcap {
                open_dead: *library.get(b"pcap_open_dead\0").ok()?,
                close: *library.get(b"pcap_close\0").ok()?,
                compile: *library.get(b"pcap_compile\0").ok()?,
                get_error: *library.get(b"pcap_geterr\0").ok()?,
                free_code: *library.get(b"pcap_freecode\0").ok()?,
                version,
                _library: library,
            })
        }
    }

    /// Its version, in its own words.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Compiles a filter for packets of a link type (of pcap's LINKTYPE_ registry).
    ///
    /// # Errors
    /// What libpcap says; or that its program has loops, which are not run here.
    pub fn compile(&self, text: &str, link_type: u16) -> Result<Program, String> {
        let text = CString::new(text).map_err(|_| "a NUL byte is in it".to_owned())?;
        // SAFETY: pcap_open_dead takes any two numbers.
        let handle = unsafe { (self.open_dead)(dlt(link_type), super::MAX_SNAPLEN as c_int) };
        let handle = Open { library: self, handle: NonNull::new(handle).ok_or("libpcap is out of memory")? };
        let mut code = BpfProgram { len: 0, instructions: null_mut() };
        // Old parsers keep their state in globals.
        let parsing = PARSER.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the handle is open, nobody else is parsing, `code` is a bpf_program, and `text` ends in NUL and outlives the call.
        let done = unsafe { (self.compile)(handle.handle.as_ptr(), &mut code, text.as_ptr(), 1, NO_NETMASK) };
        drop(parsing);
        if done != 0 {
            return Err(handle.error());
        }
        let encoded: Vec<Encoded> = if code.instructions.is_null() {
            Vec::new()
        } else {
            // SAFETY: after success the pointer leads to `len` instructions.
            let instructions = unsafe { std::slice::from_raw_parts(code.instructions, code.len as usize) };
            let instructions = instructions.iter().take(MAX_INSTRUCTIONS + 1);
            instructions.map(|i| Encoded { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect()
        };
        // SAFETY: `code` was filled by pcap_compile and is not looked at again.
        unsafe { (self.free_code)(&mut code) };
        Program::decode(&encoded).map_err(|error| format!("libpcap's program can't be used: {error}"))
    }
}

impl fmt::Debug for Libpcap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Libpcap").field("version", &self.version).finish_non_exhaustive()
    }
}

/// An open handle.
struct Open<'a> {
    library: &'a Libpcap,
    handle: NonNull<Handle>,
}

impl Open<'_> {
    fn error(&self) -> String {
        // SAFETY: the handle is open; its message ends in NUL and is copied before the handle is closed.
        unsafe {
            let text = (self.library.get_error)(self.handle.as_ptr());
            if text.is_null() {
                "libpcap refuses it".into()
            } else {
                CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nobody has it any more.
        unsafe { (self.library.close)(self.handle.as_ptr()) };
    }
}

/// libpcap's own number, on Linux, for a link type.
fn dlt(link_type: u16) -> c_int {
    match link_type {
        101 => 12,
        same => c_int::from(same),
    }
}
