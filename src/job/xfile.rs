//! The text of an execution (X.) file. Source: the Taylor UUCP manual, "Execution File Format".
