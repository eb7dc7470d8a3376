//! All integration tests, in one program: one link instead of twenty.

mod harness;
mod life;
