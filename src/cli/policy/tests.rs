//! The tools on small inputs.
