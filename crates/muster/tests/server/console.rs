//! Changing documents on the pages of the console, as a browser sends its forms.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask, Client},
    harness::{Server, run},
    identity::IDENTITY,
};

const DOCUMENT: &str = "configs/app/entries/first";

/// Somebody who signed in with a browser.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Signs in with a key.
    fn sign_in(server: &'a Server, key: &str) -> Self {
        let ask = form("/console/sign-in", &[("key", key), ("to", "/console")]);
        let answer = server.ask(&ask).expect(303);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        Self { server, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.server.ask(&Ask::get(format!("/console/{path}")).header("Cookie", &self.cookie))
    }

    /// Sends a form from a page of the console.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let ask = form(&format!("/console/{path}"), fields);
        self.server.ask(&ask.header("Cookie", &self.cookie).header("Sec-Fetch-Site", "same-origin"))
    }

    /// The fields of the page to edit a document, with another text.
    fn edited<'b>(
        &self,
        fields: &'b Fields,
        text: &'b str,
        step: &'b str,
    ) -> Vec<(&'b str, &'b str)> {
        let (token, tag) = (fields.token.as_str(), fields.tag.as_str());
        let written = [("token", token), ("tag", tag), ("text", text), ("step", step)];
        [&written[..], &[("media_type", "application/json"), ("why", "A test")]].concat()
    }

    fn fields(&self, path: &str) -> Fields {
        let page = self.get(path).expect(200);
        Fields { token: value_of(page.text(), "token"), tag: value_of(page.text(), "tag") }
    }
}

/// What a page hides in its form.
struct Fields {
    token: String,
    tag: String,
}

fn form(path: &str, fields: &[(&str, &str)]) -> Ask {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let ask = Ask::new("POST", path).body(pairs.join("&"));
    ask.header("Content-Type", "application/x-www-form-urlencoded")
}

/// The value of a hidden field.
fn value_of(page: &str, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    // Each page has a form to sign out, with the same token.
    let (_, rest) = page.rsplit_once(&field).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap().replace("&quot;", "\"")
}

/// Makes a key: its id, and the key.
fn key(folder: &Path, server: &Server, by: Option<&str>, role: &str) -> (String, String) {
    let url = format!("http://{}", server.address);
    let by = by.map(|by| folder.join(by).display().to_string());
    let words = ["keys", "create", "--name", role, "--role", role, "--output", "json"];
    let mut words = [&words[..], &["--server", url.as_str()]].concat();
    words.extend(by.as_deref().into_iter().flat_map(|file| ["--key-file", file]));
    let made: Value = serde_json::from_str(&run(folder, &words).expect(0).out).unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    let file = folder.join(role);
    std::fs::write(&file, &key).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    (made["id"].as_str().unwrap().to_owned(), key)
}

/// A server with a document, and the keys of an admin and of a publisher.
fn server_with_keys(folder: &Path) -> (Server, String, (String, String)) {
    let server = Server::in_memory(&[]);
    let schema = r#"{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}"#;
    server.put("/api/schemagroups/g/schemas/s", schema).expect(201);
    let bind = r#"{"muster":{"schema":"/schemagroups/g/schemas/s"}}"#;
    server.put("/api/configs/app", bind).expect(201);
    server
        .put(&format!("/api/{DOCUMENT}"), r#"{"n":1,"text":"<script>alert(1)</script>"}"#)
        .expect(201);
    let (_, admin) = key(folder, &server, None, "admin");
    let publisher = key(folder, &server, Some("admin"), "publisher");
    (server, admin, publisher)
}

/// The document as it is stored.
fn stored(server: &Server, key: &str) -> String {
    let ask = Ask::get(format!("/api/{DOCUMENT}")).header("Authorization", format!("Bearer {key}"));
    server.ask(&ask).expect(200).text().to_owned()
}

#[test]
fn somebody_edits_a_document_and_loses_nothing_that_was_typed() {
    let scratch = TempDir::new().unwrap();
    let (server, _, (_, key)) = server_with_keys(scratch.path());
    let browser = Browser::sign_in(&server, &key);
    let page = format!("edit/{DOCUMENT}");
    let shown = browser.get(&page).expect(200);
    assert!(shown.text().contains("&lt;script&gt;alert(1)"), "{}", shown.text());
    assert!(!shown.text().contains("<script>alert"), "{}", shown.text());
    let fields = browser.fields(&page);
    // What doesn't pass is shown with its place, and stays in the form.
    let broken = "{\"n\":\"two &amp; <b>\"}";
    for (step, status) in [("check", 200), ("preview", 200), ("put", 422)] {
        let answer = browser.send(&page, &browser.edited(&fields, broken, step)).expect(status);
        for part in ["<code>/n</code>", "&quot;two &amp;amp; &lt;b&gt;&quot;"] {
            assert!(answer.text().contains(part), "{step} {part}: {}", answer.text());
        }
    }
    let check =
        browser.send(&format!("check/{DOCUMENT}"), &browser.edited(&fields, broken, "check"));
    assert!(check.expect(200).text().starts_with("<div class=\"notice bad\""));
    // What passes is a new version; a browser's line ends aren't in it.
    let preview =
        browser.send(&page, &browser.edited(&fields, "{\r\n\"n\": 2\r\n}\r\n", "preview"));
    assert!(preview.expect(200).text().contains("<code>/text</code>"));
    let put =
        browser.send(&page, &browser.edited(&fields, "{\r\n\"n\": 2\r\n}\r\n", "put")).expect(303);
    assert_eq!(put.header("location"), Some("/console/browse/configs/app/entries/first"));
    assert_eq!(stored(&server, &key), "{\n\"n\": 2\n}\n");
    let log =
        server.ask(&Ask::get("/log?limit=1").header("Authorization", format!("Bearer {key}")));
    assert_eq!(log.expect(200).json()["entries"][0]["message"], "A test");
}

#[test]
fn who_was_slower_sees_what_the_other_did_and_overwrites_only_knowingly() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, (_, key)) = server_with_keys(scratch.path());
    let (fast, slow) = (Browser::sign_in(&server, &admin), Browser::sign_in(&server, &key));
    let page = format!("edit/{DOCUMENT}");
    let (first, second) = (fast.fields(&page), slow.fields(&page));
    fast.send(&page, &fast.edited(&first, r#"{"n":2,"by":"fast"}"#, "put")).expect(303);
    let mine = r#"{"n":3,"text":"<script>alert(1)</script>"}"#;
    let conflict = slow.send(&page, &slow.edited(&second, mine, "put")).expect(409);
    assert_eq!(stored(&server, &key), r#"{"n":2,"by":"fast"}"#);
    let text = conflict.text();
    for part in [
        "Somebody else was faster",
        "both; putting yours undoes theirs",
        "them; putting yours undoes it",
        "{&quot;n&quot;:3,",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let tag = value_of(text, "tag");
    assert_ne!(tag, second.tag);
    let knowingly = Fields { token: second.token, tag };
    slow.send(&page, &slow.edited(&knowingly, mine, "put")).expect(303);
    assert_eq!(stored(&server, &key), mine);
}

#[test]
fn says_what_the_rules_warn_of_and_what_a_new_schema_breaks() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, (_, key)) = server_with_keys(scratch.path());
    let put_as_admin = |path: &str, body: &str| {
        let put = Ask::new("PUT", path).body(body).header("Content-Type", "application/json");
        let answer = server.ask(&put.header("Authorization", format!("Bearer {admin}")));
        assert!(answer.status < 300, "{answer:?}");
    };
    let rule = r#"{"expression":"document.n < 5","severity":"warning","pointer":"/n","message":"<b> is ${document.n}"}"#;
    put_as_admin("/api/rulegroups/g/rules/small", rule);
    let bind = r#"{"muster":{"schema":"/schemagroups/g/schemas/s","rules":["/rulegroups/g"]}}"#;
    put_as_admin("/api/configs/app", bind);
    let browser = Browser::sign_in(&server, &key);
    let page = format!("edit/{DOCUMENT}");
    let fields = browser.fields(&page);
    let big = browser.edited(&fields, r#"{"n":6}"#, "put");
    let warned = browser.send(&page, &big).expect(200);
    for part in
        ["Warnings", "<code>/n</code>", "small", "&lt;b&gt; is 6", "/console/browse/configs/app"]
    {
        assert!(warned.text().contains(part), "{part}: {}", warned.text());
    }
    assert_eq!(stored(&server, &key), r#"{"n":6}"#);
    // The page loaded anew sends the form again; that is no conflict, because it is done.
    let again = browser.send(&page, &big).expect(303);
    assert_eq!(again.header("location"), Some("/console/browse/configs/app/entries/first"));
    let token = value_of(browser.get("new/configs/app/entries").text(), "token");
    let new = [("token", token.as_str()), ("name", "second"), ("text", r#"{"n":7}"#)];
    let new = [&new[..], &[("media_type", "application/json"), ("step", "put")]].concat();
    let warned = browser.send("new/configs/app/entries", &new).expect(200);
    assert!(warned.text().contains("&lt;b&gt; is 7"), "{}", warned.text());
    // What has nothing to be said about it leads to its page at once.
    browser.send(&page, &browser.edited(&browser.fields(&page), r#"{"n":4}"#, "put")).expect(303);
    // A schema that stored documents don't match.
    let owner = Browser::sign_in(&server, &admin);
    let schema = "edit/schemagroups/g/schemas/s";
    let narrower = r#"{"type":"object","properties":{"n":{"maximum":5}}}"#;
    let fields = owner.fields(schema);
    let done = owner.send(schema, &owner.edited(&fields, narrower, "put")).expect(200);
    for part in ["1 of 2 stored documents stop passing", "/configs/app/entries/second"] {
        assert!(done.text().contains(part), "{part}: {}", done.text());
    }
}

#[test]
fn narrows_changes_to_who_did_them_and_to_what() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, (id, key)) = server_with_keys(scratch.path());
    let (browser, owner) = (Browser::sign_in(&server, &key), Browser::sign_in(&server, &admin));
    let page = format!("edit/{DOCUMENT}");
    for text in [r#"{"n":2}"#, r#"{"n":3}"#] {
        browser.send(&page, &browser.edited(&browser.fields(&page), text, "put")).expect(303);
    }
    let theirs = owner.get(&format!("changes?actor={id}&kind=version")).expect(200);
    let text = theirs.text();
    assert_eq!(text.matches("<td class=\"number\">").count(), 2, "{text}");
    assert!(text.contains("<option value=\"version\" selected>"), "{text}");
    assert!(text.contains(&format!("name=\"actor\" value=\"{id}\"")), "{text}");
    let keys = owner.get("changes?kind=key").expect(200);
    assert_eq!(keys.text().matches("<td class=\"number\">").count(), 2, "{}", keys.text());
    let wrong = owner.get("changes?kind=keys").expect(200);
    assert!(wrong.text().contains("kind is one or several of registry, model"), "{}", wrong.text());
}

#[test]
fn takes_no_form_of_another_site_or_session() {
    let scratch = TempDir::new().unwrap();
    let (server, _, (_, key)) = server_with_keys(scratch.path());
    let browser = Browser::sign_in(&server, &key);
    let page = format!("edit/{DOCUMENT}");
    let fields = browser.fields(&page);
    let before = stored(&server, &key);
    for token in ["", "x", &browser.fields(&page).token[1..]] {
        let wrong = Fields { token: token.to_owned(), tag: fields.tag.clone() };
        let answer = browser.send(&page, &browser.edited(&wrong, r#"{"n":66}"#, "put")).expect(403);
        assert!(answer.text().contains("{&quot;n&quot;:66}"), "what was typed is kept");
    }
    let good = browser.edited(&fields, r#"{"n":66}"#, "put");
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        for path in [page.clone(), format!("delete/{DOCUMENT}"), format!("roll-back/{DOCUMENT}")] {
            let ask = form(&format!("/console/{path}"), &good);
            let ask = ask.header("Cookie", &browser.cookie).header(name, value);
            let answer = server.ask(&ask).expect(403);
            assert!(!answer.text().contains("{&quot;n&quot;:66}"), "{name}: {value}");
        }
    }
    assert_eq!(stored(&server, &key), before);
}

#[test]
fn a_session_that_is_over_gives_back_what_was_typed_and_changes_nothing() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, (id, key)) = server_with_keys(scratch.path());
    let browser = Browser::sign_in(&server, &key);
    let page = format!("edit/{DOCUMENT}");
    let fields = browser.fields(&page);
    let before = stored(&server, &admin);
    let revoke = Ask::new("DELETE", format!("/keys/{id}"));
    server.ask(&revoke.header("Authorization", format!("Bearer {admin}"))).expect(204);
    let typed = "{\"n\": 7, \"long\": \"work\"}";
    let answer = browser.send(&page, &browser.edited(&fields, typed, "put")).expect(401);
    for part in ["nothing was changed", "{&quot;n&quot;: 7, &quot;long&quot;: &quot;work&quot;}"] {
        assert!(answer.text().contains(part), "{part}: {}", answer.text());
    }
    let delete = browser.send(&format!("delete/{DOCUMENT}"), &[("token", &fields.token)]);
    assert!(delete.expect(401).text().contains("nothing was changed"));
    assert_eq!(stored(&server, &admin), before);
}

#[test]
fn creates_deletes_and_restores_what_the_role_may() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, _) = server_with_keys(scratch.path());
    let browser = Browser::sign_in(&server, &admin);
    let new = browser.get("new/configs/app/entries").expect(200);
    assert!(new.text().contains("&quot;n&quot;: 0"), "what the schema requires: {}", new.text());
    let token = value_of(new.text(), "token");
    let create = |name: &str, text: &str| {
        let fields = [("token", token.as_str()), ("name", name), ("text", text), ("step", "put")];
        let media_type = [("media_type", "application/json")];
        browser.send("new/configs/app/entries", &[&fields[..], &media_type].concat())
    };
    create("second", r#"{"n":"no"}"#).expect(422);
    create("", r#"{"n":1}"#).expect(400);
    create("a b", r#"{"n":1}"#).expect(400);
    create("second", r#"{"n":1}"#).expect(303);
    assert!(create("second", r#"{"n":2}"#).expect(409).text().contains("of this name already"));
    let group = [("token", token.as_str()), ("name", "more"), ("text", "Further ones")];
    browser.send("new/configs", &group).expect(303);
    browser.send("new/configs", &group).expect(409);
    // A schema in use can't go, and the page says because of what.
    let schema = "delete/schemagroups/g/schemas/s";
    let fields = browser.fields(schema);
    let refused =
        browser.send(schema, &[("token", &fields.token), ("tag", &fields.tag)]).expect(409);
    assert!(refused.text().contains("/configs/app</a>"), "{}", refused.text());
    let page = "delete/configs/app/entries/second";
    let fields = browser.fields(page);
    let stale = [("token", fields.token.as_str()), ("tag", "\"1.00000000-m\"")];
    assert!(browser.send(page, &stale).expect(412).text().contains("changed since you looked"));
    browser.send(page, &[("token", &fields.token), ("tag", &fields.tag)]).expect(303);
    let deleted = browser.get("deleted").expect(200);
    assert!(deleted.text().contains("/configs/app/entries/second"), "{}", deleted.text());
    browser.send("restore/configs/app/entries/second", &[("token", &token)]).expect(303);
    browser.get("edit/configs/app/entries/second").expect(200);
}

#[test]
fn rolls_back_what_the_plan_showed_and_changes_states() {
    let scratch = TempDir::new().unwrap();
    let (server, admin, (_, key)) = server_with_keys(scratch.path());
    let browser = Browser::sign_in(&server, &admin);
    let first = stored(&server, &admin);
    let put = |text: &str| {
        let page = format!("edit/{DOCUMENT}");
        browser.send(&page, &browser.edited(&browser.fields(&page), text, "put")).expect(303);
    };
    put(r#"{"n":2}"#);
    let page = format!("roll-back/{DOCUMENT}");
    let plan = browser.get(&format!("{page}?to=v1")).expect(200);
    assert!(plan.text().contains("~ changes"), "{}", plan.text());
    let (token, shown) = (value_of(plan.text(), "token"), value_of(plan.text(), "plan"));
    let fields = [("token", token.as_str()), ("to", "v1"), ("plan", shown.as_str())];
    put(r#"{"n":3}"#);
    let stale = browser.send(&page, &fields).expect(409);
    assert!(stale.text().contains("Something changed since this plan was made"));
    let shown = value_of(stale.text(), "plan");
    browser.send(&page, &[fields[0], fields[1], ("plan", &shown)]).expect(303);
    assert_eq!(stored(&server, &admin), first);
    browser.get(&format!("{page}?to=yesterday")).expect(400);
    // Whoever may not roll back sees the refusal, and no button.
    let publisher = Browser::sign_in(&server, &key);
    assert!(!publisher.get(&format!("{page}?to=v1")).text().contains("name=\"plan\""));
    let state = format!("state/{DOCUMENT}/versions/1");
    let asked = browser.send(&state, &[("token", &token), ("state", "retired")]).expect(200);
    assert!(asked.text().contains("stays retired"), "{}", asked.text());
    browser.send(&state, &[("token", &token), ("state", "retired"), ("sure", "true")]).expect(303);
    browser.send(&state, &[("token", &token), ("state", "stable")]).expect(409);
    let pin = format!("state/{DOCUMENT}/versions/2");
    browser.send(&pin, &[("token", &token), ("act", "pin")]).expect(303);
    assert_eq!(stored(&server, &admin), r#"{"n":2}"#);
}

#[test]
fn under_tls_the_cookie_is_one_that_no_other_host_can_set() {
    const KEY: &str = "correct-horse-battery";
    let file = IDENTITY.file().display().to_string();
    let flags = ["--memory", "--tls-cert", &file, "--tls-key", &file];
    let server = Server::with(&flags, &[("MUSTER_API_KEY", KEY)]);
    let ask = |ask: Ask| Client::secure(server.address).ask(&ask);
    let sign_in = form("/console/sign-in", &[("key", KEY), ("to", "/console")]);
    // An older browser says of a form only what origin it is from.
    ask(sign_in.clone().header("Origin", "https://evil.example")).expect(403);
    let signed_in = ask(sign_in.header("Origin", "https://localhost")).expect(303);
    let (cookie, rest) = signed_in.header("set-cookie").unwrap().split_once(';').unwrap();
    let (name, id) = cookie.split_once('=').unwrap();
    assert_eq!(name, "__Host-muster-session");
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Strict; Secure");
    let browse = |cookie: &str| ask(Ask::get("/console/browse").header("Cookie", cookie));
    let token = value_of(browse(cookie).expect(200).text(), "token");
    browse(&format!("muster-session={id}")).expect(303);
    let sign_out = form("/console/sign-out", &[("token", &token)]).header("Cookie", cookie);
    let over = ask(sign_out.header("Origin", "https://localhost")).expect(303);
    assert!(over.header("set-cookie").unwrap().starts_with("__Host-muster-session=; Path=/;"));
    browse(cookie).expect(303);
}

#[test]
fn says_on_a_page_what_is_wrong_with_an_address() {
    let server = Server::in_memory(&[]);
    for (path, why) in [
        ("graph?depth=x", "depth: invalid digit found in string"),
        ("graph?depth=-1", "depth: invalid digit found in string"),
        ("graph?around=a&around=b", "duplicate field `around`"),
        ("sign-in?to=a&to=b", "duplicate field `to`"),
        ("deleted?after=a&after=b", "duplicate field `after`"),
    ] {
        let answer = server.ask(&Ask::get(format!("/console/{path}"))).expect(400);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        for part in [why, "correct it, and try again", "</nav>"] {
            assert!(answer.text().contains(part), "{path}, {part}: {}", answer.text());
        }
    }
}

/// What the overview says of conflicts.
fn overview_of_conflicts(server: &Server) -> String {
    let page = server.get("/console").expect(200).text().to_owned();
    let link = "<dt><a href=\"/console/search?type=conflicts/entries\">open conflicts</a></dt>";
    let (_, rest) = page.split_once(link).unwrap_or_else(|| panic!("no conflicts in {page}"));
    rest.split("</dd>").next().unwrap().trim_start_matches("<dd>").to_owned()
}

#[test]
fn the_overview_counts_the_open_conflicts_and_leads_to_them() {
    let server = Server::in_memory(&[]);
    let registry = server.get("/status").expect(200).json()["registry"].clone();
    assert_eq!(overview_of_conflicts(&server), "0");
    for (id, count) in [("first", "1"), ("second", "2")] {
        server.put(&format!("/api/configs/app/entries/{id}"), r#"{"n":1}"#).expect(201);
        let sent = json!({
            "sync": "s", "source": "peer", "target": registry, "policy": "manual",
            "documents": [{
                "xid": format!("/configs/app/entries/{id}"), "vector": {"peer": 5},
                "contenttype": "application/json", "text": "{\"n\":2}",
                "origin": {"registry": "peer", "position": 5, "time": "2026-01-01T00:00:00Z"},
            }],
        });
        let answer = server.post("/sync", sent.to_string()).expect(200).json();
        assert_eq!(answer["documents"][0]["outcome"], "conflict", "{answer}");
        assert_eq!(overview_of_conflicts(&server), count);
    }
    let listed = server.get("/console/search?type=conflicts/entries").expect(200);
    assert_eq!(listed.text().matches("href=\"/console/browse/conflicts/peer/").count(), 2);
    let url = server.url("127.0.0.1");
    let decide = ["conflicts", "resolve", DOCUMENT, "--take", "ours", "--server", &url];
    run(TempDir::new().unwrap().path(), &decide).expect(0);
    assert_eq!(overview_of_conflicts(&server), "1");
}
