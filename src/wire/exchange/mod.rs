//! A telephone exchange of virtual modems on PTYs.
