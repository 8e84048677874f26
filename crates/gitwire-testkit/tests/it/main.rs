//! The testkit's own tests: the corpus, and tidiness.

mod corpus;
