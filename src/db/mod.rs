//! The server's own records.
