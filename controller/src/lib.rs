//! The controller of promoter: observes, plans, and applies what was planned.

pub mod apply;
