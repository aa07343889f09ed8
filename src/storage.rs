//! Where uploaded files and results lie: a local folder.
