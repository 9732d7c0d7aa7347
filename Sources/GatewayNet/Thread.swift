import CLinux
import COpenSSL
import Glibc

/// A thread of the kernel's, for a loop that must not share its own with anybody's tasks.
public enum Thread {
    /// Begins a thread named `name` (15 bytes are kept, prctl(2)) that runs `body` and ends with it.
    public static func begin(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        // The box is taken over by the thread, which frees it when it has begun.
        let box = unsafe Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe gateway_pthread_setname(String(body.name.prefix(15)))
                body.run()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            unsafe box.release()
            throw SystemError("pthread_create", code)
        }
        pthread_detach(thread)
    }

    /// Gives back what OpenSSL keeps for the calling thread, its random generators above all (OPENSSL_thread_stop(3)), and what
    /// ``TLSRecordMemory`` does. OpenSSL does so itself a moment behind a thread's last act, which is too late if that act lets the process
    /// end.
    public static func releaseTLSState() {
        OPENSSL_thread_stop()
        gateway_release_records()
    }

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
