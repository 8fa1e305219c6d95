//! Headless Chromium, by the WebDriver protocol (<https://www.w3.org/TR/webdriver2/>) of chromedriver.

use crate::build::debian;
use crate::error::Error;
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The browser and its driver as Debian has them.
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
const DRIVER: &str = "chromedriver";
/// A page is there at once, also on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Options of a browser without a window that fetches nothing of its own accord; it may run as root.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// Heights of pictures, at most, pixels: Chromium draws no taller ones.
const TALLEST: f64 = 16_000.0;

/// A screen that a page is looked at on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Pixels.
    pub(super) width: u32,
    /// Whether its owner prefers dark pages.
    pub(super) dark: bool,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colours = if self.dark { "dark" } else { "light" };
        write!(f, "{} {colours}", self.width)
    }
}

/// Makes sure that the browser and its driver are installed.
///
/// # Errors
///
/// They are not, and apt-get could not install them; the error has the line to type.
pub(super) fn ensure() -> Result<(), Error> {
    if answers() {
        return Ok(());
    }
    let missing = |reason| Error::Absent {
        tool: DRIVER,
        reason,
        remedy: debian::line_to_type(&PACKAGES),
    };
    debian::install(&PACKAGES).map_err(missing)?;
    match answers() {
        true => Ok(()),
        false => Err(missing("the package does not hold it".to_owned())),
    }
}

fn answers() -> bool {
    let output = Command::new(DRIVER).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// A browser that is open.
#[derive(Debug)]
pub(super) struct Browser {
    driver: Child,
    /// The address of the session.
    session: String,
    agent: ureq::Agent,
    /// What the browser keeps, which goes away with it.
    _profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Both go away whatever they answer.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn failed(program: &str, reason: &dyn fmt::Display) -> Error {
    Error::Program {
        program: program.to_owned(),
        output: reason.to_string(),
    }
}

impl Browser {
    /// Starts a driver on a port of its own choice, and a browser.
    ///
    /// # Errors
    ///
    /// One of them does not start.
    pub(super) fn start(folder: &Path) -> Result<Self, Error> {
        let profile = TempDir::new_in(folder).map_err(Error::at(folder))?;
        let mut command = Command::new(DRIVER);
        command.arg("--port=0");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut driver = command.spawn().map_err(|source| Error::Start {
            program: DRIVER.to_owned(),
            source,
        })?;
        let lines = driver.stdout.take().into_iter();
        let mut lines = lines.flat_map(|stdout| BufReader::new(stdout).lines());
        // "ChromeDriver was started successfully on port 34567."
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.ok_or_else(|| failed(DRIVER, &"it named no port"))?;
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .build();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.into(),
            _profile: profile,
        };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let flags: Vec<&str> = FLAGS.iter().copied().chain([profile.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.post("", &wanted)?;
        let id = session["sessionId"].as_str().unwrap_or_default();
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    /// The value that a command answers with.
    fn post(&self, command: &str, body: &Value) -> Result<Value, Error> {
        let address = format!("{}{command}", self.session);
        let answer = self.agent.post(&address).send_json(body);
        let mut answer = answer.map_err(|error| failed(DRIVER, &error))?;
        let value: Value = answer
            .body_mut()
            .read_json()
            .map_err(|error| failed(DRIVER, &error))?;
        match value["value"]["error"].as_str() {
            Some(error) => Err(failed(
                DRIVER,
                &format!("{command}: {error}: {}", value["value"]["message"]),
            )),
            None => Ok(value["value"].clone()),
        }
    }

    /// A command of Chromium's own protocol.
    fn chromium(&self, command: &str, parameters: &Value) -> Result<Value, Error> {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// From now on pages are on this screen.
    pub(super) fn show(&mut self, screen: Screen) -> Result<(), Error> {
        self.size(screen.width, 900.0)?;
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.chromium("Emulation.setEmulatedMedia", &json!({"features": features}))?;
        Ok(())
    }

    fn size(&self, width: u32, height: f64) -> Result<(), Error> {
        let size = json!({"width": width, "height": height.ceil(), "deviceScaleFactor": 1, "mobile": width < 600});
        self.chromium("Emulation.setDeviceMetricsOverride", &size)?;
        Ok(())
    }

    /// Opens a file.
    pub(super) fn open(&mut self, page: &Path) -> Result<(), Error> {
        let page: PathBuf = page.canonicalize().map_err(Error::at(page))?;
        self.post(
            "/url",
            &json!({"url": format!("file://{}", page.display())}),
        )?;
        Ok(())
    }

    /// What `script`, the body of a function, returns in the page.
    pub(super) fn ask(&mut self, script: &str) -> Result<Value, Error> {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What the page said on its console since it was last asked.
    pub(super) fn console(&mut self) -> Result<Vec<String>, Error> {
        let lines = self.post("/se/log", &json!({"type": "browser"}))?;
        let lines = lines.as_array().cloned().unwrap_or_default();
        Ok(lines
            .iter()
            .map(|line| line["message"].to_string())
            .collect())
    }

    /// A picture of the whole page as a reader meets it, PNG.
    pub(super) fn picture(&mut self) -> Result<Vec<u8>, Error> {
        use base64::Engine;
        let closed = "for (const part of document.querySelectorAll('details')) part.open = false; \
                      return [innerWidth, document.documentElement.scrollHeight];";
        let size = self.ask(closed)?;
        let (width, height) = (size[0].as_f64(), size[1].as_f64());
        let (width, height) = (width.unwrap_or(0.0), height.unwrap_or(0.0).min(TALLEST));
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let answer = self.chromium("Page.captureScreenshot", &wanted)?;
        let data = answer["data"].as_str().unwrap_or_default();
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(data).map_err(|error| failed(DRIVER, &error))
    }
}
