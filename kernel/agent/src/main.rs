//! The program `aether-agent`. What it does is in the library, so that the escape suite can leave out one of the
//! sandbox's layers at a time; this program never does.

fn main() -> std::process::ExitCode {
    aether_agent::main()
}
