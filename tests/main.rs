//! Everything that is tested from outside: the rules of the house, whole systems, and other programs as peers.

#![cfg(test)]
mod commands;
mod corpora;
mod hardware;
mod house;
mod peers;
mod stations;
mod support;
mod telephone;
