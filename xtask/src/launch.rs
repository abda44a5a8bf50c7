//! `run`: builds the node, the command line and the web app, starts the node here, says how to chat.

use crate::process;
use crate::web::{App, Profile};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const LISTEN: &str = "127.0.0.1:7440";
/// A node that does not serve after this long is given up.
const READY_MAX: Duration = Duration::from_secs(30);
/// How often the child and Ctrl-C are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A node that has not drained after this long is killed.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// Builds, starts and waits until Ctrl-C or until the node ends by itself.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let node = binary(workspace, "node", "sottovoce-node")?;
    let client = binary(workspace, "cli", "sottovoce")?;
    let app = App::find(workspace).filter(|_| !options.is_without_web);
    if let Some(app) = &app {
        app.build(Profile::Web)?;
    }
    process::cargo(&workspace.root)
        .args(["build", "--release", "--bins", "--package", "node", "--package", "cli"])
        .run()?;

    let listen = free_address(options.listen)?;
    let (stop_tx, stop_rx) = channel();
    ctrlc::set_handler(move || {
        // A second Ctrl-C finds the channel full of the first: nothing more to say.
        let _ = stop_tx.send(());
    })
    .context("cannot catch Ctrl-C")?;
    // Its own process group: Ctrl-C reaches this task alone, which then asks the node to drain.
    let mut child = Command::new(&node)
        .arg("--data")
        .arg(&options.data)
        .args(["--listen", &listen.to_string()])
        .arg("--web")
        .arg(app.as_ref().map_or_else(|| PathBuf::from("off"), App::dist))
        .current_dir(&workspace.root)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", node.display()))?;
    let outcome = serve(&mut child, listen, &stop_rx, &guide(listen, &client, workspace, app.is_some()));
    if outcome.is_err() {
        // It may have ended by itself already.
        let _ = child.kill();
        child.wait()?;
    }
    outcome
}

fn serve(child: &mut Child, listen: SocketAddr, stop: &Receiver<()>, guide: &str) -> Result<()> {
    let started = Instant::now();
    while !is_ready(listen) {
        if let Some(status) = child.try_wait()? {
            bail!("the node ended while starting, with {status}");
        }
        if started.elapsed() > READY_MAX {
            bail!("the node does not answer on {listen} after {} s", READY_MAX.as_secs());
        }
        if stop.recv_timeout(LOOK_EVERY).is_ok() {
            return stop_node(child);
        }
    }
    println!("{guide}");
    loop {
        match stop.recv_timeout(LOOK_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return stop_node(child),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = child.try_wait()? {
            bail!("the node ended by itself, with {status}");
        }
    }
}

fn stop_node(child: &mut Child) -> Result<()> {
    println!("stopping the node");
    // The shell's own `kill` is there on the smallest machine.
    process::program("sh", &PathBuf::from("/")).args(["-c", &format!("kill -TERM {}", child.id())]).run()?;
    let asked = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return ended(status);
        }
        if asked.elapsed() > DRAIN_MAX {
            child.kill()?;
            child.wait()?;
            bail!("the node had to be killed: it did not end within {} s", DRAIN_MAX.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn ended(status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { bail!("the node ended with {status}") }
}

/// `GET /healthz` answers 200.
fn is_ready(listen: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&listen, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n")?;
        let mut head = vec![0; 12];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head == b"HTTP/1.1 200")
}

/// The wished address, or, where its port is taken, the same host with a free one.
fn free_address(wished: SocketAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind(wished).or_else(|_| TcpListener::bind((wished.ip(), 0)));
    Ok(listener.context("no free port on that address")?.local_addr()?)
}

fn binary(workspace: &Workspace, package: &str, name: &str) -> Result<PathBuf> {
    let has = workspace.member(package).is_some_and(|found| found.targets_of("bin").contains(&name));
    if !has {
        bail!("this tree has no `{name}` yet (crate `{package}`)");
    }
    Ok(workspace.target_folder.join("release").join(name))
}

fn guide(listen: SocketAddr, client: &std::path::Path, workspace: &Workspace, has_web: bool) -> String {
    let url = format!("http://{listen}");
    let client =
        client.strip_prefix(&workspace.root).map_or_else(|_| client.to_owned(), |below| PathBuf::from(".").join(below));
    let client = client.display();
    let open = if has_web { format!("Open {url} in a browser, or chat from terminals:\n\n") } else { String::new() };
    format!(
        "
The node serves {url} (Ctrl-C stops it).

{open}In a second terminal, Ada:                            In a third, Ben:
  alias ada='{client} --profile profiles/ada'
  ada new --node {url} --name Ada
  ada invite                      # prints a LINK
                                                        alias ben='{client} --profile profiles/ben'
                                                        ben new --node {url} --name Ben
                                                        ben accept 'LINK'
                                                        ben send Ada 'hello'
  ada receive --follow
  ada send Ben 'hello yourself'
                                                        ben receive --follow
"
    )
}

struct Options {
    listen: SocketAddr,
    data: PathBuf,
    is_without_web: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { listen: LISTEN.parse()?, data: PathBuf::from("data"), is_without_web: false };
        for pair in arguments.chunks(2) {
            match pair {
                [flag, value] if flag == "--listen" => {
                    options.listen = value.parse().with_context(|| format!("`{value}` is no ADDR:PORT"))?;
                }
                [flag, value] if flag == "--data" => options.data = PathBuf::from(value),
                [flag, value] if flag == "--web" && value == "off" => options.is_without_web = true,
                _ => bail!("usage: cargo xtask run [--listen ADDR:PORT] [--data DIR] [--web off]"),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_have_defaults_and_refuse_what_they_do_not_know() {
        assert_eq!(Options::parse(&[]).unwrap().data, PathBuf::from("data"));
        assert_eq!(Options::parse(&words("--data /x --listen 127.0.0.1:1")).unwrap().listen.port(), 1);
        for wrong in ["--data", "--listen here", "--colour red", "--web on"] {
            assert!(Options::parse(&words(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_taken_port_gives_way_to_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let wished = taken.local_addr().unwrap();
        let found = free_address(wished).unwrap();
        assert_ne!(found, wished);
        assert_eq!(found.ip(), wished.ip());
    }

    #[test]
    fn only_status_200_means_ready() {
        for (answer, ready) in [("HTTP/1.1 200 OK\r\n\r\n", true), ("HTTP/1.1 503 Wait\r\n\r\n", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                // All of it: closing over unread bytes resets the connection, and the answer may be lost with it.
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") {
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            });
            assert_eq!(is_ready(address), ready);
            server.join().unwrap();
        }
    }
}
