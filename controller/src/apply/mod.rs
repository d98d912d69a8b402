//! Every write to the outside. What is written, and what it replaces, was decided before.

pub mod git;
