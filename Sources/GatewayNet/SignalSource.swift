import CLinux
import Glibc

/// Signals as readable events: signalfd(2). Make it before any other thread, so that all inherit the blocked mask.
public struct SignalSource: ~Copyable {
    private let descriptor: FileDescriptor

    public init(_ signals: [Int32]) throws(SystemError) {
        // A peer that resets while we write is an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        var mask = sigset_t()
        unsafe sigemptyset(&mask)
        for number in signals { unsafe sigaddset(&mask, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
        let number = try Syscall.check("signalfd") { unsafe signalfd(-1, &mask, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC)) }
        descriptor = FileDescriptor(number)
    }

    public var fileDescriptor: Int32 { descriptor.number }

    /// The next signal that came; nil if none waits.
    public func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor.number, &info, size) == size else { return nil }
        return Int32(info.ssi_signo)
    }
}
