//! The programs, one file a name.
