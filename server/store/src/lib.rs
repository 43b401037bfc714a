//! Where models come from: the embedded one, files and folders.
