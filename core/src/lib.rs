//! Tamias: an embedded scheduling kernel.
