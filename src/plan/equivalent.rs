//! The same step as a kubectl or curl line that a person can paste.
