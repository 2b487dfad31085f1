//! Bang, domain and mixed addresses.
