use muster_catalog::entity::EntityUrls;

/// The URLs of entities: absolute in the API view; in the document view `#` and a JSON Pointer (RFC
/// 6901) for everything that the answer contains (core, "Doc Flag").
#[derive(Clone, Debug)]
pub(in crate::xregistry) struct Links<'a> {
    base: &'a str,
    /// In the document view, the path of the answer's root.
    root: Option<&'a str>,
    /// Whether the answer is a document; then an entity's URL is that of its document.
    beside_document: bool,
}

/// The suffix of an entity's path if the path alone names its document.
const DETAILS: &str = "$details";

impl<'a> Links<'a> {
    /// Absolute URLs that begin with `base`, which has no trailing slash.
    pub const fn api(base: &'a str) -> Self {
        Self { base, root: None, beside_document: false }
    }

    /// As [`Self::api`], for the headers of a document.
    pub const fn beside_document(base: &'a str) -> Self {
        Self { base, root: None, beside_document: true }
    }

    /// Relative URLs within an answer with this root path.
    pub fn document(base: &'a str, root: &'a str) -> Self {
        let root = Some(root.trim_end_matches('/'));
        Self { base, root, beside_document: false }
    }

    /// An absolute URL.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn details(&self, path: &str, has_document: bool) -> String {
        format!("{}{path}{}", self.base, if has_document { DETAILS } else { "" })
    }
}

impl EntityUrls for Links<'_> {
    fn is_document(&self) -> bool {
        self.root.is_some()
    }

    fn own(&self, path: &str, has_document: bool) -> String {
        match self.root {
            Some(root) => pointer(root, path),
            None => self.details(path, has_document && !self.beside_document),
        }
    }

    fn to(&self, path: &str, has_document: bool, is_there: bool) -> String {
        match self.root {
            Some(root) if is_there => pointer(root, path),
            _ => self.details(path, has_document),
        }
    }
}

fn pointer(root: &str, path: &str) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    // Names contain no slash; of other characters, a pointer escapes only the tilde.
    let below = below.replace('~', "~0");
    if below.is_empty() { "#/".to_owned() } else { format!("#{below}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_from_the_answers_root() {
        for (root, path, expect) in [
            ("/", "/", "#/"),
            ("/", "/dirs/d1", "#/dirs/d1"),
            ("/dirs", "/dirs/d1", "#/d1"),
            ("/dirs/d1", "/dirs/d1/files/f~1/meta", "#/files/f~01/meta"),
            ("/dirs/d1/files/f1", "/dirs/d1/files/f1", "#/"),
        ] {
            let links = Links::document("http://a/api", root);
            assert_eq!(links.own(path, true), expect, "{root} {path}");
            assert_eq!(links.to(path, true, true), expect);
            assert_eq!(links.to(path, true, false), format!("http://a/api{path}$details"));
        }
        let links = Links::api("http://a/api");
        assert_eq!(links.own("/", false), "http://a/api/");
        assert_eq!(links.own("/dirs/d1/files/f1", true), "http://a/api/dirs/d1/files/f1$details");
        assert_eq!(links.to("/dirs", false, true), "http://a/api/dirs");
        let links = Links::beside_document("http://a/api");
        assert_eq!(links.own("/dirs/d1/files/f1", true), "http://a/api/dirs/d1/files/f1");
    }
}
