use super::*;

fn policy() -> i32 {
    // SAFETY: a query for the calling thread.
    unsafe { libc::sched_getscheduler(0) }
}

#[test]
fn priority_lasts_as_long_as_its_guard() {
    let before = policy();
    match RealTime::enter() {
        Ok(guard) => {
            assert_eq!(policy(), libc::SCHED_FIFO);
            drop(guard);
        }
        Err(error) => println!("no real-time priority here: {error}"),
    }
    assert_eq!(policy(), before);
}

#[test]
fn memory_is_locked_or_the_reason_is_told() {
    match Resident::enter() {
        Ok(guard) => assert_eq!(format!("{guard:?}"), "Resident(())"),
        Err(error) => assert!(error.raw_os_error().is_some(), "{error}"),
    }
}
