//! The page's policy, and the page that is shown where the desktop was not built.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// Shown at `/` when there is no desktop.
pub(super) const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Aether OS</title>\n\
<body style=\"font: 16px/1.5 system-ui, sans-serif; max-width: 36em; margin: 4em auto; padding: 0 1em\">\n\
<h1 style=\"font-size: 1.25em\">The web desktop is not built</h1>\n\
<p>The kernel runs, and the command line and the API work. To build the desktop, run this in the checkout:</p>\n\
<pre>cargo xtask web</pre>\n\
<p>Then load this page again.</p>\n</body></html>\n";

/// What the desktop's page may do: its own scripts and its WebAssembly, its own server, nothing else.
/// `inline` holds the hashes of the scripts that stand in the page itself.
pub(super) fn policy(inline: &[String]) -> String {
    let mut policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'".to_owned();
    for hash in inline {
        // Writing to a string cannot fail.
        let _ = write!(policy, " 'sha256-{hash}'");
    }
    policy.push_str(
        "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    policy
}

/// What the page that says how to build the desktop may do.
pub(super) fn not_built_policy() -> String {
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'".to_owned()
}

/// The hashes of a page's inline scripts, as the policy names them (CSP level 3, §2.3.1).
pub(super) fn inline_scripts(page: &str) -> Vec<String> {
    page.split("<script")
        .skip(1)
        .filter_map(|piece| {
            let (attributes, rest) = piece.split_once('>')?;
            let (script, _) = rest.split_once("</script>")?;
            let is_inline = !attributes.contains("src=") && !script.trim().is_empty();
            is_inline.then(|| STANDARD.encode(Sha256::digest(script.as_bytes())))
        })
        .collect()
}
