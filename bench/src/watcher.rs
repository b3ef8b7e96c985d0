//! A client of the change stream that notes when it saw which document.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use memchr::memmem;

use crate::{Outcome, servers::muster::GROUP, talk};

type Seen = Arc<Mutex<HashMap<u64, Instant>>>;

/// A watcher on a thread of its own.
pub(crate) struct Watcher {
    seen: Seen,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Outcome>,
}

impl Watcher {
    /// Follows from where the registry stands now.
    pub(crate) fn begin(address: SocketAddr, key: &str) -> Outcome<Self> {
        let answer = talk::get(address, "/health/ready")?;
        let after = answer.header("muster-position").ok_or("an answer without a position")?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        let request = format!(
            "GET /changes?after={after} HTTP/1.1\r\nhost: localhost\r\n\
             accept: text/event-stream\r\n{}\r\n",
            talk::authorization(key)
        );
        stream.write_all(request.as_bytes())?;
        let seen = Seen::default();
        let ends = Arc::new(AtomicBool::new(false));
        let reading = Reading::new(&seen);
        let thread = {
            let ends = ends.clone();
            std::thread::spawn(move || follow(stream, reading, &ends))
        };
        Ok(Self { seen, ends, thread })
    }

    /// Waits until all of these were seen, or until a moment, and gives when each was.
    pub(crate) fn end(self, wanted: &[u64], until: Instant) -> Outcome<HashMap<u64, Instant>> {
        let is_complete = || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.iter().all(|number| seen.contains_key(number))
        };
        while !is_complete() && Instant::now() < until && !self.thread.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "a watcher fell")??;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *seen))
    }
}

fn follow(mut stream: TcpStream, mut reading: Reading, ends: &AtomicBool) -> Outcome {
    let mut part = vec![0; 64 * 1024];
    while !ends.load(Ordering::Relaxed) {
        match stream.read(&mut part) {
            Ok(0) => return Err("the change stream ended".into()),
            Ok(length) => reading.take(&part[..length], Instant::now())?,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the stream's bytes as they come: a head, then a body in chunks (RFC 9112, 7.1).
struct Reading {
    seen: Seen,
    has_head: bool,
    framed: Vec<u8>,
    /// The body without the chunks' frames, as far as its lines aren't complete.
    lines: Vec<u8>,
}

impl Reading {
    fn new(seen: &Seen) -> Self {
        Self { seen: seen.clone(), has_head: false, framed: Vec::new(), lines: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8], now: Instant) -> Outcome {
        self.framed.extend_from_slice(bytes);
        if !self.has_head {
            let Some(end) = memmem::find(&self.framed, b"\r\n\r\n") else { return Ok(()) };
            if !self.framed.starts_with(b"HTTP/1.1 200") {
                let said = String::from_utf8_lossy(&self.framed).into_owned();
                return Err(format!("the change stream was refused: {said}").into());
            }
            self.framed.drain(..end + 4);
            self.has_head = true;
        }
        self.unframe()?;
        self.note(now);
        Ok(())
    }

    /// Moves whole chunks over to the lines.
    fn unframe(&mut self) -> Outcome {
        let mut at = 0;
        while let Some(end) = memmem::find(&self.framed[at..], b"\r\n") {
            let size = std::str::from_utf8(&self.framed[at..at + end])?;
            let size = usize::from_str_radix(size, 16)?;
            let begin = at + end + 2;
            let Some(chunk) = self.framed.get(begin..begin + size) else { break };
            if self.framed.len() < begin + size + 2 {
                break;
            }
            self.lines.extend_from_slice(chunk);
            at = begin + size + 2;
        }
        self.framed.drain(..at);
        Ok(())
    }

    /// Notes the documents that whole lines name; the first line that names one counts.
    fn note(&mut self, now: Instant) {
        let Some(end) = memchr::memrchr(b'\n', &self.lines) else { return };
        let name = format!("\"{GROUP}/entries/d");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for at in memmem::find_iter(&self.lines[..end], name.as_bytes()) {
            let rest = &self.lines[at + name.len()..end];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            let number = digits.fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
            seen.entry(number).or_insert(now);
        }
        self.lines.drain(..=end);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests say what is there")]

    use super::*;

    #[test]
    fn sees_documents_however_the_stream_is_cut() {
        let first = format!("data: {{\"subject\":\"{GROUP}/entries/d7/versions/1\"}}\n\n");
        let second = format!("data: {{\"subject\":\"{GROUP}/entries/d12\"}}\n\n");
        let mut stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for part in [&first[..20], &first[20..], &second] {
            stream.extend(format!("{:x}\r\n{part}\r\n", part.len()).bytes());
        }
        for cut in 1..stream.len() {
            let seen = Seen::default();
            let mut reading = Reading::new(&seen);
            for part in stream.chunks(cut) {
                reading.take(part, Instant::now()).unwrap();
            }
            let mut found: Vec<_> = seen.lock().unwrap().keys().copied().collect();
            found.sort_unstable();
            assert_eq!(found, [7, 12], "cut every {cut} bytes");
        }
    }
}
