use std::{fmt::Write as _, path::PathBuf};

use super::unit::SupervisedServer;

/// The property list of launchd.
pub(super) fn plist(server: &SupervisedServer, label: &str, errors: &str) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- Written by: muster service install -->\n\
         <plist version=\"1.0\">\n<dict>\n",
    );
    string(&mut text, "Label", label);
    text.push_str("\t<key>ProgramArguments</key>\n\t<array>\n");
    for part in server.command() {
        let _ = writeln!(text, "\t\t<string>{}</string>", escaped(&part));
    }
    text.push_str("\t</array>\n");
    if let Some(account) = &server.account {
        string(&mut text, "UserName", account);
    }
    text.push_str("\t<key>RunAtLoad</key>\n\t<true/>\n");
    text.push_str(
        "\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n",
    );
    integer(&mut text, "ThrottleInterval", 10);
    integer(&mut text, "ExitTimeOut", server.stop_time_s());
    // launchd takes the mask as a decimal number: 0077.
    integer(&mut text, "Umask", 0o077);
    for key in ["SoftResourceLimits", "HardResourceLimits"] {
        let _ = write!(
            text,
            "\t<key>{key}</key>\n\t<dict>\n\t\t<key>NumberOfFiles</key>\n\t\t<integer>65536</integer>\n\t</dict>\n"
        );
    }
    string(&mut text, "StandardOutPath", "/dev/null");
    string(&mut text, "StandardErrorPath", errors);
    text.push_str("</dict>\n</plist>\n");
    text
}

/// The data directory that a property list names.
pub(super) fn data_of_plist(text: &str) -> Option<PathBuf> {
    let (_, after) = text.split_once("<string>--data</string>")?;
    let (_, after) = after.split_once("<string>")?;
    let (data, _) = after.split_once("</string>")?;
    let plain = data.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some(PathBuf::from(plain))
}

fn string(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "\t<key>{key}</key>\n\t<string>{}</string>", escaped(value));
}

fn integer(text: &mut String, key: &str, value: u32) {
    let _ = writeln!(text, "\t<key>{key}</key>\n\t<integer>{value}</integer>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{super::unit::tests::server, *};

    #[test]
    fn the_file_in_deploy_is_what_the_program_prints() {
        let kept = include_str!("../../../../../deploy/launchd/local.muster.plist");
        let server = SupervisedServer {
            data: "/usr/local/var/muster".into(),
            config: Some("/usr/local/etc/muster/muster.toml".into()),
            account: Some("_muster".to_owned()),
            log_file: Some("logs/registry.log".to_owned()),
            ..server()
        };
        assert_eq!(plist(&server, "local.muster", "/var/log/muster.log"), kept);
    }

    #[test]
    fn a_directory_with_any_name_is_found_again() {
        let data = PathBuf::from("/srv/R&D <registry>");
        let server = SupervisedServer { data: data.clone(), ..server() };
        assert_eq!(data_of_plist(&plist(&server, "local.muster", "/dev/null")), Some(data));
    }
}
