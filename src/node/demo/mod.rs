//! Two sites and a telephone exchange, to watch.

mod letters;
mod site;
mod submit;
