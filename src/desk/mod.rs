//! What people can do. Every surface comes in through [`Desk`].
pub mod view;
