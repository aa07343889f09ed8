//! The wire between server and agent: messages, the data-frame header, version and limits; nothing else.
