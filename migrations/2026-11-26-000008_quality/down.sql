DROP TABLE evaluation_questions;
DROP TABLE evaluations;
DROP TABLE token_usage;
