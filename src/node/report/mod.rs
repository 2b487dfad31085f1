//! What commands report: a type first, text and JSON made from it.
