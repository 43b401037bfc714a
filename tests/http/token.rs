//! The token: created once, kept private, and rejected if it protects nothing.

use super::*;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777
}

#[test]
fn token_is_created_once_and_private() {
    let folder = Folder::new("token");
    let file = folder.0.join("http-token");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let server = Server::run(&mut command(&folder.0, "0"));
        let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        #[cfg(unix)]
        assert_eq!(mode(&file), 0o600);
        let request = String::from_utf8(server.request(&zed(PREFIX, SUFFIX))).unwrap();
        assert_eq!(server.send(request.as_bytes()).status, 401);
        assert_eq!(server.send(request.replace(TOKEN, &token).as_bytes()).status, 200);
        tokens.push(token);
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[0].len(), 64, "256 bits");
}

#[test]
fn unsafe_token_ends_command() {
    let folder = Folder::new("weak");
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let short = said(command(&folder.0, "0").env("LOWKEY_HTTP_TOKEN", "short"));
    assert!(short.contains("LOWKEY_HTTP_TOKEN") && short.contains("16"), "{short}");
    let file = folder.0.join("http-token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    #[cfg(unix)]
    {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&file, open).unwrap();
        let open = said(&mut command(&folder.0, "0"));
        assert!(open.contains("chmod 600") && !open.contains(TOKEN), "{open}");
    }
}
