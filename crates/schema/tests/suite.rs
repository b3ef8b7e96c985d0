//! The JSON Schema Test Suite: all required cases of the five drafts. It isn't part of the tree; the
//! script `test` fetches it as a package and says where it lies (`JSON_SCHEMA_TEST_SUITE`).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use muster_schema::{Schema, SchemaSources};
use muster_words::{
    Xid,
    json::{self, Value},
};

/// The drafts' folders, with their `$schema`.
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

const VOCABULARY: &str = "a $schema whose $vocabulary leaves out keywords of the schema is refused";

/// Groups of cases that aren't answered as the suite expects, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("draft2019-09/vocabulary.json", NO_VALIDATION, VOCABULARY),
    ("draft2020-12/vocabulary.json", NO_VALIDATION, VOCABULARY),
];

const NO_VALIDATION: &str = "schema that uses custom metaschema with with no validation vocabulary";

/// The schemas that the suite's server would serve.
struct Remotes(BTreeMap<Xid, Arc<Value>>, BTreeMap<String, Xid>);

impl SchemaSources for Remotes {
    fn get(&self, reference: &Xid) -> Option<Arc<Value>> {
        self.0.get(reference).cloned()
    }

    fn identified(&self, _: &Xid, id: &str) -> Vec<Xid> {
        self.1.get(id).into_iter().cloned().collect()
    }
}

fn read(path: &Path) -> Value {
    json::parse(&fs::read(path).unwrap()).unwrap_or_else(|error| unreachable!("{path:?}: {error}"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

impl Remotes {
    fn of(suite: &Path, dialect: &str) -> Self {
        let mut remotes = Self(BTreeMap::new(), BTreeMap::new());
        remotes.add(&suite.join("remotes"), "http://localhost:1234", dialect);
        remotes
    }

    fn add(&mut self, folder: &Path, address: &str, dialect: &str) {
        for path in files(folder) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let address = format!("{address}/{name}");
            if path.is_dir() {
                self.add(&path, &address, dialect);
                continue;
            }
            let mut schema = read(&path);
            if let Value::Object(members) = &mut schema {
                members.entry("$schema").or_insert_with(|| dialect.into());
                let old = members["$schema"].as_str().is_some_and(|text| text.contains("draft-04"));
                // It is known by the address from which it would be fetched.
                members
                    .entry(if old { "id" } else { "$id" })
                    .or_insert_with(|| address.as_str().into());
            }
            let xid: Xid = format!("/schemagroups/r/schemas/s{}", self.0.len()).parse().unwrap();
            let own = schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str);
            let own = own.map(|own| own.trim_end_matches('#').to_owned());
            self.1.extend(own.into_iter().chain([address]).map(|address| (address, xid.clone())));
            self.0.insert(xid, Arc::new(schema));
        }
    }
}

/// The cases of a group that aren't answered as expected.
fn wrong(group: &Value, dialect: &str, remotes: &Remotes) -> Vec<String> {
    let mut schema = group["schema"].clone();
    if let Value::Object(members) = &mut schema {
        members.entry("$schema").or_insert_with(|| dialect.into());
    }
    let home: Xid = "/schemagroups/r/schemas/case".parse().unwrap();
    let compiled = Schema::parse_at(&home, schema.to_string().as_bytes(), remotes);
    let schema = match compiled {
        Ok(schema) => schema,
        Err(error) => return vec![format!("the schema is refused: {error}")],
    };
    let cases = group["tests"].as_array().unwrap().iter();
    let wrong = cases.filter(|case| {
        schema.validate(&case["data"]).is_empty() != case["valid"].as_bool().unwrap()
    });
    wrong.map(|case| case["description"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn all_required_cases_are_answered_as_expected() {
    let suite = std::env::var_os("JSON_SCHEMA_TEST_SUITE").map(PathBuf::from);
    let Some(suite) = suite.filter(|suite| suite.join("tests").is_dir()) else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: the JSON Schema Test Suite, because it isn't in JSON_SCHEMA_TEST_SUITE (--install)\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let (mut count, mut unexpected, mut met) = (0, Vec::new(), BTreeSet::new());
    for (draft, dialect) in DRAFTS {
        let remotes = Remotes::of(&suite, dialect);
        for path in files(&suite.join("tests").join(draft)).iter().filter(|path| path.is_file()) {
            let file = format!("{draft}/{}", path.file_name().unwrap().to_str().unwrap());
            for group in read(path).as_array().unwrap() {
                let name = group["description"].as_str().unwrap();
                count += group["tests"].as_array().unwrap().len();
                let wrong = wrong(group, dialect, &remotes);
                let known = EXCEPTIONS.iter().find(|(of, group, _)| *of == file && *group == name);
                match known {
                    Some(known) if !wrong.is_empty() => drop(met.insert(known)),
                    Some(_) => {}
                    None => {
                        unexpected.extend(
                            wrong.into_iter().map(|case| format!("{file}: {name}: {case}")),
                        );
                    }
                }
            }
        }
    }
    let stale: Vec<_> = EXCEPTIONS.iter().filter(|known| !met.contains(known)).collect();
    assert!(unexpected.is_empty(), "{} of {count}:\n{}", unexpected.len(), unexpected.join("\n"));
    assert!(stale.is_empty(), "these cases are answered as expected now: {stale:#?}");
    assert!(count > 4_500, "only {count} cases were found");
}
