//! What the linker is told of the static binary. docs/footprint.md has what each of these gives.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=layout.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        // A C compiler passes such arguments on; lld is also called by itself.
        let is_linker = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.contains("lld"));
        let prefix = if is_linker { "" } else { "-Wl," };
        let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        let layout = format!("-T{folder}/layout.ld");
        // An address that the start has to adjust takes a bit of the file, and not 24 bytes.
        for argument in ["-zpack-relative-relocs", "--no-eh-frame-hdr", &layout] {
            println!("cargo::rustc-link-arg-bins={prefix}{argument}");
        }
    }
}
