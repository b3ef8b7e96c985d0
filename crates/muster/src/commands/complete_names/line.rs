use std::path::PathBuf;

use clap::{Arg, Command};

use crate::arguments::ConnectionArguments;

/// The kinds of names that complete an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A place: a type, a group, a collection or a document, as deep as this number of parts.
    Place(usize),
    /// A group type.
    Type,
    /// The id of a group of this type.
    GroupOf(&'static str),
    /// A document of this type, by its last part where that is enough.
    Last(&'static str),
    /// A document of this type by its xid.
    Whole(&'static str),
    /// A class of entities, or a family.
    Class,
}

/// What completes the last word of a command line.
#[derive(Debug)]
pub(super) struct WantedName {
    pub kind: NameKind,
    /// The beginning of the name.
    pub prefix: String,
    /// What is before the name in the word: a flag with `=`, or other names with commas between.
    pub before: String,
    /// The registry that the command line names.
    pub connection: ConnectionArguments,
}

/// A command line that is read up to its last word.
struct Line<'a> {
    /// The names of the commands.
    path: Vec<&'a str>,
    command: &'a Command,
    positionals: usize,
    /// The flag that waits for its value.
    pending: Option<&'a Arg>,
    /// Whether `--` was there.
    is_plain: bool,
    connection: ConnectionArguments,
}

/// What completes the last of these words; none if that is no name.
pub(super) fn wanted(root: &Command, words: &[String]) -> Option<WantedName> {
    let words = joined(words);
    let (current, before) = words.split_last()?;
    let mut line = Line {
        path: Vec::new(),
        command: root,
        positionals: 0,
        pending: None,
        is_plain: false,
        connection: ConnectionArguments::default(),
    };
    before.iter().for_each(|word| line.read(word));
    let (argument, start) = line.argument_of(current)?;
    let mut start = start.to_owned();
    let kind = kind_of(&line.path, argument)?;
    let mut prefix = &current[start.len()..];
    if argument.get_value_delimiter() == Some(',')
        && let Some(comma) = prefix.rfind(',')
    {
        start.push_str(&prefix[..=comma]);
        prefix = &prefix[comma + 1..];
    }
    Some(WantedName { kind, prefix: prefix.to_owned(), before: start, connection: line.connection })
}

/// The words as they were typed. Bash takes them apart at `:` and `=`.
fn joined(words: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in words {
        let is_sign = !word.is_empty() && word.chars().all(|letter| matches!(letter, ':' | '='));
        match all.last_mut() {
            Some(last) if is_sign || is_open => last.push_str(word),
            _ => all.push(word.clone()),
        }
        is_open = is_sign;
    }
    all
}

impl<'a> Line<'a> {
    fn read(&mut self, word: &str) {
        if let Some(flag) = self.pending.take() {
            return self.note(flag, word);
        }
        if self.is_plain {
            self.positionals += 1;
        } else if word == "--" {
            self.is_plain = true;
        } else if let Some(flag) = word.strip_prefix("--") {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            let found = self.long(name);
            match (found, value) {
                (Some(flag), Some(value)) => self.note(flag, value),
                (found, _) => self.pending = found.filter(|flag| takes_value(flag)),
            }
        } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            let last = letters.chars().next_back();
            let found = last.and_then(|letter| self.short(letter));
            self.pending = found.filter(|flag| takes_value(flag));
        } else if let Some(sub) = self.subcommand(word) {
            self.path.push(sub.get_name());
            self.command = sub;
        } else {
            self.positionals += 1;
        }
    }

    fn subcommand(&self, word: &str) -> Option<&'a Command> {
        self.command.find_subcommand(word).filter(|_| self.positionals == 0)
    }

    /// Notes which registry is meant.
    fn note(&mut self, flag: &Arg, value: &str) {
        match flag.get_id().as_str() {
            "data" => self.connection.data = Some(PathBuf::from(value)),
            "server" => self.connection.server = Some(value.to_owned()),
            "key_file" => self.connection.key_file = Some(PathBuf::from(value)),
            "ca_cert" => self.connection.ca_cert = Some(PathBuf::from(value)),
            _ => {}
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let is_it = |one: &&Arg| {
            one.get_long() == Some(name)
                || one.get_all_aliases().is_some_and(|all| all.contains(&name))
        };
        self.command.get_arguments().find(is_it)
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        self.command.get_arguments().find(|one| one.get_short() == Some(letter))
    }

    /// The argument of the last word, and what is before its value there.
    fn argument_of<'b>(&self, current: &'b str) -> Option<(&'a Arg, &'b str)> {
        if let Some(flag) = self.pending {
            return Some((flag, ""));
        }
        if !self.is_plain && current.starts_with('-') {
            let (flag, _) = current.split_once('=')?;
            let found = self.long(flag.strip_prefix("--")?)?;
            return Some((found, &current[..=flag.len()]));
        }
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let last = || {
            let last = all.last().copied();
            last.filter(|one| one.get_num_args().is_some_and(|count| count.max_values() > 1))
        };
        Some((all.get(self.positionals).copied().or_else(last)?, ""))
    }
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

/// The kind of an argument's names: by what its command calls them.
fn kind_of(path: &[&str], argument: &Arg) -> Option<NameKind> {
    let value = argument.get_value_names()?.first()?.as_str();
    let name = argument.get_long().unwrap_or_default();
    Some(match (path, name, value) {
        (_, "route", "XID") => NameKind::Whole("routes"),
        (_, "route", _) => NameKind::Last("routes"),
        (_, "target" | "targets" | "exclude" | "", "TARGET" | "TARGETS") => {
            NameKind::Last("targets")
        }
        (_, "target", "XID") => NameKind::Whole("targets"),
        (_, _, "CLASS") => NameKind::Class,
        (["entities", "register"], _, "NAME") => NameKind::Last("entities"),
        (["search"], "type", _) => NameKind::Type,
        (["search"], "group", _) => NameKind::Place(2),
        (["schema", ..], _, "GROUP") => NameKind::GroupOf("schemagroups"),
        (_, _, "COLLECTION") => NameKind::Place(3),
        (_, _, "XID" | "SOURCE" | "SCHEMA") => NameKind::Place(4),
        (["keys", "create"], "scope", _) => NameKind::Place(4),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;

    #[test]
    fn knows_which_name_the_last_word_is() {
        let mut root = crate::command(ColorChoice::Never);
        root.build();
        let targets = NameKind::Last("targets");
        for (line, expect) in [
            ("get ", Some((NameKind::Place(4), "", ""))),
            ("get providers/c", Some((NameKind::Place(4), "", "providers/c"))),
            ("get --output json providers/c", Some((NameKind::Place(4), "", "providers/c"))),
            ("--output json get x", Some((NameKind::Place(4), "", "x"))),
            ("delete a b", Some((NameKind::Place(4), "", "b"))),
            ("get a b", None),
            ("put a b", None),
            ("list pro", Some((NameKind::Place(3), "", "pro"))),
            ("search --type ent", Some((NameKind::Type, "", "ent"))),
            ("search --type=ent", Some((NameKind::Type, "--type=", "ent"))),
            ("search --type = ent", Some((NameKind::Type, "--type=", "ent"))),
            ("search --type =", Some((NameKind::Type, "--type=", ""))),
            ("put a --type app", None),
            ("entities query -c se", Some((NameKind::Class, "", "se"))),
            ("entities register p", Some((NameKind::Last("entities"), "", "p"))),
            ("entities register pay s", Some((NameKind::Class, "", "s"))),
            ("propagation multicast --targets a,b", Some((targets, "a,", "b"))),
            ("propagation multicast --targets=a,b", Some((targets, "--targets=a,", "b"))),
            ("propagation pause h", Some((targets, "", "h"))),
            ("propagation sessions --route r", Some((NameKind::Last("routes"), "", "r"))),
            ("ge", None),
            ("get --at", None),
            ("nothing x", None),
            ("", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = wanted(&root, &words);
            let shown =
                found.as_ref().map(|one| (one.kind, one.before.as_str(), one.prefix.as_str()));
            assert_eq!(shown, expect, "{line}");
        }
        assert!(wanted(&root, &[]).is_none());
    }

    #[test]
    fn asks_the_registry_that_the_command_line_names() {
        let mut root = crate::command(ColorChoice::Never);
        root.build();
        for line in [
            "get --server http://b.example:1 --key-file k x",
            "get --server=http://b.example:1 --key-file=k x",
            "get --server http : //b.example : 1 --key-file k x",
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = wanted(&root, &words).map(|one| one.connection).unwrap_or_default();
            assert_eq!(found.server.as_deref(), Some("http://b.example:1"), "{line}");
            assert_eq!(found.key_file, Some(PathBuf::from("k")), "{line}");
        }
    }
}
