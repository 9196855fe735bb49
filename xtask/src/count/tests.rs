use super::*;

fn counts(receive: u64, checksum: u64) -> Counts {
    let paths = PATHS.iter().map(|(path, ..)| ((*path).to_owned(), if *path == "receive" { receive } else { 500 }));
    let functions = [("wire::checksum", checksum), ("stack::deliver", 700)];
    Counts {
        compiler: "rustc 1.90.0".to_owned(),
        paths: paths.collect(),
        functions: functions.map(|(name, count)| (name.to_owned(), count)).into(),
    }
}

#[test]
fn what_is_written_down_is_read_again() {
    let kept = Counts::parse(&counts(1000, 40).to_text());
    let again = counts(1000, 40);
    assert_eq!((kept.compiler, kept.paths, kept.functions), (again.compiler, again.paths, again.functions));
}

#[test]
fn small_changes_are_not_told_and_large_ones_with_their_functions() {
    let quiet = compare(&counts(1000, 40), &counts(1019, 59));
    assert!(quiet.contains("+1.9 %") && !quiet.contains("CHANGED") && !quiet.contains("wire::checksum"), "{quiet}");
    let loud = compare(&counts(1000, 40), &counts(1021, 61));
    assert!(loud.contains("+2.1 %  CHANGED") && loud.contains("+21  wire::checksum"), "{loud}");
    assert!(!loud.contains("stack::deliver"), "it did not change: {loud}");
    let other = compare(&Counts { compiler: "rustc 1.89.0".to_owned(), ..counts(1, 1) }, &counts(1, 1));
    assert!(other.contains("1.89.0 before and rustc 1.90.0 now"), "{other}");
}

#[test]
fn lines_of_the_annotation_are_added_up_by_function() {
    let text = "  1,200  crates/a.rs:limpid::f [/x/y]\n300  ./b.S:__memcpy\n40  crates/c.rs:limpid::f\nno line\n12  no place\n";
    let of = |f| BTreeMap::from([("limpid::f".to_owned(), f), ("__memcpy".to_owned(), 300)]);
    assert_eq!(by_function(text, |sum, count| sum + count), of(1240));
    assert_eq!(by_function(text, u64::max), of(1200));
}

#[test]
fn the_program_is_found_in_the_messages_of_cargo() {
    let messages =
        "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/hot_paths-1\",\"fresh\":true}\n";
    assert_eq!(executable(messages), Some(PathBuf::from("/t/hot_paths-1")));
    assert_eq!(executable("{\"executable\":null}"), None);
}
