import Glibc

/// What OpenSSL is about to open by itself.
enum CredentialFile {
    /// Refuses what a read may wait at for ever: a FIFO without a writer would hold up the reload, the admin listener and the signals.
    /// What can't be looked at is for OpenSSL to say.
    static func requireRegular(_ path: String, _ what: String, isAboutKey: Bool = false) throws(TLSError) {
        var info = stat()
        if unsafe stat(path, &info) != 0 || info.st_mode & S_IFMT == S_IFREG { return }
        throw TLSError("the \(what) \"\(path)\" is not a regular file", isAboutKey: isAboutKey)
    }
}
