//! Programs that talk over their pipes: `git` on this machine, `ssh`, and git's credential helpers.
//!
//! Decides what of our environment they see, and that they and whatever they start end in time.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::bounded::{Bounded, Deadline};

/// What is kept of the words that a program writes to its stderr.
const WORDS_BYTES_MAX: usize = 8 << 10;
/// The environment that programs get: nothing that could point git at another repository or run a program.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SYSTEMROOT"];

/// So long a program that has ended is waited for to have said its last words: something that it left behind may hold
/// its stderr open for hours (`ControlPersist` of ssh).
const WORDS_PATIENCE: Duration = Duration::from_millis(500);

/// A running program, ended at the deadline at the latest, with all that it started.
pub(crate) struct Program {
    child: Child,
    words: Arc<Shared<Words>>,
    watch: Arc<Shared<bool>>,
    deadline: Deadline,
}

/// The beginning of what a program writes to its stderr.
#[derive(Default)]
struct Words {
    text: Vec<u8>,
    ended: bool,
}

/// A value that one thread waits for another one to change. For the watchdog it says that the id of the program may no
/// longer be used.
#[derive(Default)]
struct Shared<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Shared<T> {
    fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until the value is as it should be, or the time is over, and uses it while nobody else can.
    fn wait<R>(&self, time: Duration, is: impl Fn(&T) -> bool, use_it: impl FnOnce(&T) -> R) -> R {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(value, time, |it| !is(it));
        use_it(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl Program {
    /// Starts it with pipes, in a process group of its own. Of the environment it gets the little that every program
    /// needs, and what the command itself sets.
    pub(crate) fn start(command: &mut Command, deadline: Deadline) -> io::Result<Box<Self>> {
        let given: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        command.env_clear().env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let left = deadline.left()?;
        let mut child = command.spawn()?;
        let words = Arc::<Shared<Words>>::default();
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, words.clone());
        }
        let watch = Arc::<Shared<bool>>::default();
        guard(child.id(), left, watch.clone());
        Ok(Box::new(Self { child, words, watch, deadline }))
    }

    /// Hands it its whole input and takes its whole output; `None` when it ends with a failure.
    pub(crate) fn converse(&mut self, input: &[u8], output_bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let (succeeded, output) = self.exchange(input, output_bytes_max)?;
        Ok(succeeded.then_some(output))
    }

    /// The same for a program whose output counts when it fails, too. True when it succeeded.
    pub(crate) fn exchange(&mut self, input: &[u8], output_bytes_max: u64) -> io::Result<(bool, Vec<u8>)> {
        match self.write(input) {
            // It need not read what it does not care for.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => drop(self.child.stdin.take()),
        }
        let (mut output, deadline) = (Vec::new(), self.deadline);
        Bounded::new(Output(self), output_bytes_max, deadline).read_to_end(&mut output)?;
        Ok((self.end().is_some_and(|it| it.success()), output))
    }

    /// Hands it all of these bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Takes some of its output; nothing at its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stdout) = &mut self.child.stdout else {
            return Ok(0);
        };
        let taken = stdout.read(buffer)?;
        if taken == 0 {
            // The end of the output may be the watchdog's work.
            self.deadline.left()?;
        }
        Ok(taken)
    }

    /// The beginning of what it wrote to its stderr, once it has ended.
    pub(super) fn words(&mut self) -> String {
        self.end();
        let text = |it: &Words| String::from_utf8_lossy(&it.text).into_owned();
        self.words.wait(WORDS_PATIENCE, |it| it.ended, text)
    }

    /// Closes its input, lets it come to its end (a server may still have hooks to run), and reaps it.
    fn end(&mut self) -> Option<ExitStatus> {
        drop(self.child.stdin.take());
        drop(self.child.stdout.take());
        self.watch.change(|over| *over = true);
        while self.deadline.left().is_ok() {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                ended => return ended.ok().flatten(),
            }
        }
        kill_group(self.child.id());
        self.child.wait().ok()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// The output as a reader.
struct Output<'a>(&'a mut Program);

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Keeps the first words of a program's stderr and lets the rest go by, so that the program never waits for a reader.
fn listen(mut stderr: ChildStderr, words: Arc<Shared<Words>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(taken @ 1..) = stderr.read(&mut buffer) {
            words.change(|it| {
                let room = WORDS_BYTES_MAX.saturating_sub(it.text.len());
                it.text.extend_from_slice(&buffer[..taken.min(room)]);
            });
        }
        words.change(|it| it.ended = true);
    });
}

/// Kills the program when the time is over, unless it was told before that the program is being reaped.
///
/// The lock is held during the kill, so that the id cannot belong to another process by then.
fn guard(process: u32, left: Duration, watch: Arc<Shared<bool>>) {
    std::thread::spawn(move || {
        let kill = |over: &bool| {
            if !*over {
                kill_group(process);
            }
        };
        watch.wait(left, |over| *over, kill);
    });
}

/// Kills a program that was not reaped yet, and what it started: a helper that goes on would keep its pipes open.
fn kill_group(process: u32) {
    if let Some(id) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let started = std::time::Instant::now();
        let deadline = Deadline::after(Duration::from_millis(100));
        let mut program = Program::start(Command::new("sleep").arg("60"), deadline).unwrap();
        let error = program.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(program);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_a_program_started_is_ended_with_it() {
        let started = std::time::Instant::now();
        let deadline = Deadline::after(Duration::from_millis(200));
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & sleep 60"]);
        let error = Program::start(&mut shell, deadline).unwrap().converse(b"", 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_conversation_is_over_with_the_program() {
        let deadline = Deadline::after(Duration::from_secs(20));
        let talk = |name: &str, input: &[u8], limit| {
            Program::start(&mut Command::new(name), deadline).unwrap().converse(input, limit)
        };
        assert_eq!(talk("cat", b"a\n", 10).unwrap().as_deref(), Some(&b"a\n"[..]));
        assert_eq!(talk("false", b"a\n", 10).unwrap(), None);
        assert!(talk("cat", b"12345678901", 10).is_err(), "more than was asked for");
        let mut left_behind = Command::new("sh");
        left_behind.args(["-c", "echo said >&2; exec setsid sleep 60 >&- & exit 1"]);
        let started = std::time::Instant::now();
        assert!(Program::start(&mut left_behind, deadline).unwrap().words().contains("said"));
        assert!(started.elapsed() < Duration::from_secs(15), "it holds stderr open");
    }

    #[test]
    fn a_program_sees_no_git_settings_and_its_words_are_kept() {
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut command = Command::new("git");
        command.args(["var", "GIT_NO_SUCH_VARIABLE"]);
        let mut program = Program::start(&mut command, deadline).unwrap();
        assert!(program.words().contains("usage"), "git explains itself");
        let mut program = Program::start(&mut Command::new("env"), deadline).unwrap();
        let seen = String::from_utf8(program.converse(b"", 64 << 10).unwrap().unwrap()).unwrap();
        let names: Vec<&str> = seen.lines().filter_map(|it| it.split('=').next()).collect();
        let allowed =
            |name: &&str| ENVIRONMENT.contains(name) || ["LC_ALL", "GIT_TERMINAL_PROMPT"].contains(name);
        assert!(names.contains(&"PATH") && names.iter().all(allowed), "{names:?}");
    }
}
