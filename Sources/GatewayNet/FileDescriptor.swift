import Glibc

/// A file descriptor with one owner, closed with it.
public struct FileDescriptor: ~Copyable, Sendable {
    public let number: Int32

    public init(_ number: Int32) {
        precondition(number >= 0)
        self.number = number
    }

    /// Gives the number away unclosed: who takes it makes a new owner of it.
    public consuming func relinquish() -> Int32 {
        let number = number
        discard self
        return number
    }

    deinit {
        // EINTR on Linux: the descriptor is closed all the same (close(2)).
        _ = Glibc.close(number)
    }
}
