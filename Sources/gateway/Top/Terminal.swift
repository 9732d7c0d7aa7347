import Glibc

/// The terminal of the command: keys come at once, the screen is one of its own, and everything is as it was when this ends.
struct Terminal: ~Copyable {
    private var before = termios()
    private var isEntered = false

    static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether keys can be read: input may come from elsewhere.
    static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    deinit {
        if isEntered { Self.leave(before, hasInput: Self.isInputTerminal) }
    }

    /// Ctrl-C and Ctrl-Z stay signals.
    mutating func enter() {
        if isEntered { return }
        isEntered = true
        if Self.isInputTerminal, unsafe tcgetattr(STDIN_FILENO, &before) == 0 {
            var raw = before
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        }
        // The alternate screen, without a cursor (xterm's control sequences).
        Console.write("\u{1b}[?1049h\u{1b}[?25l")
    }

    mutating func leave() {
        if !isEntered { return }
        isEntered = false
        Self.leave(before, hasInput: Self.isInputTerminal)
    }

    private static func leave(_ before: termios, hasInput: Bool) {
        Console.write("\u{1b}[?25h\u{1b}[?1049l")
        if !hasInput { return }
        var before = before
        _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &before)
    }

    /// Columns and lines; what every terminal had once, where it doesn't say.
    static var size: (width: Int, height: Int) {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// The keys that have been pressed; empty at the end of the input.
    static func keys() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
        return Array(buffer.prefix(max(0, count)))
    }

    /// Stops the process as Ctrl-Z would have, until the shell lets it go on.
    static func stop() { _ = kill(getpid(), SIGSTOP) }
}
