//! Hooks that an operator declares: from the declaration to the till's answer, what is refused on the way, what happens when
//! the declaration changes, and a question that writes.

use anyhow::Result;
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use serde_json::{Value, json};

use crate::stage::{ACCOUNT, SOON, Stage, eventually};

const STOCK: &str = "/api/v1/app/shop/hook/stock";
const TAX: &str = "/api/v1/app/shop/hook/tax";

fn stock() -> Value {
    json!({
        "title": "Stock check", "mode": "read", "mayFallBack": true,
        "question": {
            "schema": {
                "type": "object", "required": ["Sku", "Outlet"],
                "properties": {"Sku": {"type": "string"}, "Quantity": {"type": "number", "minimum": 0}},
            },
            "sample": {"Sku": "A-1", "Outlet": "Kemang"},
        },
        "answer": {
            "schema": {"type": "object", "required": ["Available"], "properties": {"Available": {"type": "integer"}}},
            "sample": {"Available": 3},
        },
        "cache": {"freshMs": 600_000, "staleMs": 600_000},
        "refusal": {"statuses": [404], "reason": "/message"},
    })
}

fn tax() -> Value {
    json!({
        "title": "Book tax", "mode": "write", "key": "/OrderId", "question": {"schema": {"type": "object"}},
        "answer": {"schema": {"type": "object", "required": ["Number"]}},
    })
}

async fn declare(stage: &Stage, name: &str, body: &Value, status: u16) -> Result<Value> {
    stage.client.put(&format!("/api/v1/hook-type/{name}"), body).await?.expect(status)?.json()
}

#[tokio::test]
async fn a_declared_hook_is_set_and_asked_like_the_others() -> Result<()> {
    let mut stage = Stage::open("declared").await?;
    let made = declare(&stage, "stock", &stock(), 201).await?;
    assert_eq!((&made["builtIn"], &made["cache"]["freshMs"]), (&json!(false), &json!(600_000)), "{made}");
    let all = stage.client.get("/api/v1/hook-type").await?.expect(200)?.json()?;
    let names: Vec<&str> =
        all["data"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["fetchMemberPoint", "orderComplete", "validateCoupon", "stock"]);

    let app = Receiver::start(Answer::status(200).body("{\"Available\": 3,  \"At\": 1.50}")).await?;
    let settings = json!({"url": app.url("/"), "fallback": {"Available": 0}});
    stage.client.put(&format!("{STOCK}/settings"), &settings).await?.expect(200)?;
    let asked = json!({"Sku": "A-1", "Outlet": "Kemang", "Quantity": 1});
    let answer = stage.client.post(STOCK, &asked).await?.expect(200)?;
    assert!(answer.text().contains("{\"Available\": 3,  \"At\": 1.50}"), "byte for byte: {answer:?}");
    let request = app.wait_for(1, SOON).await?.remove(0);
    assert_eq!(serde_json::from_slice::<Value>(&request.body)?, asked);
    assert!(request.header("webhook-signature").is_some());

    // It is in the catalogue, and survives the process.
    stage.server.kill9()?;
    stage.server.restart().await?;
    stage.client = stage.server.client();
    let kept = stage.client.get("/api/v1/hook-type/stock").await?.expect(200)?.json()?;
    assert_eq!(kept, made);
    assert_eq!(stage.client.post(STOCK, &asked).await?.expect(200)?.json()?["kind"], "live");
    // The same question again is answered from what was kept, until something else is declared.
    assert_eq!(stage.client.post(STOCK, &asked).await?.expect(200)?.json()?["kind"], "cache");
    let mut stricter = stock();
    stricter["answer"]["schema"]["required"] = json!(["Available", "Shelf"]);
    stricter["answer"]["sample"] = Value::Null;
    stricter["question"]["schema"]["required"] = json!(["Sku"]);
    declare(&stage, "stock", &stricter, 200).await?;
    let answer = stage.client.post(STOCK, &json!({"Sku": "A-1"})).await?.expect(200)?.json()?;
    // The account's fallback does not fit any more, and is not used.
    assert_eq!((&answer["kind"], &answer["cause"]), (&json!("failed"), &json!("schema")), "{answer}");
    assert!(answer["reason"].as_str().is_some_and(|why| why.contains("Shelf")), "{answer}");
    let versions = stage.client.get("/api/v1/event-type/stock").await?.expect(200)?.json()?;
    assert_eq!(versions["schemas"].as_object().map(serde_json::Map::len), Some(2), "{versions}");
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_every_reason_and_its_place() -> Result<()> {
    let stage = Stage::open("declared-misfits").await?;
    declare(&stage, "stock", &stock(), 201).await?;
    let app = Receiver::start(Answer::status(404).body("{\"message\": \"no such item\"}")).await?;
    let unfit = json!({"url": app.url("/"), "fallback": {"Available": "none"}});
    let refused = stage.client.put(&format!("{STOCK}/settings"), &unfit).await?.expect(422)?.text();
    assert!(refused.contains("fallback") && refused.contains("/Available"), "{refused}");
    stage.client.put(&format!("{STOCK}/settings"), &json!({"url": app.url("/")})).await?.expect(200)?;

    let refused = stage.client.post(STOCK, &json!({"Sku": 7, "Quantity": -1})).await?.expect(422)?.text();
    for part in ["/Sku", "/Quantity", "Outlet"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(app.count(), 0, "nobody was asked");
    let answer = stage.client.post(STOCK, &json!({"Sku": "A", "Outlet": "K"})).await?.expect(200)?.json()?;
    assert_eq!((&answer["kind"], &answer["reason"]), (&json!("refused"), &json!("no such item")), "{answer}");

    let faulty = |at: &str, value: Value| {
        let mut body = stock();
        *body.pointer_mut(at).expect("it is there") = value;
        body
    };
    let write = |more: Value| {
        let mut body = tax();
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    };
    for (body, place) in [
        (faulty("/question/schema", json!({"type": "nonsense"})), "schema"),
        (faulty("/answer/schema", json!({"$ref": "https://elsewhere.example/"})), "schema"),
        (faulty("/question/sample", json!({"Sku": 1, "Outlet": "K"})), "/Sku"),
        (faulty("/answer/sample", json!([])), "sample"),
        (faulty("/cache/freshMs", json!(3_600_001)), "freshMs"),
        (faulty("/refusal/statuses", json!([404, 503])), "statuses"),
        (faulty("/refusal/reason", json!("message")), "reason"),
        (faulty("/title", json!(" ")), "title"),
        (faulty("/mode", json!("both")), "mode"),
        (write(json!({"key": null})), "key"),
        (write(json!({"mayFallBack": true})), "mayFallBack"),
        (write(json!({"refusal": {"statuses": [404]}})), "statuses"),
        (write(json!({"cache": {"freshMs": 1}})), "freshMs"),
    ] {
        let refused = stage.client.put("/api/v1/hook-type/other", &body).await?.expect(422)?.text();
        assert!(refused.contains(place), "{place}: {refused}");
    }
    stage.client.get("/api/v1/hook-type/other").await?.expect(404)?;
    stage.client.put("/api/v1/hook-type/orderComplete", &stock()).await?.expect(409)?;
    stage.client.delete("/api/v1/hook-type/orderComplete").await?.expect(409)?;

    // While somebody asks it, it stays what it is.
    stage.client.delete("/api/v1/hook-type/stock").await?.expect(409)?;
    stage.client.delete("/api/v1/event-type/stock?expunge=true").await?.expect(409)?;
    stage.client.put("/api/v1/hook-type/stock", &tax()).await?.expect(409)?;
    stage.client.delete(&format!("{STOCK}/settings")).await?.expect(204)?;
    stage.client.delete("/api/v1/hook-type/stock").await?.expect(204)?;
    stage.client.post(STOCK, &json!({"Sku": "A", "Outlet": "K"})).await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn a_declared_question_that_writes_is_kept_and_settled_once() -> Result<()> {
    let mut stage = Stage::open("declared-write").await?;
    declare(&stage, "tax", &tax(), 201).await?;
    let app = Receiver::start(503).await?;
    let told = Receiver::start(200).await?;
    stage.endpoint_for("hookSettled", &told.url("/")).await?;
    let settings = json!({"url": app.url("/"), "deadlineMs": 20_000});
    let set = stage.client.put(&format!("{TAX}/settings"), &settings).await?.expect(200)?;
    stage.set(&set.text_at("endpointId")?, &json!({"schedule": vec!["300ms"; 20]})).await?;
    stage.client.post(TAX, &json!({"Total": 1})).await?.expect(422)?;
    let order = json!({"OrderId": 71, "Total": 12.50});
    let answer = stage.client.post(TAX, &order).await?.expect(200)?.json()?;
    assert_eq!((&answer["cause"], &answer["queued"]), (&json!("status"), &json!(true)), "{answer}");
    stage.server.kill9()?;
    app.set_script(Answer::status(200).body("{\"Number\": \"T-1\"}"));
    stage.server.restart().await?;
    stage.client = stage.server.client();
    let heard = told.wait_for(1, SOON).await?;
    let settled: Value = serde_json::from_slice(&heard[0].body)?;
    assert_eq!((&settled["hook"], &settled["key"]), (&json!("tax"), &json!(71)), "{settled}");
    assert_eq!((&settled["answer"], &settled["callId"]), (&json!({"Number": "T-1"}), &answer["callId"]), "{settled}");
    let asked = app.count();
    let again = stage.client.post(TAX, &order).await?.expect(200)?.json()?;
    assert_eq!((&again["kind"], &again["answer"]), (&json!("cache"), &settled["answer"]), "{again}");
    assert_eq!(app.count(), asked);

    // Two tills at a time.
    let gate = Gate::closed();
    app.set_script(Answer::status(200).body("{\"Number\": \"T-2\"}").gated(&gate));
    let other = json!({"OrderId": "o-2"});
    let (one, two) = (stage.server.client(), stage.server.client());
    let opened = async {
        let seen = app.wait_for(asked + 1, SOON).await;
        gate.open();
        seen
    };
    let (first, second, seen) = tokio::join!(one.post(TAX, &other), two.post(TAX, &other), opened);
    seen?;
    let (first, second) = (first?.expect(200)?.json()?, second?.expect(200)?.json()?);
    assert_eq!((&first["answer"], &second["answer"]), (&json!({"Number": "T-2"}), &first["answer"]));
    assert_eq!(app.count(), asked + 1);
    let events = eventually("both are recorded", async || {
        let events = stage.client.list::<Value>(&format!("/api/v1/app/{ACCOUNT}/msg")).await?;
        let count = events.iter().filter(|event| event["eventType"] == "hookSettled").count();
        Ok(if count >= 2 { Ok(count) } else { Err(count) })
    })
    .await?;
    assert_eq!(events, 2);
    Ok(())
}
