use maud::{Markup, html};
use muster_client::encoded_step;
use muster_http::CONSOLE;
use muster_words::Xid;

use crate::PageFault;

/// A place in the registry, as the address of a page names it: an entity or a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    steps: Vec<String>,
}

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationKind {
    /// The registry itself.
    Registry,
    /// All groups of a type.
    Groups,
    /// A group.
    Group(Xid),
    /// The resources of a type in a group.
    Resources,
    /// A document.
    Document(Xid),
    /// The versions of a document.
    Versions(Xid),
    /// One version of a document.
    Version(Xid),
}

impl Location {
    /// Reads the part of an address after the page's own name, such as `providers/cms`.
    pub fn read(path: &str) -> Self {
        // A step of dots would lead a browser elsewhere.
        let steps = path.split('/').filter(|step| !["", ".", ".."].contains(step));
        Self { steps: steps.map(str::to_owned).collect() }
    }

    /// What is at the place.
    ///
    /// # Errors
    /// No such place can exist.
    pub fn kind(&self) -> Result<LocationKind, PageFault> {
        let nowhere = || PageFault::NoSuchPage(self.path());
        let xid = |path: String| path.parse::<Xid>().map_err(|_| nowhere());
        Ok(match self.steps.len() {
            0 => LocationKind::Registry,
            1 => LocationKind::Groups,
            2 => LocationKind::Group(xid(self.path())?),
            3 => LocationKind::Resources,
            4 => LocationKind::Document(xid(self.path())?),
            5 if self.steps[4] == "versions" => {
                LocationKind::Versions(xid(format!("/{}", self.steps[..4].join("/")))?)
            }
            6 if self.steps[4] == "versions" => LocationKind::Version(xid(self.path())?),
            _ => return Err(nowhere()),
        })
    }

    /// The entity at the place.
    ///
    /// # Errors
    /// It is a collection, or no such place can exist.
    pub fn entity(&self) -> Result<Xid, PageFault> {
        match self.kind()? {
            LocationKind::Group(xid) | LocationKind::Document(xid) | LocationKind::Version(xid) => {
                Ok(xid)
            }
            _ => Err(PageFault::NoSuchPage(self.path())),
        }
    }

    /// The steps from the registry to the place.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The path, with a slash before each step; empty for the registry.
    pub fn path(&self) -> String {
        self.steps.iter().fold(String::new(), |path, step| path + "/" + step)
    }

    /// The places above, each as a link.
    pub fn trail(&self) -> Markup {
        html! {
            nav.path aria-label="Where this is" {
                a href=(format!("{CONSOLE}/browse")) { "registry" }
                @for (index, step) in self.steps.iter().enumerate() {
                    " / "
                    @if index + 1 == self.steps.len() {
                        span aria-current="page" { (step) }
                    } @else {
                        a href=(address("browse", &self.steps[..=index])) { (step) }
                    }
                }
            }
        }
    }
}

/// The address of a page about a place.
fn address(page: &str, steps: &[String]) -> String {
    let below: String = steps.iter().map(|step| format!("/{}", encoded_step(step))).collect();
    format!("{CONSOLE}/{page}{below}")
}

/// The address of a page about an xid or a path: `page_of("history", "/providers/cms")`.
pub fn page_of(page: &str, path: &str) -> String {
    address(page, Location::read(path).steps())
}

/// A link to the page of an xid or a path, which it shows.
pub fn link(path: &str) -> Markup {
    link_as(path, path)
}

/// A link to the page of an xid or a path, with another text.
pub fn link_as(path: &str, text: &str) -> Markup {
    html! { a href=(page_of("browse", path)) { (text) } }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn knows_what_is_at_a_place() {
        let document = || "/providers/cms/entries/sanity".parse().unwrap();
        for (path, expect) in [
            ("", Some(LocationKind::Registry)),
            ("providers", Some(LocationKind::Groups)),
            ("/providers/cms/", Some(LocationKind::Group("/providers/cms".parse().unwrap()))),
            ("providers/cms/entries", Some(LocationKind::Resources)),
            ("providers/cms/entries/sanity", Some(LocationKind::Document(document()))),
            ("providers/cms/entries/sanity/versions", Some(LocationKind::Versions(document()))),
            ("providers/cms/entries/sanity/meta", None),
            ("providers/cms/entries/sanity/versions/1/2", None),
            ("providers/c m", None),
        ] {
            assert_eq!(Location::read(path).kind().ok(), expect, "{path}");
        }
    }

    #[test]
    fn encodes_what_an_address_cannot_have() {
        assert_eq!(
            page_of("browse", "/schemagroups/:.ctx:/schemas/a"),
            "/console/browse/schemagroups/:.ctx:/schemas/a"
        );
        assert_eq!(page_of("edit", "/a/b?c#d"), "/console/edit/a/b%3Fc%23d");
    }
}
