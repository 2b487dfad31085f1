//! The roof: what joins the rooms to one node and to the people who use it.
//!
//! [`config`] fills the settings of every room; [`verbs`] is what may be asked, [`report`] what is answered,
//! [`control`] the socket between; [`daemon`] starts and watches the parts; [`demo`] shows the whole.

pub mod config;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod report;
pub mod verbs;
