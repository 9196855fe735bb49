//! fcntl and ioctl.

use crate::descriptor::Descriptor;
use crate::process::Process;
use crate::{Errno, Return, abi};
use limpid_event::Observer;

/// The status flags that F_SETFL changes; others it ignores, as Linux does.
const SETTABLE: i32 = abi::O_APPEND | abi::O_NONBLOCK;

impl<O: Observer> Process<O> {
    /// fcntl
    pub(crate) fn fcntl(&mut self, fd: i32, command: i32, argument: i64) -> Result<Return, Errno> {
        let Descriptor { file, close_on_exec } = self.descriptors.get(fd)?;
        let value = match command {
            abi::F_DUPFD => return self.duplicate(fd, argument, false),
            abi::F_DUPFD_CLOEXEC => return self.duplicate(fd, argument, true),
            abi::F_GETFD => i64::from(close_on_exec) * i64::from(abi::FD_CLOEXEC),
            abi::F_SETFD => {
                self.descriptors.get_mut(fd)?.close_on_exec = argument & i64::from(abi::FD_CLOEXEC) != 0;
                0
            }
            abi::F_GETFL => self.files.get(file).flags.into(),
            abi::F_SETFL => {
                let flags = &mut self.files.get_mut(file).flags;
                *flags = *flags & !SETTABLE | argument as i32 & SETTABLE;
                0
            }
            _ => return Err(Errno::EINVAL),
        };
        Ok(Return::ok(value))
    }

    /// F_DUPFD
    fn duplicate(&mut self, fd: i32, least: i64, close_on_exec: bool) -> Result<Return, Errno> {
        let file = self.file(fd)?;
        let least =
            i32::try_from(least).ok().filter(|&least| (0..self.descriptors.max() as i64).contains(&least.into()));
        let new = self.descriptors.reserve(least.ok_or(Errno::EINVAL)?)?;
        self.files.hold(file);
        self.descriptors.insert(new, Descriptor { file, close_on_exec });
        Ok(Return::ok(new.into()))
    }
}
