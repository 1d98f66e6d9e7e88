//! Sets the options of the linker for the static binary (docs/footprint.md says what each of them saves), and makes the page of the
//! API: one compressed file, with a policy that allows exactly what is in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=layout.ld");
    println!("cargo::rerun-if-changed=order.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "musl") {
        let layout = format!("-T{}/layout.ld", folder.display());
        // An address that the start has to adjust takes a bit of the file, and not 24 bytes.
        let mut arguments =
            vec!["-zpack-relative-relocs".to_owned(), "--no-eh-frame-hdr".to_owned(), layout];
        // A C compiler passes such arguments on; lld is also called by itself.
        let is_lld = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.contains("lld"));
        let prefix = if is_lld { "" } else { "-Wl," };
        if is_lld {
            // Functions with the same code are one. The map is what scripts/footprint.sh looks names up in.
            arguments.push("--icf=all".to_owned());
            arguments.push(format!("-T{}/order.ld", folder.display()));
            arguments
                .extend([format!("-Map={}/agent.map", out.display()), "--no-demangle".to_owned()]);
        }
        for argument in arguments {
            println!("cargo::rustc-link-arg-bins={prefix}{argument}");
        }
    }
    page(&folder.join(PAGE), &out);
}

/// Where the parts of the page are.
const PAGE: &str = "src/api/page";

/// The modules of the page, each behind those that it imports from. One script is made of them.
const SCRIPTS: &[&str] = &[
    "clock.js",
    "words.js",
    "dom.js",
    "api.js",
    "points.js",
    "small.js",
    "chart.js",
    "live.js",
    "actions.js",
    "troubles.js",
    "overview.js",
    "strip.js",
    "checks.js",
    "metric.js",
    "host.js",
    "events.js",
    "main.js",
];

/// Makes `page.html.gz` and `page.policy` of the parts.
fn page(parts: &Path, out: &Path) {
    println!("cargo::rerun-if-changed={PAGE}");
    let read = |name: &str| fs::read_to_string(parts.join(name)).expect(name);
    let style = [read("vendor/uPlot.min.css"), shortened(&read("style.css"))].concat();
    let own: String = SCRIPTS.iter().map(|name| joined(name, &read(name))).collect();
    // Its licence asks for these words wherever it goes.
    let licence = format!("/*\n{}*/\n", read("vendor/uPlot.LICENSE"));
    let library = read("vendor/uPlot.iife.min.js");
    // In a function of its own, so that nothing of it is to be found by a name of the window.
    let script = format!("{licence}{library}\n(()=>{{'use strict';\n{own}}})();\n");
    assert!(!script.contains("</script") && !style.contains("</style"), "it would end there");
    let page = shortened(&read("index.html"));
    let page = page.replace("/*STYLE*/", &style).replace("/*SCRIPT*/", &script);
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(&script),
        hash(&style),
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packed.write_all(page.as_bytes()).and_then(|()| packed.finish());
    fs::write(out.join("page.html.gz"), packed.expect("it is in memory")).expect("cargo made it");
    fs::write(out.join("page.policy"), policy).expect("cargo made it");
}

/// A module as a function that gives what it exports, by the name of its file: all stand in one script.
fn joined(name: &str, module: &str) -> String {
    let mut exports = Vec::new();
    let mut code = String::new();
    for line in module.lines() {
        // `import { a, b } from './file.js';`, on one line; without names it only has to have run before.
        if let Some(import) = line.strip_prefix("import ") {
            if let Some((names, file)) = import.split_once(" from './") {
                let file = file.trim_end_matches(".js';");
                code += &format!("const {names} = {file}_js;\n");
            }
            continue;
        }
        let exported = line.strip_prefix("export ");
        if let Some(export) = exported {
            let export = export.trim_start_matches("async ");
            let name = export.split_once(' ').expect("a kind and a name").1;
            let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
            exports.push(name.split(|letter| !is_of_name(letter)).next().unwrap_or_default());
        }
        code += exported.unwrap_or(line);
        code += "\n";
    }
    let name = name.trim_end_matches(".js");
    format!(
        "const {name}_js = (() => {{\n{}return {{ {} }};\n}})();\n",
        shortened(&code),
        exports.join(", ")
    )
}

/// Without indentation, empty lines, and comments that have lines of their own. No text of the parts goes over several lines.
fn shortened(text: &str) -> String {
    let mut is_comment = false;
    let lines = text.lines().map(str::trim).filter(|line| {
        let begins = line.starts_with("/*");
        let is_part = is_comment || begins || line.starts_with("//") || line.is_empty();
        is_comment = (is_comment || begins) && !line.ends_with("*/");
        !is_part
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What allows exactly this text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}
