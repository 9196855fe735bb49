//! A browser without a window, and the little of the DevTools protocol that is needed: messages of JSON, each ended by a zero
//! byte, over two pipes.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The longest that an answer may take, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Browser {
    process: Child,
    folder: PathBuf,
    to: File,
    from: Receiver<Value>,
    next: u64,
    session: Option<String>,
    /// What has come that nobody asked for.
    events: VecDeque<Value>,
}

impl Browser {
    /// Starts it with a blank page; `None`, and a word of why, where it is not installed.
    pub(crate) fn start() -> Option<Browser> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !Command::new("chromium").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
            assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none(), "chromium is missing: run cargo xtask setup");
            eprintln!("skipped: there is no chromium here (cargo xtask setup installs it)");
            return None;
        }
        let name = format!("limpid-page-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let (input, output) = (folder.join("in"), folder.join("out"));
        let made = Command::new("mkfifo").args([&input, &output]).status().expect("mkfifo");
        assert!(made.success());
        // Opened both ways, a pipe with a name does not wait for the other end.
        let open = |path| OpenOptions::new().read(true).write(true).open(path).expect("a pipe");
        let (to, answers) = (open(&input), open(&output));
        let process = Command::new("sh")
            .args(["-c", r#"exec chromium "$@" 3<in 4>out"#, "sh"])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--remote-debugging-pipe", "--window-size=1400,1200"])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium");
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let messages = BufReader::new(answers).split(0).map_while(Result::ok);
            for message in messages.filter_map(|message| serde_json::from_slice(&message).ok()) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Browser { process, folder, to, from, next: 1, session: None, events: VecDeque::new() };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method and answers its result.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("a browser that listens");
        loop {
            let message = self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{method} was not answered"));
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn wait_for(&mut self, event: &str) {
        loop {
            if let Some(at) = self.events.iter().position(|message| message["method"] == event) {
                self.events.remove(at);
                return;
            }
            let message = self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{event} did not come"));
            self.events.push_back(message);
        }
    }

    /// Shows a page, from a file as its readers do.
    pub(crate) fn open(&mut self, html: &str) {
        let path = self.folder.join("page.html");
        std::fs::write(&path, html).expect("a file");
        self.call("Page.navigate", json!({"url": format!("file://{}", path.display())}));
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Two numbers that an expression gives.
    pub(crate) fn place(&mut self, expression: &str) -> [f64; 2] {
        let place = self.eval(expression);
        [0, 1].map(|at| place[at].as_f64().unwrap_or_else(|| panic!("no place: {place}")))
    }

    /// Waits until what was asked for is drawn.
    pub(crate) fn settle(&mut self) {
        self.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    }

    /// Clicks on what a selector finds first.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const element = document.querySelector({}); \
             element.scrollIntoView({{behavior: 'instant', block: 'center', inline: 'start'}}); \
             const box = (element.querySelector('text') ?? element).getBoundingClientRect(); \
             return [box.x + Math.min(box.width / 2, 40), box.y + box.height / 2]; }})()",
            json!(selector)
        );
        let [x, y] = self.place(&place);
        self.click_at(x, y);
    }

    pub(crate) fn hover(&mut self, x: f64, y: f64) {
        self.call("Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": x, "y": y}));
    }

    pub(crate) fn click_at(&mut self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    pub(crate) fn drag(&mut self, from: [f64; 2], to: [f64; 2]) {
        let middle = [0, 1].map(|at| (from[at] + to[at]) / 2.0);
        let steps = [
            ("mouseMoved", from),
            ("mousePressed", from),
            ("mouseMoved", middle),
            ("mouseMoved", to),
            ("mouseReleased", to),
        ];
        for (nth, (kind, [x, y])) in steps.into_iter().enumerate() {
            let buttons = u8::from((1..4).contains(&nth));
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key, by its name or the letter that it writes.
    pub(crate) fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let mut event = json!({"type": "keyDown", "key": key});
        if !text.is_empty() {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event);
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key}));
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Errors of scripts, and whatever the browser wrote into its log, but for what it says only to inform.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // What was said before this answer has come with it.
        self.call("Runtime.getHeapUsage", json!({}));
        let complaint = |message: &Value| match message["method"].as_str() {
            Some("Log.entryAdded") if message["params"]["entry"]["level"] == "info" => None,
            Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => {
                Some(message.to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end when it does.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
