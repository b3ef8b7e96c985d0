/// A type of which documentation shows a value: the examples of the API's description are made
/// from it, so that none can show what the type doesn't have.
pub trait Sample {
    /// A value as a registry in use would have it.
    fn sample() -> Self;
}
