use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::{SiteAnswer, SiteError, SiteReader};

/// How many documents of a batch are asked for at the same time.
const AT_ONCE_MAX: usize = 32;

impl SiteReader {
    /// Many files by their paths. They share connections, and what several ask for is asked for
    /// once. Each has its own answer or error.
    pub async fn get_many(
        &self,
        paths: impl IntoIterator<Item = String>,
    ) -> BTreeMap<String, Result<SiteAnswer, SiteError>> {
        let mut answers = BTreeMap::new();
        let mut reading = JoinSet::new();
        for path in paths {
            if let Some(known) = self.fresh(&path) {
                answers.insert(path, Ok(known.answer()));
                continue;
            }
            if reading.len() >= AT_ONCE_MAX
                && let Some(Ok((path, answer))) = reading.join_next().await
            {
                answers.insert(path, answer);
            }
            let reader = self.clone();
            reading.spawn(async move {
                let answer = reader.get(&path).await;
                (path, answer)
            });
        }
        while let Some(read) = reading.join_next().await {
            if let Ok((path, answer)) = read {
                answers.insert(path, answer);
            }
        }
        answers
    }

    /// All providers, or those of a category, by `<category>/<name>`.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get_all_providers(
        &self,
        category: Option<&str>,
    ) -> Result<BTreeMap<String, SiteAnswer>, SiteError> {
        self.all("providers", category).await
    }

    /// All stacks by their types, whatever their categories are.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get_all_stacks(&self) -> Result<BTreeMap<String, SiteAnswer>, SiteError> {
        let all = self.all("stacks", None).await?;
        let type_of =
            |name: String| name.rsplit_once('/').map_or(name.clone(), |(_, own)| own.into());
        Ok(all.into_iter().map(|(name, answer)| (type_of(name), answer)).collect())
    }

    /// The documents of a collection by `<category>/<name>`. Without a manifest, those that the
    /// program brought.
    async fn all(
        &self,
        collection: &str,
        category: Option<&str>,
    ) -> Result<BTreeMap<String, SiteAnswer>, SiteError> {
        let own = format!("{collection}/");
        let is_wanted = |path: &str| {
            let below = path.strip_prefix(&own).and_then(|below| below.split_once('/'));
            below.is_some_and(|(found, _)| category.is_none_or(|wanted| wanted == found))
        };
        let paths = self.listed().await?;
        let paths = paths.into_iter().filter(|path| is_wanted(path));
        let name_of = |path: &str| {
            let name = path.strip_prefix(&own).unwrap_or(path);
            name.strip_suffix(".json").unwrap_or(name).to_owned()
        };
        let answers = self.get_many(paths).await.into_iter();
        answers.map(|(path, answer)| Ok((name_of(&path), answer?))).collect()
    }
}
