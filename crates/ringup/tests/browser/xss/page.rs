//! Looking at one page: what stands on it, and whether any of it became more than text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use ringup_testkit::browser::Browser;
use serde::Deserialize;

/// Elements and attributes that are not ours, marks of the fields that are shown, and numbers of the texts.
const INSPECT: &str = r"
const found = [], tell = (element, why) => found.push(`${why}: ${element.outerHTML.slice(0, 160)}`);
const foreign = new Set(('iframe object embed base style math frameset frame marquee video audio track source picture img ' +
  'image foreignobject annotation-xml xss xmp listing plaintext animate set animatetransform animatemotion use desc noscript')
  .split(' '));
const hiding = new Set(['htmx', 'cookie', 'getElementById', 'trustedTypes', 'defaultView', 'process', 'innerHTML']);
for (const element of document.querySelectorAll('*')) {
  if (foreign.has(element.localName.toLowerCase())) tell(element, 'an element');
  if (element.localName === 'script' && !element.src.startsWith(location.origin + '/assets/')) tell(element, 'a script');
  if (element.localName === 'meta' && element.httpEquiv) tell(element, 'an order');
  if (element.localName === 'link' && !element.href.startsWith(location.origin + '/')) tell(element, 'a link');
  for (const { name, value } of element.attributes) {
    if (/^on/i.test(name) || ['srcdoc', 'formaction', 'popover', 'autofocus'].includes(name) && /__xss\(/.test(value))
      tell(element, 'a handler');
    if (/^(href|src|action|formaction|xlink:href|data)$/i.test(name)
      && /^(javascript|vbscript|data:text)/i.test(value.replace(/[\s\0-\x1f]/g, ''))) tell(element, 'an address');
    if (/^(data-)?hx-/.test(name) && (/__xss\(/.test(value) || /:?on:/.test(name))) tell(element, 'an order to the library');
    if (name === 'style' && /__xss/.test(value)) tell(element, 'a style');
    if ((name === 'id' || name === 'name') && hiding.has(value)) tell(element, 'a name');
  }
}
const html = document.documentElement.outerHTML;
const all = (pattern) => [...new Set([...html.matchAll(pattern)].map((match) => match[1]))];
return { found, fields: all(/xq-([a-z-]+)-qx/g), numbers: all(/__xss\((\d+)\)/g).map(Number) };";

#[derive(Deserialize)]
struct Found {
    found: Vec<String>,
    fields: Vec<String>,
    numbers: Vec<usize>,
}

/// What was seen on all pages together.
#[derive(Default)]
pub struct Shown {
    pub pages: usize,
    /// Each field with the routes on which it stood.
    pub fields: BTreeMap<String, BTreeSet<String>>,
    pub numbers: BTreeSet<usize>,
    pub faults: Vec<String>,
}

/// A browser that looks, and where it notes what it sees.
pub struct Looker<'a> {
    pub browser: &'a Browser,
    pub shown: &'a Mutex<Shown>,
}

impl Looker<'_> {
    pub async fn look(&self, route: &str, path: &str) -> Result<()> {
        self.browser.go(path).await.with_context(|| format!("{route}: {:.200}", path))?;
        self.inspect(route).await
    }

    /// The page that is there.
    pub async fn inspect(&self, route: &str) -> Result<()> {
        let found = self.browser.run(INSPECT).await.with_context(|| format!("looking at {route}"))?;
        let found: Found = serde_json::from_value(found)?;
        let mut shown = self.shown.lock().expect("nobody panics with it");
        shown.pages += 1;
        for field in found.fields {
            shown.fields.entry(field).or_default().insert(route.to_owned());
        }
        shown.numbers.extend(found.numbers);
        shown.faults.extend(found.found.into_iter().map(|fault| format!("{route}: {fault}")));
        Ok(())
    }
}
