//! Kept in SQLite files.
