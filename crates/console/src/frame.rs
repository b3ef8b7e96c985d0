use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use muster_http::CONSOLE;

use crate::{PageFault, Visitor, assets, protection};

/// A page without what all pages have.
pub struct FramedPage {
    /// What the page is about; the title of the window, and the first heading.
    pub title: String,
    /// Where it is in the navigation.
    pub section: Section,
    /// The page below its heading.
    pub body: Markup,
}

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// A page that isn't in the navigation.
    None,
    /// What there is at a glance.
    Overview,
    /// Groups and documents.
    Browse,
    /// Documents by words and fields.
    Search,
    /// Schemas, their compatibility, and payloads to try.
    Schemas,
    /// Who changed what, when and why.
    Changes,
    /// What depends on what.
    Graph,
    /// What is sent where.
    Propagation,
    /// What is published where.
    Publications,
    /// Live AI providers.
    LiveProviders,
    /// The ledger, its verification and its proofs.
    Ledger,
    /// Keys and roles.
    Keys,
    /// Numbers of the server.
    Metrics,
    /// The reference of the API.
    ApiReference,
}

impl Section {
    /// The navigation: each entry with its name and its address below the console.
    const ALL: &[(Self, &str, &str)] = &[
        (Self::Overview, "Overview", ""),
        (Self::Browse, "Documents", "/browse"),
        (Self::Search, "Search", "/search"),
        (Self::Schemas, "Schemas", "/schemas"),
        (Self::Changes, "Changes", "/changes"),
        (Self::Graph, "Dependencies", "/graph"),
        (Self::Propagation, "Propagation", "/propagation"),
        (Self::Publications, "Publications", "/publications"),
        (Self::LiveProviders, "AI providers", "/providers"),
        (Self::Ledger, "Ledger", "/ledger"),
        (Self::Keys, "Keys and roles", "/keys"),
        (Self::Metrics, "Metrics", "/metrics"),
        (Self::ApiReference, "API reference", "/api"),
    ];
}

impl Visitor {
    /// A page for this visitor, or why there is none.
    pub fn answer(&self, section: Section, page: Result<(String, Markup), PageFault>) -> Response {
        match page {
            Ok((title, body)) => self.page(section, title, body),
            Err(fault) => fault.page_for(Some(self)),
        }
    }

    /// A page for this visitor.
    pub fn page(&self, section: Section, title: impl Into<String>, body: Markup) -> Response {
        respond(Some(self), FramedPage { title: title.into(), section, body })
    }
}

/// A page as an answer. Without a visitor it has no navigation.
pub fn respond(visitor: Option<&Visitor>, page: FramedPage) -> Response {
    let mut response = Html(whole(visitor, &page).into_string()).into_response();
    protection::protect(response.headers_mut());
    response
}

/// A part of a page as an answer, for the page's script.
pub fn respond_part(part: &Markup) -> Response {
    let mut response = Html(part.clone().into_string()).into_response();
    protection::protect(response.headers_mut());
    response
}

fn whole(visitor: Option<&Visitor>, page: &FramedPage) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · Muster" }
                link rel="icon" type="image/svg+xml" href=(assets::ICON.address());
                link rel="stylesheet" href=(assets::STYLE.address());
                script src=(assets::SCRIPT.address()) defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (header(visitor))
                div.columns {
                    @if visitor.is_some() { (navigation(page.section)) }
                    main #content tabindex="-1" {
                        h1 { (page.title) }
                        (page.body)
                    }
                }
            }
        }
    }
}

fn header(visitor: Option<&Visitor>) -> Markup {
    html! {
        header.top {
            a.brand href=(CONSOLE) { (mark()) span { "Muster" } }
            @if let Some(visitor) = visitor {
                form.find action=(format!("{CONSOLE}/search")) role="search" {
                    label.hidden for="find" { "Search" }
                    input #find type="search" name="q" placeholder="Search documents" autocomplete="off";
                }
                (who(visitor))
            }
        }
    }
}

/// Who looks at the page, and how that changes.
fn who(visitor: &Visitor) -> Markup {
    let name = visitor
        .access
        .as_ref()
        .and_then(|access| access.name.clone().or_else(|| access.id.clone()));
    html! {
        div.who {
            button.plain type="button" data-theme-switch hidden { "Theme" }
            @match (visitor.session(), name) {
                (Some(_), name) => {
                    span { (name.unwrap_or_default()) " " span.role { (visitor.role()) } }
                    form method="post" action=(format!("{CONSOLE}/sign-out")) {
                        input type="hidden" name="token" value=(visitor.token());
                        button.plain type="submit" { "Sign out" }
                    }
                }
                (None, _) if visitor.caller.principal.is_anonymous() => {
                    a href=(format!("{CONSOLE}/sign-in")) { "Sign in" }
                }
                (None, name) if visitor.access.as_ref().is_some_and(|access| access.id.is_some()) => {
                    span { (name.unwrap_or_default()) " " span.role { (visitor.role()) } }
                }
                (None, _) => { span.dim title="The registry has no keys, so everybody on this computer may do everything." { "no keys yet" } }
            }
        }
    }
}

fn navigation(current: Section) -> Markup {
    html! {
        nav.side aria-label="Pages" {
            details open data-menu {
                summary { "Menu" }
                ul {
                    @for &(section, name, path) in Section::ALL {
                        li {
                            @let page = (section == current).then_some("page");
                            a href=(format!("{CONSOLE}{path}")) aria-current=[page] { (name) }
                        }
                    }
                }
            }
        }
    }
}

/// The sign of the product: a ledger's line of entries.
fn mark() -> Markup {
    html! {
        svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            rect x="3" y="3" width="18" height="5" rx="1.5" fill="currentColor" opacity="0.45" {}
            rect x="3" y="9.5" width="18" height="5" rx="1.5" fill="currentColor" opacity="0.7" {}
            rect x="3" y="16" width="18" height="5" rx="1.5" fill="currentColor" {}
        }
    }
}
