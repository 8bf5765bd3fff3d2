//! Fixtures for tests, and (in `tests/tidy.rs`) the house rules as tests. Never part of the product.

#![forbid(unsafe_code)]
