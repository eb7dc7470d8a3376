//! What happened cannot be changed unseen: checkpoints, checks, exports, archives.

mod archive;
mod office;
mod program;
mod seals;
mod tampered;
