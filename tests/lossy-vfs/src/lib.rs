//! lossy
