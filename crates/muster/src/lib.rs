//! The program: one binary, server and command line.
