//! Deciding when to call, when to wait and when to do without.
