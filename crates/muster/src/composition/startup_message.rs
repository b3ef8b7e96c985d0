use std::{fmt::Write as _, time::Duration};

use muster_words::Position;

use crate::{
    output::{
        Screen, Style,
        numbers::{counted, holding, seconds, separated},
    },
    settings::DEFAULT_SERVER,
};

/// The message of a server that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupMessage {
    /// The directory as people write it; none if the registry is in memory.
    pub place: Option<String>,
    /// Whether the registry was just created.
    pub is_new: bool,
    /// The example, if this start loaded it.
    pub example: Option<Example>,
    /// The number of documents, including schemas and rules.
    pub documents: usize,
    /// The number of schemas.
    pub schemas: usize,
    /// The number of rules.
    pub rules: usize,
    /// The newest position of the ledger.
    pub position: Position,
    /// How long the start took.
    pub took: Duration,
    /// The base URL of the server.
    pub base: String,
    /// The URL of the metrics, if they have an address of their own.
    pub metrics: Option<String>,
    /// The URL of Confluent's API, if it has an address of its own.
    pub confluent: Option<String>,
    /// Whether everybody on this computer may do everything.
    pub is_open: bool,
    /// The name under which this program was called.
    pub program: String,
}

/// What the example contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The number of providers.
    pub providers: usize,
    /// The number of stacks.
    pub stacks: usize,
    /// How long the load took.
    pub took: Duration,
}

impl StartupMessage {
    /// The startup message. Only the first start includes hints.
    #[must_use]
    pub fn render(&self, screen: &Screen) -> String {
        let heading = |text: &str| screen.paint(Style::Heading, text);
        let version = env!("CARGO_PKG_VERSION");
        let mut out = heading(&format!("muster {version}"));
        out.push_str(&match &self.place {
            Some(place) if self.is_new => format!(", a registry in {place} (new)\n"),
            Some(place) => format!(", a registry in {place}\n"),
            None => ", a registry in memory: nothing is kept\n".to_owned(),
        });
        self.render_contents(&mut out);
        let _ = writeln!(out, "\n  console   {}/", self.base);
        let _ = writeln!(out, "  API       {}/api", self.base);
        let _ = writeln!(out, "  changes   {}/changes", self.base);
        let _ = writeln!(out, "  health    {}/health/ready", self.base);
        if let Some(confluent) = &self.confluent {
            let _ = writeln!(out, "  confluent {confluent}");
        }
        if let Some(metrics) = &self.metrics {
            let _ = writeln!(out, "  metrics   {metrics}");
        }
        if self.is_new || self.example.is_some() {
            self.render_lesson(&mut out);
        }
        let end = match self.place {
            Some(_) => "Ctrl-C stops it; nothing is lost.",
            None => "Ctrl-C stops it; then everything is lost.",
        };
        let _ = writeln!(out, "\n{end}");
        out
    }

    /// The same for people who know the server by a public URL.
    pub(super) fn at(self, public_url: Option<&str>) -> Self {
        match public_url {
            Some(public) => Self { base: public.to_owned(), ..self },
            None => self,
        }
    }

    /// Writes the same to the log.
    pub(super) fn log(&self) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            directory = self.place.as_deref(),
            address = self.base,
            metrics = self.metrics.as_deref(),
            confluent = self.confluent.as_deref(),
            position = self.position.0,
            documents = self.documents,
            schemas = self.schemas,
            rules = self.rules,
            took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "muster is ready"
        );
    }

    fn render_contents(&self, out: &mut String) {
        let position = separated(self.position.0);
        let holding = holding(self.documents, self.schemas, self.rules);
        match &self.example {
            Some(example) => {
                let _ = writeln!(
                    out,
                    "  {holding} of the example, with {} and {}, in {}",
                    counted(example.providers, "provider", "providers"),
                    counted(example.stacks, "stack", "stacks"),
                    seconds(example.took),
                );
                let _ = writeln!(out, "  ledger at position {position}, entries verified");
            }
            None => {
                let _ = writeln!(
                    out,
                    "  {holding}, ledger at position {position}, entries verified, ready in {}",
                    seconds(self.took)
                );
            }
        }
    }

    /// The flag with which other commands find the server, if it isn't where they look for one.
    fn flag(&self) -> String {
        if self.base == DEFAULT_SERVER { String::new() } else { format!(" --server {}", self.base) }
    }

    fn render_lesson(&self, out: &mut String) {
        let server = self.flag();
        if self.is_open {
            out.push_str("\n  Everyone on this computer may do everything.");
            if self.place.is_some() {
                let _ = write!(out, " Before you open it to a network: muster keys create{server}");
            }
            out.push('\n');
        }
        let (program, server) = (&self.program, &server);
        out.push_str("\n  In another terminal:\n");
        if self.example.is_some() {
            let _ = writeln!(out, "    {program} list providers{server}");
            let _ = writeln!(out, "    {program} get providers/cms/entries/sanity{server}");
        } else {
            let _ = writeln!(out, "    {program} put configs/app/entries/first FILE{server}");
            let _ = writeln!(out, "    {program} list{server}");
        }
        let _ = writeln!(out, "    {program} watch{server}");
    }
}

#[cfg(test)]
mod tests {
    use muster_words::Moment;

    use super::*;

    fn greeting() -> StartupMessage {
        StartupMessage {
            place: Some("~/.local/share/muster".to_owned()),
            is_new: true,
            example: Some(Example { providers: 14, stacks: 15, took: Duration::from_millis(96) }),
            documents: 49,
            schemas: 3,
            rules: 17,
            position: Position(48),
            took: Duration::from_millis(17),
            base: "http://127.0.0.1:8080".to_owned(),
            metrics: None,
            confluent: None,
            is_open: true,
            program: "target/release/muster".to_owned(),
        }
    }

    #[test]
    fn teaches_on_the_first_start() {
        let expect = format!(
            "muster {}, a registry in ~/.local/share/muster (new)
  29 documents, 3 schemas and 17 rules of the example, with 14 providers and 15 stacks, in 0.1 s
  ledger at position 48, entries verified

  console   http://127.0.0.1:8080/
  API       http://127.0.0.1:8080/api
  changes   http://127.0.0.1:8080/changes
  health    http://127.0.0.1:8080/health/ready

  Everyone on this computer may do everything. Before you open it to a network: muster keys create

  In another terminal:
    target/release/muster list providers
    target/release/muster get providers/cms/entries/sanity
    target/release/muster watch

Ctrl-C stops it; nothing is lost.
",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(greeting().render(&Screen::plain(Moment::EPOCH)), expect);
    }

    #[test]
    fn can_be_pasted_wherever_the_server_listens() {
        let base = "http://127.0.0.1:9101".to_owned();
        let text = StartupMessage { base, ..greeting() }.render(&Screen::plain(Moment::EPOCH));
        for line in [
            "muster list providers --server http://127.0.0.1:9101\n",
            "muster watch --server http://127.0.0.1:9101\n",
            "muster keys create --server http://127.0.0.1:9101\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn is_short_on_every_other_start() {
        let later = StartupMessage { is_new: false, example: None, ..greeting() };
        let text = later.render(&Screen::plain(Moment::EPOCH));
        let line = "  29 documents, 3 schemas and 17 rules, \
                    ledger at position 48, entries verified, ready in 0.02 s\n";
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("another terminal"), "{text}");
    }

    #[test]
    fn says_that_nothing_is_kept() {
        let memory = StartupMessage { place: None, example: None, is_new: true, ..greeting() };
        let text = memory.render(&Screen::plain(Moment::EPOCH));
        assert!(text.contains("nothing is kept") && text.contains("everything is lost"), "{text}");
        assert!(!text.contains("keys create"), "{text}");
    }
}
