//! From text to types: what every value of a column looks like ([`shapes`]), what the whole column therefore
//! is ([`decide`]), and the value itself ([`kind`]). Nothing is judged from the first rows only.

pub mod date;
pub mod decide;
pub mod kind;
pub mod number;
pub mod shapes;
