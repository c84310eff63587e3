//! How each program is run: its command line, its configuration, its script.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::netns::run;
use super::{LeaseClient, Program};

/// The options every client asks for by name, as dhclient and as dhcpcd call them.
const NAMED: [(&str, &str); 9] = [
    ("subnet-mask", "subnet_mask"),
    ("routers", "routers"),
    ("domain-name-servers", "domain_name_servers"),
    ("host-name", "host_name"),
    ("domain-name", "domain_name"),
    ("interface-mtu", "interface_mtu"),
    ("ntp-servers", "ntp_servers"),
    ("domain-search", "domain_search"),
    ("lab-routes", "classless_static_routes"),
];

impl LeaseClient {
    pub(super) fn command(&self) -> Command {
        match self.program {
            Program::Dhclient => self.dhclient(),
            Program::Udhcpc => self.udhcpc(),
            Program::Dhcpcd => {
                let mut command = self.dhcpcd();
                command.args(["-B", "-d", "--nodev", "-c"]);
                command.arg(self.script()).args(&self.flags).arg("eth0");
                command
            }
        }
    }

    fn dhclient(&self) -> Command {
        let mut config = String::from(
            "initial-interval 1;\nretry 5;\n\
             option lab-routes code 121 = array of unsigned integer 8;\n",
        );
        let mut names: Vec<String> = NAMED.iter().map(|(name, _)| (*name).to_owned()).collect();
        for code in &self.asked {
            writeln!(config, "option lab-{code} code {code} = string;").expect("text");
            names.push(format!("lab-{code}"));
        }
        write!(config, "request {};\n{}", names.join(", "), self.config).expect("text");
        let mut command = self.host.command("dhclient");
        command.args(["-d", "-cf"]).arg(self.write("conf", &config));
        command.arg("-sf").arg(self.script());
        command.arg("-lf").arg(self.home.join("var/leases"));
        command.arg("-pf").arg(self.home.join("run/pid"));
        command.args(&self.flags).arg("eth0");
        command
    }

    fn udhcpc(&self) -> Command {
        let mut command = self.host.command("udhcpc");
        command.args(["-f", "-i", "eth0", "-t", "5", "-T", "2", "-A", "1", "-s"]);
        command.arg(self.script());
        for code in [26, 42, 119, 121].iter().chain(&self.asked) {
            command.args(["-O", &code.to_string()]);
        }
        command.args(&self.flags);
        command
    }

    /// dhcpcd keeps its state at fixed places, so the lab's stand there in its own view.
    fn dhcpcd(&self) -> Command {
        let mut config =
            String::from("nodelay\nnoarp\nnoipv6\nnoipv6rs\nnoipv4ll\ntimeout 0\nclientid\n");
        for (_, name) in NAMED {
            writeln!(config, "option {name}").expect("text");
        }
        for code in &self.asked {
            writeln!(config, "define {code} binhex lab_{code}\noption lab_{code}").expect("text");
        }
        config += &self.config;
        let script = "mount --bind \"$0/run\" /run && mount --bind \"$0/var\" /var/lib/dhcpcd && \
                      exec dhcpcd -4 -f \"$0/conf\" \"$@\"";
        self.write("conf", &config);
        let mut command = self.host.command("sh");
        command.args(["-c", script]).arg(&self.home);
        command
    }

    /// Has the running dhcpcd do something.
    pub(super) fn control(&self, flag: &str) {
        let mut command = self.dhcpcd();
        run(command.args([flag, "eth0"]));
    }

    fn script(&self) -> PathBuf {
        self.home.join("script")
    }

    /// Writes an event under its number when it is whole. dhcpcd sets addresses itself.
    pub(super) fn write_script(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let addresses = match self.program {
            Program::Dhcpcd => "",
            Program::Dhclient | Program::Udhcpc => {
                r#"
case "$why" in
PREINIT|deconfig|EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev eth0; ip link set eth0 up ;;
BOUND|RENEW|REBIND|REBOOT|bound|renew)
    address=${ip:-$new_ip_address}/${subnet:-$new_subnet_mask}
    [ "$address" = "$(cat address 2>/dev/null)" ] || ip addr flush dev eth0
    echo "$address" >address
    ip addr replace "$address" broadcast + dev eth0
    gateway=${router:-$new_routers}
    [ -z "$gateway" ] || ip route replace default via "${gateway%% *}" dev eth0 ;;
esac"#
            }
        };
        let script = format!(
            "#!/bin/sh\ncd {} || exit 1\nwhy=${{reason:-$1}}\n{addresses}\n\
             n=0; while [ -e events/$n ]; do n=$((n + 1)); done\n\
             {{ echo \"$why\"; env; }} >event && mv event events/$n\nexit 0\n",
            self.home.display()
        );
        let path = self.write("script", &script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the lab's folder");
    }
}
