pub mod domain;
pub mod playground;
