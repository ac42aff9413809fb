//! Makes the assets that the binary carries: joins, hashes and compresses them, and writes a typed constant for each, so
//! that a missing asset does not compile and every address can be kept for ever.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use sha2::{Digest as _, Sha256};

/// An asset and the files that are joined into it, in their order.
struct Asset {
    /// Its constant.
    constant: &'static str,
    name: &'static str,
    extension: &'static str,
    kind: &'static str,
    sources: &'static [&'static str],
    /// Fonts are compressed already.
    compressed: bool,
}

/// Fonts come first: the style sheet names their addresses.
const ASSETS: &[Asset] = &[
    Asset {
        constant: "FONT_UI",
        name: "inter",
        extension: "woff2",
        kind: "font/woff2",
        sources: &["vendor/inter-latin-wght-normal.woff2"],
        compressed: false,
    },
    Asset {
        constant: "FONT_MONO",
        name: "jetbrains-mono",
        extension: "woff2",
        kind: "font/woff2",
        sources: &["vendor/jetbrains-mono-latin-wght-normal.woff2"],
        compressed: false,
    },
    Asset {
        constant: "ICON",
        name: "icon",
        extension: "svg",
        kind: "image/svg+xml",
        sources: &["icon.svg"],
        compressed: true,
    },
    Asset {
        constant: "STYLE",
        name: "style",
        extension: "css",
        kind: "text/css; charset=utf-8",
        sources: &[
            "css/token.css",
            "css/base.css",
            "css/shell.css",
            "css/part.css",
            "css/page.css",
            "css/delivery.css",
            "css/operator.css",
            "css/catcher.css",
            "css/reference.css",
            "css/url.css",
            "css/loyalty.css",
        ],
        compressed: true,
    },
    Asset {
        constant: "SCRIPT",
        name: "app",
        extension: "js",
        kind: "text/javascript; charset=utf-8",
        // One file: as two, hx-sse never starts, without any error. The policy must stand before anything that writes HTML.
        sources: &["script/policy.js", "vendor/htmx.min.js", "vendor/hx-sse.min.js", "script/app.js", "script/live.js"],
        compressed: true,
    },
];

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let folder = Path::new("assets");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=locale");
    let mut code = String::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for asset in ASSETS {
        let mut content = Vec::new();
        for source in asset.sources {
            let path = folder.join(source);
            let part = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            content.extend_from_slice(&part);
            if asset.compressed {
                content.push(b'\n');
            }
        }
        for (placeholder, path) in &names {
            content = replaced(&content, placeholder, path);
        }
        let hash: String = Sha256::digest(&content).iter().take(6).fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes what is written");
            text
        });
        let path = format!("/assets/{}.{hash}.{}", asset.name, asset.extension);
        if !asset.compressed {
            names.push((format!("asset:{}", asset.name), path.clone()));
        }
        let file = format!("{}.{}", asset.name, asset.extension);
        write(&out, &file, &content);
        let packed = |suffix: &str| match asset.compressed {
            true => format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}.{suffix}\")))"),
            false => "None".to_owned(),
        };
        if asset.compressed {
            write(&out, &format!("{file}.br"), &brotli(&content));
            write(&out, &format!("{file}.gz"), &gzip(&content));
        }
        writeln!(
            code,
            "pub static {}: Asset = Asset {{ path: {path:?}, kind: {:?}, sources: &{:?}, \
             plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")), brotli: {}, gzip: {} }};",
            asset.constant,
            asset.kind,
            asset.sources,
            packed("br"),
            packed("gz"),
        )
        .expect("a string takes what is written");
    }
    let all: Vec<String> = ASSETS.iter().map(|asset| format!("&{}", asset.constant)).collect();
    writeln!(code, "pub static ALL: &[&Asset] = &[{}];", all.join(", ")).expect("a string takes what is written");
    write(&out, "assets.rs", code.as_bytes());
}

fn write(out: &str, file: &str, content: &[u8]) {
    fs::write(Path::new(out).join(file), content).expect("cargo's output folder takes files");
}

fn replaced(content: &[u8], placeholder: &str, path: &str) -> Vec<u8> {
    match std::str::from_utf8(content) {
        Ok(text) => text.replace(placeholder, path).into_bytes(),
        Err(_) => content.to_vec(),
    }
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 64 * 1024, 9, 22);
    writer.write_all(content).expect("memory takes what is written");
    drop(writer);
    packed
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content).expect("memory takes what is written");
    writer.finish().expect("memory takes what is written")
}
