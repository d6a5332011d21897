//! `aetherd`: configuration, boot, supervision, shutdown. Everything that lives is in the kernel.

mod banner;
mod boot;
mod config;
mod lock;
mod logs;
mod options;
mod supervise;
mod whereabouts;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{config::ConfigError, lock::LockError, options::Options};

/// `sysexits.h`: something in the configuration is wrong.
const EXIT_CONFIG: u8 = 78;
/// `sysexits.h`: try again later.
const EXIT_BUSY: u8 = 75;

fn main() -> ExitCode {
    let options = Options::parse();
    match boot::run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("aetherd: {error:#}");
            if error.is::<ConfigError>() {
                ExitCode::from(EXIT_CONFIG)
            } else if error.is::<LockError>() {
                ExitCode::from(EXIT_BUSY)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
