/// The target of the link to the next page in a `Link` header (RFC 8288), as path and query,
/// because the server may know itself under another name than the client.
#[must_use]
pub fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        let parameters = &rest[end + 1..];
        let until = parameters.find('<').unwrap_or(parameters.len());
        if is_next(&parameters[..until]) {
            return Some(path_of(target).to_owned());
        }
        rest = &parameters[until..];
    }
    None
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else { return false };
        let relations = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel")
            && relations.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case("next"))
    })
}

/// The path and the query of a URL.
pub(crate) fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://") else { return target };
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page_among_other_links() {
        for (header, expect) in [
            ("", None),
            ("<http://a/api>;rel=xregistry-root", None),
            ("<http://a/api/x?limit=2&after=b>;rel=next;count=9", Some("/api/x?limit=2&after=b")),
            (
                "<http://a/api>; rel=xregistry-root, <http://a/api/x?c=1,2>; rel=\"next\"",
                Some("/api/x?c=1,2"),
            ),
            ("</api/x?p=2>; count=3; REL=\"first next\"", Some("/api/x?p=2")),
            ("<http://a/next>; rel=prev", None),
            ("<unfinished; rel=next", None),
        ] {
            assert_eq!(next_link(header).as_deref(), expect, "{header}");
        }
    }
}
