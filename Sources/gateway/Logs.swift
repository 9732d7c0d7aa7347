import GatewayConfig
import GatewayCore
import GatewayTelemetry
import Logging

/// Where the logs go: opened once for each destination, shared by all workers, reopened by SIGUSR1.
struct Logs {
    private var accessPath: AccessLogDestination = .off
    private var errorPath: String?
    private(set) var access: LogSink?
    private var errors: LogSink
    private(set) var logger: Logger
    /// Keeps nothing back: for what a start and a reload have to say, and for what happens to one of many, such as a server, and is told
    /// once. Those have one message, and each must be named.
    private(set) var announcer: Logger
    private let repeats: RepeatedLines

    /// - Parameter wake: makes the main thread call ``tendRepeats(now:)`` at ``repeatsDue``.
    init(wake: @escaping @Sendable () -> Void) throws(LogSinkError) {
        errors = try LogSink.standardError()
        repeats = RepeatedLines(wake: wake)
        logger = Self.makeLogger(errors, .info, repeats)
        announcer = Self.makeLogger(errors, .info, nil)
    }

    /// Opens what the configuration names and is not open yet. Throws before anything has changed.
    mutating func prepare(_ config: ConfigSnapshot) throws(LogSinkError) {
        var newAccess = access
        if config.accessLog != accessPath {
            switch config.accessLog {
            case .off: newAccess = nil
            case .json(let path), .combined(let path): newAccess = try LogSink(path: path)
            }
        }
        let newErrors =
            if config.errorLog.path == errorPath {
                errors
            } else if let path = config.errorLog.path {
                try LogSink(path: path)
            } else {
                try LogSink.standardError()
            }
        access = newAccess
        accessPath = config.accessLog
        errors = newErrors
        errorPath = config.errorLog.path
        logger = Self.makeLogger(errors, config.errorLog.level, repeats)
        announcer = Self.makeLogger(errors, config.errorLog.level, nil)
    }

    /// When lines that were kept back are to be told of.
    var repeatsDue: MonotonicTime { repeats.nextDue }

    func tendRepeats(now: MonotonicTime) { repeats.report(to: errors, now: now) }

    func reopen() {
        for sink in [access, errors] {
            do {
                try sink?.reopen()
            } catch {
                logger.error("cannot reopen a log file: the old one is written on", metadata: ["reason": "\(error)"])
            }
        }
    }

    func close() {
        tendRepeats(now: .never)
        access?.close()
        errors.close()
    }

    var droppedAccessLines: UInt64 { access?.droppedLines ?? 0 }
    var droppedErrorLines: UInt64 { errors.droppedLines }

    private static func makeLogger(_ sink: LogSink, _ level: ErrorLog.Level, _ repeats: RepeatedLines?) -> Logger {
        Logger(label: "gateway") { _ in OperationalLogHandler(sink: sink, level: level.loggerLevel, repeats: repeats) }
    }
}

extension ErrorLog.Level {
    fileprivate var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        }
    }
}
