//! What travels: bodies, headers, error codes, OpenAPI.
