//! The page in a real browser: Debian's chromium, driven by the DevTools protocol.
//!
//! Skipped, with a word of why, where there is no chromium; `cargo xtask setup` installs it.

mod browser;

use browser::Browser;
use limpid_lab::experiment::{Settings, find};
use limpid_scope::page::{PageOptions, Part, render};
use serde_json::json;

/// The page of an experiment.
fn page(experiment: &str) -> String {
    let runs = (find(experiment).expect("an experiment").run)(&Settings::default()).expect("a run");
    let parts: Vec<Part<'_>> =
        runs.iter().map(|run| Part { title: &run.title, number: None, trace: &run.trace }).collect();
    render(&parts, &PageOptions { title: format!("<script>alert('{experiment}')</script>"), ..PageOptions::default() })
}

/// A browser that shows the page of `experiment`, or `None` where there is no browser.
fn shown(experiment: &str) -> Option<Browser> {
    let mut browser = Browser::start()?;
    browser.open(&page(experiment));
    Some(browser)
}

#[test]
fn a_page_joins_list_ladder_and_graphs() {
    let Some(mut browser) = shown("sack-recovery") else { return };
    assert_eq!(browser.eval("document.title"), json!("<script>alert('sack-recovery')</script>"));
    assert_eq!(browser.eval("document.querySelectorAll('details.connection').length"), json!(2));

    // A click in the list marks the segment everywhere.
    browser.click("#c1-28 code");
    let marked = "[['.ladder', '.list'].every(pane => document.querySelector(`.current ${pane} .on`)), \
                  ...new Set([...document.querySelectorAll('.current .on')].map(e => e.dataset.segment))]";
    assert_eq!(browser.eval(marked), json!([true, "28"]), "in the ladder and in the list");
    assert_eq!(browser.eval("document.querySelectorAll('.current .at .ring').length > 0"), json!(true), "in a graph");
    assert_eq!(browser.eval("document.querySelector('#line').textContent.startsWith('28  ')"), json!(true));
    let why = browser.eval("document.querySelector('#why').textContent");
    assert!(why.as_str().is_some_and(|why| why.contains("5 again") && why.contains("RACK")), "{why}");

    // A click in the ladder, and one on a citation.
    browser.click(".current .ladder [data-segment='2']");
    assert_eq!(browser.eval(marked), json!([true, "2"]));
    browser.click(".current .cite[data-cite='46']");
    assert_eq!(browser.eval("document.querySelector('.current li.on').dataset.segment"), json!("46"));

    // A click in a graph, on the first retransmission.
    let place = "(() => { const path = document.querySelector('.current .bar.again[data-n]'); \
                 const [, x, low, high] = /M([\\d.]+) ([\\d.]+)V([\\d.]+)/.exec(path.getAttribute('d')).map(Number); \
                 path.closest('.scroll').scrollTop = 0; path.ownerSVGElement.scrollIntoView({behavior: 'instant', block: 'center'}); \
                 const at = new DOMPoint(x, (low + high) / 2).matrixTransform(path.ownerSVGElement.getScreenCTM()); \
                 return [at.x, at.y]; })()";
    let [x, y] = browser.place(place);
    browser.hover(x, y);
    assert_eq!(browser.eval("document.querySelector('#tip').hidden"), json!(false), "the tip shows");
    assert_eq!(browser.eval("document.querySelector('#tip').textContent.includes('RACK')"), json!(true));
    browser.click_at(x, y);
    assert_eq!(browser.eval("document.querySelector('.current li.on').dataset.segment"), json!("28"));

    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn keys_step_search_zoom_and_switch() {
    let Some(mut browser) = shown("sack-recovery") else { return };
    let chosen = "document.querySelector('.current li.on')?.dataset.segment ?? ''";
    for (key, expected) in [("j", "1"), ("j", "2"), ("k", "1"), ("G", "47"), ("g", "1"), ("Escape", "")] {
        browser.key(key);
        assert_eq!(browser.eval(chosen), json!(expected), "after {key}");
    }
    // Search.
    browser.key("/");
    browser.type_text("win 65160");
    assert_eq!(browser.eval("document.querySelector('#found').textContent"), json!("1 found"));
    assert_eq!(browser.eval(chosen), json!("2"));
    browser.key("Escape");
    assert_eq!(browser.eval("document.activeElement === document.body"), json!(true));

    // Zoom, move, and back to what was drawn first.
    let drawn = "[...document.querySelectorAll('.current .plot path')].map(p => p.getAttribute('d')).join()";
    let before = browser.eval(drawn);
    let labels = "document.querySelector('.current .times').textContent";
    let times = browser.eval(labels);
    browser.key("+");
    browser.key("ArrowRight");
    browser.settle();
    assert_ne!(browser.eval(drawn), before, "a part of the time");
    assert_ne!(browser.eval(labels), times);
    let numbers = "[...document.querySelectorAll('.current .graph path')].every(p => !/NaN|Infinity|e/.test(p.getAttribute('d')))";
    assert_eq!(browser.eval(numbers), json!(true), "paths of numbers");
    // Where nothing but a level is in view, the axis is that of the whole.
    let axis = "document.querySelector('.current .panel .tick.y:last-of-type').textContent";
    browser.key("0");
    browser.settle();
    assert_eq!(browser.eval(drawn), before);
    let highest = browser.eval(axis);
    for _ in 0..16 {
        browser.key("+");
    }
    browser.settle();
    assert_eq!(browser.eval(axis), highest);
    browser.key("0");
    browser.settle();
    assert_eq!(browser.eval(drawn), before);

    // A stretch of time is picked by dragging; no words are selected by that.
    let [x, y] = browser.place(
        "(() => { const svg = document.querySelector('.current svg.graph'); svg.scrollIntoView({behavior: 'instant'}); \
         const [left, top, width, height] = svg.querySelector('.panel').dataset.box.split(' ').map(Number); \
         const at = new DOMPoint(left + width / 4, top + height / 2).matrixTransform(svg.getScreenCTM()); \
         return [at.x, at.y]; })()",
    );
    browser.drag([x, y], [x + 100.0, y + 30.0]);
    browser.settle();
    assert_ne!(browser.eval(drawn), before, "what was picked");
    assert_eq!(browser.eval("getSelection().toString()"), json!(""));
    browser.key("0");
    browser.settle();
    assert_eq!(browser.eval(drawn), before);

    // Connections, help, theme.
    browser.key("]");
    assert_eq!(browser.eval("document.querySelector('.current').id"), json!("c2"));
    browser.key("1");
    assert_eq!(browser.eval("document.querySelector('.current').id"), json!("c1"));
    browser.key("?");
    assert_eq!(browser.eval("document.querySelector('#keys').open"), json!(true));
    browser.eval("document.querySelector('#keys').close()");
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground);
    browser.key("t");
    assert_ne!(browser.eval(ground), light, "dark by the switch");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_is_dark_where_the_reader_prefers_that() {
    let Some(mut browser) = shown("zero-window") else { return };
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.eval(ground), json!("rgb(255, 255, 255)"));
    browser
        .call("Emulation.setEmulatedMedia", json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]}));
    assert_eq!(browser.eval(ground), json!("rgb(20, 23, 26)"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_scripts_everything_is_there_and_nothing_is_loaded() {
    let Some(mut browser) = Browser::start() else { return };
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&page("sack-recovery"));
    let visible = "[...document.querySelectorAll('.segments li, .ladder svg, .graphs svg, .said li')] \
                   .every(e => e.getClientRects().length > 0)";
    assert_eq!(browser.eval(visible), json!(true));
    assert_eq!(browser.eval("document.querySelectorAll('.segments li').length"), json!(47 + 48));
    assert_eq!(browser.eval("getComputedStyle(document.querySelector('.tools')).display"), json!("none"));
    assert_eq!(browser.eval("performance.getEntriesByType('resource').length"), json!(0));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_phone_shows_all_of_its_width() {
    let Some(mut browser) = Browser::start() else { return };
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    browser.open(&page("spurious-rto"));
    let widest = browser.eval("document.documentElement.scrollWidth");
    assert!(widest.as_i64().is_some_and(|widest| widest <= 390), "{widest}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
