//! Applies a JSON Patch (RFC 6902), to test the generated patches. The cases are those of the
//! public suite of json-patch.org, in our words.

use muster_words::json::{Value, parse};

type Applied<T> = Result<T, &'static str>;

/// Applies a patch; if one operation fails, the whole patch fails.
pub fn apply(mut document: Value, patch: &Value) -> Applied<Value> {
    for operation in patch.as_array().ok_or("a patch is an array")? {
        let text = |name: &str| operation.get(name).and_then(Value::as_str).ok_or("a member lacks");
        let value = || operation.get("value").cloned().ok_or("a value lacks");
        let path = steps(text("path")?)?;
        match text("op")? {
            "add" => add(&mut document, &path, value()?)?,
            "remove" => drop(remove(&mut document, &path)?),
            "replace" => *find(&mut document, &path)? = value()?,
            "move" => {
                let from = steps(text("from")?)?;
                if path.len() > from.len() && path.starts_with(&from) {
                    return Err("nothing moves into itself");
                }
                let moved = remove(&mut document, &from)?;
                add(&mut document, &path, moved)?;
            }
            "copy" => {
                let copied = find(&mut document, &steps(text("from")?)?)?.clone();
                add(&mut document, &path, copied)?;
            }
            "test" if *find(&mut document, &path)? == value()? => {}
            "test" => return Err("the test fails"),
            _ => return Err("no such operation"),
        }
    }
    Ok(document)
}

fn steps(pointer: &str) -> Applied<Vec<String>> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err("no pointer");
    }
    Ok(pointer.split('/').skip(1).map(|s| s.replace("~1", "/").replace("~0", "~")).collect())
}

fn index(step: &str, max: usize) -> Applied<usize> {
    let is_number =
        step == "0" || !step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit());
    let index = step.parse().ok().filter(|_| is_number).ok_or("no number")?;
    if index <= max { Ok(index) } else { Err("out of bounds") }
}

fn find<'a>(document: &'a mut Value, path: &[String]) -> Applied<&'a mut Value> {
    path.iter().try_fold(document, |value, step| match value {
        Value::Object(map) => map.get_mut(step).ok_or("no such member"),
        Value::Array(items) => {
            let at = index(step, items.len())?;
            items.get_mut(at).ok_or("out of bounds")
        }
        _ => Err("nothing lies in it"),
    })
}

fn add(document: &mut Value, path: &[String], value: Value) -> Applied<()> {
    let Some((last, outer)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    match find(document, outer)? {
        Value::Object(map) => drop(map.insert(last.clone(), value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(last, items.len())?;
            items.insert(at, value);
        }
        _ => return Err("nothing lies in it"),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &[String]) -> Applied<Value> {
    let Some((last, outer)) = path.split_last() else { return Ok(document.take()) };
    match find(document, outer)? {
        Value::Object(map) => map.remove(last).ok_or("no such member"),
        Value::Array(items) => {
            let at = index(last, items.len().saturating_sub(1))?;
            if at < items.len() { Ok(items.remove(at)) } else { Err("out of bounds") }
        }
        _ => Err("nothing lies in it"),
    }
}

#[test]
fn applies_patches_as_the_standard_says() {
    for (document, patch, expect) in [
        ("{}", "[]", Some("{}")),
        ("[]", r#"[{"op":"add","path":"/0","value":"a"}]"#, Some(r#"["a"]"#)),
        (r#"["a"]"#, r#"[{"op":"add","path":"/1","value":"b"}]"#, Some(r#"["a","b"]"#)),
        (r#"["b"]"#, r#"[{"op":"add","path":"/0","value":"a"}]"#, Some(r#"["a","b"]"#)),
        (r#"["a"]"#, r#"[{"op":"add","path":"/2","value":"c"}]"#, None),
        (r#"["a"]"#, r#"[{"op":"add","path":"/-1","value":"c"}]"#, None),
        (r#"["a"]"#, r#"[{"op":"add","path":"/b","value":"c"}]"#, None),
        (r#"["a"]"#, r#"[{"op":"add","path":"/00","value":"c"}]"#, None),
        (r#"["a"]"#, r#"[{"op":"add","path":"/1e0","value":"c"}]"#, None),
        ("[1]", r#"[{"op":"add","path":"/-","value":[2]}]"#, Some("[1,[2]]")),
        ("[1,[2]]", r#"[{"op":"add","path":"/1/-","value":3}]"#, Some("[1,[2,3]]")),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"","value":[]}]"#, Some("[]")),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/a","value":2}]"#, Some(r#"{"a":2}"#)),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/b/c","value":2}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/","value":2}]"#, Some(r#"{"":2,"a":1}"#)),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"b","value":2}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/b"}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"add","path":"/b","value":null}]"#, Some(r#"{"a":1,"b":null}"#)),
        (r#"{"a":1,"b":[2]}"#, r#"[{"op":"remove","path":"/b"}]"#, Some(r#"{"a":1}"#)),
        (r#"{"b":[1,2,3]}"#, r#"[{"op":"remove","path":"/b/1"}]"#, Some(r#"{"b":[1,3]}"#)),
        (r#"{"b":[]}"#, r#"[{"op":"remove","path":"/b/0"}]"#, None),
        (r#"{"b":[1]}"#, r#"[{"op":"remove","path":"/c"}]"#, None),
        (r#"{"b":[1]}"#, r#"[{"op":"replace","path":"/b","value":{}}]"#, Some(r#"{"b":{}}"#)),
        (r#"{"b":[1]}"#, r#"[{"op":"replace","path":"/c","value":{}}]"#, None),
        (r#"{"b":1}"#, r#"[{"op":"replace","path":"","value":{"c":2}}]"#, Some(r#"{"c":2}"#)),
        (r#"{"a/b":1,"m~n":2}"#, r#"[{"op":"remove","path":"/a~1b"}]"#, Some(r#"{"m~n":2}"#)),
        (r#"{"a/b":1,"m~n":2}"#, r#"[{"op":"remove","path":"/m~0n"}]"#, Some(r#"{"a/b":1}"#)),
        (
            r#"{"~1":1,"/":2}"#,
            r#"[{"op":"test","path":"/~01","value":1}]"#,
            Some(r#"{"~1":1,"/":2}"#),
        ),
        (r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/b"}]"#, Some(r#"{"b":1}"#)),
        (r#"{"a":1}"#, r#"[{"op":"move","from":"/a","path":"/a"}]"#, Some(r#"{"a":1}"#)),
        (r#"{"a":{}}"#, r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, None),
        ("[1,2,3]", r#"[{"op":"move","from":"/0","path":"/2"}]"#, Some("[2,3,1]")),
        (r#"{"a":1}"#, r#"[{"op":"copy","from":"/a","path":"/b"}]"#, Some(r#"{"a":1,"b":1}"#)),
        (r#"{"a":1}"#, r#"[{"op":"copy","from":"/c","path":"/b"}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"copy","path":"/b"}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":1}]"#, Some(r#"{"a":1}"#)),
        (r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":"1"}]"#, None),
        (
            r#"{"a":{"x":1,"y":2}}"#,
            r#"[{"op":"test","path":"/a","value":{"y":2,"x":1}}]"#,
            Some(r#"{"a":{"x":1,"y":2}}"#),
        ),
        (r#"{"a":1}"#, r#"[{"op":"spam","path":"/a"}]"#, None),
        (r#"{"a":1}"#, r#"[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]"#, None),
    ] {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        let found = apply(read(document), &read(patch)).ok();
        assert_eq!(found, expect.map(read), "{document} {patch}");
    }
}
