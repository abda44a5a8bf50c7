//! The process that decodes. It gives up everything that it does not need, reads the picture, works, and answers.

use super::message::{Answer, PictureError, encode};
use super::{PICTURE_BYTES_MAX, codec};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;

/// The first argument that makes this program decode one picture and nothing else. People do not type it.
pub const WORD: &str = "decode-picture";
/// Bytes of memory at most: a picture of the most pixels, what its decoder needs beside it, and what shrinks it.
#[cfg(target_os = "linux")]
const MEMORY_BYTES: u64 = 1 << 30;
/// Seconds of work at most.
#[cfg(target_os = "linux")]
const WORK_S: u64 = 20;

/// Does the job that the arguments name, with the picture on standard input; the answer goes to standard output.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    // Without its walls nothing is read, let alone decoded.
    if confine().is_err() {
        return ExitCode::FAILURE;
    }
    let arguments: Vec<String> = arguments.filter_map(|argument| argument.into_string().ok()).collect();
    let mut bytes = Vec::new();
    let input = std::io::stdin().lock().take(PICTURE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    if input.is_err() || bytes.len() > PICTURE_BYTES_MAX {
        return ExitCode::FAILURE;
    }
    let answer = encode(&work(&arguments, &bytes));
    let mut output = std::io::stdout().lock();
    match output.write_all(&answer).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn work(arguments: &[String], bytes: &[u8]) -> Result<Answer, PictureError> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["prepare"] => codec::prepare(bytes),
        ["measure"] => codec::measure(bytes),
        ["blur"] => codec::blur(bytes),
        ["draw", width, height] => {
            let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=codec::SIDE_MAX).contains(side));
            let (width, height) = side(width).zip(side(height)).ok_or(PictureError::Bad)?;
            codec::draw(bytes, width, height)
        }
        _ => Err(PictureError::Bad),
    }
}

/// The process could not give up what it must not have.
#[derive(Debug)]
struct Unconfined;

/// Gives up memory, time, files and every system call that decoding does not need.
#[cfg(target_os = "linux")]
fn confine() -> Result<(), Unconfined> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limits = [
        (Resource::As, MEMORY_BYTES),
        (Resource::Cpu, WORK_S),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(|_| Unconfined)?;
    }
    filter()
}

/// What is not on the list is refused by the system (seccomp).
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
fn filter() -> Result<(), Unconfined> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
    const CALLS: &[libc::c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_close,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_mprotect,
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    const EPERM: u32 = libc::EPERM as u32;
    let rules = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Unconfined)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(EPERM), SeccompAction::Allow, arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|_| Unconfined)?;
    seccompiler::apply_filter(&program).map_err(|_| Unconfined)
}

/// Elsewhere the limits have to do.
#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))))]
fn filter() -> Result<(), Unconfined> {
    Ok(())
}

/// Elsewhere a process of its own has to do: a decoder that dies leaves the client well.
#[cfg(not(target_os = "linux"))]
fn confine() -> Result<(), Unconfined> {
    Ok(())
}
