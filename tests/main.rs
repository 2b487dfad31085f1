//! Everything that is tested from outside: the rules of the house, whole systems, and other programs as peers.

#![cfg(test)]
mod agent;
mod commands;
mod corpora;
mod crash;
mod hardware;
mod house;
mod mail;
mod peers;
mod security;
mod stations;
mod support;
mod telephone;
