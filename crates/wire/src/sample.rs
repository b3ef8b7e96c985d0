/// A type with an example value. The examples in the OpenAPI document are generated from these
/// values, so that they can't show members that the type doesn't have.
pub trait Sample {
    /// An example as a registry in use would send it.
    fn sample() -> Self;
}
