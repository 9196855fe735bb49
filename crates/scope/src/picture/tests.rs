use super::geometry::Quad;
use super::*;

#[test]
fn text_is_escaped_and_what_xml_cannot_have_is_left_out() {
    let mut svg = Svg::new();
    svg.group().attr("data-x", "a\"b").done();
    svg.title("<script>&\u{1}");
    svg.text(&Text::new((1.0, 2.0), "a < b\u{0}", Ink::Text));
    let text = svg.finish((10.0, 10.0), Theme::Page, "t");
    assert!(text.contains(r#"data-x="a&quot;b""#));
    assert!(text.contains("<title>&lt;script&gt;&amp;</title>"));
    assert!(text.contains("a &lt; b</text></g></svg>"), "{text}");
}

#[test]
fn turned_boxes_overlap_only_where_they_do() {
    let a = Quad::upright(0.0, 0.0, 100.0, 10.0);
    assert!(a.overlap(&Quad::upright(50.0, 5.0, 100.0, 10.0)) > 4.0);
    assert_eq!(a.overlap(&Quad::upright(0.0, 11.0, 100.0, 10.0)), 0.0);
    // Both turned alike stay apart, although the upright boxes around them overlap.
    let b = Quad::upright(0.0, 12.0, 100.0, 10.0).turned(30.0, (0.0, 12.0));
    assert_eq!(a.turned(30.0, (0.0, 0.0)).overlap(&b), 0.0);
    assert!(a.overlap(&a.turned(90.0, (50.0, 5.0))) > 9.0);
}

#[test]
fn words_are_broken_to_their_room_and_nothing_is_lost() {
    let text = "a connection that nobody answers, and averylongwordthatfitsnowhere";
    let lines = font::wrap(text, 60.0, 12.0, false);
    assert!(lines.iter().all(|line| font::width(line, 12.0, false) <= 60.0));
    assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    assert_eq!(font::ellipsis("short", 100.0, 12.0, false), "short");
    assert!(font::ellipsis(text, 60.0, 12.0, false).ends_with('…'));
}

#[test]
fn every_theme_has_every_ink() {
    for ink in Ink::ALL {
        let (light, dark) = ink.colors();
        let auto = palette::stylesheet(Theme::Auto);
        assert!(auto.contains(&format!(".{}{{fill:{light}}}", ink.fill())));
        assert!(auto.contains(&format!(".{}{{fill:{dark}}}", ink.fill())));
        assert!(palette::page_css().contains(&format!("--{}:{dark};", ink.name())));
    }
}

#[cfg(feature = "png")]
#[test]
fn what_is_too_large_for_a_png_is_refused() {
    let svg = Svg::new().finish((20_000.0, 20_000.0), Theme::Light, "large");
    assert!(matches!(png::render(&svg, 1.0), Err(png::PngError::TooLarge { width: 20_000, .. })));
    assert!(matches!(png::render("<svg", 1.0), Err(png::PngError::Svg(_))));
}
