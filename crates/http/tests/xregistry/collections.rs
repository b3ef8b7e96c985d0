use crate::door::{BASE, Door, Step};

async fn filled() -> Door {
    let door = Door::with_dirs().await;
    let body = r#"{"dirs": {
        "d1": {"owner": "jo", "facts": {
            "a": {"name": "Bob", "count": 3}, "b": {"name": "", "count": 10}, "C": {}}},
        "d2": {"owner": "Al", "facts": {"x": {"name": "bobby"}}},
        "d3": {}}}"#;
    door.send("POST /", &[], body).await.check("post", 200, &[]);
    door
}

fn ids(reply: &crate::door::Reply) -> String {
    reply.keys().join(",")
}

#[tokio::test]
async fn filters_members_and_says_so_in_urls() {
    let door = filled().await;
    for (line, expect) in [
        ("GET /dirs/d1/facts?filter=name=bob", "a"),
        ("GET /dirs/d1/facts?filter=name!=bob", "b,C"),
        ("GET /dirs/d1/facts?filter=count%3E3", "b"),
        ("GET /dirs/d1/facts?filter=name=null", "C"),
        ("GET /dirs/d1/facts?filter=name=bob&filter=count=10", "a,b"),
        ("GET /dirs/d1/facts?filter=name=bob,count=10", ""),
        ("GET /dirs?filter=facts.name=bob*", "d1,d2"),
        ("GET /dirs?filter=owner=jo&filter=facts.name=bobby", "d1,d2"),
        ("GET /dirs?filter=excludeall", ""),
        ("GET /dirs/d1/facts?filter=meta.readonly=true", ""),
        ("GET /dirs/d1/facts?filter=versions.versionid=1,name=bob", "a"),
    ] {
        assert_eq!(ids(&door.send(line, &[], "").await), expect, "{line}");
    }
    door.check(&[
        Step(
            "GET /?filter=dirs.facts.name=bobby&inline=dirs",
            "",
            200,
            &[
                ("/dirscount", "1"),
                ("/dirsurl", "{base}/api/dirs?filter=facts.name=bobby"),
                ("/dirs/d2/factsurl", "{base}/api/dirs/d2/facts?filter=name=bobby"),
                ("/dirs/d2/filesurl", "{base}/api/dirs/d2/files?filter=excludeall"),
                ("/dirs/d1", ""),
            ],
        ),
        Step(
            "GET /?filter=dirs.owner=al&inline",
            "",
            200,
            &[
                ("/dirs/d2/facts/x/versions/1/name", "bobby"),
                ("/dirs/d2/factsurl", "{base}/api/dirs/d2/facts"),
            ],
        ),
        Step("GET /dirs/d1?filter=facts.name=nope", "", 404, &[("/subject", "/dirs/d1")]),
    ])
    .await;
}

#[tokio::test]
async fn sorts_by_an_attribute_and_then_by_id() {
    let door = filled().await;
    for (line, expect) in [
        ("GET /dirs/d1/facts", "a,b,C"),
        ("GET /dirs/d1/facts?sort=count", "C,a,b"),
        ("GET /dirs/d1/facts?sort=count=desc", "b,a,C"),
        ("GET /dirs/d1/facts?sort=factid=desc", "C,b,a"),
        ("GET /dirs?sort=owner", "d3,d2,d1"),
        ("GET /dirs?sort=factscount=desc", "d1,d2,d3"),
    ] {
        assert_eq!(ids(&door.send(line, &[], "").await), expect, "{line}");
    }
}

/// Follows the links to next pages, and gives each page's ids.
async fn pages(door: &Door, first: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let mut line = first.to_owned();
    loop {
        let reply = door.send(&line, &[], "").await;
        assert_eq!(reply.status, 200, "{line}: {reply:?}");
        pages.push(ids(&reply));
        let links: Vec<&str> =
            reply.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
        let Some(next) = links.iter().find(|link| link.contains("rel=next")) else { break };
        assert!(next.ends_with(";rel=next;count=5"), "{next}");
        let url = next.trim_start_matches('<').split('>').next().unwrap();
        line = format!("GET {}", url.strip_prefix(&format!("{BASE}/api")).unwrap());
    }
    pages
}

#[tokio::test]
async fn comes_in_pages_that_lead_to_each_other() {
    let door = Door::with_our_model().await;
    for id in ["a", "B", "c", "D", "e"] {
        let line = format!("PUT /configs/{id}");
        let body = format!(r#"{{"name": "{}"}}"#, if id == "c" { "1" } else { "2" });
        door.send(&line, &[], &body).await.check(&line, 201, &[]);
    }
    for (first, expect) in [
        ("GET /configs", &["a,B,c,D,e"][..]),
        ("GET /configs?limit=2", &["a,B", "c,D", "e"]),
        ("GET /configs?limit=5", &["a,B,c,D,e"]),
        ("GET /configs?limit=3&sort=name", &["c,a,B", "D,e"]),
        ("GET /configs?limit=3&sort=configid=desc", &["e,D,c", "B,a"]),
        ("GET /configs?filter=name=*&limit=3", &["a,B,c", "D,e"]),
        ("GET /configs?after=B&limit=9", &["c,D,e"]),
    ] {
        assert_eq!(pages(&door, first).await, expect, "{first}");
    }
}
