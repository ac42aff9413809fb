//! How to check a signature, in the languages of receivers. Each is a file that needs nothing but the language itself.

pub struct Snippet {
    /// In addresses.
    pub key: &'static str,
    pub name: &'static str,
    pub code: &'static str,
}

macro_rules! snippets {
    ($($key:literal $name:literal $file:literal),* $(,)?) => {
        pub const SNIPPETS: &[Snippet] =
            &[$(Snippet { key: $key, name: $name, code: include_str!(concat!("../../assets/snippet/", $file)) }),*];
    };
}

snippets! {
    "node" "Node.js" "verify.mjs",
    "php" "PHP" "verify.php",
    "csharp" "C#" "Verify.cs",
    "python" "Python" "verify.py",
    "go" "Go" "verify.go",
    "java" "Java" "Verify.java",
    "ruby" "Ruby" "verify.rb",
    "rust" "Rust" "verify.rs.txt",
    "shell" "Shell" "verify.sh",
}
