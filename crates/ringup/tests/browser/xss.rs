//! Whatever others write stays text: two hundred texts that would run, in every field they can reach, on every page.
//!
//! Pages are those of the router and the fields of queries those that pages read, so that a new one is looked at without
//! being asked for. Nothing may run, the content security policy may find nothing to refuse, and no element, attribute or
//! address may have come from a text.

mod corpus;
mod page;
mod world;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use ringup_testkit::browser::Browser;
use ringup_testkit::client::Client;
use ringup_testkit::console;
use ringup_testkit::receiver::{Answer, Receiver, Script};
use ringup_testkit::server::{OPERATOR_KEY, Server};
use serde_json::json;

use self::corpus::{escaped, marked};
use self::page::{Looker, Shown};
use self::world::World;
use crate::{sign_in, start, until};

/// What a browser does not show as a page; that none of it could be taken for one is checked instead.
const NO_PAGES: [(&str, &str); 10] = [
    ("/", "leads to the accounts"),
    ("/assets/{file}", "our own files"),
    ("/op/support-bundle", "a download"),
    ("/a/{a}/logs/export", "a download"),
    ("/a/{a}/logs/live", "a stream"),
    ("/a/{a}/events/{m}/payload", "a download"),
    ("/a/{a}/test/catchers/{c}/live", "a stream"),
    ("/a/{a}/test/catchers/{c}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/export", "a download"),
    ("/a/{a}/test/catchers/{c}/requests/{n}/body", "a download"),
];

/// Further states of pages, behind their path.
const STATES: [(&str, &[&str]); 4] = [
    (
        "/a/{a}/test/catchers/{c}",
        &["?n=1&tab=headers", "?n=1&tab=signature", "?n=1&tab=answer", "?n=1&tab=raw", "?n=2", "?n=2&tab=raw"],
    ),
    ("/a/{a}/logs/{m}/{e}", &["?as=python", "?as=php"]),
    ("/a/{a}/logs", &["?status=failed", "?query=data.note%3Ax"]),
    ("/a/{a}/test/send", &["?type=evil.0"]),
];

/// Fields that take any text.
const FOR_TEXT: &str =
    "input:not([type]), input[type=text], input[type=search], input[type=url], input[type=number], textarea";

/// Browsers at work side by side.
const BROWSERS: usize = 2;

fn is_page(route: &str) -> bool {
    NO_PAGES.iter().all(|(name, _)| *name != route)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_text_on_every_page() -> Result<()> {
    let began = Instant::now();
    let (server, _dir) = start("browser-xss").await?;
    let payloads = corpus::payloads();
    let groups = corpus::groups(&payloads);
    ensure!(payloads.len() >= 200, "{} texts", payloads.len());
    names_are_refused(&server.client(), &payloads).await?;
    let mut worlds = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        worlds.push(world::plant(&server, number, group, &payloads).await.with_context(|| format!("world {number}"))?);
    }
    println!("{} texts planted in {} accounts in {:?}", payloads.len(), worlds.len(), began.elapsed());

    let routes = console::routes()?;
    let visited: Vec<&str> = routes.iter().map(String::as_str).filter(|route| is_page(route)).collect();
    let faults = console::faults(&routes, visited, &NO_PAGES);
    ensure!(faults.is_empty(), "{faults:?}");
    let shown = Mutex::new(Shown::default());
    let mut browsers = Vec::new();
    for _ in 0..BROWSERS {
        let browser = Browser::open(&server.url()).await?;
        // Painting them large is a fifth of the work, and nobody looks at them.
        browser.resize(320, 200).await?;
        browsers.push(browser);
    }
    let (first, second) =
        (Looker { browser: &browsers[0], shown: &shown }, Looker { browser: &browsers[1], shown: &shown });
    let (odd, even): (Vec<_>, Vec<_>) = worlds.iter().enumerate().partition(|(number, _)| number % BROWSERS == 1);
    tokio::try_join!(stored(&first, &routes, &even), stored(&second, &routes, &odd))?;
    println!("{} pages of what is kept after {:?}", shown.lock().expect("whole").pages, began.elapsed());

    live(&first, &server.client(), &worlds[1]).await?;
    let asked = answering(&server, &routes, &worlds[0]).await?;
    println!("{} fields of queries stand on pages", asked.len());
    let (some, others) = asked.split_at(asked.len() / BROWSERS);
    tokio::try_join!(
        filled_in(&first, &worlds[0], some, &payloads),
        filled_in(&second, &worlds[0], others, &payloads)
    )?;
    tokio::try_join!(
        addressed(&first, &routes, &worlds[0], &payloads),
        searched(&second, &worlds[0], &payloads, &groups)
    )?;
    println!("{} with what is asked for after {:?}", shown.lock().expect("whole").pages, began.elapsed());
    let (some, others) = routes.split_at(routes.len() / BROWSERS);
    tokio::try_join!(sent(&first, some, &worlds[2], &payloads), sent(&second, others, &worlds[3], &payloads))?;
    for world in &worlds[2..4] {
        kept(&first, &routes, world).await?;
    }
    never_html(&browsers[0], &routes, &worlds[4]).await?;

    let seen = (browsers[0].seen().await?, browsers[1].seen().await?);
    let shown = shown.into_inner()?;
    println!(
        "{} texts, {} pages of {} routes in {:?}: {} ran, {} refused by the policy, {} of foreign markup",
        payloads.len(),
        shown.pages,
        routes.len() - NO_PAGES.len(),
        began.elapsed(),
        seen.0.ran.len() + seen.1.ran.len(),
        seen.0.refused.len() + seen.1.refused.len(),
        shown.faults.len()
    );
    for (field, routes) in &shown.fields {
        println!("  {field} stood on {} routes", routes.len());
    }
    ensure!(shown.faults.is_empty(), "{:#?}", shown.faults);
    ensure!(seen.0.is_nothing() && seen.1.is_nothing(), "{seen:#?}");
    // What nobody sees proves nothing.
    let unseen: Vec<&str> = world::FIELDS.into_iter().filter(|field| !shown.fields.contains_key(*field)).collect();
    ensure!(unseen.is_empty(), "planted, but on no page: {unseen:?}");
    let numbered: BTreeSet<usize> =
        payloads.iter().enumerate().filter(|(n, text)| text.contains(&format!("__xss({n})"))).map(|(n, _)| n).collect();
    let unseen: Vec<&usize> = numbered.difference(&shown.numbers).collect();
    ensure!(unseen.is_empty(), "texts that stood on no page: {unseen:?}");
    Ok(())
}

/// Where only names are possible, none of the texts is one.
async fn names_are_refused(client: &Client, payloads: &[String]) -> Result<()> {
    client.create_app("names").await?;
    for text in payloads {
        let account = json!({"name": "x", "uid": text});
        client.post("/api/v1/app", &account).await?.expect(422)?;
        for (name, value) in [("eventId", json!(text)), ("channels", json!([text])), ("tags", json!([text]))] {
            let event = json!({"eventType": "invoiceCreated", "payload": {}, (name): value});
            client.post("/api/v1/app/names/msg", &event).await?.expect(422)?;
        }
        let endpoint = json!({"url": "https://shop.example/", "headers": {(text): "x"}});
        client.post("/api/v1/app/names/endpoint", &endpoint).await?.expect(422)?;
    }
    Ok(())
}

/// Every page of these accounts, and those of no account once.
async fn stored(looker: &Looker<'_>, routes: &[String], worlds: &[(usize, &World)]) -> Result<()> {
    // Whoever is not signed in meets only what the address says.
    for text in [marked("next", "\"><script>__xss(0)</script>"), "javascript:__xss(0)".to_owned()] {
        looker.look("/sign-in", &format!("/sign-in?next={}", escaped(&text))).await?;
        looker.look("/link/{token}", &format!("/link/{}", escaped(&text))).await?;
    }
    sign_in(looker.browser).await?;
    for (number, world) in worlds {
        for route in routes.iter().filter(|route| is_page(route)) {
            // A list of accounts shows no more to the second than to the first.
            if !route.contains("{a}") && *number >= BROWSERS {
                continue;
            }
            let path = world.path(route);
            looker.look(route, &path).await?;
            for state in STATES.iter().filter(|(name, _)| name == route).flat_map(|(_, states)| states.iter()) {
                looker.look(route, &format!("{path}{state}")).await?;
            }
        }
    }
    Ok(())
}

/// Which fields of a query stand on which pages: the route and the field's name.
async fn answering(server: &Server, routes: &[String], world: &World) -> Result<Vec<(String, String)>> {
    let client = Client::anonymous(server.address());
    let (origin, form) = (server.url(), format!("key={OPERATOR_KEY}"));
    let headers = [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let reply = client.call(Method::POST, "/sign-in", &headers, form).await?.expect(303)?;
    let cookie = reply.header("set-cookie").and_then(|value| value.split(';').next()).context("a cookie")?.to_owned();
    let mut found = Vec::new();
    for route in routes.iter().filter(|route| is_page(route)) {
        for field in console::fields()?.iter().filter(|name| *name != "csrf") {
            for word in ["xqprobe", "xqprobe:<\"'(", "/a?xqprobe"] {
                let path = format!("{}?{field}={}", world.path(route), escaped(word));
                let reply = client.call(Method::GET, &path, &[("cookie", &cookie)], "").await?;
                let text = reply.text();
                if text.contains("xqprobe") {
                    found.push((route.clone(), field.clone()));
                    break;
                }
            }
        }
    }
    ensure!(found.len() > 10, "only these answer what is asked: {found:?}");
    Ok(found)
}

/// These with the texts in them, half of all at a time.
async fn filled_in(looker: &Looker<'_>, world: &World, fields: &[(String, String)], payloads: &[String]) -> Result<()> {
    for (route, field) in fields {
        for texts in payloads.chunks(payloads.len().div_ceil(2)) {
            looker.look(route, &format!("{}?{field}={}", world.path(route), escaped(&texts.join(" ")))).await?;
        }
    }
    Ok(())
}

/// The pages that search, with each of the texts.
async fn searched(looker: &Looker<'_>, world: &World, payloads: &[String], groups: &[String]) -> Result<()> {
    let path = |route: &str, text: &str| format!("{}?query={}", world.path(route), escaped(text));
    for text in payloads {
        looker.look("/a/{a}/logs", &path("/a/{a}/logs", text)).await?;
    }
    for route in ["/a/{a}/logs", "/a/{a}/logs/resend", "/a/{a}/logs/complete"] {
        for group in groups {
            looker.look(route, &path(route, &format!("data.note:{}", json!(group)))).await?;
        }
    }
    Ok(())
}

/// Every address with the texts in place of each of its names.
async fn addressed(looker: &Looker<'_>, routes: &[String], world: &World, payloads: &[String]) -> Result<()> {
    // A file that is not there is answered without a page.
    for route in routes.iter().filter(|route| *route != "/assets/{file}") {
        for name in route.split('/').filter(|part| part.starts_with('{')) {
            for texts in payloads.chunks(payloads.len().div_ceil(2)) {
                let route_with = route.replace(name, &escaped(&texts.join(" ")));
                looker.look(route, &world.path(&route_with)).await?;
            }
        }
    }
    Ok(())
}

/// What comes while somebody looks.
async fn live(looker: &Looker<'_>, client: &Client, world: &World) -> Result<()> {
    let browser = looker.browser;
    let payload =
        json!({(marked("payload-key", "<img src=x onerror=__xss(0)>")): "<script>__xss(0)</script>"}).to_string();
    browser.go(&world.path("/a/{a}/logs")).await?;
    until(browser, "document.querySelector('#live').dataset.state === 'on'").await?;
    let rows = browser.run("return document.querySelectorAll('#lines tr').length").await?;
    client.publish_accepted(&world.account, &world.kind, &payload).await?;
    until(browser, &format!("document.querySelectorAll('#lines tr').length > {rows}")).await?;
    looker.inspect("/a/{a}/logs").await?;
    // Completions are put on the page by our own script.
    browser.fill("#query", "url:").await?;
    until(
        browser,
        "[...document.querySelectorAll('datalist option')].some(({ value }) => value.includes('xq-endpoint'))",
    )
    .await?;
    looker.inspect("/a/{a}/logs").await?;
    Ok(())
}

/// Every form of these pages, sent with the texts in each of its fields for text.
async fn sent(looker: &Looker<'_>, routes: &[String], world: &World, payloads: &[String]) -> Result<()> {
    let browser = looker.browser;
    let mut sent = 0;
    for route in routes.iter().filter(|route| is_page(route) && route.contains("{a}")) {
        let path = world.path(route);
        browser.go(&path).await?;
        let forms = format!(
            "return [...document.forms].flatMap((form, at) =>
               form.method === 'post' && form.querySelector('{FOR_TEXT}') ? [at] : [])"
        );
        let forms: Vec<u64> = serde_json::from_value(browser.run(&forms).await?)?;
        for form in forms {
            for texts in payloads.chunks(payloads.len().div_ceil(3)) {
                browser.go(&path).await?;
                let fill = format!(
                    "const form = document.forms[{form}]; window.before = true;
                     for (const field of form.querySelectorAll('{FOR_TEXT}')) {{
                       if (field.type === 'number') field.type = 'text';
                       field.value = {};
                     }}
                     HTMLFormElement.prototype.submit.call(form)",
                    json!(marked("form", &texts.join(" ")))
                );
                browser.run(&fill).await?;
                until(browser, "!window.before && document.readyState === 'complete'").await?;
                looker.inspect(route).await?;
                sent += 1;
            }
        }
    }
    println!("{sent} forms were sent");
    ensure!(sent > 5, "only {sent} forms were sent");
    Ok(())
}

/// Whatever of the forms was kept.
async fn kept(looker: &Looker<'_>, routes: &[String], world: &World) -> Result<()> {
    for route in routes.iter().filter(|route| is_page(route) && route.contains("{a}")) {
        looker.look(route, &world.path(route)).await?;
    }
    Ok(())
}

/// What is no page is never taken for one.
async fn never_html(browser: &Browser, routes: &[String], world: &World) -> Result<()> {
    browser.go("/a").await?;
    for (route, _) in NO_PAGES.iter().filter(|(route, _)| *route != "/" && routes.iter().any(|one| one == route)) {
        let path = world.path(route);
        let ask = format!(
            "const stop = new AbortController();
             return fetch({path:?}, {{ signal: stop.signal }}).then(({{ status, headers }}) => {{ stop.abort();
               return [status, headers.get('content-type'), headers.get('x-content-type-options')]; }})"
        );
        let answer = browser.run(&ask).await.context(*route)?;
        let kind = answer[1].as_str().unwrap_or_default();
        ensure!(answer[2] == "nosniff", "{route}: {answer}");
        if *route != "/assets/{file}" {
            ensure!(answer[0] == 200, "{route}: {answer}");
            ensure!(!["html", "xml", "svg", "script"].iter().any(|word| kind.contains(word)), "{route}: {answer}");
        }
    }
    Ok(())
}

/// That the texts are what they should be: on a page that shows them as they are, they run, and the policy notices.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_texts_run_where_a_page_is_careless_and_are_noticed() -> Result<()> {
    let payloads = corpus::payloads();
    let texts = payloads.clone();
    let careless = Receiver::start(Script::by(move |request| {
        let mut parts = request.path().rsplit('/');
        let text = parts.next().and_then(|number| texts.get(number.parse::<usize>().ok()?)).map_or("", String::as_str);
        let html = match parts.next() {
            Some("address") => format!("<iframe src=\"{}\"></iframe>", text.replace('"', "&quot;")),
            Some("script") => format!("<script>var x = '{text}';</script><script>var x = \"{text}\";</script>
                <script>{text}</script><script>var x = `{text}`;</script><script>f(['{text}'</script><script>f([\"{text}\"</script>"),
            Some("all") => ["text", "address", "script", "bare"].map(|place| format!("<iframe src=/{place}{}></iframe>", &request.path()[4..])).concat(),
            Some("bare") => format!("<input value={text}>"),
            _ => format!("<p title=\"{text}\">x</p><p title='{text}'>{text}</p><textarea>{text}</textarea><title>{text}</title>"),
        };
        let answer = Answer::status(200).header("content-type", "text/html; charset=utf-8");
        let answer = match request.path().starts_with("/guarded") {
            true => answer.header("content-security-policy", "default-src 'none'"),
            false => answer,
        };
        answer.body(format!("<!doctype html><meta charset=utf-8>{html}"))
    }))
    .await?;
    let browser = Browser::open(&careless.url("")).await?;
    let mut quiet = Vec::new();
    for (number, text) in payloads.iter().enumerate() {
        browser.go(&format!("/all/{number}")).await?;
        if browser.take_seen().await?.ran.is_empty() {
            quiet.push(text);
        }
    }
    let ran = payloads.len() - quiet.len();
    println!("{ran} of {} texts run where a page is careless; not these: {quiet:#?}", payloads.len());
    ensure!(ran > payloads.len() * 2 / 3, "the texts are too tame");
    browser.go("/guarded/text/0").await?;
    let seen = browser.take_seen().await?;
    ensure!(seen.ran.is_empty() && !seen.refused.is_empty(), "the policy's refusal goes unseen: {seen:?}");
    let value = browser.run("return 1").await?;
    ensure!(value == 1, "the browser is well: {value}");
    Ok(())
}
