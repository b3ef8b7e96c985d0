use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{SiteAnswer, SiteError};

/// A provider's document as a type: what all of them have, and the rest by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderDocument {
    /// Its name, such as `sanity`.
    pub provider_name: String,
    /// Its category, such as `cms`.
    pub provider_type: String,
    /// Its name for people.
    #[serde(default)]
    pub display_name: String,
    /// How it works with each engine.
    #[serde(default)]
    pub ssg_engine_compatibility: BTreeMap<String, Value>,
    /// What providers and stacks both have.
    #[serde(flatten)]
    pub offer: Offer,
}

/// A stack's document as a type: what all of them have, and the rest by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackDocument {
    /// Its type, such as `hugo_template`.
    pub stack_type: String,
    /// Its category, such as `templates`.
    #[serde(default)]
    pub stack_category: String,
    /// What providers and stacks both have.
    #[serde(flatten)]
    pub offer: Offer,
}

/// What providers and stacks say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// The tier's name for people.
    pub tier_name: String,
    /// For whom it is best.
    pub best_for: String,
    /// How hard it is.
    pub complexity_level: String,
    /// The least and the most that a month costs.
    pub monthly_cost_range: Vec<f64>,
    /// The least and the most that the setup costs.
    pub setup_cost_range: Vec<f64>,
    /// Its features.
    pub key_features: Vec<String>,
    /// The engines that it works with.
    pub ssg_engine_options: Vec<String>,
    /// All other members.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl SiteAnswer {
    /// The document as a type, such as [`ProviderDocument`] or one of the application's own.
    ///
    /// # Errors
    /// It has another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SiteError> {
        let read = T::deserialize(&*self.value);
        read.map_err(|error| SiteError::Data { path: String::new(), why: error.to_string() })
    }
}
