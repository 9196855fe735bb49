use super::*;

#[test]
fn fifteen_retries_take_linuxs_924_seconds() {
    assert_eq!(time_of_retries(15), Duration::from_millis(924_600));
    assert_eq!(time_of_retries(8), Duration::from_millis(102_200));
    assert_eq!(time_of_retries(0), Duration::from_millis(200));
}
