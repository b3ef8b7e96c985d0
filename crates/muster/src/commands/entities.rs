//! Entities: whatever is registered by class.

pub mod classes;
pub mod query;
pub mod register;

use clap::Subcommand;
use muster_catalog::classes::{ClassQuery, known_classes, plain_class};
use muster_client::{Client, Query};
use muster_schema::nearest;
use muster_words::json::Value;

use crate::{Context, Failure};

/// The type of the groups that are classes.
const ENTITIES: &str = "/entities";

/// Register entities, find them by class, and list the classes
#[derive(Debug, Subcommand)]
pub enum EntitiesCommand {
    #[command(before_help = query::EXAMPLES)]
    Query(query::EntitiesQueryArguments),
    #[command(before_help = classes::EXAMPLES)]
    Classes(classes::EntitiesClassesArguments),
    #[command(before_help = register::EXAMPLES)]
    Register(register::EntitiesRegisterArguments),
}

impl EntitiesCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Query(query) => query.run(context).await,
            Self::Classes(classes) => classes.run(context).await,
            Self::Register(register) => register.run(context).await,
        }
    }
}

/// A class of entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntityClass {
    /// The id of its group.
    pub name: String,
    /// Its family; none if nobody set one.
    pub family: Option<String>,
    /// Whether it is one of the classes that come with Muster.
    pub is_known: bool,
    /// The number of its documents.
    pub documents: u64,
}

impl EntityClass {
    /// The known classes and those that users added, family by family; those without one are last.
    pub async fn all(client: &Client) -> Result<Vec<Self>, Failure> {
        let page = client.all(ENTITIES, &Query::new()).await?;
        let mut all: Vec<Self> = known_classes()
            .map(|(name, family)| Self {
                name: name.to_owned(),
                family: Some(family.to_owned()),
                is_known: true,
                documents: 0,
            })
            .collect();
        let mut own = Vec::new();
        for (name, group) in &page.entries {
            let family = group.get("classification").and_then(Value::as_str).map(str::to_owned);
            let documents = group.get("entriescount").and_then(Value::as_u64).unwrap_or_default();
            match all.iter_mut().find(|one| one.name == *name) {
                Some(known) => {
                    known.family = family.or_else(|| known.family.take());
                    known.documents = documents;
                }
                None => {
                    own.push(Self { name: name.clone(), family, is_known: false, documents });
                }
            }
        }
        all.extend(own);
        let place = |one: &Self| {
            let of_family = |other: &str| one.family.as_deref() == Some(other);
            let known = known_classes().position(|(_, family)| of_family(family));
            (known.unwrap_or(usize::MAX), one.family.is_none(), one.family.clone())
        };
        all.sort_by_key(place);
        Ok(all)
    }

    /// Whether a query for a classification means it.
    pub fn is_meant(&self, query: &ClassQuery) -> bool {
        query.has_group(&self.name, self.family.as_deref())
    }
}

/// The class or the family among these that somebody probably meant.
fn near<'a>(name: &str, all: &'a [EntityClass]) -> Option<&'a str> {
    let names = all.iter().flat_map(|one| [Some(one.name.as_str()), one.family.as_deref()]);
    let plain: Vec<(String, &str)> = names.flatten().map(|one| (plain_class(one), one)).collect();
    let found = nearest(&plain_class(name), plain.iter().map(|(one, _)| one.as_str()))?;
    plain.iter().find(|(one, _)| one == found).map(|(_, name)| *name)
}
