//! Faults of peers, and what callers, receipts and metrics say of them.
