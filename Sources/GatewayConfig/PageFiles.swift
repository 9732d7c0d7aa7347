import GatewayCore

/// The files of pages, each read once however often it is named.
struct PageFiles {
    enum Failure: Error {
        /// The file's name tells of no kind of page.
        case unknownKind
        case unreadable(String)
    }

    private var pages: [String: Result<PageConfig, Failure>] = [:]

    /// nil if there is none to be had; `report` is told why, the first time that the file is asked for.
    mutating func page(_ path: String, report: (Failure) -> Void) -> PageConfig? {
        if let known = pages[path] { return try? known.get() }
        let read = Self.read(path)
        pages[path] = read
        if case .failure(let failure) = read { report(failure) }
        return try? read.get()
    }

    private static func read(_ path: String) -> Result<PageConfig, Failure> {
        guard let kind = kind(of: path) else { return .failure(.unknownKind) }
        do {
            let bytes = try ConfigFiles.read(path)
            if bytes.count <= Limits.pageBytesMax { return .success(PageConfig(kind: kind, bytes: bytes)) }
            return .failure(.unreadable("it is larger than \(Limits.pageBytesMax / 1024) KB"))
        } catch {
            return .failure(.unreadable(error.reason))
        }
    }

    private static func kind(of path: String) -> PageConfig.Kind? {
        let name = path.lowercased()
        if name.hasSuffix(".html") || name.hasSuffix(".htm") { return .html }
        if name.hasSuffix(".json") { return .json }
        return name.hasSuffix(".txt") ? .text : nil
    }
}
