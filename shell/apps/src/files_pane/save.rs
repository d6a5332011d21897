//! Saving bytes where a person finds them: the downloads folder, or what the browser does with a download.

/// Saves a file. Returns where, for the notice; an error is a sentence with what to do.
#[cfg(not(target_arch = "wasm32"))]
pub fn save(name: &str, bytes: &[u8]) -> Result<String, String> {
    let folder = std::env::var_os("XDG_DOWNLOAD_DIR")
        .map(std::path::PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join("Downloads")))
        .ok_or("This account has no home folder. Set XDG_DOWNLOAD_DIR to a folder for downloads")?;
    save_into(&folder, name, bytes)
}

#[cfg(not(target_arch = "wasm32"))]
fn save_into(folder: &std::path::Path, name: &str, bytes: &[u8]) -> Result<String, String> {
    use std::io::Write as _;

    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}. Choose another folder", folder.display()))?;
    let name = if name.is_empty() || name == "." || name == ".." { "file" } else { name };
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    for number in 1..1_000 {
        let name = if number == 1 { name.to_owned() } else { format!("{stem} ({number}){extension}") };
        let path = folder.join(&name);
        let mut file = match std::fs::File::create_new(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(format!("{} cannot be written: {error}", path.display())),
        };
        return match file.write_all(bytes) {
            Ok(()) => Ok(path.display().to_string()),
            Err(error) => {
                // Half a file would look like a whole one; that it cannot be removed changes nothing for the person.
                drop(file);
                let _ = std::fs::remove_file(&path);
                Err(format!("{} cannot be written: {error}. Free some space", path.display()))
            }
        };
    }
    Err(format!("{} holds too many files of this name. Remove some", folder.display()))
}

/// Hands a file to the browser's downloads.
#[cfg(target_arch = "wasm32")]
pub fn save(name: &str, bytes: &[u8]) -> Result<String, String> {
    use wasm_bindgen::JsCast as _;

    let refused = |_| "The browser refused the download. Allow downloads for this page".to_owned();
    let document =
        web_sys::window().and_then(|window| window.document()).ok_or("There is no page to download from")?;
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type("application/octet-stream");
    let blob = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options).map_err(refused)?;
    let url = web_sys::Url::create_object_url_with_blob(&blob).map_err(refused)?;
    let link: web_sys::HtmlAnchorElement = document
        .create_element("a")
        .map_err(refused)?
        .dyn_into()
        .map_err(|_| "The browser refused the download".to_owned())?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    web_sys::Url::revoke_object_url(&url).map_err(refused)?;
    Ok("in the browser's downloads".to_owned())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_takes_the_place_of_another() {
        let folder = std::env::temp_dir().join(format!("aether-save-{}", std::process::id()));
        let first = save_into(&folder, "a.txt", b"1").unwrap();
        let second = save_into(&folder, "a.txt", b"2").unwrap();
        assert!(first.ends_with("a.txt") && second.ends_with("a (2).txt"), "{first} {second}");
        assert_eq!(std::fs::read(&first).unwrap(), b"1");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
