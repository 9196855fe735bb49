use super::*;

#[test]
fn sentences_wrap_at_words() {
    assert_eq!(wrap("one two three four", 11), "- one two\n  three\n  four\n");
    assert_eq!(wrap("incomprehensibilities of words", 10), "- incomprehensibilities\n  of words\n");
}

#[test]
fn a_locale_says_what_a_terminal_shows() {
    assert!(is_utf8("en_GB.UTF-8") && is_utf8("C.utf8"));
    assert!(!is_utf8("C") && !is_utf8("de_DE.ISO-8859-1"));
}
