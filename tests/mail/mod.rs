//! Mail from one end to the other, as mail programs see it.

mod batches;
mod bounce;
mod directors;
mod outside;
mod programs;
mod queue;
mod routes;
mod smtp;
mod smtp_out;

pub use smtp_out::by_smtp;
