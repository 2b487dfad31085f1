//! Envelopes, From_ lines, the dot codec, limits, bounces.
