//! Every integration test there is, in one binary: it links once, and its servers are shared.

mod audit;
mod connectors;
mod demo;
mod examples;
mod harness;
mod life;
mod policies;
mod selftest;
mod slack;
mod tidy;
