//! Each connector against the real system, or what stands in for it.

mod http;
mod postgres;
