//! What rules say, example by example; what holds for all of them.

mod limits;
