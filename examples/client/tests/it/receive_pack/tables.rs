//! Pushes by hand.

mod advertised;
mod commands;
mod grounds;
mod hooks;
mod lines;
mod own;
mod packs;
mod rules;

pub(super) use self::advertised::ADVERTISED;
pub(super) use self::commands::COMMANDS;
pub(super) use self::grounds::GROUNDS;
pub(super) use self::hooks::HOOKS;
pub(super) use self::lines::LINES;
pub(super) use self::own::OWN;
pub(super) use self::packs::PACKS;
pub(super) use self::rules::RULES;
