//! The lines of this node.
