//! The map of the house is `ARCHITECTURE.md`; the arrows in it are checked by `tests/tidy.rs`.
#![forbid(unsafe_code)]

pub mod app;
pub mod audit;
pub mod catalog;
pub mod cli;
pub mod command;
pub mod config;
pub mod connectors;
pub mod demo;
pub mod desk;
pub mod directory;
pub mod domain;
pub mod engine;
pub mod fresh;
pub mod metrics;
pub mod oncall;
pub mod outbound;
pub mod playground;
pub mod policy;
pub mod secret;
pub mod selftest;
pub mod server;
pub mod store;
pub mod surfaces;
pub mod telemetry;
pub mod yaml;
