//! The daemon and what it is made of.

pub mod config;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod report;
pub mod verbs;
