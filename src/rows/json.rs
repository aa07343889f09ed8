//! Arrow values as JSON: the rules of the API.
