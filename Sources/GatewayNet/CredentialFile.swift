import Glibc

/// What OpenSSL is about to open by itself.
enum CredentialFile {
    /// Refuses what a read may wait at for ever: a FIFO without a writer would hold up the reload, the admin listener and the signals.
    /// What can't be looked at, and a directory, is for OpenSSL to refuse in its own words.
    static func requireRegular(_ path: String, _ what: String, isAboutKey: Bool = false) throws(TLSError) {
        var info = stat()
        guard unsafe stat(path, &info) == 0 else { return }
        let kind = info.st_mode & S_IFMT
        if kind == S_IFREG || kind == S_IFDIR { return }
        throw TLSError("the \(what) \"\(path)\" is not a regular file", isAboutKey: isAboutKey)
    }
}
