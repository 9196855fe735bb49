use super::*;

#[test]
fn fifteen_retries_take_linuxs_924_seconds() {
    let linux = |retries| time_of_retries(&Config::default(), retries, Rto::MIN);
    assert_eq!(linux(15), Duration::from_millis(924_600));
    assert_eq!(linux(8), Duration::from_millis(102_200));
    assert_eq!(linux(0), Duration::from_millis(200));
    // Once the least exceeds a smaller bound, each wait is that.
    let config = Config { rto_max: Duration::from_secs(1), ..Config::default() };
    assert_eq!(time_of_retries(&config, 4, Rto::MIN), Duration::from_millis(200 + 400 + 800 + 1000 + 1000));
}
