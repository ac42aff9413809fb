//! The request of an attempt as a program that makes it again, signed anew.
//!
//! No secret is in the text: it is read from the variable [`VARIABLE`] when the program runs, so it does not lie about in
//! a shell's history, a chat or a ticket.

use ringup_core::signing::HeaderNames;

/// Where the programs read the signing secret.
pub const VARIABLE: &str = "WEBHOOK_SECRET";

/// A payload up to this size is part of the text; a longer one is read from a file.
pub const INLINE_BYTES_MAX: usize = 32 * 1024;

/// What a program is written for.
pub struct Kind {
    /// In addresses.
    pub key: &'static str,
    pub name: &'static str,
    write: fn(&Call<'_>) -> String,
}

/// What is sent again.
pub struct Call<'a> {
    pub url: &'a str,
    pub event: &'a str,
    pub names: HeaderNames,
    pub payload: Source<'a>,
}

#[derive(Clone, Copy)]
pub enum Source<'a> {
    Text(&'a str),
    /// The name under which the payload is downloaded.
    File(&'a str),
}

pub const KINDS: [Kind; 5] = [
    Kind { key: "curl", name: "curl", write: curl },
    Kind { key: "httpie", name: "HTTPie", write: httpie },
    Kind { key: "php", name: "PHP", write: php },
    Kind { key: "csharp", name: "C#", write: csharp },
    Kind { key: "python", name: "Python", write: python },
];

/// The program for this kind; the first one for a kind that does not exist.
pub fn command(kind: &str, call: &Call<'_>) -> (&'static str, String) {
    let kind = KINDS.iter().find(|known| known.key == kind).unwrap_or(&KINDS[0]);
    (kind.key, (kind.write)(call))
}

/// Name and part of the signing headers, as the endpoint wants them.
fn signing_headers(names: HeaderNames) -> Vec<(String, &'static str)> {
    let prefixes: &[&str] = match names {
        HeaderNames::Webhook => &["webhook"],
        HeaderNames::Svix => &["svix"],
        HeaderNames::Both => &["webhook", "svix"],
    };
    let parts = ["id", "timestamp", "signature"];
    prefixes.iter().flat_map(|prefix| parts.map(|part| (format!("{prefix}-{part}"), part))).collect()
}

/// Within single quotes of a shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The first lines of both shell programs: id, time, signature, and the payload in `FILE` or `BODY`.
fn shell_head(call: &Call<'_>) -> String {
    let (payload, print) = match call.payload {
        Source::Text(text) => (format!("BODY={}", shell(text)), "printf %s \"$BODY\""),
        Source::File(name) => (format!("FILE={}", shell(name)), "cat \"$FILE\""),
    };
    format!(
        "{payload}\nID={id}\nAT=$(date +%s)\nKEY=$(printf %s \"${{{VARIABLE}#whsec_}}\" | base64 -d | od -An -v -tx1 | tr -d ' \\n')\n\
         SIGNATURE=v1,$({{ printf '%s.%s.' \"$ID\" \"$AT\"; {print}; }} \\\n  \
         | openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$KEY\" -binary | base64)\n",
        id = shell(call.event),
    )
}

fn shell_value(part: &str) -> &'static str {
    match part {
        "id" => "$ID",
        "timestamp" => "$AT",
        _ => "$SIGNATURE",
    }
}

fn curl(call: &Call<'_>) -> String {
    let headers: String = signing_headers(call.names)
        .iter()
        .map(|(name, part)| format!("  -H \"{name}: {}\" \\\n", shell_value(part)))
        .collect();
    let body = match call.payload {
        Source::Text(_) => "\"$BODY\"",
        Source::File(_) => "\"@$FILE\"",
    };
    format!(
        "{}curl {} \\\n  -H 'content-type: application/json' \\\n{headers}  --data-binary {body}\n",
        shell_head(call),
        shell(call.url),
    )
}

fn httpie(call: &Call<'_>) -> String {
    let headers: String = signing_headers(call.names)
        .iter()
        .map(|(name, part)| format!(" \\\n  \"{name}:{}\"", shell_value(part)))
        .collect();
    let print = match call.payload {
        Source::Text(_) => "printf %s \"$BODY\"",
        Source::File(_) => "cat \"$FILE\"",
    };
    format!(
        "{}{print} | http POST {} \\\n  content-type:application/json{headers}\n",
        shell_head(call),
        shell(call.url),
    )
}

/// A literal of JSON, which is one of Python and of C#, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn value(part: &str, [id, at, signature]: [&'static str; 3]) -> &'static str {
    match part {
        "id" => id,
        "timestamp" => at,
        _ => signature,
    }
}

fn python(call: &Call<'_>) -> String {
    let body = match call.payload {
        Source::Text(text) => format!("{}.encode()", quoted(text)),
        Source::File(name) => format!("open({}, \"rb\").read()", quoted(name)),
    };
    let headers: String = signing_headers(call.names)
        .iter()
        .map(|(name, part)| format!("    \"{name}\": {},\n", value(part, ["event_id", "at", "signature"])))
        .collect();
    format!(
        "import base64, hashlib, hmac, os, time, urllib.error, urllib.request\n\n\
         body = {body}\n\
         event_id = {id}\n\
         at = str(int(time.time()))\n\
         key = base64.b64decode(os.environ[\"{VARIABLE}\"].removeprefix(\"whsec_\"))\n\
         digest = hmac.new(key, f\"{{event_id}}.{{at}}.\".encode() + body, hashlib.sha256).digest()\n\
         signature = \"v1,\" + base64.b64encode(digest).decode()\n\
         request = urllib.request.Request({url}, body, {{\n    \"content-type\": \"application/json\",\n{headers}}})\n\
         try:\n    answer = urllib.request.urlopen(request)\n\
         except urllib.error.HTTPError as refused:\n    answer = refused\n\
         print(answer.status, answer.read().decode(errors=\"replace\"))\n",
        id = quoted(call.event),
        url = quoted(call.url),
    )
}

fn php(call: &Call<'_>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let body = match call.payload {
        Source::Text(text) => quoted(text),
        Source::File(name) => format!("file_get_contents({})", quoted(name)),
    };
    let headers: String = signing_headers(call.names)
        .iter()
        .map(|(name, part)| format!("        \"{name}: {}\",\n", value(part, ["$id", "$at", "$signature"])))
        .collect();
    format!(
        "<?php\n$body = {body};\n$id = {id};\n$at = time();\n\
         $key = base64_decode(preg_replace('/^whsec_/', '', getenv('{VARIABLE}')));\n\
         $signature = 'v1,' . base64_encode(hash_hmac('sha256', \"$id.$at.$body\", $key, true));\n\
         $request = curl_init({url});\n\
         curl_setopt_array($request, [\n    CURLOPT_POST => true,\n    CURLOPT_POSTFIELDS => $body,\n    \
         CURLOPT_RETURNTRANSFER => true,\n    CURLOPT_HTTPHEADER => [\n        'content-type: application/json',\n{headers}    ],\n]);\n\
         $answer = curl_exec($request);\n\
         echo curl_getinfo($request, CURLINFO_RESPONSE_CODE), ' ', $answer, PHP_EOL;\n",
        id = quoted(call.event),
        url = quoted(call.url),
    )
}

fn csharp(call: &Call<'_>) -> String {
    let body = match call.payload {
        Source::Text(text) => format!("Encoding.UTF8.GetBytes({})", quoted(text)),
        Source::File(name) => format!("File.ReadAllBytes({})", quoted(name)),
    };
    let headers: String = signing_headers(call.names)
        .iter()
        .map(|(name, part)| {
            format!(
                "request.Headers.TryAddWithoutValidation(\"{name}\", {});\n",
                value(part, ["id", "at", "signature"])
            )
        })
        .collect();
    format!(
        "using System.Net.Http.Headers;\nusing System.Security.Cryptography;\nusing System.Text;\n\n\
         var body = {body};\n\
         var id = {id};\n\
         var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString();\n\
         var secret = Environment.GetEnvironmentVariable(\"{VARIABLE}\")!;\n\
         var key = Convert.FromBase64String(secret.StartsWith(\"whsec_\") ? secret[6..] : secret);\n\
         var signed = Encoding.UTF8.GetBytes($\"{{id}}.{{at}}.\").Concat(body).ToArray();\n\
         var signature = \"v1,\" + Convert.ToBase64String(HMACSHA256.HashData(key, signed));\n\
         using var request = new HttpRequestMessage(HttpMethod.Post, {url}) {{ Content = new ByteArrayContent(body) }};\n\
         request.Content.Headers.ContentType = new MediaTypeHeaderValue(\"application/json\");\n{headers}\
         using var client = new HttpClient(new HttpClientHandler {{ AllowAutoRedirect = false }});\n\
         using var answer = await client.SendAsync(request);\n\
         Console.WriteLine($\"{{(int)answer.StatusCode}} {{await answer.Content.ReadAsStringAsync()}}\");\n",
        id = quoted(call.event),
        url = quoted(call.url),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "{\"a\":\"it's $(id) \\\" \\u0041 $x `id` €\"}\n";

    fn call(payload: Source<'_>) -> Call<'_> {
        Call { url: "https://erp.example/hooks?a=1&b='", event: "msg_1", names: HeaderNames::Both, payload }
    }

    #[test]
    fn every_kind_signs_for_both_names_and_reads_the_secret_when_it_runs() {
        for kind in &KINDS {
            let (key, text) = command(kind.key, &call(Source::Text("{}")));
            assert_eq!(key, kind.key);
            for part in [VARIABLE, "webhook-signature", "svix-id", "msg_1", "application/json"] {
                assert!(text.contains(part), "{key} lacks {part}: {text}");
            }
            let (_, text) = command(kind.key, &call(Source::File("msg_1.json")));
            assert!(text.contains("msg_1.json"), "{key}: {text}");
        }
        assert_eq!(command("cobol", &call(Source::Text(""))).0, "curl");
    }

    #[test]
    fn payloads_stay_within_their_quotes() {
        let text = |kind: &str| command(kind, &call(Source::Text(EVIL))).1;
        assert!(
            text("curl").contains("BODY='{\"a\":\"it'\\''s $(id) \\\" \\u0041 $x `id` €\"}\n'\n"),
            "{}",
            text("curl")
        );
        assert!(text("curl").contains("curl 'https://erp.example/hooks?a=1&b='\\'''"));
        assert!(text("python").contains(r#""{\"a\":\"it's $(id) \\\" \\u0041 $x `id` €\"}\n".encode()"#));
        assert!(text("php").contains(r#"'{"a":"it\'s $(id) \\" \\u0041 $x `id` €"}"#), "{}", text("php"));
    }
}
