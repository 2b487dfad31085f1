//! Two sites and a telephone exchange, to watch.
