//! The model and its screens, without an engine: what is pressed, what is asked for, what is seen.

mod composer;
mod dialogs;
mod screens;
mod timeline;
mod world;
