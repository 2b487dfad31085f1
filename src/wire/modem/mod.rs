//! AT commands, result codes, dialling and answering.
