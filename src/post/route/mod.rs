//! Where mail for an address goes.
