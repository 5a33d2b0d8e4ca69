//! What an ideal breaker does: one test per fact, group by group.

mod desk;

mod closed;
mod composition;
mod dry_run;
mod half_open;
mod late;
mod manual;
mod open;
mod verdict;
mod windows;
