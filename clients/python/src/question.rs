use std::{collections::BTreeMap, sync::Arc};

use muster_client::site::{SiteAnswer, SiteChange, SiteError, SiteReader, SiteWatch};
use pyo3::{prelude::*, types::PyDict};
use tokio::sync::Mutex;

use crate::{answer, failure};

/// What Python asks a reader for.
pub enum Question {
    /// A file of the site.
    Document(String),
    /// A stack by its type.
    Stack(String),
    /// All providers, or those of a category.
    Providers(Option<String>),
    /// All stacks by their types.
    Stacks,
    /// Files by their paths.
    Many(Vec<String>),
    /// What changed since this watch was last asked.
    Changes(Arc<Mutex<SiteWatch>>),
}

/// Follows a site.
#[pyclass(frozen)]
pub struct Watch {
    pub(crate) watch: Arc<Mutex<SiteWatch>>,
}

/// What the reader says.
pub enum Told {
    Answer(SiteAnswer),
    Answers(BTreeMap<String, SiteAnswer>),
    Changes(Vec<SiteChange>),
}

impl Question {
    /// The question of a name, as Python's part writes it.
    pub fn new(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(match name {
            "document" => Self::Document(argument.extract()?),
            "stack" => Self::Stack(argument.extract()?),
            "providers" => Self::Providers(argument.extract()?),
            "stacks" => Self::Stacks,
            "many" => Self::Many(argument.extract()?),
            "changes" => Self::Changes(argument.cast::<Watch>()?.get().watch.clone()),
            _ => {
                let what = format!("there is no question {name}");
                return Err(failure::of_option(argument.py(), &what));
            }
        })
    }

    /// Asks the reader.
    pub async fn ask(self, reader: SiteReader) -> Result<Told, SiteError> {
        Ok(match self {
            Self::Document(path) => Told::Answer(reader.get(&path).await?),
            Self::Stack(name) => Told::Answer(reader.get_stack_metadata(&name).await?),
            Self::Providers(category) => {
                Told::Answers(reader.get_all_providers(category.as_deref()).await?)
            }
            Self::Stacks => Told::Answers(reader.get_all_stacks().await?),
            Self::Many(paths) => {
                let answers = reader.get_many(paths).await.into_iter();
                let answers = answers.map(|(path, answer)| Ok((path, answer?)));
                Told::Answers(answers.collect::<Result<_, _>>()?)
            }
            Self::Changes(watch) => Told::Changes(watch.lock().await.changes().await?),
        })
    }
}

impl Told {
    /// What was said, as Python's objects.
    pub fn object(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Answer(answer) => answer::object_of(py, answer),
            Self::Answers(answers) => {
                let all = PyDict::new(py);
                for (name, answer) in answers {
                    all.set_item(name, answer::object_of(py, answer)?)?;
                }
                Ok(all.into_any().unbind())
            }
            Self::Changes(changes) => answer::told(py, changes).map(Bound::unbind),
        }
    }
}
